//! Runs under test: launch files and a state directory that nobody else has, the run itself as its user and its coordinator's
//! clients see it, and all processes there are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dimos::coordinator::{Coordinator, ModuleState, ModuleStatus, RunState, RunStatus};
use dimos::{Dimos, Name};
use serde_json::Value;

use crate::cli::{Ended, dimos};
use crate::modules::eventually;
use crate::process::{PATIENCE, Process, run};

/// What a launch file says of one of the modules in `test-module`: how it is run.
#[macro_export]
macro_rules! run_test_module {
    ($module:literal) => {
        format!("run = {:?}\nenv.TEST_MODULE = {:?}\n", env!("CARGO_BIN_EXE_test-module"), $module)
    };
}

/// A site whose name is that of the test.
#[macro_export]
macro_rules! site {
    () => {
        $crate::run::Site::new(env!("CARGO_TARGET_TMPDIR"), concat!(module_path!(), "-"), $crate::test_name!())
    };
}

/// A directory with launch files, and the state of `dimos` beside them.
#[derive(Debug)]
pub struct Site {
    directory: PathBuf,
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    /// The command itself, which is the keeper; none for daemons.
    pub command: Option<Process>,
    coordinator: Coordinator,
    // The coordinator is spoken to through it.
    _dimos: Dimos,
}

/// A process of this process namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub pid: u32,
    /// What it was started with.
    pub command_line: String,
    /// Its environment, a variable a line.
    pub environment: String,
}

impl Site {
    /// A new one below `scratch`.
    #[must_use]
    pub fn new(scratch: &str, file: &str, test: &str) -> Self {
        let directory = Path::new(scratch).join(format!("{file}{}", test.replace("::", "-")));
        // It is there only if the test has failed before.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("the scratch directory can be written");
        Self { directory }
    }

    /// Where a file lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file, whole at once. Returns where it lies.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("a directory can be made");
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, text).expect("a file can be written");
        fs::rename(&unfinished, &path).expect("a file can be renamed");
        path.display().to_string()
    }

    /// Writes a program in `sh`.
    pub fn script(&self, name: &str, text: &str) -> String {
        let unfinished = format!("{name}.unfinished");
        let path = self.write(&unfinished, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file's mode can be set");
        fs::rename(&path, self.path(name)).expect("a file can be renamed");
        self.path(name).display().to_string()
    }

    /// `dimos` with these arguments, at work here.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = dimos(arguments);
        command.current_dir(&self.directory).env("XDG_STATE_HOME", self.path("state"));
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LCM_DEFAULT_URL"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `dimos` to its end.
    #[must_use]
    pub fn dimos(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).stdin(Stdio::null()).output().expect("dimos starts"))
    }

    /// Starts `dimos run` with these arguments.
    #[must_use]
    pub fn begin(&self, arguments: &[&str]) -> Process {
        let mut process = Process::start(&mut self.command(&[&["run"], arguments].concat()));
        process.close_stdin();
        process
    }

    /// Starts `dimos run` with these arguments, and waits until it is up.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::up(self.begin(arguments), None)
    }

    /// The register of runs.
    #[must_use]
    pub fn register(&self) -> Vec<Value> {
        let files = fs::read_dir(self.path("state/dimos/runs")).into_iter().flatten().flatten();
        let read = |path: PathBuf| fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        files.filter_map(|entry| read(entry.path())).collect()
    }

    /// The whole log of a run, the only one of this site where none is named.
    ///
    /// # Panics
    /// If a line is torn, or one is missing.
    #[must_use]
    pub fn log(&self, run_id: Option<&str>) -> Vec<Value> {
        let logs = self.path("state/dimos/logs");
        let directory = match run_id {
            Some(run_id) => logs.join(run_id),
            None => {
                let found: Vec<_> = fs::read_dir(&logs).expect("a log").flatten().map(|entry| entry.path()).collect();
                assert_eq!(found.len(), 1, "{found:?}");
                found[0].clone()
            }
        };
        let mut text = String::new();
        for part in ["main.4.jsonl", "main.3.jsonl", "main.2.jsonl", "main.1.jsonl", "main.jsonl"] {
            text += &fs::read_to_string(directory.join(part)).unwrap_or_default();
        }
        assert!(text.ends_with('\n'), "the log ends within a line: {:?}", text.lines().last());
        let mut lines: Vec<Value> = Vec::new();
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            for member in ["event", "level", "logger", "timestamp"] {
                assert!(value[member].is_string(), "no {member}: {line}");
            }
            let expected = lines.last().map(|last| last["seq"].as_u64().expect("a number") + 1);
            assert!(expected.is_none_or(|number| value["seq"] == number), "expected {expected:?}: {line}");
            lines.push(value);
        }
        lines
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // What is left of it is in nobody's way.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Run {
    /// Waits until the run of this command is up.
    #[must_use]
    pub fn up(mut command: Process, coordinator: Option<&str>) -> Self {
        let dimos = Dimos::join().expect("the bus is there");
        let name: Option<Name> = coordinator.map(|name| name.parse().expect("a name"));
        let is_up = |coordinator: &Coordinator| coordinator.status().is_ok_and(|it| it.state == RunState::Running);
        let coordinator = eventually(
            || "the run is up".to_owned(),
            || {
                assert!(command.is_running(), "it has ended: {}", command.stderr());
                dimos.coordinator(name.as_ref()).ok().filter(is_up)
            },
        );
        Self { command: Some(command), coordinator, _dimos: dimos }
    }

    /// A run that is up already, as a daemon.
    #[must_use]
    pub fn of_daemon() -> Self {
        let dimos = Dimos::join().expect("the bus is there");
        let coordinator = eventually(|| "it is found".to_owned(), || dimos.coordinator(None).ok());
        Self { command: None, coordinator, _dimos: dimos }
    }

    /// Who is asked.
    #[must_use]
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// How everything is.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        self.coordinator.status().unwrap_or_else(|error| panic!("no status: {error}; {}", self.stderr()))
    }

    /// How a module is.
    #[must_use]
    pub fn module(&self, name: &str) -> ModuleStatus {
        let status = self.status();
        let found = status.modules.iter().find(|module| module.name == name).cloned();
        found.unwrap_or_else(|| panic!("no module {name} in {status:?}"))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self, name: &str) -> u32 {
        self.module(name).pid.unwrap_or_else(|| panic!("{name} has no process"))
    }

    /// Waits until this holds of a module.
    pub fn until(&self, name: &str, what: &str, is_so: impl Fn(&ModuleStatus) -> bool) -> ModuleStatus {
        eventually(
            || format!("{name} {what}; it is {:?}; {}", self.module(name), self.stderr()),
            || Some(self.module(name)).filter(&is_so),
        )
    }

    /// Waits until a module runs, in another process than this one.
    pub fn until_replaced(&self, name: &str, before: u32) -> ModuleStatus {
        self.until(name, "runs again", |module| {
            module.state == ModuleState::Running && module.pid.is_some_and(|pid| pid != before)
        })
    }

    /// What the command has said on stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.command.as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// Sends a signal to the command, and tells how it ends.
    pub fn end_by(&mut self, name: &str) -> Option<i32> {
        let command = self.command.as_mut().expect("it is no daemon");
        signal(command.id(), name);
        command.wait(PATIENCE).code()
    }
}

/// Sends a signal, such as `KILL`.
pub fn signal(pid: u32, name: &str) {
    run(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()));
}

/// All processes but this one, and those that have ended and that nobody has taken notice of.
#[must_use]
pub fn others() -> Vec<Found> {
    let own = std::process::id();
    let pids = fs::read_dir("/proc").expect("there is a /proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|pid| *pid != own);
    let text = |pid: u32, file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    };
    let found = pids.map(|pid| {
        let command_line = text(pid, "cmdline").trim_end().replace('\n', " ");
        Found { pid, command_line, environment: text(pid, "environ") }
    });
    // Those that have ended have neither any more.
    found.filter(|found| !found.command_line.is_empty()).collect()
}

/// The processes whose command line has this in it.
#[must_use]
pub fn those_with(text: &str) -> Vec<u32> {
    others().into_iter().filter(|found| found.command_line.contains(text)).map(|found| found.pid).collect()
}

/// Waits until no process is left but this one.
pub fn nothing_is_left() {
    eventually(|| format!("nothing is left; there is {:?}", others()), || others().is_empty().then_some(()));
}
