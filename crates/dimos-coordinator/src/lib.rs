//! Launch files, and the coordinator: the process that starts a graph of modules, keeps it running and answers for it.
//!
//! Without I/O, but for the files that are read:
//! - [`plan`]: what launch files come to: the modules of a run, and how each is started.
//! - [`launch`]: reads launch files.
//! - [`diagnostic`]: what is wrong with launch files, shown as a compiler shows it.
//! - [`wiring`]: checks that the modules of a plan fit together, and joins them.
//! - [`supervisor`]: decides which module is started, restarted, ended, given up, and when.
//!
//! On a system:
//! - [`process`]: processes: started, watched, signalled.
//! - [`log`] and [`mod@run`]: what a run leaves behind, and the register of those that are alive.
//! - [`keeper`]: the parent of a coordinator, which sees to it that nothing is left behind.
//! - [`coordinator`]: the process itself, and what it answers.
#![deny(unsafe_code)]

pub mod plan;

pub mod diagnostic;
pub mod launch;
pub mod supervisor;
pub mod wiring;

pub mod coordinator;
pub mod keeper;
pub mod log;
pub mod process;
pub mod run;

mod systemd;
mod time;
