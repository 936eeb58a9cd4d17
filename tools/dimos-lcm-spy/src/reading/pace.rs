//! How long the reader sleeps between two looks at the bus: long, since each look costs, and short enough that the kernel's receive
//! buffer does not fill up meanwhile. Where nothing came it does not sleep at all but waits, which costs no more then; nor does it where
//! messages come that are too large for the buffer, or did not long ago. Pure: times are passed in.

use std::time::{Duration, Instant};

/// Decides it.
#[derive(Debug)]
pub(super) struct Pace {
    /// What fits into the kernel's receive buffer.
    buffer_bytes: f64,
    /// What the buffer had to take in a second when most came, forgotten slowly.
    peak_bytes_per_s: f64,
    last_batch: Instant,
    /// No pause is longer. Less after the kernel has dropped something.
    longest: Duration,
    missed: Missed,
    last_change: Instant,
    /// When a message came last of which the buffer holds only a few, or when something was missed last.
    last_large: Option<Instant>,
    /// For how long it waits after that.
    waits_for: Duration,
}

/// What did not come, so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Missed {
    /// Datagrams that found no room in the buffer.
    pub(super) drops: u64,
    /// Messages of which only parts came.
    pub(super) incomplete: u64,
}

/// What was taken at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Batch {
    pub(super) messages: u32,
    bytes: u64,
    largest_bytes: usize,
}

/// What the reader does before it looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It sleeps, whatever comes.
    Sleep(Duration),
    /// It waits for the next message, which costs more: large ones are lost otherwise.
    Wait,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            buffer_bytes: DEFAULT_BUFFER_BYTES,
            peak_bytes_per_s: 0.0,
            last_batch: now,
            longest: LONGEST,
            missed: Missed::default(),
            last_change: now,
            last_large: None,
            waits_for: FIRST_WAIT,
        }
    }

    /// How large the kernel's buffer is, and what was missed so far.
    pub(super) fn hear(&mut self, buffer_bytes: u64, missed: Missed, now: Instant) {
        if buffer_bytes > 0 {
            self.buffer_bytes = buffer_bytes as f64;
        }
        let before = std::mem::replace(&mut self.missed, missed);
        if missed.incomplete > before.incomplete || missed.drops > before.drops {
            self.wait_from(now);
        }
        if missed.drops > before.drops {
            self.longest = (self.longest / 2).max(SHORTEST);
            self.last_change = now;
        } else if self.longest < LONGEST && now.saturating_duration_since(self.last_change) > RECOVERS_AFTER {
            self.longest = (self.longest * 2).min(LONGEST);
            self.last_change = now;
        }
    }

    /// After something was taken, or nothing.
    pub(super) fn rest(&mut self, batch: Batch, now: Instant) -> Rest {
        let since_s = now.saturating_duration_since(self.last_batch).as_secs_f64().max(1e-4);
        self.last_batch = now;
        let cost = f64::from(batch.messages) * BUFFERED_BYTES_EACH + 1.25 * batch.bytes as f64;
        let decayed = self.peak_bytes_per_s * (1.0 - since_s / FORGETS_AFTER_S).max(0.0);
        self.peak_bytes_per_s = decayed.max(cost / since_s);
        if batch.largest_bytes as f64 > self.buffer_bytes / 4.0 {
            self.wait_from(now);
        }
        // A large message comes all at once: only who takes it out meanwhile finds room for it.
        let is_near = |last: Instant| now.saturating_duration_since(last) < self.waits_for;
        if batch.messages == 0 || self.last_large.is_some_and(is_near) {
            return Rest::Wait;
        }
        let fills_s = self.buffer_bytes / self.peak_bytes_per_s.max(1.0);
        let pause = Duration::try_from_secs_f64(fills_s / 2.0).unwrap_or(LONGEST);
        Rest::Sleep(pause.clamp(SHORTEST, self.longest))
    }

    /// Something came that sleep is too long for: the next of its kind is waited for, and after a pause in which it was not, for longer
    /// than the last one kept it waiting.
    fn wait_from(&mut self, now: Instant) {
        if let Some(last) = self.last_large.replace(now) {
            let since = now.saturating_duration_since(last);
            self.waits_for = match since {
                since if since > MOST_WAIT => FIRST_WAIT,
                since => self.waits_for.max(2 * since).min(MOST_WAIT),
            };
        }
    }
}

impl Batch {
    /// With one more message, of this size.
    pub(super) fn push(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
        self.largest_bytes = self.largest_bytes.max(bytes);
    }
}

/// What the kernel has by default.
const DEFAULT_BUFFER_BYTES: f64 = 212_992.0;

/// What a datagram takes of the buffer beside its bytes.
const BUFFERED_BYTES_EACH: f64 = 768.0;

/// A pause costs some µs, so that this is less than 0.2 % of a core.
const LONGEST: Duration = Duration::from_millis(12);

/// What would be shorter is no pause.
const SHORTEST: Duration = Duration::from_millis(1);

const FORGETS_AFTER_S: f64 = 5.0;

const RECOVERS_AFTER: Duration = Duration::from_secs(5);

/// How long it waits after the first large message, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const MOST_WAIT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &mut Pace, now: &mut Instant, rate_hz: u32, bytes_each: usize, looks: u32) -> Rest {
        let mut rest = Rest::Wait;
        for _ in 0..looks {
            *now += Duration::from_millis(5);
            let mut batch = Batch::default();
            (0..rate_hz / 200).for_each(|_| batch.push(bytes_each));
            rest = pace.rest(batch, *now);
        }
        rest
    }

    #[test]
    fn the_more_comes_the_shorter_the_pause_and_a_large_buffer_makes_it_long_again() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(run(&mut pace, &mut now, 1000, 100, 10), Rest::Sleep(LONGEST));
        let Rest::Sleep(busy) = run(&mut pace, &mut now, 20_000, 130, 10) else { panic!("it waits") };
        // So much fits into it in that time, with as much to spare.
        assert!(Duration::from_millis(4) < busy && busy < Duration::from_millis(8), "{busy:?}");
        pace.hear(4 << 20, Missed::default(), now);
        assert_eq!(run(&mut pace, &mut now, 20_000, 130, 10), Rest::Sleep(LONGEST));
    }

    #[test]
    fn it_waits_where_messages_come_of_which_the_buffer_holds_only_a_few() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(run(&mut pace, &mut now, 200, 100_000, 2), Rest::Wait);
        assert_eq!(run(&mut pace, &mut now, 200, 100, 100), Rest::Wait);
        now += Duration::from_secs(6);
        assert_eq!(run(&mut pace, &mut now, 200, 100, 1), Rest::Sleep(LONGEST));
        // What nobody sends is waited for, whatever the buffer.
        assert_eq!(run(&mut pace, &mut now, 0, 0, 1), Rest::Wait);
        pace.hear(4 << 20, Missed::default(), now);
        assert_eq!(run(&mut pace, &mut now, 200, 100_000, 1), Rest::Sleep(LONGEST));
    }

    #[test]
    fn it_sleeps_less_while_the_kernel_drops_and_waits_where_large_messages_stay_incomplete() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for drops in 1..=6 {
            pace.hear(212_992, Missed { drops, incomplete: 0 }, now);
        }
        assert_eq!(run(&mut pace, &mut now, 200, 100, 1), Rest::Wait);
        now += Duration::from_secs(5);
        assert_eq!(run(&mut pace, &mut now, 200, 100, 1), Rest::Sleep(SHORTEST));
        pace.hear(212_992, Missed { drops: 6, incomplete: 1 }, now);
        assert_eq!(run(&mut pace, &mut now, 200, 100, 1), Rest::Wait);
        for _ in 0..20 {
            now += Duration::from_secs(6);
            pace.hear(212_992, Missed { drops: 6, incomplete: 1 }, now);
        }
        assert_eq!(run(&mut pace, &mut now, 200, 100, 1), Rest::Sleep(LONGEST));
    }

    /// A large message after each interval, among small ones at 200 Hz: how many of so many it sleeps through.
    fn slept_through(interval_s: u64, count: u64) -> u64 {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let (mut rest, mut incomplete) = (Rest::Wait, 0);
        for _ in 0..count {
            for _ in 0..interval_s * 200 {
                rest = run(&mut pace, &mut now, 200, 100, 1);
            }
            now += Duration::from_millis(5);
            let mut batch = Batch::default();
            if rest == Rest::Wait {
                batch.push(1_000_000);
            } else {
                incomplete += 1;
                pace.hear(212_992, Missed { drops: 0, incomplete }, now);
                batch.push(100);
            }
            rest = pace.rest(batch, now);
        }
        incomplete
    }

    #[test]
    fn of_large_messages_among_small_ones_it_sleeps_through_the_first_ones_only() {
        assert_eq!(slept_through(1, 60), 1);
        assert_eq!(slept_through(10, 30), 2);
        assert_eq!(slept_through(60, 10), 2);
    }
}
