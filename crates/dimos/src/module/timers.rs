//! When the module's timers are due, by whatever clock.

/// A point in time of a clock, in ns.
pub(super) type TimeNs = i64;

/// Timers that come again and again.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: Vec<Timer>,
    /// Periods that passed while the module was busy.
    missed: u64,
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
        self.missed += missed.unsigned_abs();
        timer.next = Some(next.saturating_add(timer.period_ns.saturating_mul(missed.saturating_add(1))));
        Some(index)
    }

    /// When the next one is due, once the clock has begun.
    pub(super) fn next(&self) -> Option<TimeNs> {
        self.timers.iter().filter_map(|timer| timer.next).min()
    }

    /// Periods that passed while the module was busy.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(due(&mut timers, 110), [0]);
        assert_eq!(due(&mut timers, 125), [0, 1]);
        assert_eq!(timers.next(), Some(130));
        assert_eq!(timers.missed(), 0);
    }

    #[test]
    fn missed_periods_are_counted_and_not_made_up_for() {
        let mut timers = Timers::default();
        timers.add(10);
        due(&mut timers, 0);
        assert_eq!(due(&mut timers, 57), [0]);
        assert_eq!((timers.missed(), timers.next()), (4, Some(60)));
        assert_eq!(due(&mut timers, 60), [0]);
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let mut timers = Timers::default();
        timers.add(10);
        due(&mut timers, 1_000_000);
        assert!(due(&mut timers, 5).is_empty());
        assert_eq!(timers.next(), Some(15));
        assert_eq!(due(&mut timers, 15), [0]);
        // The ends of time are no fault.
        assert_eq!(due(&mut timers, i64::MAX), [0]);
        assert!(due(&mut timers, i64::MIN).is_empty());
    }
}
