//! `dimos recording`: event logs as files: what is in them, parts of them, several in one, and in other forms.

mod damage;
mod info;
mod progress;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Looks into event logs, cuts, merges and repairs them, and exports them.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordingCommand {
    Info(info::Options),
}

impl RecordingCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Info(options) => info::run(&options, context),
        }
    }
}
