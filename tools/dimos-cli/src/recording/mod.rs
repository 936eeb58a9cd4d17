//! `dimos recording`: event logs as files: what is in them, parts of them, several in one, and in other forms.

// The commands.
mod cut;
mod export;
mod info;
mod merge;
mod repair;

// What they have in common.
mod damage;
mod known;
mod output;
mod part;
mod progress;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Looks into event logs, cuts, merges and repairs them, and exports them.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordingCommand {
    Info(info::Options),
    Cut(cut::Options),
    Merge(merge::Options),
    Repair(repair::Options),
    Export(export::Options),
}

impl RecordingCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Info(options) => info::run(&options, context),
            Self::Cut(options) => cut::run(&options, context),
            Self::Merge(options) => merge::run(&options, context),
            Self::Repair(options) => repair::run(&options, context),
            Self::Export(options) => export::run(&options, context),
        }
    }
}
