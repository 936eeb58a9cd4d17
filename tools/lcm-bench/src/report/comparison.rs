//! A row of figures of ours beside what they are compared with: another implementation, or something else of ours.

use super::aim::Verdict;
use super::layout::{Align, lay_out};
use super::row::{Cell, Unit};

/// A figure of ours and one beside it.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// What is measured.
    pub(crate) what: String,
    pub(crate) unit: Unit,
    /// Ours.
    pub(crate) ours: Option<Cell>,
    /// What it stands beside; empty if beside nothing.
    pub(crate) beside: String,
    /// The figure of that.
    pub(crate) it: Option<Cell>,
    pub(crate) bounds: Vec<Bound>,
}

/// An aim for what ours measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// Not more than this multiple of what stands beside it.
    AtMostOfIt(f64),
    /// Not more than this, in the unit of the row.
    AtMost(f64),
}

/// The table of rows.
pub(crate) fn comparisons(rows: &[Comparison]) -> String {
    lay_out(COLUMNS, rows.iter().map(Comparison::to_line).collect())
}

impl Comparison {
    /// The row as a table shows it: what, ours, beside what, it, their ratio, aims, verdicts, and the rounds of both.
    pub(crate) fn to_line(&self) -> [String; 9] {
        let ratio = self.ratio();
        let median = |cell: Option<Cell>| cell.map(|cell| self.unit.show(cell.median)).unwrap_or_default();
        let range = |cell: Option<Cell>| {
            let show = |cell: Cell| format!("{} to {}", self.unit.show(cell.lowest), self.unit.show(cell.highest));
            cell.map(show).unwrap_or_default()
        };
        let aims: Vec<String> = self.bounds.iter().map(|bound| self.show(*bound)).collect();
        let verdicts: Vec<String> = self.bounds.iter().map(|bound| self.verdict(*bound).to_string()).collect();
        [
            self.what.clone(),
            median(self.ours),
            self.beside.clone(),
            median(self.it),
            ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            aims.join(", "),
            verdicts.join(", "),
            range(self.ours),
            range(self.it),
        ]
    }

    fn ratio(&self) -> Option<f64> {
        let ratio = self.ours?.median / self.it?.median;
        ratio.is_finite().then_some(ratio)
    }

    fn show(&self, bound: Bound) -> String {
        match bound {
            Bound::AtMostOfIt(bound) => format!("≤ {bound} of it"),
            Bound::AtMost(bound) => format!("≤ {bound} {}", self.unit.name()),
        }
    }

    fn verdict(&self, bound: Bound) -> Verdict {
        match bound {
            Bound::AtMostOfIt(bound) => Verdict::at_most_about(self.ratio(), bound, NOISE),
            Bound::AtMost(bound) => Verdict::at_most(self.ours.map(|ours| ours.median), bound),
        }
    }
}

const COLUMNS: [(&str, Align); 9] = [
    ("measured", Align::Left),
    ("ours", Align::Right),
    ("beside", Align::Left),
    ("it", Align::Right),
    ("ours/it", Align::Right),
    ("aim", Align::Left),
    ("met", Align::Left),
    ("rounds of ours", Align::Right),
    ("rounds of it", Align::Right),
];

/// How much a ratio differs from run to run where both sides do the same, such as copying a megabyte.
const NOISE: f64 = 0.03;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(it: Option<f64>, bound: Bound) -> [String; 9] {
        let cell = |value| Cell::of([value]);
        let (what, beside) = ("call".to_owned(), "peer".to_owned());
        let unit = Unit::Microseconds;
        Comparison { what, unit, ours: cell(20.0), beside, it: it.and_then(cell), bounds: vec![bound] }.to_line()
    }

    #[test]
    fn aims_are_about_the_ratio_or_about_the_figure() {
        let aim = |it, bound| row(Some(it), bound)[4..7].join("; ");
        assert_eq!(aim(10.0, Bound::AtMostOfIt(2.0)), "2.00; ≤ 2 of it; yes");
        assert_eq!(aim(9.9, Bound::AtMostOfIt(2.0)), "2.02; ≤ 2 of it; even (+1 %)");
        assert_eq!(aim(8.0, Bound::AtMostOfIt(2.0)), "2.50; ≤ 2 of it; no (+25 %)");
        assert_eq!(aim(25.0, Bound::AtMost(10.0)), "0.80; ≤ 10 µs; no (+100 %)");
    }

    #[test]
    fn without_what_stands_beside_it_there_is_no_verdict() {
        assert_eq!(row(None, Bound::AtMostOfIt(2.0))[3..7], ["", "", "≤ 2 of it", "?"]);
    }
}
