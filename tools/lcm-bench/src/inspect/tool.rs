//! What looks at the bus: started as people start it, on the same bus, and ended with the measurement.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lcm::log::LogReader;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Bench;
use super::load::BUS;
use crate::launch;
use crate::peers::source;
use crate::process::Worker;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// `dimos spy` without a terminal, which prints a table at the end.
    Table,
    /// `dimos spy` in a terminal of 40 rows and 140 columns.
    Screen,
    /// `dimos record`.
    Record,
    /// `lcm-logger` of C LCM.
    CLogger,
    /// What Python DimOS's spy counts with.
    PythonSpy,
}

/// A tool that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    tool: Tool,
    process: Process,
    pid: u32,
    /// What it records.
    log: PathBuf,
}

#[derive(Debug)]
enum Process {
    Plain(Killed),
    Worker(Worker),
}

#[derive(Debug)]
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Either fails only where it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Tool {
    /// Whether it is installed.
    pub(super) fn is_here(self, bench: &Bench) -> bool {
        match self {
            Self::Table | Self::Screen | Self::Record => true,
            Self::CLogger => bench.c_lcm.is_some(),
            Self::PythonSpy => bench.python.is_ok(),
        }
    }
}

impl Running {
    /// Starts a tool, which, if it has to know, runs for so long.
    pub(super) fn start(bench: &Bench, tool: Tool, duration: Duration) -> Result<Self> {
        let log = bench.directory.join("messages.lcmlog");
        // The log of the last round.
        let _ = std::fs::remove_file(&log);
        let mut command = match tool {
            Tool::Table => {
                let mut command = launch::command(&bench.program, None);
                command.args(["spy", "--json", "--for"]).arg(format!("{}ms", duration.as_millis()));
                command.stdout(Stdio::piped());
                command
            }
            Tool::Screen => {
                let mut command = launch::command("script", None);
                let program = bench.program.to_str().context("the path of the program is no text")?;
                command.args(["--quiet", "--flush", "--command"]);
                command.arg(format!("stty rows 40 columns 140; exec '{program}' spy")).arg("/dev/null");
                command.stdin(Stdio::piped()).stdout(Stdio::null()).env("TERM", "xterm-256color");
                command
            }
            Tool::Record => {
                let mut command = launch::command(&bench.program, None);
                command.arg("record").arg(&log);
                command
            }
            Tool::CLogger => {
                let c_lcm = bench.c_lcm.as_ref().context("C LCM is not installed")?;
                let mut command = launch::command(c_lcm.program("lcm-logger"), None);
                command.args(["--quiet", "--force"]).arg(format!("--lcm-url={BUS}&recv_buf_size=8388608")).arg(&log);
                command
            }
            Tool::PythonSpy => {
                let python = bench.python.as_ref().map_err(|reason| anyhow::anyhow!("{reason}"))?;
                let mut command = launch::command(&python.executable, None);
                command.arg(source("spy.py")).env("LCM_DEFAULT_URL", format!("{BUS}&recv_buf_size=8388608"));
                let worker = Worker::start("Python DimOS's spy", &mut command)?;
                worker.expect("ready", PATIENCE)?;
                let pid = worker.pid();
                return Ok(Self { tool, process: Process::Worker(worker), pid, log });
            }
        };
        command.env("LCM_DEFAULT_URL", BUS).stderr(Stdio::null());
        let child = Killed(command.spawn().with_context(|| format!("cannot start {tool:?}"))?);
        // Whoever starts it becomes it.
        thread::sleep(STARTING);
        let pid = if tool == Tool::Screen { child_of(child.0.id())? } else { child.0.id() };
        Ok(Self { tool, process: Process::Plain(child), pid, log })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it: how many messages it got, if it says so.
    pub(super) fn stop(self) -> Result<Option<f64>> {
        let Self { tool, process, pid, log } = self;
        let mut child = match process {
            Process::Plain(child) => child,
            Process::Worker(mut worker) => {
                worker.order("stop")?;
                return worker.figures(PATIENCE)?.of("received").map(Some);
            }
        };
        match tool {
            Tool::Table => {
                let mut text = String::new();
                child.0.stdout.take().context("it was started without a pipe")?.read_to_string(&mut text)?;
                let table: Value = serde_json::from_str(&text).context("the table of `dimos spy`")?;
                Ok(Some(received(&table)?))
            }
            Tool::Screen => Ok(None),
            _ => {
                let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process")?;
                kill_process(process, Signal::INT)?;
                let start = Instant::now();
                while child.0.try_wait()?.is_none() {
                    if start.elapsed() > PATIENCE {
                        bail!("{tool:?} does not end");
                    }
                    thread::sleep(Duration::from_millis(10));
                }
                events(&log).map(Some)
            }
        }
    }
}

/// The messages of the load in a table of `dimos spy --json`.
fn received(table: &Value) -> Result<f64> {
    let channels = table["channels"].as_array().with_context(|| format!("no channels in {table}"))?;
    let of_load =
        channels.iter().filter(|row| row["channel"].as_str().is_some_and(|name| name.starts_with("CHANNEL_")));
    Ok(of_load.filter_map(|row| row["messages"].as_f64()).sum())
}

/// How many events a log has.
fn events(log: &Path) -> Result<f64> {
    let mut log = LogReader::new(File::open(log).with_context(|| format!("cannot open {}", log.display()))?);
    let mut count = 0.0;
    while let Some(event) = log.next_event()? {
        count += f64::from(u8::from(event.channel.starts_with(b"CHANNEL_")));
    }
    Ok(count)
}

/// The only child of a process.
fn child_of(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    children.trim().parse().with_context(|| format!("{path} says `{children}`"))
}

/// How long a tool takes to be there.
const STARTING: Duration = Duration::from_millis(500);

const PATIENCE: Duration = Duration::from_secs(30);
