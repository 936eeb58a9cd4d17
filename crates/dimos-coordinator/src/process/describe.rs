//! Asking executables, before they are started, what they offer and need, `--describe`, and how they are configured, `--show-config`.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use dimos::{Configured, Contract};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process_group};
use serde::de::DeserializeOwned;

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
    #[error("does not answer {question} within {waited:?}{}", hint(.question))]
    TimedOut {
        /// What it was asked.
        question: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It says no.
    #[error(
        "does not answer {question}, it {exit}{}{}",
        .last_words.as_deref().map(|words| format!(", saying \"{words}\"")).unwrap_or_default(),
        hint(.question)
    )]
    Refused {
        /// What it was asked.
        question: &'static str,
        /// How it ended.
        exit: Exit,
        /// What it said last.
        last_words: Option<String>,
    },
    /// What it says is no answer.
    #[error("answers {question} with something else: {reason}")]
    NoAnswer {
        /// What it was asked.
        question: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Asks these executables what they offer and need, several at a time. The contracts come by what was asked.
pub fn describe_all<K: Ord + Clone + Sync + Send>(
    commands: &BTreeMap<K, Command>,
) -> BTreeMap<K, Result<Contract, DescribeError>> {
    all(commands, |command| {
        let contract: Contract = answer(command, DESCRIBE)?;
        if contract.class_name.is_empty() {
            return Err(DescribeError::NoAnswer { question: DESCRIBE, reason: "it has no class_name".to_owned() });
        }
        Ok(contract)
    })
}

/// Asks these executables how they would be configured, several at a time. What each is told of its launch is in its command.
pub fn configured_all<K: Ord + Clone + Sync + Send>(
    commands: &BTreeMap<K, Command>,
) -> BTreeMap<K, Result<Configured, DescribeError>> {
    all(commands, |command| answer(command, "--show-config=json"))
}

fn all<K: Ord + Clone + Sync + Send, T: Send>(
    commands: &BTreeMap<K, Command>,
    ask: impl Fn(&Command) -> T + Sync,
) -> BTreeMap<K, T> {
    let left = Mutex::new(commands.iter());
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((key, command)) = next else { return };
            let answered = ask(command);
            found.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), answered);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(commands.len()) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn answer<T: DeserializeOwned>(command: &Command, question: &'static str) -> Result<T, DescribeError> {
    let mut command = command.clone();
    command.arguments.push(question.into());
    let failed = |error: io::Error| DescribeError::Start { reason: error.to_string() };
    let running = start(&command).map_err(failed)?;
    let heard = hear(&running, Instant::now() + PATIENCE);
    // However that went: nothing of it is to stay.
    let _ = kill_process_group(running.pid, Signal::KILL);
    let exit = wait(&running);
    let (stdout, stderr) = heard.map_err(failed)?.ok_or(DescribeError::TimedOut { question, waited: PATIENCE })?;
    match exit.map_err(failed)? {
        Exit::Code(0) => {}
        // It may have been about to end by itself.
        Exit::Signal(9) if !stdout.is_empty() => {}
        exit => return Err(DescribeError::Refused { question, exit, last_words: last_words(&stderr) }),
    }
    serde_json::from_slice(&stdout).map_err(|error| DescribeError::NoAnswer { question, reason: error.to_string() })
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

/// What may be the reason that a program does not answer. Who has described itself is written with the SDK.
fn hint(question: &str) -> &'static str {
    if question == DESCRIBE { ": if it is not written with the SDK, say `foreign = true`" } else { "" }
}

const DESCRIBE: &str = "--describe";

/// How many are asked at a time.
const AT_ONCE: usize = 4;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much it may say.
const MAX_BYTES: usize = 4 << 20;
