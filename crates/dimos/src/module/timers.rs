//! When the module's timers are due, by whatever clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A point in time of a clock, in ns.
pub(super) type TimeNs = i64;

/// Timers that come again and again.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: Vec<Timer>,
    /// Periods that passed while the module was busy; others look at it.
    missed: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Timer {
    period_ns: i64,
    next: Option<TimeNs>,
}

impl Timers {
    /// A further timer. Its number is how many there were before.
    pub(super) fn add(&mut self, period_ns: i64) {
        self.timers.push(Timer { period_ns: period_ns.max(1), next: None });
    }

    /// A timer that is due, the most overdue one first. It is due again a period after it was due now, or, if that is over too, at the
    /// next multiple that is not: periods that were missed are counted and not made up for.
    pub(super) fn pop_due(&mut self, now: TimeNs) -> Option<usize> {
        for timer in &mut self.timers {
            // The first one is due a period after the clock began, or began anew: one that went back, as a simulation that was
            // restarted does, leaves no timer in its old future.
            let far = now.saturating_add(timer.period_ns);
            if timer.next.is_none_or(|next| next > far) {
                timer.next = Some(far);
            }
        }
        let due = self.timers.iter().enumerate().filter_map(|(index, timer)| Some((timer.next?, index)));
        // At the end of time nothing is due any more.
        let (next, index) = due.filter(|(next, _)| *next <= now && *next < TimeNs::MAX).min()?;
        let timer = self.timers.get_mut(index)?;
        let missed = (now - next) / timer.period_ns;
        self.missed.fetch_add(missed.unsigned_abs(), Ordering::Relaxed);
        timer.next = Some(next.saturating_add(timer.period_ns.saturating_mul(missed.saturating_add(1))));
        Some(index)
    }

    /// Whether [`Timers::pop_due`] has something to do, be it that the clock has begun or went back.
    pub(super) fn is_due(&self, now: TimeNs) -> bool {
        self.timers.iter().any(|timer| match timer.next {
            Some(next) => (next <= now && next < TimeNs::MAX) || next > now.saturating_add(timer.period_ns),
            None => true,
        })
    }

    /// When the next one is due, once the clock has begun.
    pub(super) fn next(&self) -> Option<TimeNs> {
        self.timers.iter().filter_map(|timer| timer.next).min()
    }

    /// Periods that passed while the module was busy.
    pub(super) fn missed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::clock::Clock;

    fn missed(timers: &Timers) -> u64 {
        timers.missed().load(Ordering::Relaxed)
    }

    fn due(timers: &mut Timers, now: TimeNs) -> Vec<usize> {
        std::iter::from_fn(|| timers.pop_due(now)).collect()
    }

    #[test]
    fn timers_come_at_multiples_of_their_periods() {
        let mut timers = Timers::default();
        timers.add(10);
        timers.add(25);
        assert!(due(&mut timers, 100).is_empty());
        assert_eq!(timers.next(), Some(110));
        assert!(due(&mut timers, 109).is_empty());
        assert!(!timers.is_due(109) && timers.is_due(110));
        assert_eq!(due(&mut timers, 110), [0]);
        assert_eq!(due(&mut timers, 125), [0, 1]);
        assert_eq!(timers.next(), Some(130));
        assert_eq!(missed(&timers), 0);
    }

    #[test]
    fn missed_periods_are_counted_and_not_made_up_for() {
        let mut timers = Timers::default();
        timers.add(10);
        due(&mut timers, 0);
        assert_eq!(due(&mut timers, 57), [0]);
        assert_eq!((missed(&timers), timers.next()), (4, Some(60)));
        assert_eq!(due(&mut timers, 60), [0]);
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let mut timers = Timers::default();
        timers.add(10);
        assert!(timers.is_due(1_000_000), "it has to begin");
        due(&mut timers, 1_000_000);
        assert!(timers.is_due(5), "it has to begin anew");
        assert!(due(&mut timers, 5).is_empty());
        assert!(!timers.is_due(5));
        assert_eq!(timers.next(), Some(15));
        assert_eq!(due(&mut timers, 15), [0]);
        // The ends of time are no fault.
        assert_eq!(due(&mut timers, i64::MAX), [0]);
        assert!(!timers.is_due(i64::MAX));
        assert!(due(&mut timers, i64::MIN).is_empty());
    }

    #[test]
    fn timers_follow_a_simulation_wherever_it_jumps() {
        let (mut timers, clock) = (Timers::default(), Clock::simulated());
        timers.add(100);
        let mut at = |time_ns: TimeNs| {
            let went_back = clock.set(time_ns);
            let now = clock.for_timers().unwrap();
            let was_due = timers.is_due(now);
            let runs = due(&mut timers, now).len();
            assert!(!timers.is_due(now) && (was_due || runs == 0), "at {time_ns}");
            (runs, went_back)
        };
        assert_eq!(at(1000), (0, false));
        assert_eq!([at(1099), at(1100), at(1100), at(1199)], [(0, false), (1, false), (0, false), (0, false)]);
        // Ahead, where nothing is made up for, and back, where it begins anew.
        assert_eq!([at(9_000), at(9_050), at(9_100)], [(1, false), (0, false), (1, false)]);
        assert_eq!([at(50), at(149), at(150)], [(0, true), (0, false), (1, false)]);
        assert_eq!([at(-7), at(99), at(100)], [(0, true), (0, false), (1, false)]);
        assert_eq!(missed(&timers), 78);
        // Before the simulation has told the time there is none, and it never comes by itself.
        let silent = Clock::simulated();
        assert_eq!((silent.for_timers(), silent.instant_of(100)), (None, None));
    }
}
