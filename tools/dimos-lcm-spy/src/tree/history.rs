//! The last values of one number, and how they are drawn within a line.

use std::collections::VecDeque;

use crate::readable::BARS;

/// The last values of a field.
#[derive(Debug)]
pub(super) struct History {
    values: VecDeque<f64>,
    /// The message of the last one.
    count: u64,
}

impl History {
    pub(super) fn new(value: f64, count: u64) -> Self {
        Self { values: VecDeque::from([value]), count }
    }

    pub(super) fn push(&mut self, value: f64, count: u64) {
        if self.values.len() == VALUES {
            self.values.pop_front();
        }
        self.values.push_back(value);
        self.count = count;
    }

    /// Whether its last value is of that message.
    pub(super) fn is_of(&self, count: u64) -> bool {
        self.count == count
    }

    /// By how much the last value differs from the one before; 0 where that is no number.
    pub(super) fn change(&self) -> f64 {
        let mut newest = self.values.iter().rev();
        let (Some(last), Some(before)) = (newest.next(), newest.next()) else { return 0.0 };
        let change = last - before;
        if change.is_finite() { change } else { 0.0 }
    }

    /// The last values as bars from the smallest to the largest; a blank where there was no number.
    pub(super) fn sparkline(&self, width: usize) -> String {
        let shown = self.values.len().min(width);
        let values = || self.values.iter().skip(self.values.len() - shown).copied();
        let finite = || values().filter(|value| value.is_finite());
        let (lowest, highest) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        let blank = std::iter::repeat_n(' ', width - shown);
        blank.chain(values().map(|value| bar(value, lowest, highest))).collect()
    }
}

fn bar(value: f64, lowest: f64, highest: f64) -> char {
    if !value.is_finite() {
        return ' ';
    }
    if highest <= lowest {
        return BARS[0];
    }
    // Halved, because the difference of two large numbers may be infinite.
    let share = (value / 2.0 - lowest / 2.0) / (highest / 2.0 - lowest / 2.0);
    let place = crate::readable::index(share * BARS.len() as f64);
    BARS[place.min(BARS.len() - 1)]
}

/// More than are ever drawn.
const VALUES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_values_are_bars_between_the_smallest_and_the_largest() {
        let mut history = History::new(0.0, 0);
        for (count, value) in [1.0, f64::NAN, 6.5, f64::INFINITY, 8.0].into_iter().enumerate() {
            history.push(value, count as u64);
        }
        assert_eq!(history.sparkline(8), "  ▁▂ ▇ █");
        assert_eq!(history.sparkline(3), "▁ █");
        assert_eq!(history.sparkline(0), "");
        assert_eq!(history.change(), 0.0);
        history.push(8.5, 9);
        assert_eq!(history.change(), 0.5);
    }

    #[test]
    fn huge_and_equal_values_are_drawn_and_memory_is_bounded() {
        let mut history = History::new(-f64::MAX, 0);
        history.push(f64::MAX, 1);
        assert_eq!(history.sparkline(2), "▁█");
        (0..1000).for_each(|count| history.push(5.0, count));
        assert_eq!(history.values.len(), VALUES);
        assert_eq!(history.sparkline(2), "▁▁");
    }
}
