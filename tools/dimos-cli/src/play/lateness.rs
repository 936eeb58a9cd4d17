//! How late events were: a histogram of constant size.

use std::time::Duration;

use serde::Serialize;

/// How late events were.
#[derive(Debug)]
pub(super) struct Lateness {
    /// By microseconds: eight buckets for each doubling.
    buckets: [u64; BUCKETS],
    count: u64,
    max: Duration,
}

/// The sum of it, in s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Late {
    pub(super) median: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, max: Duration::ZERO }
    }
}

impl Lateness {
    pub(super) fn note(&mut self, late: Duration) {
        let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)] += 1;
        self.count += 1;
        self.max = self.max.max(late);
    }

    /// None if nothing was noted.
    pub(super) fn sum(&self) -> Option<Late> {
        let max = self.max.as_secs_f64();
        let of = |share: f64| self.quantile(share).min(max);
        (self.count > 0).then(|| Late { median: of(0.5), p99: of(0.99), max })
    }

    pub(super) fn max(&self) -> Duration {
        self.max
    }

    /// Not more than an eighth above what it is, in s.
    fn quantile(&self, share: f64) -> f64 {
        let wanted = self.count as f64 * share;
        let mut seen = 0;
        let place = self.buckets.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted
        });
        upper_us(place.unwrap_or(BUCKETS - 1)) / 1e6
    }
}

/// Eight for 0 to 7 us, then eight for each power of two.
fn bucket(us: u64) -> usize {
    let place = match us.checked_ilog2() {
        Some(power @ 3..) => 8 * u64::from(power - 2) + (us >> (power - 3)) % 8,
        _ => us,
    };
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

/// What no lateness of a bucket exceeds.
fn upper_us(bucket: usize) -> f64 {
    let (octave, part) = (bucket / 8, (bucket % 8) as f64);
    match i32::try_from(octave) {
        Ok(octave @ 1..) => (9.0 + part) * 2.0_f64.powi(octave - 1),
        _ => part + 1.0,
    }
}

/// Up to some days.
const BUCKETS: usize = 8 * 38;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_bucket_that_ends_above_it() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut any = || {
            let power = random.u32(0..38);
            random.u64(..1 << power)
        };
        for us in (0..5000).chain((0..1000).map(|_| any())) {
            let upper = upper_us(bucket(us));
            assert!(us as f64 <= upper && upper <= (us as f64 * 1.13 + 1.0), "{us}: {upper}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_sum_tells_the_usual_and_the_worst() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.sum(), None);
        (0..990).for_each(|_| lateness.note(Duration::from_micros(100)));
        (0..10).for_each(|_| lateness.note(Duration::from_millis(30)));
        let Late { median, p99, max } = lateness.sum().unwrap();
        assert!((1e-4..1.13e-4).contains(&median) && (1e-4..1.13e-4).contains(&p99), "{median} {p99}");
        assert_eq!((max, lateness.max()), (0.03, Duration::from_millis(30)));
    }
}
