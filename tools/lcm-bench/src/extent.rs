//! How much is measured, and where the page goes: the options that all benchmarks have.

use std::path::PathBuf;

use clap::Args;

/// How much is measured, and where the page goes.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    /// Measure briefly, and in fewer rounds unless --rounds says otherwise.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often to measure everything; the table shows medians.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Write the page to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

impl Extent {
    /// How many rounds: as the user says, or else so many, fewer if it is to be quick.
    pub(crate) fn rounds(&self, usual: usize, quick: usize) -> usize {
        self.rounds.map_or(if self.quick { quick } else { usual }, usize::from)
    }
}
