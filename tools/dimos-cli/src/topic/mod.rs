//! `dimos topic`: what is on the bus, by topic.

// The commands.
mod bw;
mod delay;
pub(crate) mod echo;
mod hz;
mod info;
mod list;
pub(crate) mod publish;

// Messages.
pub(crate) mod heard;
mod readable;
mod silence;

// What there is.
mod look;

// Measures.
mod measuring;

use clap::Subcommand;
pub(crate) use dimos_lcm_spy::selection;
pub(crate) use dimos_lcm_spy::traffic::units;
use dimos_lcm_spy::traffic::{beats, channels, losses, parties, statistics, typing};

use crate::context::Context;
use crate::failure::Failure;

/// Shows, measures and publishes messages.
#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    List(list::Options),
    Info(info::Options),
    Echo(echo::Options),
    Hz(hz::Options),
    Bw(bw::Options),
    Delay(delay::Options),
    Pub(publish::Options),
}

impl Topic {
    pub(crate) fn reads_stdin(&self) -> bool {
        matches!(self, Self::Pub(options) if options.reads_stdin())
    }

    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(options) => list::run(&options, context),
            Self::Info(options) => info::run(&options, context),
            Self::Echo(options) => echo::run(&options, context),
            Self::Hz(options) => hz::run(&options, context),
            Self::Bw(options) => bw::run(&options, context),
            Self::Delay(options) => delay::run(&options, context),
            Self::Pub(options) => publish::run(&options, context),
        }
    }
}
