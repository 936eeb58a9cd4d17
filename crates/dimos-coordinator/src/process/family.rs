//! All that descends from a process, however it tried to get away: found and ended.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use super::stat::Stat;

/// Ends all descendants of this process, which must be a subreaper: those whose parents have ended are its children then. They get
/// SIGTERM first and so long to follow, if there is any time for that, then SIGKILL until none is left. Tells how many there were.
///
/// The modules have got SIGTERM from the kernel when the coordinator ended that started them. They do not get it again: whoever is told twice does not
/// take the time to end in order.
pub fn end_children(coordinator: Pid, grace: Duration) -> usize {
    let own = rustix::process::getpid();
    let mut known = HashSet::new();
    let until = Instant::now() + grace;
    let give_up = until + PATIENCE;
    let mut is_told = grace.is_zero();
    loop {
        reap_all();
        let parents = parents();
        let left = descendants(own, &parents);
        known.extend(left.iter().copied());
        if left.is_empty() {
            return known.len();
        }
        if Instant::now() >= give_up {
            let left: Vec<_> = left.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
            tracing::error!(?left, "these processes cannot be ended: they are in the kernel, or another user's");
            return known.len();
        }
        let signal = match (is_told, Instant::now() < until) {
            (false, _) => Some(Signal::TERM),
            (true, true) => None,
            (true, false) => Some(Signal::KILL),
        };
        is_told = true;
        if let Some(signal) = signal {
            // Parents before children, so that none starts another one that is not seen. That one has ended meanwhile is fine.
            let is_meant = |pid: &&Pid| signal == Signal::KILL || !is_module(**pid, own, coordinator, &parents);
            for &pid in left.iter().filter(is_meant) {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
        // There is nothing to wait on that tells of grandchildren.
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Ends all processes of a run, by what they carry in their environment: what modules started and let go. Those of other users, and
/// those that hide their environment, are not found. Tells how many there were.
pub fn end_of_run(run_id: &str) -> usize {
    end_carriers(&format!("{PROCESS}={run_id}/"), |variable, begin| variable.starts_with(begin))
}

/// Ends all processes that carry this mark of one process of a module; see [`PROCESS`].
pub fn end_marked(mark: &str) -> usize {
    end_carriers(&format!("{PROCESS}={mark}"), |variable, whole| variable == whole)
}

fn end_carriers(mark: &str, is_it: impl Fn(&[u8], &[u8]) -> bool) -> usize {
    let own = rustix::process::getpid();
    let carries = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| is_it(variable, mark.as_bytes()))
    };
    let found: Vec<_> = parents().into_keys().filter(|pid| *pid != own).filter(carries).collect();
    // That one has ended meanwhile is fine.
    for &pid in &found {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    found.len()
}

/// Whether any process of a group runs. Those that are dead, and that nobody waits for, do not.
pub(super) fn group_runs(group: Pid) -> bool {
    let group = group.as_raw_nonzero().get();
    living().any(|(_, stat)| stat.group == group)
}

/// Who started whom.
fn parents() -> HashMap<Pid, Pid> {
    living().filter_map(|(pid, stat)| Some((pid, Pid::from_raw(stat.parent)?))).collect()
}

/// All processes that run.
fn living() -> impl Iterator<Item = (Pid, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((Pid::from_raw(pid)?, Stat::of(pid).filter(|stat| !stat.is_dead)?)))
}

/// All descendants of a process, parents before children.
fn descendants(of: Pid, parents: &HashMap<Pid, Pid>) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut open = vec![of];
    while let Some(parent) = open.pop() {
        let children = parents.iter().filter(|(_, its)| **its == parent).map(|(pid, _)| *pid);
        open.extend(children.clone());
        found.extend(children);
    }
    found
}

/// Whether a process was started by a coordinator that has ended: it leads a group, and so cannot have left the coordinator's session.
fn is_module(pid: Pid, keeper: Pid, coordinator: Pid, parents: &HashMap<Pid, Pid>) -> bool {
    parents.get(&pid) == Some(&keeper)
        && rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == pid)
        && rustix::process::getsid(Some(pid)).is_ok_and(|session| session == coordinator)
}

fn reap_all() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// The variable that tells a process its run.
pub const RUN_ID: &str = "DIMOS_RUN_ID";

/// The variable that tells a process its module.
pub const MODULE: &str = "DIMOS_MODULE";

/// The variable by which a module's process and all that it starts are known: `<run id>/<number>`, another one for each process.
pub const PROCESS: &str = "DIMOS_PROCESS";

/// How long what was sent SIGKILL may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_any_depth() {
        let pid = |number| Pid::from_raw(number).unwrap();
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5)].map(|(child, parent)| (pid(child), pid(parent)));
        let parents = HashMap::from(parents);
        assert_eq!(descendants(pid(2), &parents), [pid(3), pid(4)]);
        assert_eq!(descendants(pid(1), &parents).len(), 5);
        assert_eq!(descendants(pid(6), &parents), []);
    }
}
