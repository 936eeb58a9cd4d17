//! Becoming another program with two properties that a command line cannot give it: it dies with its parent, and it stays
//! on one core if told to.
//!
//! The program keeps the process id, so that its parent waits for it and ends it as if it had started it directly.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A command that starts `program` by way of this program's `launch`; arguments of `program` may be added.
pub(crate) fn command(program: impl AsRef<OsStr>, core: Option<usize>) -> Command {
    let mut command = Command::new(OWN_EXECUTABLE);
    command.arg("launch");
    if let Some(core) = core {
        command.arg(format!("--core={core}"));
    }
    command.arg("--").arg(program);
    command
}

/// Becomes `program`; returns only if that fails. The signal is bound to the thread that started this process, which in
/// this tool is always the main thread.
pub(crate) fn become_program(program: &[OsString], core: Option<usize>) -> Result<()> {
    let (name, arguments) = program.split_first().context("no program to become")?;
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot ask to die with the parent")?;
    if let Some(core) = core {
        let mut cores = CpuSet::new();
        cores.set(core);
        sched_setaffinity(None, &cores).with_context(|| format!("cannot stay on core {core}"))?;
    }
    Err(Command::new(name).args(arguments).exec()).with_context(|| format!("cannot become {}", name.display()))
}

/// The last two cores this process may use, the last first; twice the same where there is only one. Interrupts tend to be on
/// the first.
pub(crate) fn last_cores() -> Result<[usize; 2]> {
    let cores = sched_getaffinity(None).context("cannot tell the cores")?;
    let mut usable = (0..CpuSet::MAX_CPU).rev().filter(|&core| cores.is_set(core));
    let last = usable.next().context("not a single core")?;
    Ok([last, usable.next().unwrap_or(last)])
}

/// This program, from any process that is this program. Its file may be replaced while the benchmark runs, by a build for
/// instance; all workers are nevertheless the same.
pub(crate) const OWN_EXECUTABLE: &str = "/proc/self/exe";
