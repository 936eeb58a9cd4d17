//! What this process takes of a processor, which is shown: looking at a bus is to cost little.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Measures it, from look to look.
pub(super) struct Share {
    since: Instant,
    taken: Duration,
}

impl Share {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, taken: taken() }
    }

    /// The share since the last one that was told; none before a second is over.
    pub(super) fn look(&mut self, now: Instant) -> Option<f64> {
        let span = now.saturating_duration_since(self.since);
        if span < Duration::from_secs(1) {
            return None;
        }
        let before = std::mem::replace(self, Self::new(now));
        Some(self.taken.saturating_sub(before.taken).as_secs_f64() / span.as_secs_f64())
    }
}

/// The time that all threads have run.
fn taken() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
