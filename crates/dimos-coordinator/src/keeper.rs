//! The keeper: the parent of a coordinator, which sees to it that nothing of a run is left behind, even if the coordinator is killed.
//!
//! It is a subreaper: whatever descends from it becomes its child when its own parent ends, so that nothing gets away. It has one
//! thread and does nothing but wait: signals go on to the coordinator, and when that has ended, all that is left ends.
//!
//! If the keeper itself is killed, the coordinator gets SIGTERM from the kernel, ends the run in order, and then looks for what got
//! away by the run's mark in its environment. If both are killed, the modules get SIGTERM from the kernel; only what they
//! started themselves and let go may stay then.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGQUIT};
use signal_hook::iterator::Signals;

use crate::process::{end_children, stand_apart};
use crate::run::Directories;

/// How a coordinator ended that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// By itself, with this exit code.
    Ended(u8),
    /// It was killed by this signal; its modules were told to end.
    Killed(i32),
}

/// Starts a coordinator and keeps it: returns when it and all that descends from it has ended. `started` is called when it runs.
///
/// To be called by a process with one thread, before anything else.
///
/// # Errors
/// If the coordinator cannot be started, or signals cannot be watched.
pub fn keep(
    mut coordinator: std::process::Command,
    run_id: &str,
    directories: &Directories,
    started: impl FnOnce() -> io::Result<()>,
) -> io::Result<Kept> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut signals = Signals::new(dimos::exit::signals().into_iter().chain([SIGQUIT, SIGCHLD]))?;
    // Ctrl-C in a terminal reaches it once, from here.
    stand_apart(&mut coordinator);
    let child = Pid::from_child(&coordinator.spawn()?);
    started()?;
    let mut ended = None;
    while ended.is_none() {
        for signal in signals.wait() {
            match signal {
                SIGCHLD => ended = reap(child).or(ended),
                other => {
                    let number = if other == SIGINT { Signal::INT } else { Signal::TERM };
                    // If it is gone meanwhile, its end is told next.
                    let _ = rustix::process::kill_process(child, number);
                }
            }
        }
    }
    let kept = match ended.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => Kept::Ended(u8::try_from(code).unwrap_or(1)),
        Some((None, signal)) => Kept::Killed(signal.unwrap_or_default()),
        None => Kept::Killed(0),
    };
    let grace = match kept {
        // It has told its modules already; what is left here did not listen or got away.
        Kept::Ended(_) => Duration::ZERO,
        Kept::Killed(_) => GRACE,
    };
    end_children(child, grace);
    crate::run::remove(directories, run_id);
    Ok(kept)
}

/// Takes in who has ended. Tells how the coordinator did, if it is among them.
fn reap(coordinator: Pid) -> Option<ExitStatus> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == coordinator {
            ended = Some(ExitStatus::from_raw(status.as_raw()));
        }
    }
    ended
}

/// How long modules have to end when their coordinator was killed.
const GRACE: Duration = Duration::from_secs(2);
