//! Where playing is in the time of the log, and when the next event is due, with pauses, jumps and changes of speed. Time is passed in;
//! waiting is left to `player.rs`.

use std::time::{Duration, Instant};

use lcm::log::Pacing;

/// The clock of a log that is played.
#[derive(Debug)]
pub(super) struct Deck {
    speed: f64,
    is_paused: bool,
    /// The time of the log, in microseconds since the epoch, at an instant.
    at_us: i64,
    since: Instant,
    /// Whether the next event is due at once, whatever its time is.
    is_at_next: bool,
    /// None where it is to begin there.
    pacing: Option<Pacing>,
}

impl Deck {
    /// A deck that stands at a time of the log. At a speed of 0 everything is due at once.
    pub(super) fn new(speed: f64, is_paused: bool, at_us: i64, now: Instant) -> Self {
        Self { speed, is_paused, at_us, since: now, is_at_next: false, pacing: None }
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether everything is due at once.
    pub(super) fn is_unpaced(&self) -> bool {
        self.speed <= 0.0
    }

    /// When the next event is due, which is that of this time; never while it is paused.
    pub(super) fn due(&mut self, event_us: i64, now: Instant) -> Option<Instant> {
        if self.is_at_next {
            self.jump(event_us, now);
        }
        if self.is_paused {
            return None;
        }
        let Self { speed, at_us, since, .. } = *self;
        let pacing = self.pacing.get_or_insert_with(|| {
            let mut pacing = Pacing::new(speed);
            let _ = pacing.due(at_us, since);
            pacing
        });
        Some(pacing.due(event_us, now))
    }

    /// The event of this time was played, when it was due or because somebody wanted it.
    pub(super) fn played(&mut self, event_us: i64, due: Instant) {
        (self.at_us, self.since) = (event_us, due);
    }

    /// The time of the log, before the next event of the log, if that is known.
    pub(super) fn position_us(&self, next_us: Option<i64>, now: Instant) -> i64 {
        if self.is_paused || self.is_unpaced() {
            return self.at_us;
        }
        let passed = now.saturating_duration_since(self.since).as_secs_f64() * self.speed;
        let passed = Duration::try_from_secs_f64(passed).unwrap_or(Duration::MAX);
        let position_us = self.at_us.saturating_add(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX));
        // Where times go backwards the next event is older than where it is.
        next_us.map_or(position_us, |next_us| position_us.min(next_us.max(self.at_us)))
    }

    /// Pauses, or goes on.
    pub(super) fn set_paused(&mut self, is_paused: bool, next_us: Option<i64>, now: Instant) {
        let position_us = self.position_us(next_us, now);
        self.jump(position_us, now);
        self.is_paused = is_paused;
    }

    fn set_speed(&mut self, speed: f64, next_us: Option<i64>, now: Instant) {
        let position_us = self.position_us(next_us, now);
        self.jump(position_us, now);
        self.speed = speed;
    }

    /// Goes to a time of the log.
    pub(super) fn jump(&mut self, to_us: i64, now: Instant) {
        (self.at_us, self.since, self.pacing, self.is_at_next) = (to_us, now, None, false);
    }

    /// Goes to the next event, which has about this time: it is due at once.
    pub(super) fn jump_to_next(&mut self, about_us: i64, now: Instant) {
        self.jump(about_us, now);
        self.is_at_next = true;
    }

    /// Time that nobody could play in has passed: what was due in it is due from here on, as far apart as it was recorded.
    pub(super) fn resume(&mut self, next_us: i64, now: Instant) {
        if self.due(next_us, now).is_some_and(|due| due < now) {
            self.jump(next_us, now);
        }
    }

    pub(super) fn faster(&mut self, next_us: Option<i64>, now: Instant) {
        if !self.is_unpaced() {
            self.set_speed((self.speed * 2.0).min(FASTEST.max(self.speed)), next_us, now);
        }
    }

    /// Slower than as fast as possible is the fastest of all speeds.
    pub(super) fn slower(&mut self, next_us: Option<i64>, now: Instant) {
        let speed = if self.is_unpaced() { FASTEST } else { (self.speed / 2.0).max(SLOWEST.min(self.speed)) };
        self.set_speed(speed, next_us, now);
    }
}

/// Keys go no further.
const FASTEST: f64 = 1024.0;
const SLOWEST: f64 = 1.0 / 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn after(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn events_are_due_as_they_were_recorded_and_lateness_does_not_add_up() {
        let start = Instant::now();
        let mut deck = Deck::new(2.0, false, 100 * S, start);
        for number in 0..1000 {
            let event_us = 100 * S + number * S;
            let late = start + after(0.5 * number as f64 + 0.4);
            let due = deck.due(event_us, late).unwrap();
            assert_eq!(due - start, Duration::from_millis(500) * u32::try_from(number).unwrap());
            deck.played(event_us, due);
        }
    }

    #[test]
    fn a_pause_takes_no_time_of_the_log() {
        let start = Instant::now();
        let mut deck = Deck::new(1.0, false, 0, start);
        assert_eq!(deck.due(10 * S, start), Some(start + after(10.0)));
        deck.set_paused(true, Some(10 * S), start + after(4.0));
        assert_eq!((deck.due(10 * S, start), deck.position_us(None, start + after(99.0))), (None, 4 * S));
        deck.set_paused(false, Some(10 * S), start + after(100.0));
        assert_eq!(deck.due(10 * S, start + after(100.0)), Some(start + after(106.0)));
        assert_eq!(deck.position_us(Some(10 * S), start + after(103.0)), 7 * S);
        assert_eq!(deck.position_us(Some(10 * S), start + after(999.0)), 10 * S);
    }

    #[test]
    fn another_speed_counts_from_where_it_is() {
        let start = Instant::now();
        let mut deck = Deck::new(1.0, false, 0, start);
        assert_eq!(deck.due(10 * S, start), Some(start + after(10.0)));
        deck.set_speed(4.0, Some(10 * S), start + after(2.0));
        assert_eq!(deck.due(10 * S, start + after(2.0)), Some(start + after(4.0)));
        deck.jump(7 * S, start + after(3.0));
        assert_eq!(deck.due(11 * S, start + after(3.0)), Some(start + after(4.0)));
    }

    #[test]
    fn what_was_due_during_a_stop_keeps_its_distances() {
        let start = Instant::now();
        let mut deck = Deck::new(1.0, false, 0, start);
        assert_eq!(deck.due(2 * S, start), Some(start + after(2.0)));
        // What is due later than the stop ends stays where it was.
        deck.resume(2 * S, start + after(1.0));
        assert_eq!(deck.due(2 * S, start), Some(start + after(2.0)));
        deck.resume(2 * S, start + after(60.0));
        assert_eq!(deck.due(2 * S, start + after(60.0)), Some(start + after(60.0)));
        assert_eq!(deck.due(5 * S, start + after(60.0)), Some(start + after(63.0)));
    }

    #[test]
    fn the_first_event_that_is_played_is_due_at_once() {
        let start = Instant::now();
        let mut deck = Deck::new(1.0, false, 0, start);
        deck.jump_to_next(0, start);
        assert_eq!(deck.due(100 * S, start + after(1.0)), Some(start + after(1.0)));
        assert_eq!(deck.due(101 * S, start + after(1.0)), Some(start + after(2.0)));
    }

    #[test]
    fn keys_never_change_the_speed_the_other_way() {
        let now = Instant::now();
        let speeds = |speed| {
            let [mut faster, mut slower] = [speed, speed].map(|speed| Deck::new(speed, false, 0, now));
            faster.faster(None, now);
            slower.slower(None, now);
            [faster.speed(), slower.speed()]
        };
        assert_eq!(speeds(1.0), [2.0, 0.5]);
        assert_eq!(speeds(0.0), [0.0, 1024.0]);
        assert_eq!(speeds(5000.0), [5000.0, 2500.0]);
        assert_eq!(speeds(0.001), [0.002, 0.001]);
        assert_eq!(speeds(1024.0), [1024.0, 512.0]);
    }

    #[test]
    fn at_speed_0_everything_is_due_and_times_that_go_backwards_are_no_obstacle() {
        let start = Instant::now();
        let mut deck = Deck::new(0.0, false, 50 * S, start);
        assert_eq!(deck.due(900 * S, start), Some(start));
        let mut deck = Deck::new(1.0, false, 50 * S, start);
        assert_eq!(deck.due(3 * S, start), Some(start));
        deck.played(3 * S, start);
        assert_eq!(deck.due(4 * S, start), Some(start + after(1.0)));
    }
}
