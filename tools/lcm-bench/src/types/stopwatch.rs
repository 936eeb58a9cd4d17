//! How long an operation takes that is much shorter than a look at the clock. `peers/types.c` does the same.

use std::time::{Duration, Instant};

use crate::statistics::percentile;

/// The median time of `operation` in nanoseconds: batches of it are made long enough for the clock, then repeated for
/// `seconds`.
pub(super) fn median_ns(seconds: f64, mut operation: impl FnMut()) -> f64 {
    let mut batch = |times: u64| {
        let start = Instant::now();
        for _ in 0..times {
            operation();
        }
        start.elapsed()
    };
    let mut times = 1;
    while batch(times) < BATCH {
        times *= 2;
    }
    let span = Duration::from_secs_f64(seconds);
    // Room for all of them, so that nothing but the operation allocates.
    let limit = usize::try_from(span.as_nanos() / BATCH.as_nanos()).unwrap_or(usize::MAX) + 1;
    let mut sorted = Vec::with_capacity(limit);
    let start = Instant::now();
    while sorted.len() < limit && (sorted.is_empty() || start.elapsed() < span) {
        sorted.push(u64::try_from(batch(times).as_nanos()).unwrap_or(u64::MAX));
    }
    sorted.sort_unstable();
    percentile(&sorted, 50) as f64 / times as f64
}

/// What one batch lasts at least.
const BATCH: Duration = Duration::from_micros(100);
