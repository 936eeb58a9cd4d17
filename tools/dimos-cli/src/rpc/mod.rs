//! `dimos rpc`: what can be called on the mesh, and calls.

pub(crate) mod call;
pub(crate) mod list;

mod arguments;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Lists and calls methods of modules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rpc {
    Call(call::Options),
    List(list::Options),
}

impl Rpc {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Call(options) => call::run(&options, context),
            Self::List(options) => list::run(&options, context),
        }
    }
}
