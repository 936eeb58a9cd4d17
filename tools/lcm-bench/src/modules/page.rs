//! The result page of modules: conditions, table, and how to read it.

use crate::report::{Comparison, Machine, comparisons};

/// The whole page, in Markdown.
pub(super) fn page(machine: &Machine, rows: &[Comparison], notes: &[String], failures: usize) -> String {
    let (conditions, table) = (machine.to_markdown(), comparisons(rows));
    let failed = match failures {
        0 => String::new(),
        failures => format!("- {failures} measurements failed and are missing in their medians.\n"),
    };
    let notes: String = notes.iter().map(|note| format!("- {note}\n")).collect();
    format!("{HEAD}{conditions}\n{table}\n{failed}{notes}{READING}")
}

const HEAD: &str = "\
# Modules: pipelines, calls, memory, start

Written by `cargo run --release -p lcm-bench -- modules`.

";

const READING: &str = "\
- Figures are medians over the rounds; the last columns show the lowest and the highest round. In each round all that stand
  beside each other take turns, between processes of their own, in a network namespace of their own, over real multicast.
- `free`: the kernel places the processes. `one core`: all are pinned to the same.
- `3 hops`: a message goes from a source to a relay, to a second relay, and back to the source, which takes the time. Each of the
  three is a process, and where it says so a module: the relays' handlers publish what they get, the source's handler
  sends the next message. So a hop is from one handler to the next, and one clock measures three of them. `one after the other`: the
  next message goes out when the last has come round. `1000/s`, `100/s`: a timer sends it, and in between everybody has time to fall
  asleep.
- `bus alone`: the same processes with `lcm::Inline` and nothing else: the relay's handler publishes the bytes as they came, without
  looking at them. The bus is at its defaults (`ttl=0`), but for `pace=0` where a row says so. At its default pace, 1 GB/s, an
  image takes 6 ms a hop whoever sends it; what the hop itself costs shows without pace, and in the CPU time.
- Twist handlers take an owned `Twist` and publish it. Images: `seen where it lies` takes an `ImageView` and publishes the
  sample with `Out::publish_encoded`; `decoded` takes an owned `Image` and publishes it.
- CPU is what the kernel accounts to a process: what it sends is delivered to the receivers' sockets on its time.
- A call carries two numbers each way, as JSON. `client`: a thread of a program that uses `dimos::Dimos`. `handler`: a handler that
  calls by a `Ref<dyn Trait>`, once for each message that comes. A `Service` is a process that is called, without ports.
- The idle module has a port in, a port out, a timer at 10 Hz and a method. Memory is its proportional share (`Pss`), 2 s after its
  start; no other process runs its program. Its part that is of no file is what remains for each of several processes of one
  program. CPU is that of the 20 s after (3 s with `--quick`).
- Start is from just before the process is forked until what it says is heard by the process that forked it. Its start hook publishes. A
  module does not wait for its name: for 200 ms after its first claim it listens whether somebody else has it, and works meanwhile.
- `even`: missed by less than 3 %.
";
