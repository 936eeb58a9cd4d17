//! The samples of one edge, ordered by stamp. Which edge it is, and what is asked of several edges at once, is left to others.

use std::collections::VecDeque;

use lcm_types::geometry_msgs::Transform;

/// Where the child frame was at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) stamp_ns: i64,
    pub(super) transform: Transform,
}

/// The samples of the last seconds, at least one.
#[derive(Debug)]
pub(super) struct History {
    /// Stamps rise strictly.
    samples: VecDeque<Sample>,
    /// How many samples differ from the one before them, so that standing still need not be looked for.
    changes: usize,
}

/// Where a sample went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Newest,
    Between,
    Replaced,
    /// It was so old that all others had to go.
    Alone,
}

/// The times at which an edge has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
}

impl History {
    pub(super) fn new(first: Sample) -> Self {
        Self { samples: VecDeque::from([first]), changes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(super) fn oldest_ns(&self) -> i64 {
        self.samples.front().map_or(0, |sample| sample.stamp_ns)
    }

    pub(super) fn newest_ns(&self) -> i64 {
        self.samples.back().map_or(0, |sample| sample.stamp_ns)
    }

    /// Takes in a sample, and drops those that are then more than the window before the newest one.
    pub(super) fn insert(&mut self, sample: Sample, window_ns: i64) -> Place {
        let newest_ns = self.newest_ns();
        if sample.stamp_ns < newest_ns - window_ns {
            self.samples.clear();
            self.samples.push_back(sample);
            self.changes = 0;
            return Place::Alone;
        }
        if sample.stamp_ns > newest_ns {
            while self.oldest_ns() < sample.stamp_ns - window_ns && self.drop_oldest() {}
            self.changes += usize::from(self.samples.back().is_some_and(|last| last.transform != sample.transform));
            self.samples.push_back(sample);
            return Place::Newest;
        }
        match self.position(sample.stamp_ns) {
            Ok(index) => {
                self.changes -= self.changes_around(index);
                self.samples[index] = sample;
                self.changes += self.changes_around(index);
                Place::Replaced
            }
            Err(index) => {
                self.changes -= self.change_at(index);
                self.samples.insert(index, sample);
                self.changes += self.changes_around(index);
                Place::Between
            }
        }
    }

    /// Drops the oldest sample, if there is one, and gives back memory that is not used any more.
    pub(super) fn drop_oldest(&mut self) -> bool {
        self.changes -= self.change_at(1);
        let dropped = self.samples.pop_front().is_some();
        if self.samples.len() < self.samples.capacity() / 8 {
            self.samples.shrink_to(self.samples.capacity() / 4);
        }
        dropped
    }

    /// Whether all samples are equal.
    pub(super) const fn is_still(&self) -> bool {
        self.changes == 0
    }

    /// The mean time between two samples; none if there is only one.
    pub(super) fn mean_period_ns(&self) -> Option<i64> {
        let periods = i64::try_from(self.samples.len()).unwrap_or(i64::MAX) - 1;
        (periods > 0).then(|| (self.newest_ns() - self.oldest_ns()) / periods)
    }

    /// The times for which this edge speaks: those of its samples, and if it stands still also those around them for which
    /// another sample would be overdue.
    pub(super) fn span(&self, window_ns: i64) -> Span {
        let period_ns = self.mean_period_ns().filter(|_| self.is_still());
        let hold_ns = period_ns.map_or(0, |period_ns| (2 * period_ns).min(window_ns));
        Span { from_ns: self.oldest_ns() - hold_ns, to_ns: self.newest_ns() + hold_ns }
    }

    /// Where the child is at a time: at a sample, between two, and beyond the ends where the sample there says.
    pub(super) fn at(&self, time_ns: i64) -> Transform {
        let index = match self.position(time_ns) {
            Ok(index) => return self.transform(index),
            Err(index) => index,
        };
        let Some((before, after)) =
            index.checked_sub(1).and_then(|i| Some((self.samples.get(i)?, self.samples.get(index)?)))
        else {
            return self.transform(index.min(self.len().saturating_sub(1)));
        };
        if before.transform == after.transform {
            return before.transform;
        }
        // Both are within the window, and doubles are exact for the 42 bits that the nanoseconds of an hour take.
        let part = (time_ns - before.stamp_ns) as f64 / (after.stamp_ns - before.stamp_ns) as f64;
        before.transform.interpolate(after.transform, part)
    }

    fn transform(&self, index: usize) -> Transform {
        self.samples.get(index).map_or(Transform::IDENTITY, |sample| sample.transform)
    }

    fn position(&self, stamp_ns: i64) -> Result<usize, usize> {
        self.samples.binary_search_by_key(&stamp_ns, |sample| sample.stamp_ns)
    }

    /// One if the sample at `index` differs from the one before it.
    fn change_at(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|before| self.samples.get(before));
        let differs = before.zip(self.samples.get(index)).is_some_and(|(a, b)| a.transform != b.transform);
        usize::from(differs)
    }

    /// Those that a sample has a part in.
    fn changes_around(&self, index: usize) -> usize {
        self.change_at(index) + self.change_at(index + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(stamp_ns: i64, value: i8) -> Sample {
        Sample { stamp_ns, transform: Transform::from_xy_yaw(f64::from(value), 0.0, 0.0) }
    }

    proptest! {
        #[test]
        fn the_count_of_changes_is_kept_through_disorder_and_loss(
            samples in prop::collection::vec((0_i64..60, 0_i8..2), 1..80), drops in prop::collection::vec(0..80_usize, 0..8),
        ) {
            let mut history = History::new(sample(30, 0));
            for (index, &(stamp_ns, value)) in samples.iter().enumerate() {
                history.insert(sample(stamp_ns, value), 40);
                if drops.contains(&index) && history.len() > 1 {
                    history.drop_oldest();
                }
                let kept: Vec<Sample> = history.samples.iter().copied().collect();
                prop_assert!(kept.windows(2).all(|pair| pair[0].stamp_ns < pair[1].stamp_ns), "{kept:?}");
                prop_assert!(history.newest_ns() - history.oldest_ns() <= 40);
                let changes = kept.windows(2).filter(|pair| pair[0].transform != pair[1].transform).count();
                prop_assert_eq!(history.changes, changes);
            }
        }
    }

    #[test]
    fn memory_follows_what_is_kept() {
        let mut history = History::new(sample(0, 0));
        for stamp_ns in 1..10_000 {
            history.insert(sample(stamp_ns, 0), 1_000_000);
        }
        while history.len() > 10 {
            history.drop_oldest();
        }
        assert!(history.samples.capacity() <= 100, "{}", history.samples.capacity());
    }

    #[test]
    fn in_steady_state_nothing_is_allocated() {
        let mut history = History::new(sample(0, 0));
        for stamp_ns in 1..5_000 {
            history.insert(sample(stamp_ns, 0), 1000);
        }
        let capacity = history.samples.capacity();
        for stamp_ns in 5_000..50_000 {
            history.insert(sample(stamp_ns, 0), 1000);
            assert_eq!(history.samples.capacity(), capacity);
        }
    }
}
