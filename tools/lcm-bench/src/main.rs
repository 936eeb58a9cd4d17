//! `lcm-bench`: ours, C LCM and a bare socket loop, measured in turn in the same run, as one table of medians and ratios.
//!
//! Owns the command line and the exit codes: 0 measured, 1 something failed, 2 wrong usage. What is measured stands in
//! [`scenario`], what the measured processes do in [`worker`] and in `peers/bench.c`, what the table says in [`report`].
//! Benchmarks of their own: [`types`], message types in memory, without a bus; [`mesh`], calls and presence;
//! [`modules`], what modules cost, which are a program of their own, `bench-module`; [`runs`], what `dimos run` does; [`inspect`],
//! what it costs to look at a bus.

#![forbid(unsafe_code)]

mod bench;
mod busy;
mod contender;
mod exchange;
mod extent;
mod inspect;
mod launch;
mod mesh;
mod modules;
mod namespace;
mod peers;
mod process;
mod report;
mod rmem_max;
mod runs;
mod scenario;
mod statistics;
mod types;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use bench::Bench;
use extent::Extent;
use report::Machine;
use rmem_max::RmemMax;
use scenario::Scenario;
use worker::{Job, Kind};

/// Measures lcm-rs, C LCM and a bare socket loop in turn, and prints one table of medians and ratios.
///
/// Runs in a network namespace of its own. C LCM is that of `cargo xtask peers`; without it its column stays empty.
#[derive(Debug, Parser)]
#[command(name = "lcm-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Args)]
struct Options {
    #[command(flatten)]
    extent: Extent,
    /// Measure only these.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    only: Vec<Scenario>,
    /// Where `cargo xtask peers` has put C LCM, if not in target/peers.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Leave net.core.rmem_max of this host as it is. Otherwise root sets it to what the rows ask for, and back.
    #[arg(long)]
    leave_rmem_max: bool,
    /// This process is in the namespace already.
    #[arg(long, hide = true)]
    isolated: bool,
}

/// What this program is besides the benchmark of the bus: other benchmarks, and the processes that all of them start.
#[derive(Debug, Subcommand)]
enum Part {
    /// Measures message types beside the C code of lcm-gen: decoding, encoding, views.
    Types(types::Options),
    /// Measures calls beside the bare bus, gRPC and Python DimOS, and what presence costs.
    Mesh(mesh::Options),
    /// Measures modules beside processes that use the bus alone: pipelines, calls, memory, start.
    Modules(modules::Options),
    /// Measures runs: the start of 2, 20 and 100 modules, memory, and how soon a crash is noticed and mended.
    Runs(runs::Options),
    /// Measures what looks at a bus, spy and recorder, beside C's lcm-logger and Python DimOS's spy.
    Inspect(inspect::Options),
    /// Becomes another program that dies with its parent.
    #[command(hide = true)]
    Launch {
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true)]
        program: Vec<OsString>,
    },
    /// Does what is measured.
    #[command(hide = true)]
    Worker {
        #[arg(value_enum)]
        kind: Kind,
        #[command(flatten)]
        job: Job,
    },
    /// Does what is measured of message types.
    #[command(hide = true)]
    TypesWorker(types::Job),
    /// Does what is measured of the mesh.
    #[command(hide = true)]
    MeshWorker(mesh::Job),
    /// Sets net.core.rmem_max, and restores it at the end.
    #[command(hide = true)]
    KeepRmemMax,
}

fn main() -> ExitCode {
    let Cli { options, part } = Cli::parse();
    let outcome = match part {
        Some(Part::Launch { core, program }) => launch::become_program(&program, core).map(|()| ExitCode::SUCCESS),
        Some(Part::Worker { kind, job }) => worker::run(kind, &job).map(|()| ExitCode::SUCCESS),
        Some(Part::Types(options)) => types::run(&options),
        Some(Part::TypesWorker(job)) => types::work(&job).map(|()| ExitCode::SUCCESS),
        Some(Part::Mesh(options)) => mesh::run(&options),
        Some(Part::Modules(options)) => modules::run(&options),
        Some(Part::Runs(options)) => runs::run(&options),
        Some(Part::Inspect(options)) => inspect::run(&options),
        Some(Part::MeshWorker(job)) => mesh::work(&job).map(|()| ExitCode::SUCCESS),
        Some(Part::KeepRmemMax) => rmem_max::keep().map(|()| ExitCode::SUCCESS),
        None if options.isolated => measure(options),
        None => namespace::run_inside(&[]),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("lcm-bench: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure(options: Options) -> Result<ExitCode> {
    report::check_writable(options.extent.markdown.as_deref())?;
    let rmem_max = RmemMax::new(options.leave_rmem_max)?;
    namespace::prepare()?;
    let c_worker = peers::compile(options.peers.as_deref());
    let c_worker = c_worker.inspect_err(|error| eprintln!("lcm-bench: no column of C LCM: {error:#}")).ok();
    let rounds = options.extent.rounds(5, 1);
    let cores = launch::last_cores()?;
    let (notes, failures) = (Vec::new(), 0);
    let mut bench = Bench { rounds, quick: options.extent.quick, c_worker, rmem_max, cores, notes, failures };
    bench.allow_receive_buffer(scenario::RECV_BUF_SIZE)?;
    let particular = report::socket_settings().into_iter().chain([report::c_lcm(bench.c_worker.as_ref())]);
    let machine = Machine::look(rounds, bench.quick, particular);
    let mut rows = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(scenario) {
            rows.extend(scenario.run(&mut bench)?);
        }
    }
    if bench.failures > 0 {
        bench.notes.push(format!("{} measurements failed and are missing in their medians.", bench.failures));
    }
    let page = report::page(&machine, &rows, &bench.notes);
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
