//! `dimos rpc`: what can be called on the mesh, and calls.

mod arguments;
mod call;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Calls methods of modules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rpc {
    Call(call::Options),
}

impl Rpc {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Call(options) => call::run(&options, context),
        }
    }
}
