//! Asking executables what they offer and need, before they are started: `--describe`.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use dimos::Contract;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process_group};

use super::exit::reap;
use super::spawn::{Command, Running, start};
use crate::supervisor::Exit;

/// Why an executable was not described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// It cannot be started.
    #[error("cannot be started: {reason}")]
    Start {
        /// Why not.
        reason: String,
    },
    /// It takes too long.
    #[error("does not answer --describe within {0:?}: if it is not written with the SDK, say `foreign = true`")]
    TimedOut(Duration),
    /// It says no.
    #[error(
        "does not know --describe, it {exit}{}: if it is not written with the SDK, say `foreign = true`",
        .last_words.as_deref().map(|words| format!(", saying \"{words}\"")).unwrap_or_default()
    )]
    Refused {
        /// How it ended.
        exit: Exit,
        /// What it said last.
        last_words: Option<String>,
    },
    /// What it says is no contract.
    #[error("answers --describe with what is no contract: {reason}")]
    NoContract {
        /// Why not.
        reason: String,
    },
}

/// Asks these executables, several at a time. The contracts come by what was asked.
pub fn describe_all<K: Ord + Clone + Sync + Send>(
    commands: &BTreeMap<K, Command>,
) -> BTreeMap<K, Result<Contract, DescribeError>> {
    let left = Mutex::new(commands.iter());
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((key, command)) = next else { return };
            let described = describe(command);
            found.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), described);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(commands.len()) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn describe(command: &Command) -> Result<Contract, DescribeError> {
    let mut command = command.clone();
    command.arguments.push("--describe".into());
    let failed = |error: io::Error| DescribeError::Start { reason: error.to_string() };
    let running = start(&command).map_err(failed)?;
    let heard = hear(&running, Instant::now() + PATIENCE);
    // However that went: nothing of it is to stay.
    let _ = kill_process_group(running.pid, Signal::KILL);
    let exit = wait(&running);
    let (stdout, stderr) = heard.map_err(failed)?.ok_or(DescribeError::TimedOut(PATIENCE))?;
    match exit.map_err(failed)? {
        Exit::Code(0) => {}
        // It may have been about to end by itself.
        Exit::Signal(9) if !stdout.is_empty() => {}
        exit => return Err(DescribeError::Refused { exit, last_words: last_words(&stderr) }),
    }
    let contract: Contract =
        serde_json::from_slice(&stdout).map_err(|error| DescribeError::NoContract { reason: error.to_string() })?;
    if contract.class_name.is_empty() {
        return Err(DescribeError::NoContract { reason: "it has no class_name".to_owned() });
    }
    Ok(contract)
}

type Said = (Vec<u8>, Vec<u8>);

/// All that it says on both streams, to their ends; none if it takes too long.
fn hear(running: &Running, until: Instant) -> io::Result<Option<Said>> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut is_stdout_open, mut is_stderr_open) = (true, true);
    while is_stdout_open || is_stderr_open {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let events = |is_open| if is_open { PollFlags::IN } else { PollFlags::empty() };
        let mut both = [
            PollFd::new(&running.stdout, events(is_stdout_open)),
            PollFd::new(&running.stderr, events(is_stderr_open)),
        ];
        match poll(&mut both, Some(&timeout)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let (is_stdout, is_stderr) = (!both[0].revents().is_empty(), !both[1].revents().is_empty());
        if is_stdout_open && is_stdout {
            is_stdout_open = take(running.stdout.as_fd(), &mut stdout)?;
        }
        if is_stderr_open && is_stderr {
            is_stderr_open = take(running.stderr.as_fd(), &mut stderr)?;
        }
        // Who has said it all need not be waited for.
        if !is_stdout_open && !stdout.is_empty() {
            break;
        }
    }
    Ok(Some((stdout, stderr)))
}

/// Takes what there is. Tells whether more may come.
fn take(fd: BorrowedFd<'_>, said: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = vec![0; 64 << 10];
    let bytes = rustix::io::read(fd, &mut chunk)?;
    said.extend_from_slice(&chunk[..bytes]);
    if said.len() > MAX_BYTES {
        return Err(io::Error::other(format!("it says more than {MAX_BYTES} bytes")));
    }
    Ok(bytes > 0)
}

fn wait(running: &Running) -> io::Result<Exit> {
    loop {
        if let Some(exit) = reap(running.pidfd.as_fd())? {
            return Ok(exit);
        }
        // It has been killed, so it ends.
        match poll(&mut [PollFd::new(&running.pidfd, PollFlags::IN)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn last_words(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(last.trim().chars().take(200).collect())
}

/// How many are asked at a time.
const AT_ONCE: usize = 4;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much it may say.
const MAX_BYTES: usize = 4 << 20;
