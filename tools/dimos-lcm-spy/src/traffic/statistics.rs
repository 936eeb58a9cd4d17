//! How numbers are spread, and how often something comes: over a window of the last ones. Times are passed in.

use std::collections::VecDeque;

use serde::Serialize;

/// The last so many numbers.
#[derive(Debug, Clone)]
pub struct Window {
    size: usize,
    numbers: VecDeque<i64>,
}

/// How numbers are spread, in the unit of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The standard deviation of these numbers, not an estimate of that of others.
    pub std_dev: f64,
}

/// What comes one after the other: how many, and the times between them.
#[derive(Debug, Clone)]
pub struct Arrivals {
    count: u64,
    first_ns: u64,
    last_ns: u64,
    intervals_ns: Window,
}

/// How many bytes came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many messages.
    pub messages: u64,
    /// How many bytes their payloads have.
    pub bytes: u64,
    min: usize,
    max: usize,
}

/// Sizes of messages, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sizes {
    /// Of the smallest.
    pub min: usize,
    /// Their mean.
    pub mean: f64,
    /// Of the largest.
    pub max: usize,
}

impl Window {
    /// Of so many numbers at most, and at least one.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), numbers: VecDeque::new() }
    }

    /// Takes in a number, and forgets the oldest if there are too many.
    pub fn push(&mut self, number: i64) {
        if self.numbers.len() == self.size {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How they are spread, in units of so many: ns as s with 1e9. None if there are none.
    #[must_use]
    pub fn spread(&self, unit: f64) -> Option<Spread> {
        let (min, max) = (*self.numbers.iter().min()?, *self.numbers.iter().max()?);
        let count = self.numbers.len() as f64;
        // Differences from one of the numbers: what is far from zero, as times are, would lose its last digits otherwise.
        let difference = |number: i64| (i128::from(number) - i128::from(min)) as f64;
        let mean = self.numbers.iter().map(|&number| difference(number)).sum::<f64>() / count;
        let square = |&number: &i64| (difference(number) - mean).powi(2);
        let variance = self.numbers.iter().map(square).sum::<f64>() / count;
        let (least, most) = (min as f64 / unit, max as f64 / unit);
        let mean = ((min as f64 + mean) / unit).clamp(least, most);
        Some(Spread { mean, min: least, max: most, std_dev: variance.sqrt() / unit })
    }
}

impl Arrivals {
    /// With so many intervals at most.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { count: 0, first_ns: 0, last_ns: 0, intervals_ns: Window::new(window) }
    }

    /// Something came. A clock that was set back makes the interval zero.
    pub fn push(&mut self, time_ns: u64) {
        if self.count == 0 {
            self.first_ns = time_ns;
        } else {
            let interval = time_ns.saturating_sub(self.last_ns);
            self.intervals_ns.push(i64::try_from(interval).unwrap_or(i64::MAX));
        }
        self.last_ns = time_ns;
        self.count += 1;
    }

    /// How many came.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many intervals there are.
    #[must_use]
    pub fn window(&self) -> usize {
        self.intervals_ns.len()
    }

    /// The times between them, in s.
    #[must_use]
    pub fn intervals_s(&self) -> Option<Spread> {
        self.intervals_ns.spread(NS_PER_S)
    }

    /// How many came in a second, over the window; none if fewer than two came, or all at once.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f64> {
        let mean = self.intervals_s()?.mean;
        (mean > 0.0).then(|| mean.recip())
    }

    /// How many came in a second from the first to the last, whatever the window; none if that is no time.
    #[must_use]
    pub fn mean_rate_hz(&self) -> Option<f64> {
        let span_s = self.span_s();
        (span_s > 0.0).then(|| (self.count - 1) as f64 / span_s)
    }

    /// From the first to the last, in s.
    #[must_use]
    pub fn span_s(&self) -> f64 {
        self.last_ns.saturating_sub(self.first_ns) as f64 / NS_PER_S
    }

    /// How long before `now_ns` the last one came, in s.
    #[must_use]
    pub fn age_s(&self, now_ns: u64) -> Option<f64> {
        (self.count > 0).then(|| now_ns.saturating_sub(self.last_ns) as f64 / NS_PER_S)
    }
}

impl Traffic {
    /// A message of so many bytes came.
    pub fn push(&mut self, bytes: usize) {
        let is_first = self.messages == 0;
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.min = if is_first { bytes } else { self.min.min(bytes) };
        self.max = self.max.max(bytes);
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self.messages, other.messages) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self {
                messages: self.messages + other.messages,
                bytes: self.bytes.saturating_add(other.bytes),
                min: self.min.min(other.min),
                max: self.max.max(other.max),
            },
        }
    }

    /// How large the messages were; none if there were none.
    #[must_use]
    pub fn sizes(self) -> Option<Sizes> {
        let mean = self.bytes as f64 / self.messages as f64;
        (self.messages > 0).then_some(Sizes { min: self.min, mean, max: self.max })
    }
}

/// So many in so long, per second; zero in no time.
#[must_use]
pub fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Nanoseconds in a second.
pub const NS_PER_S: f64 = 1e9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_steady_beat_has_its_rate_and_no_deviation() {
        let mut arrivals = Arrivals::new(100);
        assert_eq!((arrivals.rate_hz(), arrivals.intervals_s()), (None, None));
        for number in 0..51 {
            arrivals.push(1_700_000_000_000_000_000 + number * 20_000_000);
        }
        assert_eq!((arrivals.count(), arrivals.window(), arrivals.rate_hz()), (51, 50, Some(50.0)));
        let spread = arrivals.intervals_s().unwrap();
        assert_eq!(spread, Spread { mean: 0.02, min: 0.02, max: 0.02, std_dev: 0.0 });
        assert_eq!((arrivals.span_s(), arrivals.age_s(1_700_000_001_500_000_000)), (1.0, Some(0.5)));
    }

    #[test]
    fn only_the_window_counts() {
        let mut arrivals = Arrivals::new(2);
        for time_s in [0_u64, 100, 101, 102] {
            arrivals.push(time_s * 1_000_000_000);
        }
        assert_eq!((arrivals.rate_hz(), arrivals.count(), arrivals.window()), (Some(1.0), 4, 2));
    }

    #[test]
    fn a_clock_that_is_set_back_and_messages_that_come_at_once_have_no_rate() {
        let mut arrivals = Arrivals::new(10);
        for time_ns in [5_000, 5_000, 3_000] {
            arrivals.push(time_ns);
        }
        assert_eq!((arrivals.rate_hz(), arrivals.window(), arrivals.span_s()), (None, 2, 0.0));
    }

    #[test]
    fn a_deviation_is_that_of_the_numbers() {
        let mut window = Window::new(10);
        for number in [2, 4, 4, 4, 5, 5, 7, 9] {
            window.push(number);
        }
        assert_eq!(window.spread(1.0), Some(Spread { mean: 5.0, min: 2.0, max: 9.0, std_dev: 2.0 }));
    }

    proptest! {
        #[test]
        fn any_numbers_have_a_spread_within_their_bounds(numbers: Vec<i64>, size in 0_usize..20) {
            let mut window = Window::new(size);
            numbers.iter().for_each(|&number| window.push(number));
            let kept = &numbers[numbers.len().saturating_sub(size.max(1))..];
            prop_assert_eq!(window.len(), kept.len());
            match window.spread(NS_PER_S) {
                None => prop_assert!(kept.is_empty()),
                Some(Spread { mean, min, max, std_dev }) => {
                    prop_assert_eq!(min, *kept.iter().min().unwrap() as f64 / NS_PER_S);
                    prop_assert_eq!(max, *kept.iter().max().unwrap() as f64 / NS_PER_S);
                    prop_assert!(min <= mean && mean <= max);
                    prop_assert!(std_dev >= 0.0 && std_dev <= (max - min) / 2.0 * 1.000_001);
                }
            }
        }

        #[test]
        fn any_times_have_a_rate_that_is_a_number(times: Vec<u64>) {
            let mut arrivals = Arrivals::new(8);
            times.iter().for_each(|&time_ns| arrivals.push(time_ns));
            prop_assert!(arrivals.rate_hz().is_none_or(|rate| rate.is_finite() && rate > 0.0));
            prop_assert_eq!(arrivals.count(), times.len() as u64);
        }

        #[test]
        fn traffic_adds_up_however_it_is_split(sizes in prop::collection::vec(0_usize..1 << 28, 0..20), at in 0_usize..20) {
            let of = |sizes: &[usize]| {
                let mut traffic = Traffic::default();
                sizes.iter().for_each(|&bytes| traffic.push(bytes));
                traffic
            };
            let (one, other) = sizes.split_at(at.min(sizes.len()));
            prop_assert_eq!(of(one).plus(of(other)), of(&sizes));
            if let Some(of_sizes) = of(&sizes).sizes() {
                prop_assert!(of_sizes.min as f64 <= of_sizes.mean && of_sizes.mean <= of_sizes.max as f64);
            }
        }
    }
}
