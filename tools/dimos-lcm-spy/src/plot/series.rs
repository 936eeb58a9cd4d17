//! The values of one field, within bounded memory.
//!
//! The newest values are kept as they came. Older ones are joined two by two, again and again, into buckets that keep the
//! smallest and the largest, so that a spike survives however old it is.

use std::collections::VecDeque;

/// The values of one field.
#[derive(Debug)]
pub(super) struct Series {
    path: String,
    colour: usize,
    /// The newest first; each bucket of a tier holds up to twice as many values as one of the tier before.
    tiers: Vec<VecDeque<Bucket>>,
    /// Between two messages, as it usually is.
    interval_ns: f64,
    /// Whether there was no number since the last one.
    is_broken: bool,
    /// Messages without this field, or where it is no finite number.
    missing: u64,
}

/// Values that follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) first: f64,
    pub(super) last: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
    pub(super) mean: f64,
    pub(super) count: u64,
    /// Whether something is missing before it.
    pub(super) follows_gap: bool,
}

/// What a legend says of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) last: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
    pub(super) mean: f64,
}

impl Series {
    pub(super) fn new(path: &str, colour: usize) -> Self {
        Self {
            path: path.to_owned(),
            colour,
            tiers: vec![VecDeque::new()],
            interval_ns: 0.0,
            is_broken: false,
            missing: 0,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Which of the colours it has.
    pub(super) fn colour(&self) -> usize {
        self.colour
    }

    /// Messages without a number for this field.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    pub(super) fn clear(&mut self) {
        self.tiers = vec![VecDeque::new()];
        (self.interval_ns, self.is_broken, self.missing) = (0.0, false, 0);
    }

    /// Takes the value of a message, or that there was none.
    pub(super) fn push(&mut self, time_ns: u64, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            (self.is_broken, self.missing) = (true, self.missing.saturating_add(1));
            return;
        };
        let last_ns = self.tiers[0].back().map(|bucket| bucket.last_ns);
        let time_ns = last_ns.map_or(time_ns, |last_ns| time_ns.max(last_ns));
        let since_ns = last_ns.map_or(0, |last_ns| time_ns - last_ns);
        let is_late =
            since_ns > LEAST_GAP_NS && since_ns as f64 > self.interval_ns * GAP_INTERVALS && self.interval_ns > 0.0;
        if !is_late && since_ns > 0 {
            let weight = if self.interval_ns > 0.0 { 0.1 } else { 1.0 };
            self.interval_ns += weight * (since_ns as f64 - self.interval_ns);
        }
        let bucket = Bucket {
            first_ns: time_ns,
            last_ns: time_ns,
            first: value,
            last: value,
            minimum: value,
            maximum: value,
            mean: value,
            count: 1,
            follows_gap: self.is_broken || is_late,
        };
        self.is_broken = false;
        self.tiers[0].push_back(bucket);
        self.move_on(0);
    }

    /// From the oldest to the newest.
    pub(super) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.tiers.iter().rev().flatten()
    }

    /// What lies in a time; nothing if there are no values.
    pub(super) fn summary(&self, from_ns: u64, to_ns: u64) -> Option<Summary> {
        let mut seen = self.buckets().filter(|bucket| bucket.last_ns >= from_ns && bucket.first_ns <= to_ns);
        let all = seen.next().map(|first| seen.fold(*first, |all, next| all.joined(next)))?;
        Some(Summary { last: all.last, minimum: all.minimum, maximum: all.maximum, mean: all.mean })
    }

    /// The value at a time: the last one before it, unless there is a gap.
    pub(super) fn at(&self, time_ns: u64) -> Option<f64> {
        let mut buckets = self.buckets().skip_while(|bucket| bucket.last_ns < time_ns);
        let after = buckets.next();
        if let Some(bucket) = after.filter(|bucket| bucket.first_ns <= time_ns) {
            return Some(if bucket.last_ns == time_ns { bucket.last } else { bucket.mean });
        }
        let before = self.buckets().take_while(|bucket| bucket.last_ns < time_ns).last()?;
        after.is_some_and(|after| !after.follows_gap).then_some(before.last)
    }

    /// Joins the older half of a tier that is full, and hands it to the next one.
    fn move_on(&mut self, tier: usize) {
        if self.tiers[tier].len() <= TIER_BUCKETS {
            return;
        }
        if tier + 1 == TIERS {
            self.tiers[tier].drain(..TIER_BUCKETS / 2);
            return;
        }
        if tier + 1 == self.tiers.len() {
            self.tiers.push(VecDeque::new());
        }
        let older: Vec<_> = self.tiers[tier].drain(..TIER_BUCKETS / 2).collect();
        let mut older = older.into_iter().peekable();
        while let Some(bucket) = older.next() {
            // What is apart stays apart.
            let joined = match older.next_if(|next| !next.follows_gap) {
                Some(next) => bucket.joined(&next),
                None => bucket,
            };
            self.tiers[tier + 1].push_back(joined);
            self.move_on(tier + 1);
        }
    }
}

impl Bucket {
    fn joined(mut self, next: &Self) -> Self {
        let count = self.count + next.count;
        let share = next.count as f64 / count as f64;
        // Weighted, because a sum may be beyond all numbers.
        self.mean = self.mean * (1.0 - share) + next.mean * share;
        self.minimum = self.minimum.min(next.minimum);
        self.maximum = self.maximum.max(next.maximum);
        (self.last_ns, self.last, self.count) = (next.last_ns, next.last, count);
        self
    }
}

/// Buckets of one tier: more than a screen has columns of dots.
const TIER_BUCKETS: usize = 1024;

/// With twelve, the oldest of some four million values are dropped.
const TIERS: usize = 12;

/// A pause of that many usual intervals is a gap...
const GAP_INTERVALS: f64 = 5.0;

/// ...but not a shorter one than this.
const LEAST_GAP_NS: u64 = 300_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn a_spike_survives_among_many_and_memory_is_bounded() {
        let mut series = Series::new("x", 0);
        for index in 0..500_000_u64 {
            let value = if index == 1000 { 50.0 } else { (index % 10) as f64 };
            series.push(index * 1_000_000, Some(value));
        }
        assert!(series.buckets().count() <= TIER_BUCKETS * TIERS);
        assert_eq!(series.buckets().map(|bucket| bucket.count).sum::<u64>(), 500_000);
        let spike = series.buckets().find(|bucket| bucket.maximum == 50.0).unwrap();
        assert!((spike.first_ns..=spike.last_ns).contains(&(1000 * 1_000_000)));
        let all = series.summary(0, u64::MAX).unwrap();
        assert_eq!((all.last, all.minimum, all.maximum), (9.0, 0.0, 50.0));
        assert!((all.mean - 4.5).abs() < 0.001);
        // The newest are there one by one.
        let newest: Vec<_> = series.buckets().collect();
        assert!(newest[newest.len() - 512..].iter().all(|bucket| bucket.count == 1));
    }

    #[test]
    fn what_is_no_number_and_what_did_not_come_are_gaps() {
        let mut series = Series::new("x", 0);
        for (tenths, value) in
            [(0, 1.0), (1, 2.0), (2, f64::NAN), (3, 3.0), (4, f64::INFINITY), (5, 4.0), (6, 5.0), (30, 6.0)]
        {
            series.push(tenths * SECOND_NS / 10, Some(value));
        }
        series.push(31 * SECOND_NS / 10, None);
        let gaps: Vec<_> = series.buckets().map(|bucket| (bucket.last, bucket.follows_gap)).collect();
        assert_eq!(gaps, [(1.0, false), (2.0, false), (3.0, true), (4.0, true), (5.0, false), (6.0, true)]);
        assert_eq!(series.missing(), 3);
        assert_eq!(series.at(SECOND_NS / 20), Some(1.0));
        assert_eq!(series.at(SECOND_NS / 10), Some(2.0));
        assert_eq!(series.at(SECOND_NS), None, "in a gap");
        assert_eq!(series.at(30 * SECOND_NS / 10), Some(6.0));
        assert_eq!(series.at(40 * SECOND_NS / 10), None, "after the end");
        assert_eq!(series.summary(SECOND_NS, 2 * SECOND_NS), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_stays_in_order_and_within_bounds(
            values in proptest::collection::vec((any::<u64>(), proptest::option::of(proptest::num::f64::ANY)), 0..200),
            repeats in 1_u64..30,
        ) {
            let mut series = Series::new("x", 0);
            for round in 0..repeats {
                for (time_ns, value) in &values {
                    series.push(time_ns.saturating_add(round), *value);
                }
            }
            let buckets: Vec<_> = series.buckets().collect();
            prop_assert!(buckets.len() <= TIER_BUCKETS * TIERS);
            for bucket in &buckets {
                prop_assert!(bucket.minimum <= bucket.first && bucket.first <= bucket.maximum);
                prop_assert!(bucket.first_ns <= bucket.last_ns && bucket.mean.is_finite());
            }
            prop_assert!(buckets.windows(2).all(|pair| pair[0].last_ns <= pair[1].first_ns));
            series.at(0);
        }
    }
}
