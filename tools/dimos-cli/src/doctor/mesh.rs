//! The processes of the mesh: whether two have one name, whether they are of one version, and whether the clocks of their hosts agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use dimos::presence::{Event, Participant, State};
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{About, Dimos, NodeId};

use super::command::output_of;
use super::finding::{Finding, Rights};
use super::kernel;
use crate::output::plain;
use crate::topic::units;

/// What is known of the mesh.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) processes: Vec<Process>,
    /// The names that changed hands while it was listened, and how often.
    pub(super) displacements: BTreeMap<String, usize>,
    /// The clocks of other hosts.
    pub(super) clocks: Vec<Clock>,
    /// Whether the clock of this host is kept right; none if that is not to be seen.
    pub(super) is_synchronized: Option<bool>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) class: String,
    pub(super) host: String,
    pub(super) is_here: bool,
    pub(super) pid: i32,
    /// What the process is called, if it is on this host and there.
    pub(super) command: Option<String>,
    pub(super) contract: String,
    pub(super) is_displaced: bool,
    /// None: it does not say.
    pub(super) version: Option<String>,
}

/// What the clock of another host says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    pub(super) host: String,
    /// By how much it is ahead, and how far that may be wrong, in s; none if nobody there tells.
    pub(super) offset_s: Option<(f64, f64)>,
}

/// A module, and what it says of itself.
type Answer = (Participant, Result<About, RpcError>);

/// A question to a clock: when it was asked, what it said, when the answer was there. Nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Reading {
    asked_ns: i128,
    said_ns: i128,
    answered_ns: i128,
}

/// Asks the processes of the mesh. `events` are those since it was joined.
pub(super) fn ask(dimos: &Dimos, events: &Receiver<Event>) -> Facts {
    let abouts = dimos.abouts();
    let processes = processes_of(dimos, &abouts);
    let mut displacements = BTreeMap::new();
    for event in events.try_iter() {
        if let Event::Displaced { name, .. } = event {
            *displacements.entry(name.to_string()).or_default() += 1;
        }
    }
    let clocks = clocks_of(dimos, &abouts);
    let is_synchronized = if clocks.is_empty() { None } else { is_synchronized() };
    Facts { processes, displacements, clocks, is_synchronized }
}

pub(super) fn findings(facts: &Facts, rights: Rights) -> Vec<Finding> {
    let mut findings = vec![names(facts), versions(facts)];
    if !facts.clocks.is_empty() {
        findings.push(clocks(facts, rights));
    }
    findings
}

/// The processes that have a name, or had one and were displaced.
fn processes_of(dimos: &Dimos, abouts: &[Answer]) -> Vec<Process> {
    let own = dimos.identity();
    let versions: BTreeMap<NodeId, String> = abouts
        .iter()
        .filter_map(|(participant, about)| Some((participant.identity.node, about.as_ref().ok()?.version.clone())))
        .collect();
    let process = |participant: Participant| {
        let identity = participant.identity;
        Some(Process {
            name: participant
                .name
                .filter(|_| participant.state.is_owning() || participant.state == State::Displaced)?
                .to_string(),
            class: identity.class_name,
            command: kernel::name_of(identity.pid).filter(|_| identity.host_id == own.host_id),
            is_here: identity.host_id == own.host_id,
            host: identity.host,
            pid: identity.pid,
            contract: identity.contract,
            is_displaced: participant.state == State::Displaced,
            version: versions.get(&identity.node).cloned(),
        })
    };
    let mut processes: Vec<_> = dimos.participants().into_iter().filter_map(process).collect();
    processes.sort_by(|one, other| (&one.name, one.pid).cmp(&(&other.name, other.pid)));
    processes
}

/// The clocks of the other hosts, each as one process there tells it.
fn clocks_of(dimos: &Dimos, abouts: &[Answer]) -> Vec<Clock> {
    let own = dimos.identity();
    let elsewhere = abouts.iter().filter(|(participant, _)| participant.identity.host_id != own.host_id);
    let mut hosts: BTreeMap<&str, (String, Vec<&Participant>)> = BTreeMap::new();
    for (participant, about) in elsewhere {
        let identity = &participant.identity;
        let host = hosts.entry(&identity.host_id).or_insert_with(|| (identity.host.clone(), Vec::new()));
        host.1.extend(about.is_ok().then_some(participant));
    }
    let deadline = Instant::now() + CLOCKS_WITHIN;
    // All at once: there may be some that do not answer.
    std::thread::scope(|scope| {
        let asked: Vec<_> = hosts
            .into_values()
            .take(MAX_HOSTS)
            .map(|(host, tell)| {
                let asking =
                    tell.first().map(|&participant| scope.spawn(move || read_clock(dimos, participant, deadline)));
                (host, asking)
            })
            .collect();
        let told = |(host, asking): (String, Option<std::thread::ScopedJoinHandle<'_, _>>)| {
            let offset_s = asking.and_then(|asking| asking.join().ok().flatten());
            Clock { host, offset_s }
        };
        asked.into_iter().map(told).collect()
    })
}

/// Asks a clock some times, and takes the answer that was there first.
fn read_clock(dimos: &Dimos, participant: &Participant, deadline: Instant) -> Option<(f64, f64)> {
    let module = dimos.module(participant.name.as_ref()?.as_str()).ok()?.limit(TimeLimit::Deadline(ANSWERED_WITHIN));
    let mut readings = Vec::new();
    while readings.len() < READINGS && Instant::now() < deadline {
        let (wall, start) = (SystemTime::now(), Instant::now());
        let about: About = module.call_as(About::METHOD, &()).ok()?;
        let asked_ns = wall.duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
        // The clock of this host may be set meanwhile.
        let answered_ns = asked_ns + nanoseconds(start.elapsed());
        readings.push(Reading { asked_ns, said_ns: about.time_ns.into(), answered_ns });
    }
    offset_s(&readings)
}

/// By how much a clock is ahead, and how far that may be wrong: it was read at some time between question and answer.
#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
fn offset_s(readings: &[Reading]) -> Option<(f64, f64)> {
    let best = readings.iter().min_by_key(|reading| reading.answered_ns - reading.asked_ns)?;
    let middle_ns = i128::midpoint(best.asked_ns, best.answered_ns);
    let half_ns = (best.answered_ns - best.asked_ns) as f64 / 2.0;
    Some(((best.said_ns - middle_ns) as f64 / 1e9, half_ns / 1e9))
}

fn names(facts: &Facts) -> Finding {
    const CODE: &str = "names";
    let mut by_name: BTreeMap<&str, Vec<&Process>> = BTreeMap::new();
    for process in &facts.processes {
        by_name.entry(&process.name).or_default().push(process);
    }
    let count = by_name.len();
    by_name.retain(|_, processes| processes.len() > 1 || processes.iter().any(|process| process.is_displaced));
    let fought: Vec<_> = facts.displacements.iter().filter(|(_, count)| **count > 1).collect();
    if by_name.is_empty() && fought.is_empty() {
        return Finding::pass(CODE, format!("each of {count} names has one process"));
    }
    let of = |process: &Process| {
        let state = if process.is_displaced { "displaced" } else { "its owner" };
        format!("process {} on {} ({state})", process.pid, plain(&process.host))
    };
    let twice = by_name.iter().take(MAX_LISTED).map(|(name, processes)| {
        let processes: Vec<_> = processes.iter().map(|process| of(process)).collect();
        format!("{}: {}", plain(name), processes.join(", "))
    });
    let fought = fought.iter().take(MAX_LISTED).map(|(name, count)| {
        format!(
            "{} changed hands {count} times while doctor listened: something starts it again and again",
            plain(name)
        )
    });
    let text = format!(
        "several processes claim one name: {}; a displaced one neither publishes nor answers: end it, or start it under a name of \
         its own (--name, or --namespace for a whole run)",
        twice.chain(fought).collect::<Vec<_>>().join("; ")
    );
    let displaced = by_name.values().flatten().filter(|process| process.is_displaced);
    let remedy: Vec<_> = displaced.filter_map(|process| end(process)).collect();
    Finding::warn(CODE, text).repaired_by(if remedy.is_empty() {
        vec!["dimos events --for 10s".to_owned()]
    } else {
        remedy
    })
}

/// A command that ends a process; none if what it says of itself is not so.
fn end(process: &Process) -> Option<String> {
    // Others than these are groups, or all processes of a user, or that which all need.
    let pid = Some(process.pid).filter(|pid| *pid > 1)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    Some(if process.is_here {
        format!("kill {pid}    # {}", plain(process.command.as_ref()?))
    } else if !process.host.is_empty() && process.host.chars().all(is_word) && !process.host.starts_with('-') {
        format!("ssh {} kill {pid}", process.host)
    } else {
        format!("kill {pid}    # on {}", plain(&process.host))
    })
}

fn versions(facts: &Facts) -> Finding {
    const CODE: &str = "versions";
    let own = env!("CARGO_PKG_VERSION");
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut silent = 0_usize;
    let mut builds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for process in facts.processes.iter().filter(|process| !process.is_displaced) {
        match process.version.as_deref() {
            None => silent += 1,
            Some(version) if version != own => others.entry(version).or_default().push(&process.name),
            Some(_) => {}
        }
        if !process.class.is_empty() && !process.contract.is_empty() {
            builds.entry(&process.class).or_default().insert(&process.contract);
        }
    }
    builds.retain(|_, contracts| contracts.len() > 1);
    let said = if silent == 0 {
        String::new()
    } else {
        format!("; {silent} do not say: older ones, or of another implementation")
    };
    if others.is_empty() && builds.is_empty() {
        let count = facts.processes.iter().filter(|process| process.version.is_some()).count();
        return Finding::pass(
            CODE,
            format!("{count} processes of the mesh are of version {own}, as this command is{said}"),
        );
    }
    let of_others = others.iter().take(MAX_LISTED).map(|(version, names)| {
        let names: Vec<_> = names.iter().take(MAX_LISTED).map(|name| plain(name)).collect();
        format!("{} of version {}", names.join(", "), plain(version))
    });
    let of_builds = builds.keys().take(MAX_LISTED).map(|class| {
        let of_class = facts.processes.iter().filter(|process| process.class == *class);
        let names: Vec<_> = of_class.take(MAX_LISTED).map(|process| plain(&process.name)).collect();
        format!("modules of the class {} offer different things: {}", plain(class), names.join(", "))
    });
    let text = format!(
        "processes of the mesh are not all built alike (this command is of version {own}): {}{said}",
        of_others.chain(of_builds).collect::<Vec<_>>().join("; ")
    );
    Finding::warn(CODE, text).repaired_by(["dimos list".to_owned()])
}

fn clocks(facts: &Facts, rights: Rights) -> Finding {
    const CODE: &str = "clocks";
    let kept = match facts.is_synchronized {
        Some(true) => "the clock of this host is kept right",
        Some(false) => "the clock of this host is kept right by nothing",
        None => "whether the clock of this host is kept right is not to be seen",
    };
    let of = |clock: &Clock| {
        let host = plain(&clock.host);
        match clock.offset_s {
            Some((offset_s, within_s)) => {
                let way = if offset_s < 0.0 { "behind" } else { "ahead" };
                format!("{host} is {} {way} (to {})", units::time(offset_s.abs()), units::time(within_s))
            }
            None => format!("{host} does not tell"),
        }
    };
    let all: Vec<_> = facts.clocks.iter().map(of).collect();
    let text = format!("{}; {kept}", all.join(", "));
    // What is surely more than that.
    let is_off = |clock: &Clock| clock.offset_s.is_some_and(|(offset, within)| offset.abs() - within > TOLERANCE_S);
    if facts.clocks.iter().any(is_off) {
        let text = format!(
            "{text}: stamps of one host are too old or lie ahead for the others, and transforms (/tf) are not found; on all hosts let \
             a time service set the clock"
        );
        return Finding::warn(CODE, text).repaired_by([rights.root("timedatectl set-ntp true")]);
    }
    if facts.is_synchronized == Some(false) {
        return Finding::warn(CODE, text).repaired_by([rights.root("timedatectl set-ntp true")]);
    }
    if facts.clocks.iter().all(|clock| clock.offset_s.is_none()) {
        return Finding::unknown(CODE, text);
    }
    Finding::pass(CODE, text)
}

/// Whether something keeps the clock of this host right; none if that is not to be seen.
fn is_synchronized() -> Option<bool> {
    // They set the clock without telling the kernel that it is right.
    if kernel::runs_any(&["ptp4l", "phc2sys"]) {
        return None;
    }
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let said = output_of("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).ok()?;
    match said.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

/// What transforms and stamps bear: some frames of a camera.
const TOLERANCE_S: f64 = 0.05;

const READINGS: usize = 8;

const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// For the clocks of all hosts together.
const CLOCKS_WITHIN: Duration = Duration::from_secs(2);

const MAX_HOSTS: usize = 32;

const MAX_LISTED: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn process(name: &str, pid: i32) -> Process {
        Process {
            name: name.to_owned(),
            class: "Camera".to_owned(),
            host: "robot0".to_owned(),
            is_here: true,
            pid,
            command: Some("robot-camera".to_owned()),
            contract: "c".to_owned(),
            is_displaced: false,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }

    fn found(facts: &Facts, code: &str) -> (Status, String, Vec<String>) {
        let mut findings = findings(facts, Rights { is_root: true }).into_iter();
        let finding = findings.find(|finding| finding.code == code).unwrap();
        (finding.status, finding.message, finding.remedy)
    }

    #[test]
    fn two_processes_with_one_name_are_told_and_the_displaced_one_is_to_end() {
        let displaced = Process { is_displaced: true, ..process("camera", 7) };
        let far = Process { is_here: false, ..displaced.clone() };
        let strange = Process { is_here: false, host: "a b;c".to_owned(), ..displaced.clone() };
        let facts = Facts { processes: vec![process("camera", 8), displaced, far, strange], ..Facts::default() };
        let (status, message, remedy) = found(&facts, "names");
        assert_eq!(
            (status, &remedy[..2]),
            (Status::Warn, &["kill 7    # robot-camera".to_owned(), "ssh robot0 kill 7".to_owned()][..])
        );
        assert_eq!(remedy[2], "kill 7    # on a b;c");
        assert!(
            message.contains("camera: process 8 on robot0 (its owner), process 7 on robot0 (displaced)"),
            "{message}"
        );
        // What would end all processes of a user, a group of them, or one that is not there.
        let gone = Process { command: None, is_displaced: true, ..process("camera", 7) };
        let lies =
            [-1, 0, 1, i32::MIN].map(|pid| Process { is_displaced: true, is_here: false, ..process("camera", pid) });
        let lies = Facts { processes: lies.into_iter().chain([gone]).collect(), ..Facts::default() };
        assert_eq!(found(&lies, "names").2, ["dimos events --for 10s"]);
        let one = Facts { processes: vec![process("camera", 8), process("map", 9)], ..Facts::default() };
        assert_eq!(found(&one, "names"), (Status::Pass, "each of 2 names has one process".to_owned(), Vec::new()));
        let fought = Facts { displacements: [("camera".to_owned(), 3)].into(), ..one };
        assert!(found(&fought, "names").1.contains("camera changed hands 3 times"));
    }

    #[test]
    fn other_versions_and_other_builds_are_told() {
        let older = Process { version: Some("0.0.9".to_owned()), ..process("old", 1) };
        let silent = Process { version: None, ..process("python", 2) };
        let facts = Facts { processes: vec![older, silent.clone()], ..Facts::default() };
        let (status, message, _) = found(&facts, "versions");
        assert_eq!(status, Status::Warn);
        assert!(message.contains("old of version 0.0.9") && message.contains("1 do not say"), "{message}");
        assert_eq!(
            found(&Facts { processes: vec![silent, process("new", 3)], ..Facts::default() }, "versions").0,
            Status::Pass
        );
        let other = Process { contract: "d".to_owned(), ..process("front", 4) };
        let (status, message, _) =
            found(&Facts { processes: vec![process("left", 3), other], ..Facts::default() }, "versions");
        assert_eq!(
            (status, message.contains("class Camera offer different things: left, front")),
            (Status::Warn, true),
            "{message}"
        );
    }

    #[test]
    fn the_quickest_answer_tells_the_offset_and_how_far_it_may_be_wrong() {
        let reading = |asked_ns, said_ns, answered_ns| Reading { asked_ns, said_ns, answered_ns };
        let ms = 1_000_000;
        let readings = [
            reading(0, 300 * ms, 100 * ms),
            reading(200 * ms, 456 * ms, 210 * ms),
            reading(300 * ms, 600 * ms, 380 * ms),
        ];
        assert_eq!(offset_s(&readings), Some((0.251, 0.005)));
        assert_eq!(offset_s(&[reading(50 * ms, 0, 50 * ms)]), Some((-0.05, 0.0)));
        assert_eq!(offset_s(&[]), None);
    }

    #[test]
    fn a_clock_is_off_only_if_it_surely_is() {
        let facts = |offset_s: f64, within_s: f64, is_synchronized| Facts {
            clocks: vec![Clock { host: "robot1".to_owned(), offset_s: Some((offset_s, within_s)) }],
            is_synchronized,
            ..Facts::default()
        };
        let (status, message, remedy) = found(&facts(-5.0, 0.001, None), "clocks");
        assert_eq!((status, &remedy[0][..]), (Status::Warn, "timedatectl set-ntp true"));
        assert!(message.contains("robot1 is 5.00 s behind (to 1.00 ms)"), "{message}");
        assert_eq!(found(&facts(0.06, 0.02, Some(true)), "clocks").0, Status::Pass);
        assert_eq!(found(&facts(0.0, 0.001, Some(false)), "clocks").0, Status::Warn);
        let silent = Facts { clocks: vec![Clock { host: "x".to_owned(), offset_s: None }], ..Facts::default() };
        assert_eq!(found(&silent, "clocks").0, Status::Unknown);
        assert!(findings(&Facts::default(), Rights { is_root: true }).iter().all(|finding| finding.code != "clocks"));
    }
}
