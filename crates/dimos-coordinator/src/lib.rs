//! Launch files, and the coordinator: the process that starts a graph of modules, keeps it running and answers for it.
//!
//! - [`plan`]: what launch files come to: the modules of a run, and how each is started.
//! - [`launch`]: reads launch files.
//! - [`wiring`]: checks that the modules of a plan fit together, and joins them.
//! - [`diagnostic`]: what is wrong with launch files, shown as a compiler shows it.
#![forbid(unsafe_code)]

pub mod plan;

pub mod diagnostic;

pub mod launch;
pub mod wiring;
