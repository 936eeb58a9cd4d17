//! The processes that are measured: what all of them do alike, whichever way they send and receive.
//!
//! A worker says `ready` when it can be measured. A receiver then takes `mark`, where its figures begin, and `stop`; a sender or
//! pinger takes `go`. Each ends with one line of `name=number` words. `peers/bench.c` does the same with C LCM.
//!
//! The loops over trips and messages stand here; what a trip or a message is belongs to [`ours`] and [`bare`].

mod bare;
mod job;
mod ours;
mod receiving;
mod sending;

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;

pub(crate) use job::{Job, Role};

/// The workers that this program is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// With `lcm-rs`.
    Ours,
    /// With a socket and nothing else.
    Bare,
}

/// Does a job to its end.
pub(crate) fn run(kind: Kind, job: &Job) -> Result<()> {
    match kind {
        Kind::Ours => ours::run(job),
        Kind::Bare => bare::run(job),
    }
}

/// Numbers with this bit are of warm-up messages, which nobody counts.
const WARM_UP: u64 = 1 << 63;

/// How many messages lie between two looks at the clock, where there is no rate to keep.
const MESSAGES_PER_LOOK: u64 = 64;

/// What payloads are made of, the message number at their beginning aside.
const FILL: u8 = 0xa5;

/// The message number that a payload begins with. What is too short for one counts as warm-up.
fn number_of(payload: &[u8]) -> u64 {
    payload.first_chunk().map_or(WARM_UP, |bytes| u64::from_le_bytes(*bytes))
}

fn stamp(payload: &mut [u8], number: u64) {
    if let Some(start) = payload.first_chunk_mut() {
        *start = number.to_le_bytes();
    }
}

/// A payload of the job's size.
fn payload(job: &Job) -> Vec<u8> {
    vec![FILL; usize::try_from(job.bytes).unwrap_or(usize::MAX)]
}

/// CPU time of this process, all threads, as the kernel accounts it.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "answers go to the tool through stdout")]
pub(crate) fn say(line: &str) -> Result<()> {
    println!("{line}");
    std::io::stdout().flush()?;
    Ok(())
}

/// The next order, `None` when nobody is there to give any.
pub(crate) fn order() -> Option<String> {
    let mut line = String::new();
    let bytes = std::io::stdin().lock().read_line(&mut line).ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}

/// Says that this worker is ready, and waits for its order to begin.
pub(crate) fn wait_for_go() -> Result<()> {
    say("ready")?;
    match order().as_deref() {
        Some("go") => Ok(()),
        other => bail!("expected the order `go`, not {other:?}"),
    }
}
