//! The processes of the modules: which belongs to which module, what is heard of them, how they end.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use dimos::coordinator::LastExit;
use dimos::presence::{Event, Participant, State};
use dimos::{Name, NodeId};
use lcm::Handle;
use rustix::process::{Pid, Signal as Number, kill_process_group};

use super::command::mark;
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
    /// Processes that have ended when they were told to, and left others in their group that still may.
    lingering: Vec<Ended>,
}

#[derive(Debug)]
struct Process {
    name: Name,
    pid: Pid,
    /// The last epoch in which the module had its name before this process.
    epoch_before: i64,
    is_told: bool,
    /// What is to be heard of it.
    listening: Option<Handle>,
    /// Who it is on the mesh, once that was heard.
    node: Option<NodeId>,
    class: Option<String>,
    is_lost: bool,
    started: Instant,
}

impl Processes {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, running: BTreeMap::new(), epochs: BTreeMap::new(), exits: BTreeMap::new(), lingering: Vec::new() }
    }

    pub(super) fn start(
        &mut self,
        name: &Name,
        incarnation: Incarnation,
        command: &Command,
        listening: Option<Handle>,
    ) -> io::Result<()> {
        let running = process::start(command)?;
        let pid = running.pid;
        if let Err(error) = self.watch.add(incarnation, name.as_str(), running) {
            // Nobody would notice its end.
            let _ = kill_process_group(pid, Number::KILL);
            return Err(error);
        }
        let process = Process {
            name: name.clone(),
            pid,
            epoch_before: self.last_epoch(name),
            is_told: false,
            listening,
            node: None,
            class: None,
            is_lost: false,
            started: Instant::now(),
        };
        self.running.insert(incarnation, process);
        Ok(())
    }

    pub(super) fn signal(&mut self, incarnation: Incarnation, signal: Signal) {
        let Some(process) = self.running.get_mut(&incarnation) else { return };
        let number = match signal {
            Signal::Terminate => Number::TERM,
            Signal::Kill => Number::KILL,
        };
        process.is_told = true;
        // It may have ended meanwhile: it keeps its number until it is reaped, and its group until that is empty.
        let _ = kill_process_group(process.pid, number);
    }

    /// Takes in the end of a process. Tells who it was on the mesh, and whether that was all: what it has left in its group ends with
    /// it, unless it was told to end, as a script is that has started the module. Then its group has as long as the module had.
    pub(super) fn ended(&mut self, end: Ended) -> (Option<NodeId>, Option<(Incarnation, Exit)>) {
        let Some(process) = self.running.get_mut(&end.incarnation) else {
            end.end_group();
            return (None, None);
        };
        let node = process.node.take();
        if process.is_told {
            end.reap();
            if end.has_group() {
                self.lingering.push(end);
                return (node, None);
            }
        } else {
            end.end_group();
        }
        (node, Some((end.incarnation, end.exit)))
    }

    /// The processes whose groups are empty by now.
    pub(super) fn take_finished(&mut self) -> Vec<(Incarnation, Exit)> {
        let (left, finished) = std::mem::take(&mut self.lingering).into_iter().partition(Ended::has_group);
        self.lingering = left;
        finished.into_iter().map(|end: Ended| (end.incarnation, end.exit)).collect()
    }

    /// Whether there are groups to look after.
    pub(super) fn has_lingering(&self) -> bool {
        !self.lingering.is_empty()
    }

    /// Nothing is left of a process.
    pub(super) fn over(&mut self, incarnation: Incarnation, exit: &Exit, at: SystemTime) {
        self.heard(incarnation);
        let Some(process) = self.running.remove(&incarnation) else { return };
        let (code, signal) = match exit {
            Exit::Code(code) => (Some(*code), None),
            Exit::Signal(signal) => (None, Some(*signal)),
            Exit::NotStarted { .. } => (None, None),
        };
        self.exits.insert(process.name, LastExit { code, signal, at: iso(at) });
    }

    /// What was to be heard of a process was heard, or will not be.
    pub(super) fn heard(&mut self, incarnation: Incarnation) {
        if let Some(handle) = self.running.get_mut(&incarnation).and_then(|process| process.listening.take()) {
            handle.unsubscribe();
        }
    }

    /// Forgets what was of modules that are not there any more.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Name) -> bool) {
        self.epochs.retain(|name, _| is_there(name));
        self.exits.retain(|name, _| is_there(name));
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

    pub(super) fn last_exit(&self, name: &Name) -> Option<LastExit> {
        self.exits.get(name).cloned()
    }

    /// A claim is of a process if it is of the module's run and name, and of a later epoch than the process before it had: process
    /// numbers tell nothing where a script, a container or a debugger stands in between.
    fn described(&mut self, participant: &Participant, run_id: &str) -> Vec<(Incarnation, Sign)> {
        let identity = &participant.identity;
        let Some(name) = participant.name.as_ref().filter(|_| identity.run_id == run_id) else { return Vec::new() };
        let of_it = |process: &Process| process.name == *name && participant.epoch > process.epoch_before;
        let Some((&incarnation, process)) = self.running.iter_mut().find(|(_, process)| of_it(process)) else {
            return Vec::new();
        };
        if !participant.state.is_owning() {
            return Vec::new();
        }
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
