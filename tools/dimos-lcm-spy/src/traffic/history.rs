//! What came in each of the last seconds: rate, bandwidth and jitter of the moment, and a line of bars. Times are passed in.

/// The last [`SECONDS`] seconds of a channel, or of a whole bus.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The newest second, since the epoch.
    newest_s: u64,
    /// By second, modulo their number.
    slots: [Slot; SECONDS],
}

/// How it is at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recent {
    /// Messages a second; 0 when nothing has come for longer than usual.
    pub rate_hz: f64,
    /// Bytes a second.
    pub bytes_per_s: f64,
    /// The standard deviation of the times between messages.
    pub jitter_s: f64,
}

/// A second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Slot {
    messages: u32,
    bytes: u64,
    /// Of the intervals that end in it: the sum, and the sum of their squares.
    intervals_s: f64,
    squares_s2: f64,
}

impl History {
    /// One that begins at this time.
    #[must_use]
    pub fn new(time_ns: u64) -> Self {
        Self { newest_s: time_ns / NS_PER_S, slots: [Slot::default(); SECONDS] }
    }

    /// A message came, so long after the one before it. What comes with a time a little before the last one counts as of then; with one
    /// long before it, the history begins anew.
    pub fn push(&mut self, time_ns: u64, interval_ns: u64, bytes: usize) {
        self.advance(time_ns / NS_PER_S);
        let slot = &mut self.slots[place(self.newest_s)];
        let interval_s = interval_ns as f64 * 1e-9;
        slot.messages = slot.messages.saturating_add(1);
        slot.bytes = slot.bytes.saturating_add(bytes as u64);
        slot.intervals_s += interval_s;
        slot.squares_s2 += interval_s * interval_s;
    }

    /// How it is, with the last message at `last_ns`: over the last two seconds, or over more if little came in them.
    #[must_use]
    pub fn recent(&self, now_ns: u64, last_ns: u64) -> Recent {
        let Some(now_s) = self.second_of(now_ns) else { return Recent::default() };
        let mut sum = Slot::default();
        for back in 0..SECONDS as u64 {
            let Some(second) = now_s.checked_sub(back) else { break };
            if self.newest_s.saturating_sub(second) >= SECONDS as u64 || back > ENOUGH_S && sum.messages >= ENOUGH {
                break;
            }
            if second <= self.newest_s {
                let slot = &self.slots[place(second)];
                sum.messages = sum.messages.saturating_add(slot.messages);
                sum.bytes = sum.bytes.saturating_add(slot.bytes);
                sum.intervals_s += slot.intervals_s;
                sum.squares_s2 += slot.squares_s2;
            }
        }
        let count = f64::from(sum.messages);
        let mean_s = sum.intervals_s / count;
        if sum.messages == 0 || mean_s <= 0.0 {
            return Recent::default();
        }
        let age_s = now_ns.saturating_sub(last_ns) as f64 / NS_PER_S as f64;
        let jitter_s = (sum.squares_s2 / count - mean_s * mean_s).max(0.0).sqrt();
        if age_s > (SILENT_INTERVALS * mean_s).max(SILENT_S) {
            return Recent { jitter_s, ..Recent::default() };
        }
        let rate_hz = count / (sum.intervals_s + (age_s - mean_s).max(0.0));
        Recent { rate_hz, bytes_per_s: rate_hz * sum.bytes as f64 / count, jitter_s }
    }

    /// How many messages came in each of the last whole seconds before `now_ns`, the oldest first.
    #[must_use]
    pub fn bars(&self, now_ns: u64) -> [u32; BARS] {
        let Some(now_s) = self.second_of(now_ns) else { return [0; BARS] };
        std::array::from_fn(|index| {
            let second = now_s.saturating_sub((BARS - index) as u64);
            let is_kept = second <= self.newest_s && self.newest_s - second < SECONDS as u64;
            if is_kept { self.slots[place(second)].messages } else { 0 }
        })
    }

    /// The newest second at this time; none where the clock was set back and nothing has come since.
    fn second_of(&self, now_ns: u64) -> Option<u64> {
        let now_s = now_ns / NS_PER_S;
        (now_s.saturating_add(SET_BACK_S) >= self.newest_s).then(|| now_s.max(self.newest_s))
    }

    fn advance(&mut self, second: u64) {
        if second.saturating_add(SET_BACK_S) < self.newest_s {
            // The clock was set back, or a log is played again: what was before is no part of the last seconds.
            *self = Self { newest_s: second, slots: [Slot::default(); SECONDS] };
        }
        if second <= self.newest_s {
            return;
        }
        for passed in 1..=(second - self.newest_s).min(SECONDS as u64) {
            self.slots[place(self.newest_s.wrapping_add(passed))] = Slot::default();
        }
        self.newest_s = second;
        // After a long silence the places above were not those of these seconds, but all are empty.
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or_default()
}

/// How many are kept.
pub const SECONDS: usize = 32;

/// How many bars there are.
pub const BARS: usize = 16;

const NS_PER_S: u64 = 1_000_000_000;

/// Receive times are that much out of order at most.
const SET_BACK_S: u64 = 2;

/// So many seconds are enough to tell a rate, if so many messages came in them.
const ENOUGH_S: u64 = 2;
const ENOUGH: u32 = 4;

/// After so long, and so many times the usual interval, a channel is silent.
const SILENT_S: f64 = 2.0;
const SILENT_INTERVALS: f64 = 4.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START_NS: u64 = 1_700_000_000 * NS_PER_S;

    fn steady(period_ns: u64, count: u64) -> (History, u64) {
        let mut history = History::new(START_NS);
        (1..=count).for_each(|number| history.push(START_NS + number * period_ns, period_ns, 100));
        (history, START_NS + count * period_ns)
    }

    #[test]
    fn a_steady_channel_has_its_rate_at_any_moment() {
        for (period_ns, rate_hz) in [(100_000_000, 10.0), (1_000_000, 1000.0), (2_000_000_000, 0.5)] {
            let (history, last_ns) = steady(period_ns, 30_000_000_000 / period_ns);
            for since_ns in [0, period_ns / 2, period_ns] {
                let recent = history.recent(last_ns + since_ns, last_ns);
                assert!((recent.rate_hz - rate_hz).abs() < 1e-6 * rate_hz, "{recent:?}");
                assert!((recent.bytes_per_s - 100.0 * rate_hz).abs() < 1e-3 * rate_hz && recent.jitter_s < 1e-6);
            }
        }
    }

    #[test]
    fn a_channel_that_has_stopped_is_silent_soon() {
        let (history, last_ns) = steady(10_000_000, 1000);
        assert!(history.recent(last_ns + NS_PER_S, last_ns).rate_hz < 100.0);
        for since_s in [3, 30, 300] {
            assert_eq!(history.recent(last_ns + since_s * NS_PER_S, last_ns).rate_hz, 0.0);
        }
    }

    #[test]
    fn jitter_is_the_deviation_of_the_intervals() {
        let mut history = History::new(START_NS);
        let mut time_ns = START_NS;
        for number in 0..200 {
            let interval_ns = if number % 2 == 0 { 8_000_000 } else { 12_000_000 };
            time_ns += interval_ns;
            history.push(time_ns, interval_ns, 1);
        }
        assert!((history.recent(time_ns, time_ns).jitter_s - 0.002).abs() < 1e-9);
    }

    #[test]
    fn bars_are_whole_seconds_and_move_on_in_silence() {
        let (history, last_ns) = steady(100_000_000, 55);
        let bars = history.bars(last_ns);
        assert_eq!(bars[BARS - 5..], [9, 10, 10, 10, 10]);
        assert_eq!(history.bars(last_ns + 2 * NS_PER_S)[BARS - 4..], [10, 10, 6, 0]);
        assert_eq!(history.bars(last_ns + 100 * NS_PER_S), [0; BARS]);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let (mut history, last_ns) = steady(100_000_000, 55);
        let back_ns = last_ns - 3600 * NS_PER_S;
        // Until something comes.
        assert_eq!((history.recent(back_ns, last_ns), history.bars(back_ns)), (Recent::default(), [0; BARS]));
        (0..40).for_each(|number| history.push(back_ns + number * 100_000_000, 100_000_000, 100));
        let now_ns = back_ns + 39 * 100_000_000;
        assert!((history.recent(now_ns, now_ns).rate_hz - 10.0).abs() < 1e-6);
        assert_eq!(history.bars(now_ns)[BARS - 3..], [10, 10, 10]);
    }

    proptest! {
        #[test]
        fn any_times_have_a_rate_that_is_a_number(times: Vec<(u64, u64)>, now_ns: u64, last_ns: u64) {
            let mut history = History::new(times.first().map_or(0, |first| first.0));
            times.iter().for_each(|&(time_ns, interval_ns)| history.push(time_ns, interval_ns, usize::MAX));
            let Recent { rate_hz, bytes_per_s, jitter_s } = history.recent(now_ns, last_ns);
            prop_assert!([rate_hz, bytes_per_s, jitter_s].iter().all(|number| number.is_finite() && *number >= 0.0));
            let shown: u64 = history.bars(now_ns).iter().map(|&count| u64::from(count)).sum();
            prop_assert!(shown <= times.len() as u64);
        }
    }
}
