//! How busy the whole machine is, whoever the kernel accounts it to.
//!
//! A loaded kernel leaves delivery to threads of its own, whose time belongs to no process that is measured. What this sees
//! includes everything else that runs on the machine, so that it means something on a quiet one only.

use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time that all cores together have not been idle since they started.
pub(crate) fn busy_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let ticks = busy_ticks(&text).context("/proc/stat does not begin with the times of all cores")?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// The fields are, from the first: user, nice, system, idle, iowait, irq, softirq; see proc_stat(5).
fn busy_ticks(text: &str) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = fields[..] else { return None };
    Some(user + nice + system + irq + softirq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_are_not_busy() {
        assert_eq!(busy_ticks("cpu  100 20 3 5000 600 7 8 9 0 0\ncpu0 1 1 1 1 1 1 1"), Some(138));
        assert_eq!(busy_ticks("intr 1 2 3"), None);
    }
}
