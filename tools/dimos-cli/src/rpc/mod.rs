//! `dimos rpc`: what can be called on the mesh, and calls.

pub(crate) mod call;
pub(crate) mod list;

mod arguments;
mod serve_stdio;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Lists and calls methods of modules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rpc {
    Call(call::Options),
    List(list::Options),
    ServeStdio(serve_stdio::Options),
}

impl Rpc {
    /// Whether stdin is all its own.
    pub(crate) fn takes_its_process(&self) -> bool {
        matches!(self, Self::ServeStdio(_))
    }

    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Call(options) => call::run(&options, context),
            Self::List(options) => list::run(&options, context),
            Self::ServeStdio(options) => serve_stdio::run(&options, context),
        }
    }
}
