//! What the process-level tests share: the peers they run against, the namespaces they run in, the processes they start.
//!
//! The tests themselves stand in `tests/tests`, the C and Python programs of the other side in `tests/peers`.

#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod cli;
pub mod example;
pub mod exchange;
pub mod hosts;
pub mod lcmtest;
pub mod listening;
pub mod logger;
pub mod mesh_python;
pub mod modules;
pub mod netns;
pub mod payload;
pub mod peers;
pub mod process;
pub mod run;
