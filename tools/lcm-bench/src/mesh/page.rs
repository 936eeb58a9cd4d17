//! The result page of the mesh: conditions, table, and how to read it.

use crate::report::{Comparison, Machine, comparisons};

/// The whole page, in Markdown.
pub(super) fn page(machine: &Machine, rows: &[Comparison], failures: usize) -> String {
    let conditions = machine.to_markdown();
    let table = comparisons(rows);
    let failed = match failures {
        0 => String::new(),
        failures => format!("- {failures} measurements failed and are missing in their medians.\n"),
    };
    format!("{HEAD}{conditions}\n{table}\n{failed}{READING}")
}

const HEAD: &str = "\
# The mesh: calls and presence

Written by `cargo run --release -p lcm-bench -- mesh`.

";

const READING: &str = "\
- Figures are medians over the rounds; the last columns show the lowest and the highest round. In each round all that stand
  beside each other take turns, between processes of their own, in a network namespace of their own.
- `free`: the kernel places the processes, as it does where a row says nothing. `two cores`: each of both is pinned to a core
  of its own. `one core`: both are pinned to the same.
- A small call carries two numbers each way: ours as JSON, `{\"x\":0.5,\"y\":-2.5}`, gRPC as a message of two doubles, Python
  DimOS as a pickled dictionary. The server returns what it is given. A call with 1 MB carries a text. Every answer is looked at,
  and the server has executed as many calls as were answered.
- Ours calls a method of a `dimos::Service` by way of `dimos::Dimos`, over UDP multicast, with the bus at its defaults
  (`ttl=0`); `spin=0` is in the address where a row says so. The bus is `lcm::Inline`: a message and its answer, nothing else.
- gRPC is tonic's client and server over a Unix socket, everything at its default. tokio's usual runtime has a thread for each
  core; `one thread` is its other one. Eight callers in a process are threads of ours over one connection to the mesh, and tasks
  over one connection of gRPC.
- Python DimOS is its `LCMRPC`, between two processes over LCM. Set `DIMOS_BENCH_PYTHON` to a Python that has `dimos`.
- CPU time is what the kernel accounts to a process: what ours sends is delivered to the receivers' sockets on the sender's time.
  `CPU of the machine` has all of it, and whatever else ran meanwhile.
- Idle processes own a name and have no methods; the watcher hears all their beats. Figures begin some seconds after the last
  process started, and span a minute, in which each process also repeats its claim (5 s with `--quick`, in which hardly any
  does). CPU and memory of a process are the median of all. Memory is its proportional share (`Pss`), so that more processes
  of one program need less each. Bytes are IP packets; messages are datagrams, none of which is fragmented.
- `even`: missed by less than 3 %.
";
