//! The runs of this host and user, alive or over: their ids, where they keep their logs, and the register of those that are alive.

mod directories;
mod id;
mod register;

pub use directories::{Directories, NoHome};
pub use id::new_run_id;
pub(crate) use register::remove;
pub use register::{Registered, RunRecord, alive, started};
