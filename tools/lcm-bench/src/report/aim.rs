//! What a row is meant to reach, and whether it does.

use std::fmt;

use super::Row;

/// An aim for what ours measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    /// Not more than this part of C LCM's figure.
    AtMostOfC(f64),
    /// Not less than this multiple of C LCM's figure.
    AtLeastOfC(f64),
    /// Not more than this multiple of the bare socket's figure.
    AtMostOfBare(f64),
    /// Every message arrives.
    NoneLost,
}

/// Whether an aim is reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Met,
    /// So little is missing that another run may reach it.
    Even(String),
    /// By how much it is missed.
    Missed(String),
    /// What it is compared with was not measured.
    Unknown,
}

impl Aim {
    pub(crate) fn verdict(self, row: &Row) -> Verdict {
        match self {
            Self::AtMostOfC(bound) => Verdict::at_most(row.of_c(), bound),
            Self::AtLeastOfC(bound) => Verdict::at_least(row.of_c(), bound),
            Self::AtMostOfBare(bound) => Verdict::at_most(row.of_bare(), bound),
            Self::NoneLost => match row.ours.and_then(|ours| ours.lost) {
                Some(lost) if lost.lost > 0.0 => Verdict::Missed(format!("{} lost", lost.show())),
                Some(_) => Verdict::Met,
                None => Verdict::Unknown,
            },
        }
    }
}

impl Verdict {
    pub(crate) fn at_most(value: Option<f64>, bound: f64) -> Self {
        Self::of(value, bound, |value| value <= bound)
    }

    /// As [`Verdict::at_most`], for what may differ by `noise` from run to run, a share of it.
    pub(crate) fn at_most_about(value: Option<f64>, bound: f64, noise: f64) -> Self {
        match value {
            Some(value) if value > bound && value <= bound * (1.0 + noise) => Self::Even(excess(value, bound)),
            _ => Self::at_most(value, bound),
        }
    }

    fn at_least(value: Option<f64>, bound: f64) -> Self {
        Self::of(value, bound, |value| value >= bound)
    }

    fn of(value: Option<f64>, bound: f64, met: impl Fn(f64) -> bool) -> Self {
        match value {
            Some(value) if met(value) => Self::Met,
            Some(value) => Self::Missed(excess(value, bound)),
            None => Self::Unknown,
        }
    }
}

fn excess(value: f64, bound: f64) -> String {
    format!("{:+.0} %", (value / bound - 1.0) * 100.0)
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMostOfC(bound) => write!(f, "≤ {bound} C"),
            Self::AtLeastOfC(bound) => write!(f, "≥ {bound} C"),
            Self::AtMostOfBare(bound) => write!(f, "≤ {bound} bare"),
            Self::NoneLost => write!(f, "none lost"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => write!(f, "yes"),
            Self::Even(by) => write!(f, "even ({by})"),
            Self::Missed(by) => write!(f, "no ({by})"),
            Self::Unknown => write!(f, "?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Placement;
    use crate::report::row::Cell;
    use crate::report::{Lost, Unit};

    fn row(ours: f64, c: f64) -> Row {
        let mut row = Row::new("x", Placement::Free, Unit::Microseconds);
        row.ours = Cell::of([ours]);
        row.c = Cell::of([c]);
        row
    }

    #[test]
    fn a_missed_aim_says_by_how_much() {
        let verdict = |aim: Aim, row: &Row| aim.verdict(row).to_string();
        assert_eq!(verdict(Aim::AtMostOfC(0.25), &row(25.0, 100.0)), "yes");
        assert_eq!(verdict(Aim::AtMostOfC(0.25), &row(30.0, 100.0)), "no (+20 %)");
        assert_eq!(verdict(Aim::AtLeastOfC(1.3), &row(130.0, 100.0)), "yes");
        assert_eq!(verdict(Aim::AtLeastOfC(1.3), &row(117.0, 100.0)), "no (-10 %)");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        assert_eq!(Aim::AtMostOfBare(1.3).verdict(&row(1.0, 1.0)), Verdict::Unknown);
        assert_eq!(Aim::NoneLost.verdict(&row(1.0, 1.0)), Verdict::Unknown);
    }

    #[test]
    fn what_is_missed_by_less_than_the_noise_is_even() {
        let verdict = |value| Verdict::at_most_about(Some(value), 1.0, 0.03).to_string();
        assert_eq!([0.99, 1.02, 1.04].map(verdict), ["yes", "even (+2 %)", "no (+4 %)"]);
        assert_eq!(Verdict::at_most_about(None, 1.0, 0.03), Verdict::Unknown);
    }

    #[test]
    fn one_lost_message_misses() {
        let mut row = row(50.0, 3.0);
        row.ours.as_mut().unwrap().lost = Some(Lost { lost: 0.0, of: 50.0 });
        assert_eq!(Aim::NoneLost.verdict(&row), Verdict::Met);
        row.ours.as_mut().unwrap().lost = Some(Lost { lost: 1.0, of: 50.0 });
        assert_eq!(Aim::NoneLost.verdict(&row).to_string(), "no (2.0 % lost)");
    }
}
