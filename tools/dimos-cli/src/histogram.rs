//! Times in buckets: some kilobytes for any number of them, and each known to three per cent. No I/O.

use std::time::Duration;

use serde::Serialize;

/// How often times of about so long were counted.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    min_ns: u64,
    max_ns: u64,
}

/// What a histogram comes to, in s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// A line of a picture of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Bar {
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    pub(crate) count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], count: 0, min_ns: u64::MAX, max_ns: 0 }
    }
}

impl Histogram {
    /// Counts a time; what is longer than a year counts as that.
    pub(crate) fn push(&mut self, time: Duration) {
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(MAX_NS);
        self.counts[bucket(time_ns)] += 1;
        self.count += 1;
        self.min_ns = self.min_ns.min(time_ns);
        self.max_ns = self.max_ns.max(time_ns);
    }

    /// The longest time; zero if none was counted.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// None if nothing was counted.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        (self.count > 0).then(|| Percentiles {
            min: seconds(self.min_ns),
            p50: self.percentile(50_000),
            p90: self.percentile(90_000),
            p99: self.percentile(99_000),
            p999: self.percentile(99_900),
            max: seconds(self.max_ns),
        })
    }

    /// The time that so many thousandths of a per cent are not longer than.
    fn percentile(&self, of_100_000: u64) -> f64 {
        let rank = (u128::from(self.count) * u128::from(of_100_000)).div_ceil(100_000).max(1);
        let mut seen = 0_u128;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return seconds((lowest_ns(index + 1) - 1).clamp(self.min_ns, self.max_ns));
            }
        }
        seconds(self.max_ns)
    }

    /// Each from a time to about 1.4 times as much, from the first that has any to the last.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        if self.count == 0 {
            return Vec::new();
        }
        let (first, last) = (bucket(self.min_ns) / PER_BAR, bucket(self.max_ns) / PER_BAR);
        let bar = |number: usize| Bar {
            from_s: seconds(lowest_ns(number * PER_BAR)),
            to_s: seconds(lowest_ns((number + 1) * PER_BAR)),
            count: self.counts.iter().skip(number * PER_BAR).take(PER_BAR).sum(),
        };
        (first..=last).map(bar).collect()
    }
}

/// Buckets are one nanosecond wide to 2^5 of them, and then 2^5 to each power of two.
fn bucket(time_ns: u64) -> usize {
    let octave = time_ns.checked_ilog2().unwrap_or_default().saturating_sub(BITS);
    let within = time_ns >> octave;
    usize::try_from((u64::from(octave) << BITS) + within).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

/// The shortest time of a bucket.
fn lowest_ns(index: usize) -> u64 {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    match (index >> BITS).saturating_sub(1) {
        0 => index,
        octave => (index - (octave << BITS)) << octave,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time is known to three per cent")]
fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e9
}

/// Of the times within a power of two that are told apart.
const BITS: u32 = 5;

/// Half a power of two.
const PER_BAR: usize = 16;

/// A year, and a little more.
const MAX_NS: u64 = (1 << 55) - 1;

/// For all times up to that.
const BUCKETS: usize = 51 << BITS;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_numbers() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentiles(), histogram.bars(), histogram.max()), (None, Vec::new(), Duration::ZERO));
        (1..=1000).for_each(|us| histogram.push(Duration::from_micros(us)));
        let Percentiles { min, p50, p90, p99, p999, max } = histogram.percentiles().unwrap();
        assert_eq!((min, max, histogram.max()), (1e-6, 1e-3, Duration::from_millis(1)));
        for (found, expected) in [(p50, 500e-6), (p90, 900e-6), (p99, 990e-6), (p999, 999e-6)] {
            assert!((expected..expected * 1.035).contains(&found) || found == max, "{found} for {expected}");
        }
        let bars = histogram.bars();
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 1000);
        assert!(bars.windows(2).all(|pair| pair[0].to_s == pair[1].from_s), "{bars:?}");
    }

    #[test]
    fn a_few_long_times_do_not_change_what_is_usual() {
        let mut histogram = Histogram::default();
        (0..990).for_each(|_| histogram.push(Duration::from_micros(100)));
        (0..10).for_each(|_| histogram.push(Duration::from_millis(30)));
        let Percentiles { p50, p99, p999, max, .. } = histogram.percentiles().unwrap();
        assert!((100e-6..103.2e-6).contains(&p50) && p99 == p50, "{p50} {p99}");
        assert_eq!((p999, max), (0.03, 0.03));
        assert_eq!(bucket(MAX_NS), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn each_time_lies_in_its_bucket(time_ns in 0..=MAX_NS) {
            let index = bucket(time_ns);
            prop_assert!(index < BUCKETS);
            prop_assert!(lowest_ns(index) <= time_ns && time_ns < lowest_ns(index + 1), "{} in {}", time_ns, index);
            // To three per cent, once there are that many nanoseconds.
            prop_assert!(lowest_ns(index + 1) - lowest_ns(index) <= 1 + time_ns / 32);
        }

        #[test]
        fn whatever_is_counted_can_be_shown(times in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|&time_ns| histogram.push(Duration::from_nanos(time_ns)));
            let found = histogram.percentiles().unwrap();
            prop_assert!([found.min, found.p50, found.p90, found.p99, found.p999, found.max].is_sorted());
            prop_assert_eq!(histogram.bars().iter().map(|bar| bar.count).sum::<u64>(), times.len() as u64);
        }
    }
}
