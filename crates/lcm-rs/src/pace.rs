//! Slowing bursts down so that receivers with small buffers keep up. Pure: time is passed in.

use std::time::{Duration, Instant};

/// A token bucket: 128 KiB go out at once, what exceeds them at the given rate.
///
/// Sleeps overshoot; what they overshoot is credited, so the average rate holds. Within the credit no clock is read.
#[derive(Debug)]
pub(crate) struct Pacer {
    bytes_per_second: u64,
    /// Bytes that may go out at once; negative while a wait is owed.
    credit: i64,
    refilled: Instant,
}

impl Pacer {
    /// Paces to `bytes_per_second`; 0 does not pace.
    pub(crate) fn new(bytes_per_second: u64, now: Instant) -> Self {
        Self { bytes_per_second, credit: BURST_BYTES, refilled: now }
    }

    /// How long to wait before sending `bytes` (a datagram's worth).
    pub(crate) fn admit(&mut self, bytes: usize, now: impl FnOnce() -> Instant) -> Duration {
        if self.bytes_per_second == 0 {
            return Duration::ZERO;
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.credit < bytes {
            self.refill(now());
        }
        self.credit -= bytes;
        match u64::try_from(-self.credit) {
            Ok(owed @ 1..) => Duration::from_nanos(owed.saturating_mul(1_000_000_000) / self.bytes_per_second),
            _ => Duration::ZERO,
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.refilled).as_nanos();
        let earned = elapsed * u128::from(self.bytes_per_second) / 1_000_000_000;
        self.refilled = now;
        self.credit = self.credit.saturating_add(i64::try_from(earned).unwrap_or(i64::MAX)).min(BURST_BYTES);
    }
}

/// What the default receive buffer of Linux takes at once, when it is empty.
const BURST_BYTES: i64 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends datagrams one after the other, each sleep lasting `overshoot` too long, and returns the time that took.
    fn send(datagrams: u32, bytes: usize, rate: u64, overshoot: Duration) -> Duration {
        let start = Instant::now();
        let mut now = start;
        let mut pacer = Pacer::new(rate, now);
        for _ in 0..datagrams {
            let wait = pacer.admit(bytes, || now);
            if wait > Duration::ZERO {
                now += wait + overshoot;
            }
        }
        now - start
    }

    #[test]
    fn a_burst_of_128_kib_is_not_slowed() {
        assert_eq!(send(2, 65507, 1_000_000, Duration::ZERO), Duration::ZERO);
        assert_eq!(send(1310, 100, 1_000_000, Duration::ZERO), Duration::ZERO);
        assert!(send(3, 65507, 1_000_000, Duration::ZERO) > Duration::from_millis(60));
    }

    #[test]
    fn beyond_it_the_rate_holds_also_when_sleeps_overshoot() {
        for overshoot in [Duration::ZERO, Duration::from_micros(60)] {
            let took = send(1002, 65507, 1_000_000_000, overshoot).as_secs_f64();
            assert!((0.064..0.067).contains(&took), "{took}");
        }
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        assert_eq!(send(100_000, 65507, 0, Duration::ZERO), Duration::ZERO);
    }
}
