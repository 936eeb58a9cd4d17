//! The command `dimos` under test: run to its end, or started and watched.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::example::built_program;
use crate::process::{PATIENCE, Process, signal_when_handled};

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to stdout.
    pub stdout: String,
    /// All that it wrote to stderr.
    pub stderr: String,
}

/// The command with these arguments, built if it is not.
pub fn dimos(arguments: &[&str]) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(|| built_program("dimos-cli", "dimos")));
    command.args(arguments).env_remove("DIMOS_IDL_PATH");
    command
}

/// Runs it to its end, with nothing on stdin.
pub fn run(arguments: &[&str]) -> Ended {
    let output = dimos(arguments).stdin(std::process::Stdio::null()).output();
    Ended::from(output.expect("dimos starts"))
}

/// Runs it to its end, and does something again and again meanwhile, such as to publish what it waits for.
pub fn run_while(arguments: &[&str], mut repeat: impl FnMut()) -> Ended {
    let mut process = Process::start(&mut dimos(arguments));
    process.close_stdin();
    let deadline = Instant::now() + PATIENCE;
    while process.is_running() {
        assert!(Instant::now() < deadline, "dimos {arguments:?} does not end; it says {}", process.stderr());
        repeat();
        std::thread::sleep(Duration::from_millis(10));
    }
    let code = process.wait(PATIENCE).code();
    let stdout = process.remaining_lines().iter().map(|line| format!("{line}\n")).collect();
    Ended { code, stdout, stderr: process.stderr() }
}

/// Sends SIGINT, as Ctrl-C does, as soon as the command is not killed by that.
pub fn press_ctrl_c(process: &Process) {
    signal_when_handled(process.id(), "INT");
}

impl Ended {
    /// stdout as lines of JSON.
    ///
    /// # Panics
    /// If a line is none.
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        let value =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}; {self:?}"));
        self.stdout.lines().map(value).collect()
    }

    /// The error that stderr ends with, under `--json`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn json_error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{last:?}: {error}; {self:?}"));
        assert!(value["error"]["code"].is_string() && value["error"]["message"].is_string(), "{self:?}");
        value["error"].clone()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
