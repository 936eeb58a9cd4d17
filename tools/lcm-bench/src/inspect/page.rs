//! The result page of what looks at a bus: conditions, table, and how to read it.

use crate::report::{Comparison, Machine, comparisons};

/// The whole page, in Markdown.
pub(super) fn page(machine: &Machine, rows: &[Comparison], failures: usize) -> String {
    let (conditions, table) = (machine.to_markdown(), comparisons(rows));
    let failed = match failures {
        0 => String::new(),
        failures => format!("- {failures} measurements failed and are missing in their medians.\n"),
    };
    format!("{HEAD}{conditions}\n{table}\n{failed}{READING}")
}

const HEAD: &str = "\
# Looking at a bus: spy and recorder

Written by `cargo run --release -p lcm-bench -- inspect`.

";

const READING: &str = "\
- Figures are medians over the rounds; the last columns show the lowest and the highest round. In each round the tools take turns,
  each alone on the bus with one sender, in a network namespace of the benchmark's own.
- CPU time is what the kernel accounts to the process over 10 s. It accounts the work of delivering to a receiver's socket to the
  sender, for all of them alike.
- The small messages are sent one by one, 20 each millisecond, on 50 channels in turn; the large ones paced at 1 GB/s.
- `spy, table` is `dimos spy --json`, `spy, screen` the same program in a terminal of 40 rows and 140 columns that shows its list of
  channels, `record` is `dimos record`, all with their defaults. C's lcm-logger and Python DimOS ask for a receive buffer of 8 MiB.
- Of Python DimOS's spy only what counts is measured (`TransportSpy` with `LCMSpySource`); its screen takes more.
- Logs go to a file on disk.
";
