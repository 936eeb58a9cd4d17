//! `dimos run --daemon`: the run goes on by itself, and holds nothing of who started it.

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use dimos::exit;
use dimos_coordinator::run::Directories;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signal_hook::iterator::Signals;

use super::command;
use crate::context::Context;
use crate::failure::Failure;

/// Starts the keeper, and waits until the run is up or has failed.
pub(super) fn start(run_id: &str, context: &Context) -> Result<(), Failure> {
    // Nobody hears what is wrong later.
    Directories::of_user().map_err(Failure::usage)?;
    let mut keeper = command("keeper", run_id)?;
    keeper.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut signals = Signals::new(dimos::exit::signals()).context("cannot watch signals")?;
    let mut keeper = keeper.spawn().context("cannot start the keeper of the run")?;
    let pid = Pid::from_child(&keeper);
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::clone(&is_interrupted);
    let stop = move || {
        for _ in signals.forever() {
            interrupted.store(true, Ordering::SeqCst);
            // If it is gone, so is the run.
            let _ = kill_process(pid, Signal::TERM);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(stop).context("cannot start a thread")?;
    let mut said = Vec::new();
    if let Some(stdout) = keeper.stdout.take() {
        // The coordinator lets go of it as soon as it has told, and so it ends in any case.
        stdout.take(MAX_TOLD_BYTES).read_to_end(&mut said).context("cannot hear of the run")?;
    }
    if is_interrupted.load(Ordering::SeqCst) {
        // Nothing is left behind when that is told.
        let _ = keeper.wait();
        return Err(Failure::interrupted());
    }
    let told: Value = match serde_json::from_slice(&said) {
        Ok(told) => told,
        Err(_) => return Err(Failure::unexpected(format_args!("the coordinator of {run_id} ended before it was up"))),
    };
    if let Some(error) = told.get("error") {
        let code = error["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::ERROR);
        let failure = Failure::new(code, error["message"].as_str().unwrap_or_default());
        let failure = if code == exit::LAUNCH_FILE { failure.in_full() } else { failure };
        return Err(match error.get("data") {
            Some(data) => failure.with_data(data.clone()),
            None => failure,
        });
    }
    context.print(&told, |told| {
        let modules = told["modules"].as_array().map_or(0, Vec::len);
        let [run_id, bus, log_dir] = ["run_id", "bus", "log_dir"].map(|name| told[name].as_str().unwrap_or_default());
        format!(
            "{run_id}: {modules} modules are up after {} ms on {bus}\nlog: {log_dir}\nstop it with: dimos stop",
            told["after_ms"]
        )
    })
}

/// Tells who waits how it went.
pub(super) fn tell(told: &Value) {
    let mut stdout = io::stdout();
    // If nobody waits any more, nobody need be told.
    let _ = writeln!(stdout, "{told}").and_then(|()| stdout.flush());
}

/// Holds whatever stdout was no longer.
pub(super) fn let_go_of_stdout() -> io::Result<()> {
    let null = std::fs::File::options().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

/// More is never told.
const MAX_TOLD_BYTES: u64 = 16 << 20;
