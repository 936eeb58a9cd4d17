//! The benchmark of runs: how soon `dimos run` has modules up, what its own processes take, and how soon a module that was killed is
//! missed and replaced.
//!
//! Owns its options and the order of measurements. A run under measurement stands in [`mod@run`], the words of the page in [`page`].
//! What is measured is the program `dimos`, which is built first.

mod crash;
mod page;
mod run;
mod start;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::extent::Extent;
use crate::namespace;
use crate::peers::scratch;
use crate::report::{self, Bound, Cell, Comparison, Machine, Unit};

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
    /// The program `dimos`.
    #[arg(long, hide = true)]
    program: Option<PathBuf>,
}

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// From the start of the command until all modules are up, and what the run takes then.
    Start,
    /// From SIGKILL of a module until that is told, and until it is up again.
    Crash,
}

/// What all scenarios share.
#[derive(Debug)]
struct Bench {
    rounds: usize,
    /// The program `dimos`.
    program: PathBuf,
    /// Where launch files and logs go.
    directory: PathBuf,
    /// Measurements that came to nothing.
    failures: usize,
}

/// Measures in a namespace, and publishes the table.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.isolated {
        return measure(options);
    }
    report::check_writable(options.extent.markdown.as_deref())?;
    namespace::run_inside(&["--program".into(), build()?.into()])
}

fn measure(options: &Options) -> Result<ExitCode> {
    namespace::prepare()?;
    let rounds = options.extent.rounds(5, 1);
    let program = options.program.clone().context("nobody said where the measured program is")?;
    let directory = scratch("lcm-bench-runs")?;
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut bench = Bench { rounds, program, directory, failures: 0 };
    let [rust, _c] = report::compilers();
    let python = ("Python DimOS", "not measured".to_owned());
    let machine = Machine::look(rounds, options.extent.quick, [rust, python]);
    let mut rows = Vec::new();
    for scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(scenario) {
            rows.extend(match scenario {
                Scenario::Start => start::run(&mut bench),
                Scenario::Crash => crash::run(&mut bench),
            });
        }
    }
    let page = page::page(&machine, &rows, bench.failures);
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds `dimos`, as this program was built.
pub(crate) fn build() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the own executable")?;
    let profile = own.parent().context("the own executable is nowhere")?;
    let target = profile.parent().context("the own executable is in no target directory")?;
    eprintln!("lcm-bench: building dimos");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dimos-cli/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--bin", "dimos", "--manifest-path"]).arg(&manifest);
    cargo.arg("--target-dir").arg(target).args((!cfg!(debug_assertions)).then_some("--release"));
    let status = cargo.stdin(Stdio::null()).status().context("cannot run `cargo`")?;
    ensure!(status.success(), "`cargo build --bin dimos` failed");
    Ok(profile.join("dimos"))
}

impl Bench {
    /// Measures once a round.
    fn repeat<T>(&mut self, what: &str, mut measure: impl FnMut(&Self) -> Result<T>) -> Vec<T> {
        let mut values = Vec::new();
        for round in 1..=self.rounds {
            eprintln!("lcm-bench: {what}, round {round} of {}", self.rounds);
            match measure(self) {
                Ok(value) => values.push(value),
                Err(error) => {
                    eprintln!("lcm-bench: {what}: {error:#}");
                    self.failures += 1;
                }
            }
        }
        values
    }
}

/// A row of figures, beside nothing.
fn row(what: String, unit: Unit, figures: impl IntoIterator<Item = f64>, aim: Option<f64>) -> Comparison {
    let bounds = aim.map(Bound::AtMost).into_iter().collect();
    let what = format!("{what}, {}", unit.name());
    Comparison { what, unit, ours: Cell::of(figures), beside: String::new(), it: None, bounds }
}
