//! Launch files, and the coordinator: the process that starts a graph of modules, keeps it running and answers for it.
//!
//! - [`plan`]: what launch files come to: the modules of a run, and how each is started.
#![deny(unsafe_code)]

pub mod keeper;
pub mod log;
pub mod plan;
pub mod process;
pub mod run;
pub mod supervisor;
mod time;
