//! Since when a handler has been running: for beats, and for the thread that stands in when it runs for long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether a handler runs that no other one runs beside, and since when.
#[derive(Debug)]
pub(crate) struct Busy {
    start: Instant,
    /// In ns since the start, plus one; 0 if none runs.
    since_ns: AtomicU64,
}

impl Busy {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), since_ns: AtomicU64::new(0) }
    }

    /// A handler begins.
    pub(crate) fn begin(&self) {
        let now_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX - 1);
        self.since_ns.store(now_ns + 1, Ordering::SeqCst);
    }

    /// It ends.
    pub(crate) fn end(&self) {
        self.since_ns.store(0, Ordering::SeqCst);
    }

    /// How long the handler has been running, if one runs.
    pub(crate) fn age(&self) -> Option<Duration> {
        let since = Duration::from_nanos(self.since_ns.load(Ordering::SeqCst).checked_sub(1)?);
        Some(self.start.elapsed().saturating_sub(since))
    }
}
