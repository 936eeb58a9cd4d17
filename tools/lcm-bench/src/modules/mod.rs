//! The benchmark of modules: what the SDK adds to the bus below it, what a module that does nothing takes, and how soon it is
//! there.
//!
//! Owns its options and what runs where. The measurements stand in [`pipelines`], [`calls`], [`idle`] and [`start`], what all of
//! them start in [`mod@bench`], what the kernel says of processes in [`observed`], the words of the page in [`page`]. The measured
//! processes are the program `bench-module`, which is built when it is measured.

mod bench;
mod calls;
mod idle;
mod observed;
mod page;
mod pipelines;
mod ring;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::bench::Bench as Bus;
use crate::extent::Extent;
use crate::launch;
use crate::namespace;
use crate::report::{self, Comparison, Machine};
use crate::rmem_max::RmemMax;

use bench::Bench;
pub(crate) use observed::{Memory, cpu_time, memory};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    extent: Extent,
    /// Measure only these.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    only: Vec<Scenario>,
    /// Leave net.core.rmem_max of this host as it is. Otherwise root sets it to what images need, and back.
    #[arg(long)]
    leave_rmem_max: bool,
    /// This process is in the namespace already.
    #[arg(long, hide = true)]
    isolated: bool,
    /// The program of the measured processes.
    #[arg(long, hide = true)]
    program: Option<PathBuf>,
}

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A velocity around three processes.
    Twist,
    /// An image of 6 MB around three processes.
    Image,
    /// Calls to a module, and from a module to another.
    Call,
    /// A module that does nothing.
    Idle,
    /// From the start of a process to what it does first.
    Start,
}

/// Measures in a namespace, and publishes the table.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.isolated {
        return measure(options);
    }
    report::check_writable(options.extent.markdown.as_deref())?;
    namespace::run_inside(&["--program".into(), bench::build()?.into()])
}

fn measure(options: &Options) -> Result<ExitCode> {
    let rmem_max = RmemMax::new(options.leave_rmem_max)?;
    namespace::prepare()?;
    let rounds = options.extent.rounds(5, 1);
    let (notes, failures) = (Vec::new(), 0);
    let cores = launch::last_cores()?;
    let bus = Bus { rounds, quick: options.extent.quick, c_worker: None, rmem_max, cores, notes, failures };
    let program = options.program.clone().context("nobody said where the measured program is")?;
    let mut bench = Bench::new(bus, program);
    bench.allow_images()?;
    let [rust, _c] = report::compilers();
    let particular = report::socket_settings().into_iter().chain([rust]);
    let machine = Machine::look(rounds, options.extent.quick, particular);
    let mut rows = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(scenario) {
            rows.extend(scenario.run(&mut bench));
        }
    }
    let page = page::page(&machine, &rows, bench.notes(), bench.failures());
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Scenario {
    fn run(self, bench: &mut Bench) -> Vec<Comparison> {
        match self {
            Self::Twist => pipelines::twist(bench),
            Self::Image => pipelines::image(bench),
            Self::Call => calls::run(bench),
            Self::Idle => idle::run(bench),
            Self::Start => start::run(bench),
        }
    }
}
