//! How a process ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::supervisor::Exit;

/// How the process ended, if it has; it is gone for good then.
pub(super) fn reap(pidfd: BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    wait(pidfd, WaitIdOptions::NOHANG)
}

/// How the process ended, if it has. It keeps its number until it is reaped.
pub(super) fn peek(pidfd: BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    wait(pidfd, WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
}

fn wait(pidfd: BorrowedFd<'_>, options: WaitIdOptions) -> io::Result<Option<Exit>> {
    let Some(status) = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | options)? else { return Ok(None) };
    Ok(Some(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }))
}
