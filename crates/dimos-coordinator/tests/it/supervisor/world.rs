//! Simulated processes: they start, are up after a while, end when they are told to or when the test wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dimos::Name;
use dimos_coordinator::plan::{Readiness, RestartPolicy, RestartWhen};
use dimos_coordinator::supervisor::{
    Action, Event, Exit, Incarnation, JobError, JobId, ModuleSpec, Notice, Outcome, Phase, Sign, Signal, Stop,
    Supervisor,
};

use super::{ms, name};

/// How a process behaves.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    /// When it is up; never if there is nothing.
    pub(super) up_after: Option<Duration>,
    /// When it ends by itself, and how.
    pub(super) ends: Option<(Duration, Exit)>,
    /// How long it takes to end when it is told to; for ever if there is nothing.
    pub(super) obeys_after: Option<Duration>,
    /// Whether it cannot even be started.
    pub(super) is_missing: bool,
}

#[derive(Debug)]
struct Process {
    module: Name,
    up_at: Option<Instant>,
    ends_at: Option<(Instant, Exit)>,
    obeys_after: Option<Duration>,
    told_at: Option<Instant>,
}

/// The supervisor and what it supervises.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) supervisor: Supervisor,
    /// How the next processes of a module behave.
    pub(super) behaviours: BTreeMap<Name, Behaviour>,
    processes: BTreeMap<Incarnation, Process>,
    pub(super) answers: BTreeMap<JobId, Result<(), JobError>>,
    pub(super) notices: Vec<(Instant, Notice)>,
    pub(super) outcome: Option<Outcome>,
    /// When processes of a module were started.
    pub(super) starts: BTreeMap<Name, Vec<Instant>>,
    next_job: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { up_after: Some(ms(200)), ends: None, obeys_after: Some(ms(50)), is_missing: false }
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Instant::now(),
            supervisor: Supervisor::default(),
            behaviours: BTreeMap::new(),
            processes: BTreeMap::new(),
            answers: BTreeMap::new(),
            notices: Vec::new(),
            outcome: None,
            starts: BTreeMap::new(),
            next_job: 0,
        }
    }

    pub(super) fn behave(&mut self, module: &str, behaviour: Behaviour) {
        self.behaviours.insert(name(module), behaviour);
    }

    /// Loads modules that need others: `("planner", &["mapper"])`.
    pub(super) fn load(&mut self, modules: &[(&str, &[&str])]) -> JobId {
        let specs = modules.iter().map(|(module, needs)| spec(module, needs)).collect();
        self.load_specs(specs)
    }

    pub(super) fn load_specs(&mut self, modules: Vec<ModuleSpec>) -> JobId {
        let job = self.job();
        self.handle(Event::Load { job, modules });
        job
    }

    pub(super) fn unload(&mut self, modules: &[&str]) -> JobId {
        let job = self.job();
        self.handle(Event::Unload { job, modules: modules.iter().map(|module| name(module)).collect() });
        job
    }

    pub(super) fn restart(&mut self, module: &str) -> JobId {
        let job = self.job();
        self.handle(Event::Restart { job, module: name(module), spec: Box::new(None) });
        job
    }

    pub(super) fn stop(&mut self) {
        self.handle(Event::Stop(Stop::Asked));
    }

    /// The process of a module ends by itself.
    pub(super) fn end(&mut self, module: &str, exit: Exit) {
        let of_it = |process: &Process| process.module.as_str() == module;
        let incarnation = *self.processes.iter().find(|(_, process)| of_it(process)).expect("it runs").0;
        self.ended(incarnation, exit);
    }

    pub(super) fn sign(&mut self, module: &str, sign: Sign) {
        let incarnation = self.supervisor.module(&name(module)).and_then(|view| view.incarnation).expect("it runs");
        self.handle(Event::Sign { incarnation, sign });
    }

    pub(super) fn phase(&self, module: &str) -> Option<Phase> {
        self.supervisor.module(&name(module)).map(|view| view.phase)
    }

    pub(super) fn running(&self) -> BTreeSet<&str> {
        self.processes.values().map(|process| process.module.as_str()).collect()
    }

    pub(super) fn process_count(&self) -> usize {
        self.processes.len()
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Time passes without anybody being called, as when the machine was suspended.
    pub(super) fn jump(&mut self, time: Duration) {
        self.now += time;
        self.processes.values_mut().for_each(|process| {
            process.up_at.iter_mut().for_each(|at| *at += time);
            process.ends_at.iter_mut().for_each(|(at, _)| *at += time);
        });
        self.step();
    }

    fn next(&self) -> Option<Instant> {
        let ups = self.processes.values().filter_map(|process| process.up_at);
        let ends = self.processes.values().filter_map(|process| Some(process.ends_at.as_ref()?.0));
        ups.chain(ends).chain(self.supervisor.next_wakeup()).min()
    }

    fn step(&mut self) {
        let now = self.now;
        let up: Vec<_> = self
            .processes
            .iter_mut()
            .filter(|(_, process)| process.up_at.is_some_and(|at| at <= now))
            .map(|(&id, process)| {
                process.up_at = None;
                id
            })
            .collect();
        for incarnation in up {
            self.handle(Event::Sign { incarnation, sign: Sign::Up });
        }
        let is_due = |process: &Process| process.ends_at.as_ref().is_some_and(|(at, _)| *at <= now);
        let due: Vec<_> = self.processes.iter().filter(|(_, process)| is_due(process)).map(|(&id, _)| id).collect();
        for incarnation in due {
            let exit =
                self.processes.get(&incarnation).and_then(|process| process.ends_at.clone()).map(|(_, exit)| exit);
            if let Some(exit) = exit {
                self.ended(incarnation, exit);
            }
        }
        self.supervisor.tick(now);
        self.act();
    }

    fn ended(&mut self, incarnation: Incarnation, exit: Exit) {
        self.processes.remove(&incarnation);
        self.handle(Event::Exited { incarnation, exit });
    }

    fn handle(&mut self, event: Event) {
        self.supervisor.handle(self.now, event);
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.supervisor.poll_action() {
            assert_eq!(self.outcome, None, "nothing follows the end, but {action:?} did");
            match action {
                Action::Start { module, incarnation } => self.start(module, incarnation),
                Action::Signal { incarnation, signal } => self.signal(incarnation, signal),
                Action::Answer { job, result } => {
                    assert_eq!(self.answers.insert(job, result), None, "a job is answered once");
                }
                Action::Notice(notice) => self.notices.push((self.now, notice)),
                Action::Finish(outcome) => {
                    assert!(self.processes.is_empty(), "left behind: {:?}", self.running());
                    self.outcome = Some(outcome);
                }
            }
        }
    }

    fn start(&mut self, module: Name, incarnation: Incarnation) {
        assert!(!self.running().contains(module.as_str()), "{module} runs already");
        self.starts.entry(module.clone()).or_default().push(self.now);
        let behaviour = self.behaviours.get(&module).cloned().unwrap_or_default();
        if behaviour.is_missing {
            return self.handle(Event::NotStarted { incarnation, reason: "no such file".to_owned() });
        }
        let process = Process {
            module,
            up_at: behaviour.up_after.map(|after| self.now + after),
            ends_at: behaviour.ends.map(|(after, exit)| (self.now + after, exit)),
            obeys_after: behaviour.obeys_after,
            told_at: None,
        };
        self.processes.insert(incarnation, process);
        self.handle(Event::Started { incarnation });
    }

    fn signal(&mut self, incarnation: Incarnation, signal: Signal) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&incarnation) else { return };
        match signal {
            Signal::Terminate => {
                process.told_at = Some(now);
                if let Some(after) = process.obeys_after {
                    process.ends_at = Some((now + after, Exit::Code(0)));
                }
            }
            Signal::Kill => process.ends_at = Some((now, Exit::Signal(9))),
        }
    }

    fn job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }
}

pub(super) fn spec(module: &str, needs: &[&str]) -> ModuleSpec {
    ModuleSpec {
        name: name(module),
        dependencies: needs.iter().map(|needed| name(needed)).collect(),
        restart: RestartPolicy { when: RestartWhen::OnFailure, back_off: ms(500), limit: 5 },
        readiness: Readiness::Claim,
        start_within: Duration::from_secs(10),
    }
}
