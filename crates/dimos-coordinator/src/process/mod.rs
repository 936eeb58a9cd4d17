//! Processes: started, watched, signalled, and none of them left behind.

mod describe;
mod exit;
mod family;
mod lines;
mod spawn;
mod stat;
mod watch;

pub use describe::{DescribeError, configured_all, describe_all};
pub use family::{MODULE, PROCESS, RUN_ID, end_children, end_marked, end_of_run};
pub use spawn::{Command, Running, close_inherited_files, stand_apart, start};
pub use stat::Stat;
pub use watch::{Ended, Stream, Watch};
