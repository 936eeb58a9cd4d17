//! `dimos type`: definitions of messages, their fingerprints and their bytes. Needs no bus.

mod check;
mod fingerprint;
mod list;
mod show;

mod glob;
mod idl;
mod lines;
mod size;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Shows message types, and checks bytes of messages.
#[derive(Debug, Subcommand)]
pub(crate) enum Type {
    List(list::Options),
    Show(show::Options),
    Check(check::Options),
    Fingerprint(fingerprint::Options),
}

impl Type {
    pub(crate) fn reads_stdin(&self) -> bool {
        matches!(self, Self::Check(_))
    }

    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(options) => list::run(&options, context),
            Self::Show(options) => show::run(&options, context),
            Self::Check(options) => check::run(&options, context),
            Self::Fingerprint(options) => fingerprint::run(&options, context),
        }
    }
}
