//! The start of a module: from the start of its process to what others hear of it first.
//!
//! This process hears the bus itself, so that its own clock measures both ends.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lcm::Inline;

use crate::process::Worker;
use crate::report::{Bound, Comparison, Unit};

use super::bench::{Bench, PATIENCE, Quantity, Side, row};

/// One round. Times are in ms, since the process was started.
#[derive(Debug)]
struct Start {
    /// NaN of what claims no name.
    first_claim: f64,
    first_message: f64,
    /// CPU time until then.
    cpu: f64,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Claim,
    Message,
}

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let [module, bare] = bench.alternate("start", [(true, "module"), (false, "bare")], Start::measure);
    let what = "start of a module";
    let beside = || Some(Side { name: "a process with the bus alone", rounds: &bare });
    let of_both = OF_BOTH.iter().map(|quantity| row(what, quantity, &module, beside()));
    of_both.chain(OF_MODULES.iter().map(|quantity| row(what, quantity, &module, None))).collect()
}

impl Start {
    fn measure(bench: &mut Bench, is_module: bool) -> Result<Self> {
        let name = bench.new_name("early");
        let mut command = match is_module {
            true => bench.at_once("Early"),
            false => bench.at_once("Bare"),
        };
        match is_module {
            true => command.args(["--name", &name, "--remap", "output=/early"]),
            false => command.args(["early", "--output", MESSAGE]),
        };
        let (heard, hears) = channel();
        let mut bus = Inline::open("udpm://239.255.76.67:7667?ttl=0")?;
        hear(&bus, CLAIM, Heard::Claim, &heard)?;
        hear(&bus, MESSAGE, Heard::Message, &heard)?;
        let start = Instant::now();
        let process = Worker::start(&name, &mut command)?;
        let [mut first_claim, mut first_message] = [f64::NAN; 2];
        while first_message.is_nan() {
            ensure!(start.elapsed() < PATIENCE, "{name} published nothing within {PATIENCE:?}");
            bus.handle(Some(LOOK))?;
            for (what, at) in hears.try_iter() {
                let ms = Instant::duration_since(&at, start).as_secs_f64() * 1e3;
                match what {
                    Heard::Claim if first_claim.is_nan() => first_claim = ms,
                    Heard::Message if first_message.is_nan() => first_message = ms,
                    Heard::Claim | Heard::Message => {}
                }
            }
        }
        let cpu = process.figures(PATIENCE)?.of("cpu_ns")? / 1e6;
        ensure!(first_claim.is_nan() != is_module, "{name} was not heard to claim its name before it published");
        Ok(Self { first_claim, first_message, cpu })
    }

    fn since_claim(&self) -> f64 {
        self.first_message - self.first_claim
    }
}

fn hear(bus: &Inline, channel: &str, what: Heard, heard: &Sender<(Heard, Instant)>) -> Result<()> {
    let heard = heard.clone();
    // Whoever is told waits for it.
    let tell = move |_: &lcm::Sample| heard.send((what, Instant::now())).unwrap_or_default();
    bus.subscribe(channel, tell).map(drop).context("cannot subscribe")
}

const OF_BOTH: [Quantity<Start>; 2] = [
    Quantity {
        name: "to its first message",
        unit: Unit::Milliseconds,
        figure: |start| start.first_message,
        bounds: &[Bound::AtMost(SOON_MS)],
    },
    Quantity {
        name: "CPU time to its first message",
        unit: Unit::CpuMilliseconds,
        figure: |start| start.cpu,
        bounds: &[],
    },
];

const OF_MODULES: [Quantity<Start>; 2] = [
    Quantity { name: "to its first claim", unit: Unit::Milliseconds, figure: |start| start.first_claim, bounds: &[] },
    Quantity {
        name: "from its first claim to its first message",
        unit: Unit::Milliseconds,
        figure: Start::since_claim,
        bounds: &[],
    },
];

const SOON_MS: f64 = 30.0;

const CLAIM: &str = "/mesh/claim#dimos_mesh.Claim";
const MESSAGE: &str = "/early#geometry_msgs.Twist";

/// How long to wait before the time is looked at.
const LOOK: Duration = Duration::from_millis(100);
