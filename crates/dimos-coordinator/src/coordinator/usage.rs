//! How much of the machine a process takes, as the kernel tells.

use std::fs;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;

use crate::process::Stat;

/// How much processor a process has taken by some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    at: Instant,
    processor: Duration,
}

impl Usage {
    /// What it has taken so far, as the kernel has just told.
    pub(super) fn of(stat: &Stat) -> Self {
        let per_second = clock_ticks_per_second().max(1);
        let processor = Duration::from_micros(stat.processor_ticks.saturating_mul(1_000_000) / per_second);
        Self { at: Instant::now(), processor }
    }

    /// Nothing, when a process began that has been running for so long.
    pub(super) fn none(now: Instant, running_for: Duration) -> Self {
        Self { at: now.checked_sub(running_for).unwrap_or(now), processor: Duration::ZERO }
    }

    /// The share of a processor since then, in percent; none if that was just now.
    pub(super) fn percent_since(&self, before: &Self) -> Option<f64> {
        let time = self.at.saturating_duration_since(before.at);
        if time < SHORTEST {
            return None;
        }
        Some(self.processor.saturating_sub(before.processor).as_secs_f64() / time.as_secs_f64() * 100.0)
    }
}

/// The share that a process has in the memory that it uses; none if it is gone.
pub(super) fn memory_bytes(pid: Pid) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero())).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// In less time the kernel's ticks tell nothing.
const SHORTEST: Duration = Duration::from_millis(100);
