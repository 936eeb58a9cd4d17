//! The register of runs: a file for each that is alive, in the form of Python DimOS, so that either lists the other's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::param::clock_ticks_per_second;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::directories::Directories;
use crate::process::Stat;

/// A run that is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id.
    pub run_id: String,
    /// The process that ends with it, and that ends it when it gets SIGTERM.
    pub pid: i32,
    /// What was launched.
    pub blueprint: String,
    /// When: ISO 8601.
    pub started_at: String,
    /// Where its log is.
    pub log_dir: String,
    /// What stood on its command line.
    #[serde(default)]
    pub cli_args: Vec<String>,
    /// What was set of its configuration.
    #[serde(default)]
    pub config_overrides: Map<String, Value>,
    /// The command line itself.
    #[serde(default)]
    pub original_argv: Vec<String>,
    /// The bus; runs of Python DimOS do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// The name of its coordinator; runs of Python DimOS have none on the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// When the process was started, in the kernel's own measure, so that another one with its number is not taken for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_started: Option<u64>,
}

/// A run that is registered. When it is dropped it is no longer.
#[derive(Debug)]
pub struct Registered {
    path: PathBuf,
}

impl RunRecord {
    /// Registers it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn register(&self, directories: &Directories) -> io::Result<Registered> {
        fs::create_dir_all(directories.runs())?;
        let path = path(directories, &self.run_id);
        // Whoever lists the runs meanwhile finds it whole or not at all.
        let unfinished = path.with_extension("tmp");
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&unfinished, &path)?;
        Ok(Registered { path })
    }

    /// Whether its process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Some(started) = started(self.pid) else { return false };
        self.pid_started.is_none_or(|then| then == started)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Whoever finds it later sees that its process is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// The runs that are alive, oldest first. Files that say nothing useful, and those of runs that are over, are passed over.
#[must_use]
pub fn alive(directories: &Directories) -> Vec<RunRecord> {
    let files = fs::read_dir(directories.runs()).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let is_its_own = |(written, run): &(SystemTime, RunRecord)| run.is_alive() && is_older(run.pid, *written);
    let mut runs: Vec<_> = files.filter_map(|path| read(&path)).filter(is_its_own).map(|(_, run)| run).collect();
    runs.sort_by(|one, other| one.started_at.cmp(&other.started_at));
    runs
}

/// Removes the record of a run that is over and could not do it itself.
pub(crate) fn remove(directories: &Directories, run_id: &str) {
    // It may be gone already.
    let _ = fs::remove_file(path(directories, run_id));
}

/// When a process was started, in ticks since the system was; none if it is gone.
#[must_use]
pub fn started(pid: i32) -> Option<u64> {
    Stat::of(pid).filter(|stat| !stat.is_dead).map(|stat| stat.started_ticks)
}

fn path(directories: &Directories, run_id: &str) -> PathBuf {
    directories.runs().join(format!("{run_id}.json"))
}

/// What a file says, and when it was written.
fn read(path: &Path) -> Option<(SystemTime, RunRecord)> {
    let written = fs::metadata(path).ok()?.modified().ok()?;
    Some((written, serde_json::from_slice(&fs::read(path).ok()?).ok()?))
}

/// Whether a process is older than the file that names it: otherwise it is another one, which got its number later.
fn is_older(pid: i32, written: SystemTime) -> bool {
    let started = started(pid).map(|ticks| Duration::from_secs(ticks / clock_ticks_per_second().max(1)));
    let uptime = fs::read_to_string("/proc/uptime").ok();
    let uptime = uptime.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
    let uptime = uptime.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let age = started.zip(uptime).map(|(started, uptime)| uptime.saturating_sub(started));
    age.and_then(|age| SystemTime::now().checked_sub(age)).is_some_and(|began| began <= written + TOLERANCE)
}

/// Clocks are not read at the same moment.
const TOLERANCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_or_another_one_is_not_alive() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut record: RunRecord = serde_json::from_value(serde_json::json!({
            "run_id": "20260314-150926-5f3a-sim", "pid": own, "blueprint": "sim", "started_at": "", "log_dir": "",
            "grpc_port": 9877,
        }))
        .unwrap();
        assert!(record.is_alive());
        record.pid_started = started(own);
        assert!(record.is_alive());
        record.pid_started = Some(1);
        assert!(!record.is_alive());
        record.pid = i32::MAX;
        assert!(!record.is_alive());
    }
}
