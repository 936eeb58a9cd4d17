//! `net.core.rmem_max`: the largest receive buffer the kernel allows, which rows of the table depend on.
//!
//! It can only be written in the host's own network namespace. Hence a keeper, a process outside: it writes what the
//! benchmark inside asks for, and writes back what it found when its stdin ends, which happens however the benchmark ends.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::launch;

/// What the kernel allows now. It is the same in every network namespace.
pub(crate) fn read() -> Result<u64> {
    let text = std::fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
    text.trim().parse().with_context(|| format!("{PATH} holds no number"))
}

/// The keeper, as the process outside knows it.
#[derive(Debug)]
pub(crate) struct Keeper {
    process: Child,
    other_end: UnixStream,
}

impl Keeper {
    pub(crate) fn start() -> Result<Self> {
        let (own_end, other_end) = UnixStream::pair().context("cannot make a pair of sockets")?;
        let mut command = Command::new(launch::OWN_EXECUTABLE);
        command.arg("keep-rmem-max").stdin(OwnedFd::from(own_end)).stdout(Stdio::null());
        let process = command.spawn().context("cannot start the keeper of rmem_max")?;
        Ok(Self { process, other_end })
    }

    /// The stdin of the process that may ask.
    pub(crate) fn other_end(&self) -> Result<OwnedFd> {
        Ok(self.other_end.try_clone().context("cannot share a socket")?.into())
    }

    /// Waits until the old value is back.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { mut process, other_end } = self;
        drop(other_end);
        let start = Instant::now();
        while process.try_wait().context("cannot wait for the keeper of rmem_max")?.is_none() {
            if start.elapsed() > PATIENCE {
                bail!("the keeper of rmem_max hangs; look at {PATH}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Does what the keeper is for. It leaves the terminal's session, so that an interrupt does not keep it from its last duty.
pub(crate) fn keep() -> Result<()> {
    rustix::process::setsid().context("cannot leave the session")?;
    let original = read()?;
    let mut asked = inherited_socket()?;
    let answers = asked.get_mut().try_clone()?;
    let kept = serve(&mut asked, answers);
    if read()? != original {
        std::fs::write(PATH, original.to_string()).with_context(|| format!("cannot restore {PATH} to {original}"))?;
    }
    kept
}

fn serve(asked: &mut BufReader<UnixStream>, mut answers: UnixStream) -> Result<()> {
    let mut line = String::new();
    // A benchmark that was killed may leave an error instead of an end.
    while asked.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        let wanted: u64 = line.trim().parse().context("not a size")?;
        // Refused to all but root; the answer says what holds.
        let _ = std::fs::write(PATH, wanted.to_string());
        writeln!(answers, "{}", read()?)?;
        line.clear();
    }
    Ok(())
}

/// The benchmark's side: asks the keeper, unless it is to leave the system as it is.
#[derive(Debug)]
pub(crate) struct RmemMax {
    keeper: Option<BufReader<UnixStream>>,
}

impl RmemMax {
    /// With `leave`, nothing is ever changed.
    pub(crate) fn new(leave: bool) -> Result<Self> {
        if leave {
            return Ok(Self { keeper: None });
        }
        let keeper = inherited_socket()?;
        keeper.get_ref().set_read_timeout(Some(PATIENCE))?;
        Ok(Self { keeper: Some(keeper) })
    }

    /// Makes the kernel allow exactly `bytes`, if it lets us, and returns what it allows then.
    pub(crate) fn set(&mut self, bytes: u64) -> Result<u64> {
        let now = read()?;
        let Some(keeper) = self.keeper.as_mut().filter(|_| now != bytes) else { return Ok(now) };
        writeln!(keeper.get_mut(), "{bytes}").context("the keeper of rmem_max is gone")?;
        let mut line = String::new();
        keeper.read_line(&mut line).context("the keeper of rmem_max does not answer")?;
        line.trim().parse().context("the keeper of rmem_max answers no number")
    }
}

/// The socket that this process was given as stdin.
fn inherited_socket() -> Result<BufReader<UnixStream>> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().context("no socket as stdin")?;
    Ok(BufReader::new(UnixStream::from(socket)))
}

const PATH: &str = "/proc/sys/net/core/rmem_max";

const PATIENCE: Duration = Duration::from_secs(10);
