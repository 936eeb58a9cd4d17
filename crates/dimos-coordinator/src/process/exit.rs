//! How a process ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::supervisor::Exit;

/// How the process ended, if it has; it is gone for good then.
pub(super) fn reap(pidfd: BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    let waited = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    let Some(status) = waited? else { return Ok(None) };
    Ok(Some(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }))
}
