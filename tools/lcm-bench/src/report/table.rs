//! The rows of what was measured between processes, as a table.

use super::Row;
use super::layout::{Align, lay_out};
use super::row::{Cell, Unit};

/// The table of all rows.
pub(super) fn table(rows: &[Row]) -> String {
    lay_out(COLUMNS, rows.iter().map(line).collect())
}

fn line(row: &Row) -> [String; COLUMNS.len()] {
    let cells = [row.ours, row.c, row.bare];
    let figure = |cell: Option<Cell>| cell.map_or_else(String::new, |cell| row.unit.show(cell.median));
    // Counts out of a fixed number say more than their ratio.
    let shows_ratio = row.unit != Unit::Messages;
    let ratio =
        |ratio: Option<f64>| ratio.filter(|_| shows_ratio).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let lost = |cell: Option<Cell>| cell.and_then(|cell| cell.lost).map(super::Lost::show);
    let range = |cell: Cell| format!("{} to {}", row.unit.show(cell.lowest), row.unit.show(cell.highest));
    let verdicts: Vec<String> = row.aims.iter().map(|aim| aim.verdict(row).to_string()).collect();
    let aims: Vec<String> = row.aims.iter().map(ToString::to_string).collect();
    [
        format!("{}, {}", row.what, row.unit.name()),
        row.placement.name().to_owned(),
        figure(row.ours),
        figure(row.c),
        figure(row.bare),
        ratio(row.of_c()),
        ratio(row.of_bare()),
        aims.join(", "),
        verdicts.join(", "),
        lost(cells[0]).unwrap_or_default(),
        lost(cells[1]).unwrap_or_default(),
        lost(cells[2]).unwrap_or_default(),
        row.ours.map(range).unwrap_or_default(),
        row.c.map(range).unwrap_or_default(),
    ]
}

const COLUMNS: [(&str, Align); 14] = [
    ("measured", Align::Left),
    ("placement", Align::Left),
    ("ours", Align::Right),
    ("C LCM", Align::Right),
    ("bare", Align::Right),
    ("ours/C", Align::Right),
    ("ours/bare", Align::Right),
    ("aim", Align::Left),
    ("met", Align::Left),
    ("ours lost", Align::Right),
    ("C lost", Align::Right),
    ("bare lost", Align::Right),
    ("rounds of ours", Align::Right),
    ("rounds of C", Align::Right),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Placement;
    use crate::report::{Aim, Lost};

    #[test]
    fn columns_line_up_and_a_missing_one_stays_empty() {
        let rounds = [vec![5.2, 5.0, 5.3], vec![20.0], vec![]];
        let row = Row::new("round trip 64 B, p50", Placement::OneCore, Unit::Microseconds)
            .fill(&rounds, |round| *round)
            .lost(&rounds, |_| Lost { lost: 0.0, of: 1000.0 })
            .aim([Aim::AtMostOfC(0.25), Aim::AtMostOfBare(1.3)]);
        let count = Row::new("burst", Placement::Free, Unit::Messages).fill(&[vec![50.0], vec![3.0]], |round| *round);
        let text = table(&[row, count]);
        let lines: Vec<&str> = text.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width), "{text}");
        let cells =
            |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            cells(lines[2]),
            [
                "round trip 64 B, p50, µs",
                "one core",
                "5.20",
                "20.0",
                "",
                "0.26",
                "",
                "≤ 0.25 C, ≤ 1.3 bare",
                "no (+4 %), ?",
                "0",
                "0",
                "",
                "5.00 to 5.30",
                "20.0 to 20.0",
            ]
        );
        assert_eq!(cells(lines[3])[..6], ["burst, messages", "free", "50", "3", "", ""]);
    }
}
