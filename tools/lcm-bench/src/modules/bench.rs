//! A run of the benchmark of modules: the program that is measured, how its processes are started, and the order of
//! measurements.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::{Bench as Bus, Placement};
use crate::launch;
use crate::process::Worker;
use crate::report::{Bound, Cell, Comparison, Unit};

/// What all scenarios share.
#[derive(Debug)]
pub(super) struct Bench {
    /// What the benchmark of the bus works with.
    pub(super) bus: Bus,
    program: PathBuf,
    /// Modules so far: each has a name of its own, so that none takes over from one that was killed.
    names: u32,
}

/// A figure of a measurement, as rows show it.
#[derive(Debug)]
pub(super) struct Quantity<T> {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) figure: fn(&T) -> f64,
    pub(super) bounds: &'static [Bound],
}

/// What stands beside a row: its name and its rounds.
#[derive(Debug)]
pub(super) struct Side<'a, T> {
    pub(super) name: &'a str,
    pub(super) rounds: &'a [T],
}

/// Builds the program of the measured processes, as this one was built, and with what was built for it.
pub(super) fn build() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the own executable")?;
    let profile = own.parent().context("the own executable is nowhere")?;
    let target = profile.parent().context("the own executable is in no target directory")?;
    eprintln!("lcm-bench: building the modules");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--bin", PROGRAM, "--manifest-path"]).arg(&manifest);
    cargo.arg("--target-dir").arg(target).args((!cfg!(debug_assertions)).then_some("--release"));
    let status = cargo.stdin(Stdio::null()).status().context("cannot run `cargo`")?;
    ensure!(status.success(), "`cargo build --bin {PROGRAM}` failed");
    Ok(profile.join(PROGRAM))
}

impl Bench {
    pub(super) fn new(bus: Bus, program: PathBuf) -> Self {
        Self { bus, program, names: 0 }
    }

    /// Has the kernel allow receive buffers that hold an image.
    pub(super) fn allow_images(&mut self) -> Result<()> {
        self.bus.allow_receive_buffer(RECV_BUF_SIZE).map(drop)
    }

    /// Measurements that came to nothing.
    pub(super) fn failures(&self) -> usize {
        self.bus.failures
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.bus.notes
    }

    /// Measures every party once a round, one after the other, so that whatever disturbs the machine meanwhile disturbs all of
    /// them. Returns the rounds of each.
    pub(super) fn alternate<P: Copy, T, const N: usize>(
        &mut self,
        what: &str,
        parties: [(P, &str); N],
        mut measure: impl FnMut(&mut Self, P) -> Result<T>,
    ) -> [Vec<T>; N] {
        let mut values: [Vec<T>; N] = std::array::from_fn(|_| Vec::new());
        for round in 1..=self.bus.rounds {
            for ((party, name), values) in parties.into_iter().zip(&mut values) {
                eprintln!("lcm-bench: {what}, round {round} of {}: {name}", self.bus.rounds);
                match measure(self, party) {
                    Ok(value) => values.push(value),
                    Err(error) => {
                        eprintln!("lcm-bench: {what}, {name}: {error:#}");
                        self.bus.failures += 1;
                    }
                }
            }
        }
        values
    }

    /// A name that no other process of this run has.
    pub(super) fn new_name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    /// The command that is a module of this class; what it is told follows.
    pub(super) fn module(&self, class: &str, name: &str, placement: Placement) -> Command {
        let mut command = self.command(class, placement);
        command.args(["--name", name]);
        command
    }

    /// The command that is a process with the bus alone; what it is told follows.
    pub(super) fn bare(&self, role: &str, placement: Placement) -> Command {
        let mut command = self.command("Bare", placement);
        command.arg(role);
        command
    }

    /// As [`Bench::module`] and [`Bench::bare`], but the process becomes nothing else before it is the program: its start can be
    /// measured. It ends with the process namespace of this run, at the latest.
    pub(super) fn at_once(&self, which: &str) -> Command {
        self.told(Command::new(&self.program), which)
    }

    /// Starts a process that says when it is ready. Returns its process id in `/proc` too.
    pub(super) fn ready(&self, name: &str, command: &mut Command) -> Result<(Worker, u32)> {
        let worker = Worker::start(name, command)?;
        let pid = worker.figures(PATIENCE)?.of("pid")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a process id is a small number")]
        Ok((worker, pid as u32))
    }

    fn command(&self, which: &str, placement: Placement) -> Command {
        let core = (placement == Placement::OneCore).then_some(self.bus.cores[0]);
        self.told(launch::command(&self.program, core), which)
    }

    fn told(&self, mut command: Command, which: &str) -> Command {
        command.env("BENCH_MODULE", which);
        for variable in ["LCM_DEFAULT_URL", "RUST_LOG", "DIMOS_LOG_LEVEL", "DIMOS_RUN_ID"] {
            command.env_remove(variable);
        }
        command
    }
}

/// A row: a quantity of ours, and of what stands beside it.
pub(super) fn row<T>(what: &str, quantity: &Quantity<T>, ours: &[T], beside: Option<Side<'_, T>>) -> Comparison {
    let Quantity { name, unit, figure, bounds } = *quantity;
    let it = beside.as_ref().and_then(|beside| Cell::of(beside.rounds.iter().map(figure)));
    Comparison {
        what: format!("{what}, {name}, {}", unit.name()),
        unit,
        ours: Cell::of(ours.iter().map(figure)),
        beside: beside.map(|beside| beside.name.to_owned()).unwrap_or_default(),
        it,
        bounds: bounds.to_vec(),
    }
}

/// How long a process may take for what it does at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Holds an image of 6 MB.
const RECV_BUF_SIZE: u32 = 16 << 20;

const PROGRAM: &str = "bench-module";
