//! Tests of the crate as its users see it.

mod log;
mod processes;
mod supervisor;
