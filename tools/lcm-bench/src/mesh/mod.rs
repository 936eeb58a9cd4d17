//! The benchmark of the mesh: what calls cost beside the bus below them, gRPC and Python DimOS, and what presence costs.
//!
//! Owns its options and what runs where. The measurements stand in [`calls`] and [`presence`], their order in [`mod@bench`], our
//! processes in [`worker`], those of gRPC in `grpc-peer` (a package outside of the workspace, which is built when it is
//! measured), that of Python DimOS in `peers/rpc.py`, the words of the page in [`page`].

mod bench;
mod calls;
mod job;
mod page;
mod party;
mod peers;
mod presence;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::bench::Bench as Bus;
use crate::extent::Extent;
use crate::launch;
use crate::namespace;
use crate::report::{self, Comparison, Machine};
use crate::rmem_max::RmemMax;

use bench::Bench;
pub(crate) use peers::Python;

pub(crate) use job::{Job, Role};
pub(crate) use worker::work;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    extent: Extent,
    /// Measure only these.
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    only: Vec<Scenario>,
    /// This process is in the namespace already.
    #[arg(long, hide = true)]
    isolated: bool,
    /// The gRPC peer, which cannot be built in the namespace.
    #[arg(long, hide = true)]
    grpc: Option<PathBuf>,
}

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A small call.
    Call,
    /// Small calls of eight callers.
    Callers,
    /// A call with 1 MB each way.
    Large,
    /// Idle processes.
    Presence,
}

/// Measures in a namespace, and publishes the table.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.isolated {
        return measure(options);
    }
    report::check_writable(options.extent.markdown.as_deref())?;
    namespace::run_inside(&options.grpc_argument())
}

fn measure(options: &Options) -> Result<ExitCode> {
    namespace::prepare()?;
    let rounds = options.extent.rounds(5, 1);
    let (notes, failures) = (Vec::new(), 0);
    let bus = Bus {
        rounds,
        quick: options.extent.quick,
        c_worker: None,
        rmem_max: RmemMax::new(true)?,
        cores: launch::last_cores()?,
        notes,
        failures,
    };
    let grpc = options.grpc.clone().ok_or_else(|| "its peer could not be built".to_owned());
    let python = Python::find();
    let machine = Machine::look(rounds, options.extent.quick, conditions(&python));
    let mut bench = Bench::new(bus, grpc, python)?;
    let mut rows = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.measures(*scenario) {
            rows.extend(scenario.run(&mut bench));
        }
    }
    let page = page::page(&machine, &rows, bench.failures());
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Options {
    fn measures(&self, scenario: Scenario) -> bool {
        self.only.is_empty() || self.only.contains(&scenario)
    }

    /// What tells the benchmark in its namespace of the gRPC peer, which is built here if anything needs it. The network that
    /// this may take is out of reach there.
    fn grpc_argument(&self) -> Vec<OsString> {
        if ![Scenario::Call, Scenario::Callers, Scenario::Large].into_iter().any(|scenario| self.measures(scenario)) {
            return Vec::new();
        }
        match peers::build_grpc() {
            Ok(program) => vec!["--grpc".into(), program.into()],
            Err(error) => {
                eprintln!("lcm-bench: nothing of gRPC: {error:#}");
                Vec::new()
            }
        }
    }
}

impl Scenario {
    fn run(self, bench: &mut Bench) -> Vec<Comparison> {
        match self {
            Self::Call => calls::small(bench),
            Self::Callers => calls::eight_callers(bench),
            Self::Large => calls::large(bench),
            Self::Presence => presence::run(bench),
        }
    }
}

fn conditions(python: &Result<Python, String>) -> impl Iterator<Item = (&'static str, String)> {
    let python = match python {
        Ok(python) => python.version.clone(),
        Err(reason) => format!("not measured: {reason}"),
    };
    let [rust, _c] = report::compilers();
    let peers = [rust, ("gRPC", peers::grpc_version()), ("Python DimOS", python)];
    report::socket_settings().into_iter().chain(peers)
}
