//! A module that does nothing: its memory, its threads, its CPU time.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::Placement;
use crate::report::{Bound, Comparison, Unit};

use super::bench::{Bench, Quantity, Side, row};
use super::observed::{self, Memory};

/// One round.
#[derive(Debug)]
struct Idle {
    memory: Memory,
    threads: f64,
    percent: f64,
}

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let parties = [(true, "module"), (false, "bare")];
    let [module, bare] = bench.alternate("idle module", parties, Idle::measure);
    let beside = || Some(Side { name: "a process with the bus alone", rounds: &bare });
    QUANTITIES.iter().map(|quantity| row("idle module", quantity, &module, beside())).collect()
}

impl Idle {
    fn measure(bench: &mut Bench, is_module: bool) -> Result<Self> {
        let name = bench.new_name("idle");
        let mut command = match is_module {
            true => bench.module("Idle", &name, Placement::Free),
            false => bench.bare("relay", Placement::Free),
        };
        if !is_module {
            command.args(["--input=/input#geometry_msgs.Twist", "--output=/output#geometry_msgs.Twist"]);
        }
        let (_process, pid) = bench.ready(&name, &mut command)?;
        std::thread::sleep(SETTLING);
        let (memory, threads) = (observed::memory(pid)?, observed::threads(pid)?.len() as f64);
        let (before, began) = (observed::cpu_time(pid)?, Instant::now());
        std::thread::sleep(bench.bus.choose(WINDOW, QUICK_WINDOW));
        let (after, elapsed) = (observed::cpu_time(pid)?, began.elapsed());
        let percent = after.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64() * 100.0;
        Ok(Self { memory, threads, percent })
    }
}

const QUANTITIES: [Quantity<Idle>; 4] = [
    Quantity {
        name: "memory",
        unit: Unit::Kibibytes,
        figure: |idle| idle.memory.total,
        bounds: &[Bound::AtMost(MOST_KIB)],
    },
    Quantity { name: "memory of no file", unit: Unit::Kibibytes, figure: |idle| idle.memory.anonymous, bounds: &[] },
    Quantity { name: "number of threads", unit: Unit::Threads, figure: |idle| idle.threads, bounds: &[] },
    Quantity { name: "CPU", unit: Unit::PercentOfCore, figure: |idle| idle.percent, bounds: &[] },
];

/// 3 MB.
const MOST_KIB: f64 = 2930.0;

/// How long it has run when its memory is looked at.
const SETTLING: Duration = Duration::from_secs(2);

const WINDOW: Duration = Duration::from_secs(20);
const QUICK_WINDOW: Duration = Duration::from_secs(3);
