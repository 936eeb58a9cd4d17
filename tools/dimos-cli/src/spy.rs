//! `dimos spy`: the spy of the crate `dimos-lcm-spy`, on the bus and with the colours of this command line.

use std::io::stdout;

use dimos_lcm_spy::{Options, Session, SpyError};

use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let is_coloured = context.colour.shows_on(&stdout());
    let session = Session { url: context.url()?, is_json: context.is_json, is_coloured };
    dimos_lcm_spy::run(options, &session).map_err(|error| match error {
        SpyError::Bus(error) => error.into(),
        SpyError::NobodyReads => Failure::nobody_reads(),
        SpyError::Interrupted => Failure::interrupted(),
        error => Failure::new(error.exit_code(), error),
    })
}
