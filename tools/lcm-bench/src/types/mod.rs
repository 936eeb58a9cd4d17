//! The benchmark of message types: what generated code of ours costs beside that of the real lcm-gen for C.
//!
//! Owns its options, the rounds, and the processes that measure. What is measured beside what stands in [`plan`], the
//! messages in [`sample`], our operations in [`worker`], those of C in `peers/types.c`, the table in [`page`].
//!
//! Every measurement is a process of its own, on the same core, and no two run at once; each round goes through all of
//! them. Both sides get the same file with the same bytes, and refuse to measure unless their encoding is those bytes
//! again.

mod page;
mod plan;
mod sample;
mod stopwatch;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::extent::Extent;
use crate::launch;
use crate::peers::{self, CLcm, CWorker};
use crate::process::Worker;
use crate::report::{self, Machine};

use plan::{Measurement, Operation, Row};
use sample::{Kind, Subject};

pub(crate) use worker::{Job, work};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    extent: Extent,
    /// Measure only these types.
    #[arg(long, value_enum, num_args = 1.., value_name = "TYPE")]
    only: Vec<Kind>,
    /// Where `cargo xtask peers` has put C LCM, if not in target/peers.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
}

/// The figures of each measurement, in nanoseconds, one a round.
type Figures = BTreeMap<Measurement, Vec<f64>>;

/// Measures, and publishes the table.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    report::check_writable(options.extent.markdown.as_deref())?;
    let scratch = peers::scratch("lcm-bench-types")?;
    let c_worker = compile(options.peers.as_deref(), &scratch.join("c"));
    let c_worker = c_worker.inspect_err(|error| eprintln!("lcm-bench: nothing of C LCM: {error:#}")).ok();
    let rounds = options.extent.rounds(15, 3);
    let machine = Machine::look(
        rounds,
        options.extent.quick,
        report::compilers().into_iter().chain([report::c_lcm(c_worker.as_ref())]),
    );
    let kinds = Kind::value_variants().iter().filter(|kind| options.only.is_empty() || options.only.contains(kind));
    let rows: Vec<Row> = kinds.flat_map(|&kind| plan::rows(kind)).collect();
    let mut bench = Bench {
        c_worker,
        core: launch::last_cores()?[0],
        seconds: if options.extent.quick { 0.02 } else { 0.1 },
        messages: scratch.join("messages"),
        failures: 0,
    };
    bench.write_messages(&rows)?;
    let mut figures = Figures::new();
    for round in 1..=rounds {
        eprintln!("lcm-bench: types, round {round} of {rounds}");
        bench.round(round, &rows, &mut figures);
    }
    let page = page::page(&machine, &rows, &figures, bench.failures);
    report::publish(&page, options.extent.markdown.as_deref())?;
    Ok(if bench.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What all measurements share.
#[derive(Debug)]
struct Bench {
    /// Absent where C LCM is not installed.
    c_worker: Option<CWorker>,
    core: usize,
    /// How long each measurement takes.
    seconds: f64,
    /// The directory of encoded messages.
    messages: PathBuf,
    /// Measurements that came to nothing.
    failures: usize,
}

impl Bench {
    /// Makes the bytes that both sides read.
    fn write_messages(&self, rows: &[Row]) -> Result<()> {
        std::fs::create_dir_all(&self.messages)
            .with_context(|| format!("cannot make the directory {}", self.messages.display()))?;
        for row in rows {
            for measurement in row.measurements() {
                let path = self.file_of(measurement.subject);
                std::fs::write(&path, measurement.subject.encoded()?)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn file_of(&self, subject: Subject) -> PathBuf {
        self.messages.join(subject.file_name())
    }

    /// Measures everything that the rows need once, ours and what stands beside it one after the other, so that whatever
    /// disturbs the machine meanwhile disturbs both.
    fn round(&mut self, round: usize, rows: &[Row], figures: &mut Figures) {
        let mut done: Vec<Measurement> = Vec::new();
        for measurement in rows.iter().flat_map(Row::measurements) {
            if done.contains(&measurement) || (measurement.operation.needs_c() && self.c_worker.is_none()) {
                continue;
            }
            done.push(measurement);
            match self.measure(measurement, round) {
                Ok(nanoseconds) => figures.entry(measurement).or_default().push(nanoseconds),
                Err(error) => {
                    eprintln!("lcm-bench: types, {measurement:?}: {error:#}");
                    self.failures += 1;
                }
            }
        }
    }

    fn measure(&self, Measurement { subject, operation }: Measurement, round: usize) -> Result<f64> {
        let core = Some(self.core);
        let mut command = match (operation, &self.c_worker) {
            (Operation::Ours(operation), _) => {
                let mut command = launch::command(launch::OWN_EXECUTABLE, core);
                command.args(["types-worker", &sample::argument(subject.kind), &sample::argument(operation)]);
                command
            }
            (Operation::C(operation), Some(c_worker)) => {
                let mut command = launch::command(&c_worker.program, core);
                command.args([&subject.kind.name_in_c(), operation.argument()]);
                command
            }
            (Operation::C(_), None) => bail!("C LCM is not installed"),
        };
        let padding = round * PADDING_BYTES % PAGE_BYTES;
        command.args([self.seconds.to_string(), padding.to_string()]).arg(self.file_of(subject));
        let worker = Worker::start("the worker", &mut command)?;
        worker.figures(Duration::from_secs_f64(self.seconds) + PATIENCE)?.of("ns")
    }
}

/// Has lcm-gen write the code of the types, and compiles the worker with it.
fn compile(peers: Option<&Path>, generated: &Path) -> Result<CWorker> {
    let c_lcm = CLcm::find(peers)?;
    if generated.exists() {
        std::fs::remove_dir_all(generated).with_context(|| format!("cannot remove {}", generated.display()))?;
    }
    std::fs::create_dir_all(generated).with_context(|| format!("cannot make {}", generated.display()))?;
    let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lcm-types/idl");
    let files: Vec<PathBuf> = sample::IDL.iter().map(|name| idl.join(format!("{name}.lcm"))).collect();
    c_lcm.generate(&files, generated)?;
    let generated_code = sample::IDL.iter().map(|name| generated.join(format!("{}.c", name.replace('/', "_"))));
    let sources: Vec<PathBuf> = std::iter::once(peers::source("types.c")).chain(generated_code).collect();
    c_lcm.compile("lcm-bench-types-c", &sources, &[generated])
}

/// How far apart within a page two things lie decides how fast one is copied to the other, sometimes by half, and depends
/// on all that a program has allocated before. Therefore there is padding between them, of another multiple of 16 bytes in
/// each round.
const PADDING_BYTES: usize = 16 * 85;
const PAGE_BYTES: usize = 4096;

/// How long a measurement may take longer than it should.
const PATIENCE: Duration = Duration::from_secs(30);
