//! The result page of runs: conditions, table, and how to read it.

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
# Runs: start, memory, crashes

Written by `cargo run --release -p lcm-bench -- runs`.

";

const READING: &str = "\
- Figures are medians over the rounds; the last columns show the lowest and the highest round. Everything happens in network and
  process namespaces of the benchmark's own, over real multicast.
- The modules are `static-tf` without transforms, a process each: they own a name and do nothing. None needs another one, so all are
  started at once.
- Start is from the start of `dimos run --daemon` to its end, when all modules are up: it reads the launch file, asks the executable
  what the module offers, claims the coordinator's name (for which it listens 200 ms), checks the graph, and starts the modules,
  which are up when they have claimed their names.
- Memory is the proportional share (`Pss`), 1 s later. Pages of the program's file are shared by all of its processes, so that the
  share of each falls with their number; what is in no file is its own.
- A module that was killed is told as `exited` on `/mesh/run#dimos_mesh.RunEvent`, and as `up` when the process that is started in its
  place has its name. Each module is killed once, so that no restart waits.
- Python DimOS 0.0.15 is not measured here. On another machine two of its modules took 212 MB and 1.7 to 3 s to start, and a worker
  that was killed was never noticed.
";
