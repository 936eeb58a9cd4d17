//! The start of runs of 2, 20 and 100 modules, and what their own processes take when all modules are up.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::run::{Run, pid};
use super::{Bench, row};
use crate::modules::{Memory, cpu_time, memory};
use crate::report::{Comparison, Unit};

/// One round.
#[derive(Debug)]
struct Start {
    took: Duration,
    coordinator: Memory,
    keeper: Memory,
    /// CPU time of the coordinator until all modules were up and it was looked at.
    cpu: Duration,
}

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for (modules, most_ms) in [(2, None), (20, Some(1000.0)), (100, None)] {
        let what = format!("{modules} modules");
        let rounds = bench.repeat(&what, |bench| Start::measure(bench, modules));
        let mut add = |name: &str, unit, aim, figure: fn(&Start) -> f64| {
            rows.push(row(format!("{what}, {name}"), unit, rounds.iter().map(figure), aim));
        };
        add("start until all are up", Unit::Milliseconds, most_ms, |start| start.took.as_secs_f64() * 1e3);
        add("CPU of the coordinator until then", Unit::CpuMilliseconds, None, |start| start.cpu.as_secs_f64() * 1e3);
        add("memory of the coordinator", Unit::Kibibytes, Some(COORDINATOR_KIB), |start| start.coordinator.total);
        add("of which is in no file", Unit::Kibibytes, None, |start| start.coordinator.anonymous);
        add("memory of the keeper", Unit::Kibibytes, None, |start| start.keeper.total);
    }
    rows
}

impl Start {
    fn measure(bench: &Bench, modules: usize) -> Result<Self> {
        let run = Run::start(bench, modules)?;
        let status = run.status()?;
        let (coordinator, keeper) = (pid(&status)?, run.keeper()?);
        let cpu = cpu_time(coordinator)?;
        thread::sleep(SETTLE);
        Ok(Self { took: run.took, coordinator: memory(coordinator)?, keeper: memory(keeper)?, cpu })
    }
}

/// Memory is looked at when nothing has happened for a while.
const SETTLE: Duration = Duration::from_secs(1);

/// 6 MB, in KiB.
const COORDINATOR_KIB: f64 = 5859.0;
