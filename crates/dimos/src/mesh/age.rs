//! How long ago a message arrived, whatever the system's clock was set to meanwhile.
//!
//! The kernel notes arrivals by the wall clock, which can be set. What is known by a clock that nobody sets is when the bus was found
//! empty: all that is read later arrived after that.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// The clocks, read together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    wall: SystemTime,
    /// Since the system started, the time that it was suspended included.
    up: Duration,
}

impl Clocks {
    pub(super) fn now() -> Self {
        let up = clock_gettime(ClockId::Boottime);
        Self { wall: SystemTime::now(), up: Duration::try_from(up).unwrap_or_default() }
    }

    /// The age, at this time, of a message that arrived after `emptied`, and at `received` by the wall clock of that moment.
    ///
    /// If the clock was set since `emptied`, the message may have come before that or after it. What cannot be is left out; if both
    /// can, it is the older of the two: a call that may be stale is not executed.
    pub(super) fn age(self, emptied: Self, received: SystemTime) -> Duration {
        let most = self.up.saturating_sub(emptied.up);
        let by_clock = signed_ns(self.wall, received);
        let set_by = signed_ns(self.wall, emptied.wall) - i128::try_from(most.as_nanos()).unwrap_or(i128::MAX);
        let ages = [by_clock, by_clock - set_by].map(|age_ns| age_within(age_ns, most));
        ages.into_iter().flatten().max().unwrap_or(most)
    }
}

/// The age, if it can be. What the clocks differ by between two looks at them does not count.
fn age_within(age_ns: i128, most: Duration) -> Option<Duration> {
    let slack_ns = i128::try_from(SLACK.as_nanos()).unwrap_or_default();
    let most_ns = i128::try_from(most.as_nanos()).unwrap_or(i128::MAX);
    let is_possible = (-slack_ns..=most_ns.saturating_add(slack_ns)).contains(&age_ns);
    is_possible.then(|| Duration::from_nanos(u64::try_from(age_ns.clamp(0, most_ns)).unwrap_or(u64::MAX)))
}

/// From `before` to `after`; less than nothing if that is the wrong way round.
fn signed_ns(after: SystemTime, before: SystemTime) -> i128 {
    let ns = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match after.duration_since(before) {
        Ok(passed) => ns(passed),
        Err(error) => -ns(error.duration()),
    }
}

/// The clocks are not read at the same instant, and the wall clock may be slewed.
const SLACK: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    /// `up_ms` after the bus was found empty, when the wall clock shows `wall_ms` since then.
    fn after(wall_ms: i64, up_ms: u64) -> Clocks {
        Clocks { wall: wall(wall_ms), up: Duration::from_millis(1_000_000 + up_ms) }
    }

    fn wall(ms: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis((10_000_000_000 + ms).unsigned_abs())
    }

    fn age_ms(now: Clocks, received_ms: i64) -> u128 {
        now.age(after(0, 0), wall(received_ms)).as_millis()
    }

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_clock_that_nobody_sets_tells_the_age() {
        assert_eq!(age_ms(after(100, 100), 90), 10);
        assert_eq!(age_ms(after(5_000, 5_000), 100), 4_900);
        // Up to what passes between two looks at the clocks.
        assert_eq!(age_ms(after(100, 100), 101), 0);
        assert_eq!(age_ms(after(100, 100), -1), 100);
    }

    #[test]
    fn a_clock_that_is_put_forward_makes_no_message_old() {
        // It came before the clock was set.
        assert_eq!(age_ms(after(HOUR_MS + 100, 100), 90), 10);
        // It came after that.
        assert_eq!(age_ms(after(HOUR_MS + 100, 100), HOUR_MS + 90), 10);
    }

    #[test]
    fn a_clock_that_is_put_back_makes_no_message_young() {
        // The process was suspended for a minute while the message waited.
        assert_eq!(age_ms(after(60_000 - HOUR_MS, 60_000), 1_000), 59_000);
        assert_eq!(age_ms(after(60_000 - HOUR_MS, 60_000), 2_000 - HOUR_MS), 58_000);
    }

    #[test]
    fn what_may_have_come_before_or_after_the_clock_was_set_is_taken_for_the_older() {
        // 10 s forward within a minute, or back.
        assert_eq!(age_ms(after(70_000, 60_000), 30_000), 40_000);
        assert_eq!(age_ms(after(50_000, 60_000), 30_000), 30_000);
    }

    #[test]
    fn a_time_that_cannot_be_is_as_old_as_can_be() {
        assert_eq!(age_ms(after(100, 100), -HOUR_MS), 100);
        assert_eq!(age_ms(after(100, 100), HOUR_MS), 100);
    }
}
