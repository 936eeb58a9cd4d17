//! `dimos topic`: what is on the bus, by topic.

pub(crate) mod echo;
pub(crate) mod publish;

pub(crate) mod heard;
mod readable;
pub(crate) mod selection;
mod silence;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Shows and publishes messages.
#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    Echo(echo::Options),
    Pub(publish::Options),
}

impl Topic {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Echo(options) => echo::run(&options, context),
            Self::Pub(options) => publish::run(&options, context),
        }
    }
}
