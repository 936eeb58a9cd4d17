//! What the coordinator decides: which module is started, restarted, ended, given up, and when. Without processes, without a bus and
//! without a clock: [`Supervisor`] takes [`Event`]s and the time, and gives [`Action`]s. The same inputs give the same actions.
//!
//! # A module's life
//! ```text
//!              ┌────────────── its dependencies are up ───────┐
//!  Waiting ────┘                                              ▼
//!     ▲                                        Starting ──► Running ──► Stopping ──► gone, Ended, or started again
//!     │ restart, asked for                        │            │
//!     └──── Resting ◄── ended, to be restarted ───┴────────────┘
//!                       otherwise: Ended, Failed or Displaced
//! ```
//! A module that is told to end gets SIGTERM, and SIGKILL after [`GRACE`]. Whatever becomes of a process, its whole process group ends
//! with it; that is left to whoever carries out the actions.
//!
//! # Jobs
//! What people ask for and wait for is a job: to load modules, unload some, restart one. A load is done when all of its modules are
//! up, and undone if one of them fails before that. Every job is answered once.

mod action;
mod event;
mod jobs;
mod module;
mod order;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use dimos::Name;

pub use action::{Action, JobError, Notice, Outcome, Signal};
pub use event::{Event, Exit, Incarnation, JobId, ModuleSpec, Sign, Stop};
use jobs::{Job, Jobs};
use module::Module;
pub use module::{Phase, View};

/// Decides what becomes of the modules of a run.
#[derive(Debug, Default)]
pub struct Supervisor {
    modules: BTreeMap<Name, Module>,
    jobs: Jobs,
    next_incarnation: u64,
    /// Why everything is to end, and since when.
    stopping: Option<(Stop, Instant)>,
    is_over: bool,
    /// Whether some module has failed for good since the beginning.
    has_failed: bool,
    /// When it was called last, and when it wanted to be called next at the latest.
    called: Option<(Instant, Option<Instant>)>,
    actions: VecDeque<Action>,
}

impl Supervisor {
    /// Takes in what happened. Once the run is over, nothing changes that.
    pub fn handle(&mut self, now: Instant, event: Event) {
        if self.is_over {
            return;
        }
        self.forgive_suspension(now);
        match event {
            Event::Load { job, modules } => self.load(job, modules),
            Event::Unload { job, modules } => self.unload(now, job, &modules),
            Event::Restart { job, module, spec } => self.restart(now, job, &module, *spec),
            Event::Stop(stop) => self.stop(now, stop),
            Event::Started { incarnation } => self.with_module(incarnation, |module| module.process_started(now)),
            Event::NotStarted { incarnation, reason } => self.ended(now, incarnation, Exit::NotStarted { reason }),
            Event::Exited { incarnation, exit } => self.ended(now, incarnation, exit),
            Event::Sign { incarnation, sign } => self.heard(now, incarnation, sign),
        }
        self.go_on(now);
    }

    /// Does what is due. To be called at [`Supervisor::next_wakeup`], and harmless at any other time.
    pub fn tick(&mut self, now: Instant) {
        self.forgive_suspension(now);
        for name in self.names() {
            let Some(module) = self.modules.get_mut(&name) else { continue };
            module.tick(now, &mut self.actions);
        }
        self.go_on(now);
    }

    /// When [`Supervisor::tick`] is to be called next, if nothing else happens.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.modules.values().filter_map(Module::next_wakeup).min()
    }

    /// The next thing to do. To be called until there is none, after any other call.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The modules, by name.
    pub fn modules(&self) -> impl Iterator<Item = View<'_>> {
        self.modules.values().map(Module::view)
    }

    /// A module.
    #[must_use]
    pub fn module(&self, name: &Name) -> Option<View<'_>> {
        self.modules.get(name).map(Module::view)
    }

    /// Whether all modules are up, or have done their work.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.modules.values().all(|module| !matches!(module.phase(), Phase::Waiting | Phase::Starting))
    }

    /// Whether the run is being stopped.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn load(&mut self, job: JobId, specs: Vec<ModuleSpec>) {
        if self.stopping.is_some() {
            return self.answer(job, Err(JobError::Stopping));
        }
        if let Some(taken) = specs.iter().find(|spec| self.modules.contains_key(&spec.name)) {
            return self.answer(job, Err(JobError::Exists { module: taken.name.clone() }));
        }
        let names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
        for spec in specs {
            let mut module = Module::new(spec);
            module.is_loading = true;
            self.modules.insert(module.name().clone(), module);
        }
        self.jobs.add(job, Job::Load { modules: names, failure: None });
    }

    fn unload(&mut self, now: Instant, job: JobId, names: &[Name]) {
        if let Some(unknown) = names.iter().find(|name| !self.modules.contains_key(name)) {
            return self.answer(job, Err(JobError::Unknown { module: unknown.clone() }));
        }
        for name in names {
            if let Some(module) = self.modules.get_mut(name) {
                module.remove(now, &mut self.actions);
            }
        }
        self.jobs.add(job, Job::Unload { modules: names.to_vec() });
    }

    fn restart(&mut self, now: Instant, job: JobId, name: &Name, spec: Option<ModuleSpec>) {
        if self.stopping.is_some() {
            return self.answer(job, Err(JobError::Stopping));
        }
        let Some(module) = self.modules.get_mut(name).filter(|module| !module.is_removed()) else {
            return self.answer(job, Err(JobError::Unknown { module: name.clone() }));
        };
        module.renew(now, spec, &mut self.actions);
        self.jobs.add(job, Job::Restart { module: name.clone(), failure: None });
    }

    fn stop(&mut self, now: Instant, stop: Stop) {
        if self.stopping.is_none() {
            self.stopping = Some((stop, now));
            self.actions.push_back(Action::Notice(Notice::Stopping));
            for job in self.jobs.take_all() {
                self.answer(job, Err(JobError::Stopping));
            }
        }
        let is_impatient = stop == Stop::Asked
            && self.stopping.is_some_and(|(_, first)| now.saturating_duration_since(first) >= IMPATIENT);
        for module in self.modules.values_mut() {
            module.remove(now, &mut self.actions);
            if is_impatient {
                module.kill(&mut self.actions);
            }
        }
    }

    fn heard(&mut self, now: Instant, incarnation: Incarnation, sign: Sign) {
        let actions = &mut self.actions;
        let Some(module) = self.modules.values_mut().find(|module| module.incarnation() == Some(incarnation)) else {
            return;
        };
        module.heard(now, sign, actions);
        if sign == Sign::Displaced && module.phase() == Phase::Displaced {
            let name = module.name().clone();
            self.jobs.failed(&name, "has lost its name to another process");
        }
    }

    fn ended(&mut self, now: Instant, incarnation: Incarnation, exit: Exit) {
        let actions = &mut self.actions;
        let Some(module) = self.modules.values_mut().find(|module| module.incarnation() == Some(incarnation)) else {
            return;
        };
        let name = module.name().clone();
        if let Some(reason) = module.ended(now, &exit, actions) {
            // A load that fails is undone, and whoever asked for it is told.
            self.has_failed |= module.is_given_up() && !module.is_loading;
            self.jobs.failed(&name, &reason);
        }
    }

    /// Everything that follows from what has changed.
    fn go_on(&mut self, now: Instant) {
        for (name, needed) in order::blocked(&self.modules) {
            let reason = format!("needs {needed}, which does not run");
            if let Some(module) = self.modules.get_mut(&name) {
                module.fail_waiting(&reason, &mut self.actions);
            }
            self.jobs.failed(&name, &reason);
        }
        self.undo_failed_loads(now);
        self.start_ready(now);
        self.modules.retain(|_, module| !module.is_gone());
        let modules = &self.modules;
        let finished = self.jobs.take_finished(|name| modules.get(name).map(Module::view));
        for (id, job, result) in finished {
            if let Job::Load { modules, .. } = job {
                for name in &modules {
                    self.modules.get_mut(name).into_iter().for_each(|module| module.is_loading = false);
                }
            }
            self.answer(id, result);
        }
        self.end_if_over();
        self.called = Some((now, self.next_wakeup()));
    }

    /// A load of which a module has failed takes all of its modules away again.
    fn undo_failed_loads(&mut self, now: Instant) {
        for name in self.jobs.modules_to_undo() {
            if let Some(module) = self.modules.get_mut(&name) {
                module.remove(now, &mut self.actions);
            }
        }
    }

    fn start_ready(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        for name in order::ready(&self.modules) {
            let incarnation = Incarnation(self.next_incarnation);
            if let Some(module) = self.modules.get_mut(&name) {
                self.next_incarnation += 1;
                module.start(now, incarnation, &mut self.actions);
            }
        }
    }

    fn end_if_over(&mut self) {
        if self.is_over {
            return;
        }
        let is_idle = self.modules.values().all(Module::is_over);
        let outcome = match self.stopping {
            Some((stop, _)) if self.modules.is_empty() => Outcome::Stopped { stop, has_failed: self.has_failed },
            // Nothing is left that could do anything, and nobody is about to add something.
            None if is_idle && !self.modules.is_empty() && self.jobs.is_empty() => {
                let has_failed = self.modules.values().any(Module::is_given_up);
                Outcome::Finished { has_failed }
            }
            _ => return,
        };
        self.is_over = true;
        self.actions.push_back(Action::Finish(outcome));
    }

    fn answer(&mut self, job: JobId, result: Result<(), JobError>) {
        self.actions.push_back(Action::Answer { job, result });
    }

    fn with_module(&mut self, incarnation: Incarnation, work: impl FnOnce(&mut Module)) {
        if let Some(module) = self.modules.values_mut().find(|module| module.incarnation() == Some(incarnation)) {
            work(module);
        }
    }

    fn names(&self) -> Vec<Name> {
        self.modules.keys().cloned().collect()
    }

    /// Who was suspended has not seen what the modules did meanwhile, and their deadlines were not theirs to keep.
    fn forgive_suspension(&mut self, now: Instant) {
        if let Some((last, Some(expected))) = self.called
            && now.saturating_duration_since(expected) > SUSPENDED
        {
            let gap = now.saturating_duration_since(last);
            self.modules.values_mut().for_each(|module| module.postpone(gap));
        }
    }
}

/// How long a module may take to end after SIGTERM.
pub const GRACE: Duration = Duration::from_secs(2);

/// Who asks again so soon does not mean anything else by it: signals come to several processes of a run at once.
const IMPATIENT: Duration = Duration::from_millis(500);

/// Who is called so late was suspended.
const SUSPENDED: Duration = Duration::from_secs(1);
