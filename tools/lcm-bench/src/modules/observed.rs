//! What the kernel says of another process: CPU time, memory, threads.
//!
//! Processes are named by their ids in `/proc`, which are not those of this process's namespace.

use std::time::Duration;

use anyhow::{Context, Result};

/// Memory of a process, in KiB, shared pages as its part of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Memory {
    pub(crate) total: f64,
    /// Of the total: what is no part of any file.
    pub(crate) anonymous: f64,
}

/// CPU time of all threads that a process has now.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in threads(pid)? {
        let path = format!("/proc/{pid}/task/{thread}/schedstat");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        nanoseconds += on_cpu_ns(&text).with_context(|| format!("{path} does not begin with a time"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The threads of a process.
pub(super) fn threads(pid: u32) -> Result<Vec<String>> {
    let path = format!("/proc/{pid}/task");
    let entries = std::fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let member = |name| kib_of(&text, name).with_context(|| format!("no `{name}` in {path}"));
    Ok(Memory { total: member("Pss:")?, anonymous: member("Pss_Anon:")? })
}

fn on_cpu_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn kib_of(smaps: &str, name: &str) -> Option<f64> {
    smaps.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_apart_by_its_names() {
        let smaps = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nPss_Anon:  300 kB\nPss:  1234 kB\n";
        assert_eq!((kib_of(smaps, "Pss:"), kib_of(smaps, "Pss_Anon:")), (Some(1234.0), Some(300.0)));
        assert_eq!(kib_of("Rss: 5120 kB", "Pss:"), None);
    }

    #[test]
    fn the_first_of_the_schedulers_figures_is_time_on_the_processor() {
        assert_eq!(on_cpu_ns("2886497 17 1\n"), Some(2_886_497));
        assert_eq!(on_cpu_ns(""), None);
    }
}
