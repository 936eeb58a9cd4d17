//! The processes of the modules: which belongs to which module, what is heard of them, how much they take.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use dimos::coordinator::LastExit;
use dimos::presence::{Event, Participant, State};
use dimos::{Name, NodeId};
use rustix::process::{Pid, Signal as Number, kill_process_group};

use super::command::mark;
use super::usage::{Usage, memory_bytes};
use crate::process::{self, Command, Ended, Watch};
use crate::supervisor::{Exit, Incarnation, Sign, Signal};
use crate::time::iso;

/// The processes that run, and what is remembered of those that did.
#[derive(Debug)]
pub(super) struct Processes {
    watch: Watch,
    running: BTreeMap<Incarnation, Process>,
    /// The last epoch in which a module had its name.
    epochs: BTreeMap<Name, i64>,
    exits: BTreeMap<Name, LastExit>,
}

#[derive(Debug)]
struct Process {
    name: Name,
    pid: Pid,
    /// Who it is on the mesh, once that was heard.
    node: Option<NodeId>,
    class: Option<String>,
    is_lost: bool,
    started: Instant,
    usage: Usage,
}

impl Processes {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, running: BTreeMap::new(), epochs: BTreeMap::new(), exits: BTreeMap::new() }
    }

    pub(super) fn start(&mut self, name: &Name, incarnation: Incarnation, command: &Command) -> io::Result<()> {
        let running = process::start(command)?;
        let (pid, started) = (running.pid, Instant::now());
        if let Err(error) = self.watch.add(incarnation, name.as_str(), running) {
            // Nobody would notice its end.
            let _ = kill_process_group(pid, Number::KILL);
            return Err(error);
        }
        let usage = Usage::none(started);
        let process = Process { name: name.clone(), pid, node: None, class: None, is_lost: false, started, usage };
        self.running.insert(incarnation, process);
        Ok(())
    }

    pub(super) fn signal(&self, incarnation: Incarnation, signal: Signal) {
        let Some(process) = self.running.get(&incarnation) else { return };
        let number = match signal {
            Signal::Terminate => Number::TERM,
            Signal::Kill => Number::KILL,
        };
        // It may have ended meanwhile; its number is not given to another one before this table knows.
        let _ = kill_process_group(process.pid, number);
    }

    /// Takes in an end. Tells who it was on the mesh, if that was known.
    pub(super) fn ended(&mut self, end: &Ended, at: SystemTime) -> Option<NodeId> {
        let process = self.running.remove(&end.incarnation)?;
        let (code, signal) = match end.exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
            Exit::NotStarted { .. } => (None, None),
        };
        self.exits.insert(process.name, LastExit { code, signal, at: iso(at) });
        process.node
    }

    /// Ends what a process started and let go, in the background.
    pub(super) fn end_what_got_away(&self, run_id: &str, incarnation: Incarnation) {
        let mark = mark(run_id, incarnation);
        let work = move || {
            let count = process::end_marked(&mark);
            if count > 0 {
                tracing::warn!(count, mark, "processes that a module had started and let go were ended");
            }
        };
        // Without a thread it stays until the end of the run.
        drop(std::thread::Builder::new().name("leftovers".to_owned()).spawn(work));
    }

    /// The last epoch in which a module had its name; 0 if it had none.
    pub(super) fn last_epoch(&self, name: &Name) -> i64 {
        self.epochs.get(name).copied().unwrap_or_default()
    }

    /// What an event of the mesh says of processes of this run.
    pub(super) fn signs(&mut self, event: Event, run_id: &str) -> Vec<(Incarnation, Sign)> {
        match event {
            Event::Joined(participant) | Event::Changed(participant) => self.described(&participant, run_id),
            Event::Stuck { node, .. } => self.of_node(node, Sign::Stuck),
            Event::Unstuck { node, .. } => self.of_node(node, Sign::Unstuck),
            Event::Lost { node, .. } => self.of_node(node, Sign::Lost),
            Event::Displaced { node, .. } => self.of_node(node, Sign::Displaced),
            // Its process ends as well, and that tells more.
            _ => Vec::new(),
        }
    }

    pub(super) fn pid(&self, incarnation: Incarnation) -> Option<u32> {
        self.running.get(&incarnation).map(|process| process.pid.as_raw_nonzero().get().unsigned_abs())
    }

    pub(super) fn class(&self, incarnation: Incarnation) -> Option<String> {
        self.running.get(&incarnation)?.class.clone()
    }

    pub(super) fn uptime(&self, incarnation: Incarnation) -> Option<Duration> {
        self.running.get(&incarnation).map(|process| process.started.elapsed())
    }

    pub(super) fn memory_bytes(&self, incarnation: Incarnation) -> Option<u64> {
        memory_bytes(self.running.get(&incarnation)?.pid)
    }

    /// The share of a processor since this was asked last, or since the process started.
    pub(super) fn cpu_percent(&mut self, incarnation: Incarnation) -> Option<f64> {
        let process = self.running.get_mut(&incarnation)?;
        let now = Usage::now(process.pid)?;
        let percent = now.percent_since(&process.usage)?;
        process.usage = now;
        Some(percent)
    }

    pub(super) fn last_exit(&self, name: &Name) -> Option<LastExit> {
        self.exits.get(name).cloned()
    }

    fn described(&mut self, participant: &Participant, run_id: &str) -> Vec<(Incarnation, Sign)> {
        let identity = &participant.identity;
        if identity.run_id != run_id {
            return Vec::new();
        }
        let Some(name) = &participant.name else { return Vec::new() };
        let of_it = |process: &Process| process.name == *name && is_of_group(identity.pid, process.pid);
        let Some((&incarnation, process)) = self.running.iter_mut().find(|(_, process)| of_it(process)) else {
            return Vec::new();
        };
        process.node = Some(identity.node);
        process.class = Some(identity.class_name.clone()).filter(|class| !class.is_empty());
        let epoch = self.epochs.entry(name.clone()).or_default();
        *epoch = (*epoch).max(participant.epoch);
        let was_lost = std::mem::take(&mut process.is_lost);
        let found = was_lost.then_some((incarnation, Sign::Found));
        let up = matches!(participant.state, State::Running | State::Stuck).then_some((incarnation, Sign::Up));
        found.into_iter().chain(up).collect()
    }

    fn of_node(&mut self, node: NodeId, sign: Sign) -> Vec<(Incarnation, Sign)> {
        let mut of_it = self.running.iter_mut().filter(|(_, process)| process.node == Some(node));
        let Some((&incarnation, process)) = of_it.next() else { return Vec::new() };
        process.is_lost |= sign == Sign::Lost;
        vec![(incarnation, sign)]
    }
}

/// Whether a process is the leader of a group, or one that it started: modules may be started by a script.
fn is_of_group(pid: i32, leader: Pid) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return false };
    pid == leader || rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == leader)
}
