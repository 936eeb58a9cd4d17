//! A run under measurement: started as people start it, looked at as people look at it, ended with the measurement.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Bench;

/// A run that is up.
#[derive(Debug)]
pub(super) struct Run<'a> {
    bench: &'a Bench,
    /// From the start of the command to its end, when all modules were up.
    pub(super) took: Duration,
}

impl<'a> Run<'a> {
    /// Starts so many modules that do nothing, `m0` and on, and waits until all are up.
    pub(super) fn start(bench: &'a Bench, modules: usize) -> Result<Self> {
        let file = bench.directory.join(format!("{modules}.toml"));
        let text: String = (0..modules).map(|number| format!("modules.m{number}.run = \"static-tf\"\n")).collect();
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = dimos(bench);
        command.args(["run", "--daemon"]).arg(&file);
        let start = Instant::now();
        say(&mut command)?;
        Ok(Self { bench, took: start.elapsed() })
    }

    /// What `dimos status` says.
    pub(super) fn status(&self) -> Result<Value> {
        say(dimos(self.bench).arg("status"))
    }

    /// The process of the keeper, which the register of runs names.
    pub(super) fn keeper(&self) -> Result<u32> {
        let runs = self.bench.directory.join("dimos/runs");
        let file = std::fs::read_dir(&runs)?.next().context("no run is registered")??;
        let record: Value = serde_json::from_slice(&std::fs::read(file.path())?)?;
        pid(&record)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Err(error) = say(dimos(self.bench).arg("stop")) {
            eprintln!("lcm-bench: the run does not stop: {error:#}");
        }
    }
}

/// The process that an object names.
pub(super) fn pid(object: &Value) -> Result<u32> {
    object["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).with_context(|| format!("no process in {object}"))
}

fn dimos(bench: &Bench) -> Command {
    let mut command = Command::new(&bench.program);
    command.arg("--json").env("XDG_STATE_HOME", &bench.directory);
    for variable in ["LCM_DEFAULT_URL", "RUST_LOG", "DIMOS_LOG_LEVEL", "DIMOS_RUN_ID"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end: what it says on stdout.
fn say(command: &mut Command) -> Result<Value> {
    let output = command.stdin(Stdio::null()).output().context("cannot start dimos")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    match serde_json::from_slice(&output.stdout) {
        Ok(value) => Ok(value),
        Err(error) => bail!("{command:?}: {error}"),
    }
}
