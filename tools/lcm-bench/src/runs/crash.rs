//! From SIGKILL of a module to what the coordinator tells of it on `/mesh/run`. This process hears the bus itself, so that one clock
//! measures all.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lcm::{Lcm, Message, Queue, Subscription};
use lcm_types::dimos_mesh::RunEvent;
use rustix::process::{Pid, Signal, kill_process};

use super::run::{Run, pid};
use super::{Bench, row};
use crate::report::{Comparison, Unit};

/// One round: the median and the worst of all modules.
#[derive(Debug)]
struct Crashes {
    noticed_ms: [f64; 2],
    again_ms: [f64; 2],
}

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let rounds = bench.repeat("crash", Crashes::measure);
    let mut rows = Vec::new();
    let mut add = |name: &str, aim, figure: fn(&Crashes) -> f64| {
        let what = format!("SIGKILL of each of {MODULES} modules, {name}");
        rows.push(row(what, Unit::Milliseconds, rounds.iter().map(figure), aim));
    };
    add("until it is told, median", Some(50.0), |crashes| crashes.noticed_ms[0]);
    add("until it is told, worst", Some(50.0), |crashes| crashes.noticed_ms[1]);
    add("until it is up again, median", Some(300.0), |crashes| crashes.again_ms[0]);
    add("until it is up again, worst", Some(300.0), |crashes| crashes.again_ms[1]);
    rows
}

impl Crashes {
    fn measure(bench: &Bench) -> Result<Self> {
        let run = Run::start(bench, MODULES)?;
        let status = run.status()?;
        let bus = Lcm::open("udpm://239.255.76.67:7667?ttl=0")?;
        let events = bus.subscribe(dimos::coordinator::RUN_EVENTS, Queue::keep_last(1000))?;
        let (mut noticed_ms, mut again_ms) = (Vec::new(), Vec::new());
        for module in status["modules"].as_array().context("no modules")? {
            let name = module["name"].as_str().context("a module without a name")?;
            let process = i32::try_from(pid(module)?).ok().and_then(Pid::from_raw).context("no process")?;
            let killed = Instant::now();
            kill_process(process, Signal::KILL).with_context(|| format!("cannot kill {name}"))?;
            noticed_ms.push(told(&events, name, "exited", killed)?);
            again_ms.push(told(&events, name, "up", killed)?);
        }
        Ok(Self { noticed_ms: of(noticed_ms), again_ms: of(again_ms) })
    }
}

/// When this is told of a module, in ms since it was killed.
fn told(events: &Subscription, module: &str, kind: &str, killed: Instant) -> Result<f64> {
    while killed.elapsed() < PATIENCE {
        let Some(message) = events.recv_timeout(PATIENCE).context("the bus is closed")? else { continue };
        let passed_ms = killed.elapsed().as_secs_f64() * 1e3;
        let event = RunEvent::decode(message.payload())?;
        if event.module == module && event.kind == kind {
            return Ok(passed_ms);
        }
    }
    bail!("{module}: nobody tells `{kind}` within {PATIENCE:?}")
}

/// The median and the largest.
fn of(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [values.get(values.len() / 2), values.last()].map(|value| value.copied().unwrap_or(f64::NAN))
}

const MODULES: usize = 20;

const PATIENCE: Duration = Duration::from_secs(10);
