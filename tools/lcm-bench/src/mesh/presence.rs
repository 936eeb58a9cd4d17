//! Presence in the steady state: many processes that own a name and do nothing, and one that watches them all.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bench::Placement;
use crate::busy::busy_time;
use crate::process::{Figures, Worker};
use crate::report::{Cell, Comparison, Unit};
use crate::statistics::median;

use super::bench::{Bench, PATIENCE};
use super::job::{Job, Role};
use super::party::Party;

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for processes in [10, 50, 100] {
        let what = format!("{processes} idle processes and a watcher");
        let mut rounds = Vec::new();
        // What happens once a second or once a minute varies less than what calls take.
        let count = bench.bus.rounds.min(MAX_ROUNDS);
        for round in 1..=count {
            eprintln!("lcm-bench: {what}, round {round} of {count}");
            match Presence::measure(bench, processes) {
                Ok(presence) => rounds.push(presence),
                Err(error) => bench.fail(&what, &error),
            }
        }
        let row = |quantity: &str, unit: Unit, figure: fn(&Presence) -> f64| Comparison {
            what: format!("{what}{quantity}, {}", unit.name()),
            unit,
            ours: Cell::of(rounds.iter().map(figure)),
            beside: String::new(),
            it: None,
            bounds: Vec::new(),
        };
        rows.extend([
            row("", Unit::MessagesPerSecond, |presence| presence.traffic.datagrams),
            row("", Unit::BytesPerSecond, |presence| presence.traffic.bytes),
            row(", CPU of a process", Unit::PercentOfCore, |presence| presence.process_percent),
            row(", CPU of the watcher", Unit::PercentOfCore, |presence| presence.watcher_percent),
            row(", CPU of the machine", Unit::PercentOfCore, |presence| presence.machine_percent),
            row(", memory of a process", Unit::Kibibytes, |presence| presence.process_kib),
            row(", memory of the watcher", Unit::Kibibytes, |presence| presence.watcher_kib),
        ]);
    }
    rows
}

/// One round.
#[derive(Debug)]
struct Presence {
    /// A second.
    traffic: Traffic,
    /// The median of all but the watcher.
    process_percent: f64,
    watcher_percent: f64,
    machine_percent: f64,
    process_kib: f64,
    watcher_kib: f64,
}

/// What the network of this benchmark carries, which is one bus and nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Traffic {
    datagrams: f64,
    /// With the headers of UDP and IP.
    bytes: f64,
}

impl Presence {
    fn measure(bench: &Bench, processes: u16) -> Result<Self> {
        let start = |job: Job| bench.worker(Party::Ours, Placement::Free, &job);
        let mut workers = Vec::new();
        for number in 0..processes {
            workers.push(start(Job::new(Role::Idle, &format!("idle{number}")))?);
        }
        for worker in &workers {
            worker.expect("ready", PATIENCE)?;
        }
        // The last one.
        workers.push(start(Job::new(Role::Watch, ""))?);
        workers[usize::from(processes)].expect("ready", PATIENCE)?;
        std::thread::sleep(bench.bus.choose(SETTLING, QUICK_SETTLING));
        for worker in &mut workers {
            worker.order("mark")?;
            worker.expect("marked", PATIENCE)?;
        }
        let (before, busy_before, began) = (Traffic::so_far()?, busy_time()?, Instant::now());
        std::thread::sleep(bench.bus.choose(WINDOW, QUICK_WINDOW));
        let (after, busy, elapsed) = (Traffic::so_far()?, busy_time()?, began.elapsed().as_secs_f64());
        // One after the other, so that they do not compete for what they do then.
        let figures = workers.iter_mut().map(stop).collect::<Result<Vec<_>>>()?;
        let (watcher, idle) = figures.split_last().context("nobody was started")?;
        for seen in ["seen_before", "seen"] {
            let seen = watcher.of(seen)?;
            ensure!(seen == f64::from(processes), "the watcher sees {seen} of {processes} processes");
        }
        let median_of = |figure: fn(&Figures) -> Result<f64>| {
            let values = idle.iter().map(figure).collect::<Result<Vec<_>>>()?;
            median(&values).context("nobody was idle")
        };
        Ok(Self {
            traffic: Traffic {
                datagrams: (after.datagrams - before.datagrams) / elapsed,
                bytes: (after.bytes - before.bytes) / elapsed,
            },
            process_percent: median_of(percent)?,
            watcher_percent: percent(watcher)?,
            machine_percent: busy.saturating_sub(busy_before).as_secs_f64() / elapsed * 100.0,
            process_kib: median_of(|figures| figures.of("pss_kib"))?,
            watcher_kib: watcher.of("pss_kib")?,
        })
    }
}

fn stop(worker: &mut Worker) -> Result<Figures> {
    worker.order("stop")?;
    worker.figures(PATIENCE)
}

fn percent(figures: &Figures) -> Result<f64> {
    Ok(figures.of("cpu_ns")? / figures.of("elapsed_ns")? * 100.0)
}

impl Traffic {
    fn so_far() -> Result<Self> {
        let read = |path: &str| std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        let (snmp, netstat) = (read("/proc/net/snmp")?, read("/proc/net/netstat")?);
        let count = |text, line, name| counter(text, line, name).with_context(|| format!("no `{line}` with `{name}`"));
        Ok(Self { datagrams: count(&snmp, "Udp", "OutDatagrams")?, bytes: count(&netstat, "IpExt", "OutOctets")? })
    }
}

/// A counter of the kernel: one line has the names, the next one the numbers, both begin with `line`.
fn counter(text: &str, line: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let position = lines.next()?.split_whitespace().position(|other| other == name)?;
    lines.next()?.split_whitespace().nth(position)?.parse().ok()
}

/// More than this often takes long and shows nothing new.
const MAX_ROUNDS: usize = 3;

/// Until what a start causes is over.
const SETTLING: Duration = Duration::from_secs(5);
const QUICK_SETTLING: Duration = Duration::from_secs(3);

/// What happens rarest in the steady state happens once a minute.
const WINDOW: Duration = Duration::from_secs(60);
const QUICK_WINDOW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_names() {
        let text = "Ip: A B\nIp: 1 2\nUdp: InDatagrams OutDatagrams\nUdp: 7 8\nUdpLite: OutDatagrams\nUdpLite: 9\n";
        assert_eq!(counter(text, "Udp", "OutDatagrams"), Some(8.0));
        assert_eq!(counter(text, "Udp", "B"), None);
        assert_eq!(counter(text, "Tcp", "A"), None);
    }
}
