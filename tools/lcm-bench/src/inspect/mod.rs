//! The benchmark of what looks at a bus: the CPU time of the spy and of the recorder while messages go by, beside `lcm-logger` of C LCM
//! and the statistics of Python DimOS's spy.
//!
//! Owns its options and the measurements. What is measured stands in [`tool`], what it looks at in [`load`], the words of the page in
//! [`page`]. The program `dimos` is built first.

mod load;
mod page;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::extent::Extent;
use crate::mesh::Python;
use crate::modules::cpu_time;
use crate::namespace;
use crate::peers::{CLcm, scratch};
use crate::report::{self, Bound, Cell, Comparison, Machine, Unit};
use crate::rmem_max::RmemMax;
use crate::runs;

use load::{Load, Traffic};
use tool::{Running, Tool};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    extent: Extent,
    /// Measure only these.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    only: Vec<Scenario>,
    /// Where `cargo xtask peers` has put C LCM, if not in target/peers.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Leave net.core.rmem_max of this host as it is. Otherwise root sets it to what large messages need, and back.
    #[arg(long)]
    leave_rmem_max: bool,
    /// This process is in the namespace already.
    #[arg(long, hide = true)]
    isolated: bool,
    /// The program `dimos`.
    #[arg(long, hide = true)]
    program: Option<PathBuf>,
}

/// What goes over the bus, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// 20,000 small messages a second on 50 channels.
    Small,
    /// 300 messages of 1 MB a second.
    Large,
}

/// What all measurements share.
#[derive(Debug)]
struct Bench {
    rounds: usize,
    quick: bool,
    /// The program `dimos`.
    program: PathBuf,
    c_lcm: Option<CLcm>,
    python: Result<Python, String>,
    /// Where logs go.
    directory: PathBuf,
    /// Measurements that came to nothing.
    failures: usize,
}

/// One round of one tool.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// Time that a core was busy, as a share of all time.
    percent: f64,
    /// The share of the messages that the tool did not get; none where it does not say what it got.
    lost_percent: f64,
}

/// Measures in a namespace, and publishes the table.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.isolated {
        return measure(options);
    }
    report::check_writable(options.extent.markdown.as_deref())?;
    namespace::run_inside(&["--program".into(), runs::build()?.into()])
}

fn measure(options: &Options) -> Result<ExitCode> {
    let mut rmem_max = RmemMax::new(options.leave_rmem_max)?;
    let allowed = rmem_max.set(RECEIVE_BUFFER_BYTES)?;
    namespace::prepare()?;
    let rounds = options.extent.rounds(3, 1);
    let program = options.program.clone().context("nobody said where the measured program is")?;
    let directory = scratch("lcm-bench-inspect")?;
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let c_lcm = CLcm::find(options.peers.as_deref());
    let c_lcm = c_lcm.inspect_err(|error| eprintln!("lcm-bench: nothing of C LCM: {error:#}")).ok();
    let quick = options.extent.quick;
    let mut bench = Bench { rounds, quick, program, c_lcm, python: Python::find(), directory, failures: 0 };
    let [rust, _c] = report::compilers();
    let c = ("C LCM", bench.c_lcm.as_ref().map_or("not installed".to_owned(), CLcm::version));
    let python = match &bench.python {
        Ok(python) => python.version.clone(),
        Err(reason) => format!("not measured: {reason}"),
    };
    let particular = [rust, c, ("Python DimOS", python), ("net.core.rmem_max", allowed.to_string())];
    let machine = Machine::look(rounds, quick, particular);
    let mut rows = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(scenario) {
            rows.extend(scenario.run(&mut bench));
        }
    }
    let page = page::page(&machine, &rows, bench.failures);
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Scenario {
    fn run(self, bench: &mut Bench) -> Vec<Comparison> {
        let [table, screen, record, logger, python] =
            [Tool::Table, Tool::Screen, Tool::Record, Tool::CLogger, Tool::PythonSpy];
        match self {
            Self::Small => {
                let traffic = Traffic { channels: 50, bytes: 100, per_second: 20_000 };
                let tools = [table, screen, record, logger, python];
                let [table, screen, record, logger, python] = bench.alternate("20,000 messages/s", traffic, tools);
                let what = "20,000 messages/s of 100 B";
                vec![
                    compared(what, "spy, table", &table, ("C's lcm-logger", &logger), &[Bound::AtMost(5.0)]),
                    compared(what, "spy, table", &table, ("Python DimOS's spy, statistics", &python), &[]),
                    compared(what, "spy, screen", &screen, ("C's lcm-logger", &logger), &[Bound::AtMost(5.0)]),
                    compared(what, "record", &record, ("C's lcm-logger", &logger), &[]),
                    losses(what, "spy, table", &table, ("Python DimOS's spy, statistics", &python)),
                    losses(what, "record", &record, ("C's lcm-logger", &logger)),
                ]
            }
            Self::Large => {
                let traffic = Traffic { channels: 1, bytes: 1_000_000, per_second: 300 };
                let tools = [table, record, logger, python];
                let [table, record, logger, python] = bench.alternate("300 MB/s", traffic, tools);
                let what = "300 messages/s of 1 MB";
                vec![
                    compared(what, "spy, table", &table, ("Python DimOS's spy, statistics", &python), &[]),
                    compared(what, "record", &record, ("C's lcm-logger", &logger), &[]),
                    losses(what, "spy, table", &table, ("Python DimOS's spy, statistics", &python)),
                    losses(what, "record", &record, ("C's lcm-logger", &logger)),
                ]
            }
        }
    }
}

impl Bench {
    /// Measures each tool once a round, in turn. No rounds of those that cannot run here.
    fn alternate<const N: usize>(&mut self, what: &str, traffic: Traffic, tools: [Tool; N]) -> [Vec<Round>; N] {
        let mut rounds = std::array::from_fn(|_| Vec::new());
        for round in 1..=self.rounds {
            for (tool, rounds) in tools.iter().zip(&mut rounds) {
                if !tool.is_here(self) {
                    continue;
                }
                eprintln!("lcm-bench: {what}, round {round} of {}: {tool:?}", self.rounds);
                match self.measure(*tool, traffic) {
                    Ok(round) => rounds.push(round),
                    Err(error) => {
                        eprintln!("lcm-bench: {what}, {tool:?}: {error:#}");
                        self.failures += 1;
                    }
                }
            }
        }
        rounds
    }

    fn measure(&self, tool: Tool, traffic: Traffic) -> Result<Round> {
        let window = if self.quick { QUICK_WINDOW } else { WINDOW };
        let running = Running::start(self, tool, SETTLING + window + ENDING)?;
        let load = Load::start(traffic)?;
        thread::sleep(SETTLING);
        let (before, began) = (cpu_time(running.pid())?, Instant::now());
        thread::sleep(window);
        let (after, elapsed) = (cpu_time(running.pid())?, began.elapsed());
        let sent = load.stop()?;
        // What was sent last is on its way.
        thread::sleep(Duration::from_millis(200));
        let received = running.stop()?;
        let percent = after.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64() * 100.0;
        let lost_percent = received.map_or(f64::NAN, |received| (1.0 - received / sent as f64) * 100.0);
        Ok(Round { percent, lost_percent })
    }
}

/// The CPU time of a tool of ours beside that of another.
fn compared(what: &str, ours: &str, of: &[Round], it: (&str, &[Round]), bounds: &[Bound]) -> Comparison {
    row(format!("{what}: {ours}, CPU"), Unit::PercentOfCore, of, it, bounds, |round| round.percent)
}

/// What a tool of ours did not get, beside that of another.
fn losses(what: &str, ours: &str, of: &[Round], it: (&str, &[Round])) -> Comparison {
    row(format!("{what}: {ours}, lost"), Unit::PercentOfMessages, of, it, &[], |round| round.lost_percent)
}

fn row(
    what: String,
    unit: Unit,
    ours: &[Round],
    (beside, it): (&str, &[Round]),
    bounds: &[Bound],
    figure: impl Fn(&Round) -> f64 + Copy,
) -> Comparison {
    let cell = |rounds: &[Round]| Cell::of(rounds.iter().map(figure));
    let what = format!("{what}, {}", unit.name());
    let (ours, it, bounds) = (cell(ours), cell(it), bounds.to_vec());
    Comparison { what, unit, ours, beside: beside.to_owned(), it, bounds }
}

/// What the kernel allows for a receive buffer meanwhile: a message of 1 MB four times over. Ours asks for it by itself, C LCM in its
/// URL.
const RECEIVE_BUFFER_BYTES: u64 = 8 << 20;

/// How long messages go by before the CPU time is looked at.
const SETTLING: Duration = Duration::from_secs(2);

const WINDOW: Duration = Duration::from_secs(10);
const QUICK_WINDOW: Duration = Duration::from_secs(3);

/// How much longer a tool runs that says itself when it ends.
const ENDING: Duration = Duration::from_secs(2);
