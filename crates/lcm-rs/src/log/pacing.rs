//! When each event of a log is due, if the log is to be played as it was recorded, or faster or slower.
//!
//! Time is passed in; waiting is left to the caller.

use std::time::{Duration, Instant};

/// The pace at which a log is played.
///
/// The first event is due at once, and each later one as much after it as their timestamps say, divided by the speed. So a
/// player that is late catches up. Where timestamps go backwards no time passes, and the pace goes on from there.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let mut pacing = lcm::log::Pacing::new(2.0);
/// assert_eq!(pacing.due(1_700_000_000_000_000, start), start);
/// assert_eq!(pacing.due(1_700_000_001_000_000, start), start + Duration::from_millis(500));
/// ```
#[derive(Debug, Clone)]
pub struct Pacing {
    speed: f64,
    played: Option<Played>,
}

/// What was played so far.
#[derive(Debug, Clone, Copy)]
struct Played {
    start: Instant,
    last_timestamp_us: i64,
    /// How much time passed in the log since `start`.
    elapsed_us: u64,
}

impl Pacing {
    /// A pace of `speed` times that of the recording. At 0, less, or no number at all, every event is due at once.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self { speed, played: None }
    }

    /// Whether every event is due at once.
    #[must_use]
    pub fn is_unpaced(&self) -> bool {
        self.speed.is_nan() || self.speed <= 0.0
    }

    /// When the event with this timestamp is due, which follows those that were asked for before. The first call starts the
    /// clock.
    #[must_use]
    pub fn due(&mut self, timestamp_us: i64, now: Instant) -> Instant {
        if self.is_unpaced() {
            return now;
        }
        let first = Played { start: now, last_timestamp_us: timestamp_us, elapsed_us: 0 };
        let played = self.played.get_or_insert(first);
        let passed_us = u64::try_from(i128::from(timestamp_us) - i128::from(played.last_timestamp_us));
        played.elapsed_us = played.elapsed_us.saturating_add(passed_us.unwrap_or(0));
        played.last_timestamp_us = timestamp_us;
        let elapsed = Duration::from_micros(played.elapsed_us);
        let wait = Duration::try_from_secs_f64(elapsed.as_secs_f64() / self.speed).unwrap_or(FAR_AWAY);
        played.start.checked_add(wait.min(FAR_AWAY)).unwrap_or(now + FAR_AWAY)
    }
}

/// Longer than any program runs.
const FAR_AWAY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    /// When events with these timestamps in seconds are due, in milliseconds after the first.
    fn due_ms(speed: f64, timestamps_s: &[i64]) -> Vec<u128> {
        let start = Instant::now();
        let mut pacing = Pacing::new(speed);
        let mut due = |timestamp: &i64| (pacing.due(timestamp * 1_000_000, start) - start).as_millis();
        timestamps_s.iter().map(&mut due).collect()
    }

    #[test]
    fn events_keep_their_distances() {
        assert_eq!(due_ms(1.0, &[100, 101, 101, 104]), [0, 1000, 1000, 4000]);
        assert_eq!(due_ms(4.0, &[100, 101, 101, 104]), [0, 250, 250, 1000]);
        assert_eq!(due_ms(0.5, &[-1, 1]), [0, 4000]);
    }

    #[test]
    fn at_speed_zero_or_less_everything_is_due_at_once() {
        for speed in [0.0, -1.0, f64::NAN] {
            assert_eq!(due_ms(speed, &[100, 200, 300]), [0, 0, 0]);
        }
        assert_eq!(due_ms(f64::INFINITY, &[100, 200]), [0, 0]);
    }

    #[test]
    fn a_clock_that_was_set_back_neither_stops_nor_rushes_the_playback() {
        assert_eq!(due_ms(1.0, &[100, 101, 50, 51, 52]), [0, 1000, 1000, 2000, 3000]);
    }

    #[test]
    fn any_timestamps_are_due_some_time() {
        let now = Instant::now();
        for speed in [1.0, f64::MIN_POSITIVE, f64::MAX] {
            let mut pacing = Pacing::new(speed);
            for timestamp in [i64::MIN, i64::MAX, i64::MIN, i64::MAX, 0] {
                assert!(pacing.due(timestamp, now) >= now);
            }
        }
    }

    #[test]
    fn rounding_does_not_add_up() {
        let start = Instant::now();
        let mut pacing = Pacing::new(3.0);
        let due = (0..=3_000_000).map(|number| pacing.due(number, start)).last();
        let elapsed = due.unwrap() - start;
        assert!(elapsed.abs_diff(Duration::from_secs(1)) < Duration::from_micros(1), "{elapsed:?}");
    }
}
