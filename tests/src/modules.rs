//! Modules under test: programs made with the SDK, started with pipes, and what their logs say.
//!
//! The modules themselves stand in `tests/src/bin/test-module`.

use std::process::Command;
use std::time::{Duration, Instant};

use dimos::presence::State;
use dimos::{Dimos, RemoteModule};
use serde_json::Value;

use crate::process::{PATIENCE, Process};

/// The command of one of the modules in `test-module`.
#[macro_export]
macro_rules! test_module {
    ($module:literal) => {{
        let mut command = ::std::process::Command::new(env!("CARGO_BIN_EXE_test-module"));
        command.env("TEST_MODULE", $module);
        command
    }};
}

/// A module's process.
#[derive(Debug)]
pub struct ModuleProcess(pub Process);

impl ModuleProcess {
    /// Starts it with these arguments, with nothing on stdin.
    pub fn start(mut command: Command, arguments: &[&str]) -> Self {
        let mut process = Process::start(command.args(arguments));
        process.close_stdin();
        Self(process)
    }

    /// Starts it with this line on stdin.
    pub fn start_with_line(mut command: Command, arguments: &[&str], line: &str) -> Self {
        let mut process = Process::start(command.args(arguments));
        process.write_line(line);
        process.close_stdin();
        Self(process)
    }

    /// Starts it, and waits until it runs under this name.
    pub fn start_as(dimos: &Dimos, name: &str, command: Command, arguments: &[&str]) -> (Self, RemoteModule) {
        let arguments: Vec<_> = ["--name", name].iter().chain(arguments).copied().collect();
        let started = Self::start(command, &arguments);
        let module = started.running(dimos, name);
        (started, module)
    }

    /// Waits until it runs under this name.
    #[must_use]
    pub fn running(&self, dimos: &Dimos, name: &str) -> RemoteModule {
        let pid = self.0.id();
        let is_it =
            |one: &dimos::presence::Participant| one.state == State::Running && one.identity.pid.unsigned_abs() == pid;
        eventually(
            || format!("{name} runs; it says {}", self.0.stderr()),
            || {
                let modules = dimos.modules();
                let it = modules.iter().find(|one| is_it(one))?;
                let found = dimos.module(name).ok()?;
                (found.node() == it.identity.node).then_some(found)
            },
        )
    }

    /// What it has logged so far.
    ///
    /// # Panics
    /// If a line is no JSON object with a level and a message.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let said = self.0.stderr();
        // The last line may not have been written to its end.
        let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = lines.map(|line| {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{line}");
            line
        });
        lines.collect()
    }

    /// Waits until it logs a message that contains this.
    #[must_use]
    pub fn logged(&self, message: &str) -> Value {
        let is_it = |line: &Value| line["fields"]["message"].as_str().is_some_and(|said| said.contains(message));
        eventually(
            || format!("the log has {message:?}; it has {}", self.0.stderr()),
            || self.log().into_iter().find(is_it),
        )
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        crate::process::run(Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.0.id())));
    }

    /// Waits for its end, and tells its exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.0.wait(PATIENCE).code()
    }
}

/// What `look` finds, as soon as it finds something.
pub fn eventually<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "within {PATIENCE:?} not: {}", what());
        std::thread::sleep(Duration::from_millis(10));
    }
}
