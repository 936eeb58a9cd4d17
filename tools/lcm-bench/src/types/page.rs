//! The result page of message types: conditions, table, and how to read it.

use crate::report::{Align, Cell, Comparison, Machine, Unit, lay_out};

use super::Figures;
use super::plan::{Measurement, Row};

/// The whole page, in Markdown.
pub(super) fn page(machine: &Machine, rows: &[Row], figures: &Figures, failures: usize) -> String {
    let conditions = machine.to_markdown();
    let table = lay_out(COLUMNS, rows.iter().map(|row| line(row, figures)).collect());
    let failed = match failures {
        0 => String::new(),
        failures => format!("- {failures} measurements failed and are missing in their medians.\n"),
    };
    format!("{HEAD}{conditions}\n{table}\n{failed}{READING}")
}

fn line(row: &Row, figures: &Figures) -> [String; COLUMNS.len()] {
    let cell = |measurement: Measurement| figures.get(&measurement).and_then(|rounds| Cell::of(rounds.iter().copied()));
    let comparison = Comparison {
        what: row.what.clone(),
        unit: Unit::Nanoseconds,
        ours: cell(row.ours),
        beside: row.beside.map(|beside| beside.name.to_owned()).unwrap_or_default(),
        it: row.beside.and_then(|beside| cell(beside.measurement)),
        bounds: row.aims.clone(),
    };
    comparison.to_line()
}

const COLUMNS: [(&str, Align); 9] = [
    ("ours", Align::Left),
    ("ns", Align::Right),
    ("beside", Align::Left),
    ("ns", Align::Right),
    ("ours/it", Align::Right),
    ("aim", Align::Left),
    ("met", Align::Left),
    ("rounds of ours", Align::Right),
    ("rounds of it", Align::Right),
];

const HEAD: &str = "\
# Message types, ours and C

Written by `cargo run --release -p lcm-bench -- types`.

";

const READING: &str = "\
- Nanoseconds are medians over the rounds of the median within a round; the last columns show the lowest and the highest
  round. In each round ours and what stands beside it take turns, in a process each, on the same core, with the same
  bytes, and with the same padding on the heap, which differs from round to round since copying depends on distances.
  Before it measures, each side makes sure that what it encodes is these bytes again.
- C is the code of its own lcm-gen, compiled with `cc -O2`; ours is compiled as `--release` says. Both allocate with the
  C library. C is not optimized across its files, ours across crates only where the code is marked for it.
- `encode_into` checks and measures the message, then writes it to a buffer that exists. C's `publish` calls
  `encoded_size` and then `encode`: that is the same work, and what the aim is about. `encode alone`, for who knows the
  size already, is shown too. (C's `publish` also allocates a buffer each time, which is not counted here.)
- `view, one member read` finds all members and reads a number. C has nothing like it, nor like `gather + slices`, which
  encodes without copying blobs and long strings.
- All bytes are in the cache, as far as they fit.
- `even`: missed by less than 3 %, which is what such ratios differ by from run to run.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::plan;
    use crate::types::sample::Kind;

    #[test]
    fn a_row_says_what_it_is_compared_with_and_whether_it_is_good_enough() {
        let row = plan::rows(Kind::Twist).remove(0);
        let [ours, c]: [Measurement; 2] = row.measurements().collect::<Vec<_>>().try_into().unwrap();
        let figures = Figures::from([(ours, vec![4.0, 6.0, 5.0]), (c, vec![10.0])]);
        assert_eq!(
            line(&row, &figures),
            [
                "Twist: decode + drop",
                "5.00",
                "decode + decode_cleanup",
                "10.0",
                "0.50",
                "≤ 1 of it",
                "yes",
                "4.00 to 6.00",
                "10.0 to 10.0",
            ]
        );
    }

    #[test]
    fn without_c_there_is_no_verdict() {
        let row = plan::rows(Kind::Twist).remove(0);
        let figures = Figures::from([(row.ours, vec![4.0])]);
        let line = line(&row, &figures);
        assert_eq!((line[3].as_str(), line[4].as_str(), line[6].as_str()), ("", "", "?"));
    }
}
