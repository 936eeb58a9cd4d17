//! A row of the table: one quantity, measured for up to three implementations.

use crate::bench::Placement;
use crate::contender::Contender;
use crate::statistics::median;

use super::Aim;

/// A quantity and what was measured of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) placement: Placement,
    pub(crate) unit: Unit,
    pub(crate) ours: Option<Cell>,
    pub(crate) c: Option<Cell>,
    pub(crate) bare: Option<Cell>,
    pub(crate) aims: Vec<Aim>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    MessagesPerSecond,
    /// Messages that arrived.
    Messages,
    /// Time that a core is busy, per second.
    CpuMillisecondsPerSecond,
    CpuMilliseconds,
    Milliseconds,
    Threads,
    CallsPerSecond,
    BytesPerSecond,
    Kibibytes,
    /// Time that a core is busy, as a share of all time.
    PercentOfCore,
    PercentOfMessages,
}

/// A figure over all rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// Over all rounds together; absent where the row does not count messages.
    pub(crate) lost: Option<Lost>,
}

/// How many of how many messages or trips were lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lost {
    pub(crate) lost: f64,
    pub(crate) of: f64,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, placement: Placement, unit: Unit) -> Self {
        Self { what: what.into(), placement, unit, ours: None, c: None, bare: None, aims: Vec::new() }
    }

    /// Fills the columns of ours, C and bare from the rounds of each.
    pub(crate) fn fill<T>(mut self, rounds: &[Vec<T>], figure: impl Fn(&T) -> f64) -> Self {
        let cell = |index: usize| rounds.get(index).and_then(|values| Cell::of(values.iter().map(&figure)));
        (self.ours, self.c, self.bare) = (cell(0), cell(1), cell(2));
        self
    }

    /// Adds to each column what was lost.
    pub(crate) fn lost<T>(mut self, rounds: &[Vec<T>], lost: impl Fn(&T) -> Lost) -> Self {
        for (cell, values) in [&mut self.ours, &mut self.c, &mut self.bare].into_iter().zip(rounds) {
            if let Some(cell) = cell {
                let all: Vec<Lost> = values.iter().map(&lost).collect();
                cell.lost = Some(Lost {
                    lost: all.iter().map(|round| round.lost).sum(),
                    of: all.iter().map(|round| round.of).sum(),
                });
            }
        }
        self
    }

    pub(crate) fn aim(mut self, aims: impl IntoIterator<Item = Aim>) -> Self {
        self.aims.extend(aims);
        self
    }

    pub(crate) fn of_c(&self) -> Option<f64> {
        ratio(self.ours, self.c)
    }

    pub(crate) fn of_bare(&self) -> Option<f64> {
        ratio(self.ours, self.bare)
    }
}

/// The columns of a row, in their order.
pub(crate) const COLUMNS: [Contender; 3] = [Contender::OURS, Contender::C, Contender::BARE];

fn ratio(ours: Option<Cell>, other: Option<Cell>) -> Option<f64> {
    let ratio = ours?.median / other?.median;
    ratio.is_finite().then_some(ratio)
}

impl Cell {
    /// The figure of several rounds, `None` of none. Rounds without a figure are NaN and left out; where all are, so is the
    /// figure.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (mut values, without): (Vec<f64>, Vec<f64>) = rounds.into_iter().partition(|value| !value.is_nan());
        if values.is_empty() {
            values = without;
        }
        let lowest = values.iter().copied().reduce(f64::min)?;
        let highest = values.iter().copied().reduce(f64::max)?;
        Some(Self { median: median(&values)?, lowest, highest, lost: None })
    }
}

impl Unit {
    /// A number as the table shows it, three significant digits or more.
    pub(crate) fn show(self, value: f64) -> String {
        let digits = |value: f64| match value {
            value if value < 10.0 => format!("{value:.2}"),
            value if value < 100.0 => format!("{value:.1}"),
            value => format!("{value:.0}"),
        };
        match self {
            _ if value.is_nan() => "none".to_owned(),
            Self::MessagesPerSecond | Self::CallsPerSecond | Self::BytesPerSecond if value >= 1000.0 => {
                format!("{} k", digits(value / 1000.0))
            }
            Self::Messages | Self::Threads if value.fract() == 0.0 => format!("{value:.0}"),
            // What a process costs that does nothing is a small part of a percent.
            Self::PercentOfCore if value < 1.0 => format!("{value:.3}"),
            _ => digits(value),
        }
    }

    /// What stands beside the name of a quantity.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::MessagesPerSecond => "messages/s",
            Self::Messages => "messages",
            Self::CpuMillisecondsPerSecond => "ms CPU/s",
            Self::CpuMilliseconds => "ms CPU",
            Self::Milliseconds => "ms",
            Self::Threads => "threads",
            Self::CallsPerSecond => "calls/s",
            Self::BytesPerSecond => "B/s",
            Self::Kibibytes => "KiB",
            Self::PercentOfCore => "% of a core",
            Self::PercentOfMessages => "% of all messages",
        }
    }
}

impl Lost {
    /// Nothing at all, or a share that is never rounded to nothing.
    pub(crate) fn show(self) -> String {
        match self.lost / self.of * 100.0 {
            _ if self.lost <= 0.0 => "0".to_owned(),
            percent if percent < 0.1 => format!("{} of {}", self.lost, self.of),
            percent => format!("{percent:.1} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_the_median_the_range_and_what_all_rounds_lost() {
        let rounds = [vec![(2.0, 0.0), (1.0, 0.0), (3.0, 0.0)], vec![(10.0, 1.0), (10.0, 2.0)]];
        let row = Row::new("x", Placement::Free, Unit::Microseconds)
            .fill(&rounds, |round| round.0)
            .lost(&rounds, |round| Lost { lost: round.1, of: 50.0 });
        let ours = row.ours.unwrap();
        assert_eq!((ours.median, ours.lowest, ours.highest), (2.0, 1.0, 3.0));
        assert_eq!(ours.lost, Some(Lost { lost: 0.0, of: 150.0 }));
        assert_eq!(row.c.unwrap().lost, Some(Lost { lost: 3.0, of: 100.0 }));
        assert_eq!((row.bare, row.of_c(), row.of_bare()), (None, Some(0.2), None));
    }

    #[test]
    fn a_round_in_which_everything_was_lost_has_no_figure() {
        assert_eq!(Cell::of([f64::NAN, 2.0]).unwrap().median, 2.0);
        let nothing = Cell::of([f64::NAN]).unwrap();
        assert_eq!(Unit::Microseconds.show(nothing.median), "none");
        assert!(nothing.lowest.is_nan() && nothing.highest.is_nan());
        assert_eq!(ratio(Some(nothing), Cell::of([1.0])), None);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [5.204, 18.26, 547.4].map(|value| Unit::Microseconds.show(value));
        assert_eq!(shown, ["5.20", "18.3", "547"]);
        assert_eq!(Unit::MessagesPerSecond.show(612_345.0), "612 k");
        assert_eq!(Unit::Messages.show(50.0), "50");
    }

    #[test]
    fn a_single_loss_is_not_rounded_away() {
        assert_eq!(Lost { lost: 0.0, of: 1e6 }.show(), "0");
        assert_eq!(Lost { lost: 1.0, of: 1e6 }.show(), "1 of 1000000");
        assert_eq!(Lost { lost: 470.0, of: 1000.0 }.show(), "47.0 %");
    }
}
