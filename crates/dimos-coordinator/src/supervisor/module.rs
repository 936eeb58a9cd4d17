//! One module: its life from its first process to its last.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use dimos::{Name, exit};

use super::GRACE;
use super::action::{Action, Notice, Signal};
use super::event::{Exit, Incarnation, ModuleSpec, Sign};
use crate::plan::{Readiness, RestartPolicy, RestartWhen};

/// How far a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits for the modules that it needs.
    Waiting,
    /// Its process has been started.
    Starting,
    /// It is up.
    Running,
    /// It was told to end.
    Stopping,
    /// It is started again after a rest.
    Resting,
    /// It has ended by itself, and did what it was to do.
    Ended,
    /// It has failed, and is not started again.
    Failed,
    /// Another process has its name.
    Displaced,
}

/// What can be seen of a module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View<'a> {
    /// Its name.
    pub name: &'a Name,
    /// How far it is.
    pub phase: Phase,
    /// Its process, while there is one.
    pub incarnation: Option<Incarnation>,
    /// Why it is as it is, where that needs words.
    pub reason: Option<&'a str>,
    /// How often it was started again.
    pub restarts: u32,
    /// Whether a handler has been running for too long.
    pub is_stuck: bool,
    /// Whether it does not answer.
    pub is_lost: bool,
}

/// A module.
#[derive(Debug)]
pub(super) struct Module {
    spec: ModuleSpec,
    state: State,
    /// Whether the load that brought it goes on: then a failure is not mended but told.
    pub(super) is_loading: bool,
    restarts: u32,
    restarts_in_a_row: u32,
    /// Why its process is being ended, if that is the module's own fault.
    fault: Option<String>,
    /// Why it is as it is, for people.
    reason: Option<String>,
    is_stuck: bool,
    is_lost: bool,
}

#[derive(Debug)]
enum State {
    Waiting,
    Starting {
        incarnation: Incarnation,
        since: Instant,
        /// When it counts as up because of the time alone.
        up_at: Option<Instant>,
        give_up_at: Instant,
    },
    Running {
        incarnation: Incarnation,
        since: Instant,
    },
    Stopping {
        incarnation: Incarnation,
        /// When it is ended by force, unless it has been already.
        kill_at: Option<Instant>,
        then: Then,
    },
    Resting {
        until: Instant,
    },
    Ended,
    Failed,
    /// Its process may still finish what it was about.
    Displaced {
        incarnation: Option<Incarnation>,
    },
    Gone,
}

/// What follows when a process has ended that was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The module goes.
    Remove,
    /// It starts again.
    Start,
    /// It has failed.
    Fail,
}

impl Module {
    pub(super) fn new(spec: ModuleSpec) -> Self {
        Self {
            spec,
            state: State::Waiting,
            is_loading: false,
            restarts: 0,
            restarts_in_a_row: 0,
            fault: None,
            reason: None,
            is_stuck: false,
            is_lost: false,
        }
    }

    pub(super) fn name(&self) -> &Name {
        &self.spec.name
    }

    pub(super) fn dependencies(&self) -> &BTreeSet<Name> {
        &self.spec.dependencies
    }

    pub(super) fn phase(&self) -> Phase {
        match self.state {
            State::Waiting => Phase::Waiting,
            State::Starting { .. } => Phase::Starting,
            State::Running { .. } => Phase::Running,
            State::Stopping { .. } | State::Gone => Phase::Stopping,
            State::Resting { .. } => Phase::Resting,
            State::Ended => Phase::Ended,
            State::Failed => Phase::Failed,
            State::Displaced { .. } => Phase::Displaced,
        }
    }

    pub(super) fn incarnation(&self) -> Option<Incarnation> {
        match self.state {
            State::Starting { incarnation, .. }
            | State::Running { incarnation, .. }
            | State::Stopping { incarnation, .. } => Some(incarnation),
            State::Displaced { incarnation } => incarnation,
            State::Waiting | State::Resting { .. } | State::Ended | State::Failed | State::Gone => None,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            name: self.name(),
            phase: self.phase(),
            incarnation: self.incarnation(),
            reason: self.reason.as_deref(),
            restarts: self.restarts,
            is_stuck: self.is_stuck,
            is_lost: self.is_lost,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it has been taken out of the run.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// Whether it is gone, or will be as soon as its process has ended.
    pub(super) fn is_removed(&self) -> bool {
        matches!(self.state, State::Gone | State::Stopping { then: Then::Remove, .. })
    }

    /// Whether it has failed for good, or lost its name.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.state, State::Failed | State::Displaced { .. })
    }

    /// Whether nothing becomes of it by itself any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended | State::Failed | State::Displaced { incarnation: None })
    }

    pub(super) fn next_wakeup(&self) -> Option<Instant> {
        match self.state {
            State::Starting { up_at, give_up_at, .. } => Some(up_at.map_or(give_up_at, |up_at| up_at.min(give_up_at))),
            State::Stopping { kill_at, .. } => kill_at,
            State::Resting { until } => Some(until),
            _ => None,
        }
    }

    /// Begins a process.
    pub(super) fn start(&mut self, now: Instant, incarnation: Incarnation, actions: &mut VecDeque<Action>) {
        let up_at = match self.spec.readiness {
            Readiness::After(time) => now.checked_add(time),
            Readiness::Claim | Readiness::Heard(_) => None,
        };
        let give_up_at = now + self.spec.start_within.min(LONGEST);
        self.state = State::Starting { incarnation, since: now, up_at, give_up_at };
        (self.is_stuck, self.is_lost, self.fault) = (false, false, None);
        actions.push_back(Action::Start { module: self.name().clone(), incarnation });
    }

    /// Its process runs since now: what comes before it is not the module's own time.
    pub(super) fn process_started(&mut self, now: Instant) {
        if let State::Starting { since, .. } = &mut self.state {
            *since = now;
        }
    }

    pub(super) fn tick(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        match self.state {
            State::Starting { up_at: Some(up_at), .. } if up_at <= now => self.up(now, actions),
            State::Starting { incarnation, give_up_at, .. } if give_up_at <= now => {
                self.fault = Some(format!("was not up within {:?}", self.spec.start_within));
                actions.push_back(Action::Signal { incarnation, signal: Signal::Kill });
                self.state = State::Stopping { incarnation, kill_at: None, then: Then::Fail };
            }
            State::Stopping { kill_at: Some(kill_at), .. } if kill_at <= now => {
                actions.push_back(Action::Notice(Notice::Killed { module: self.name().clone() }));
                self.kill(actions);
            }
            State::Resting { until } if until <= now => self.state = State::Waiting,
            _ => {}
        }
    }

    /// Takes in what was heard of its process.
    pub(super) fn heard(&mut self, now: Instant, sign: Sign, actions: &mut VecDeque<Action>) {
        let module = self.name().clone();
        let notice = match (sign, &self.state) {
            (Sign::Up, State::Starting { .. }) => return self.up(now, actions),
            (Sign::Stuck, State::Starting { .. } | State::Running { .. }) if !self.is_stuck => {
                self.is_stuck = true;
                Notice::Stuck { module }
            }
            (Sign::Unstuck, _) if self.is_stuck => {
                self.is_stuck = false;
                Notice::Unstuck { module }
            }
            (Sign::Lost, State::Starting { incarnation, .. } | State::Running { incarnation, .. }) if !self.is_lost => {
                let incarnation = *incarnation;
                self.is_lost = true;
                let is_killed = self.spec.restart.when != RestartWhen::Never;
                if is_killed {
                    self.fault = Some("did not answer".to_owned());
                    actions.push_back(Action::Signal { incarnation, signal: Signal::Kill });
                }
                Notice::Lost { module, is_killed }
            }
            (Sign::Found, _) if self.is_lost => {
                self.is_lost = false;
                Notice::Found { module }
            }
            (Sign::Displaced, State::Starting { incarnation, .. } | State::Running { incarnation, .. }) => {
                let incarnation = *incarnation;
                self.displaced(Some(incarnation));
                Notice::Displaced { module }
            }
            _ => return,
        };
        actions.push_back(Action::Notice(notice));
    }

    /// Takes in the end of its process. If that is a failure, tells why.
    pub(super) fn ended(&mut self, now: Instant, exit: &Exit, actions: &mut VecDeque<Action>) -> Option<String> {
        let was_told = matches!(self.state, State::Stopping { then: Then::Remove | Then::Start, .. });
        (self.is_stuck, self.is_lost) = (false, false);
        let module = self.name().clone();
        actions.push_back(Action::Notice(Notice::Exited { module: module.clone(), exit: exit.clone(), was_told }));
        match self.state {
            State::Stopping { then: Then::Remove, .. } => {
                self.state = State::Gone;
                return None;
            }
            State::Stopping { then: Then::Start, .. } => {
                self.state = State::Waiting;
                return None;
            }
            State::Displaced { .. } => {
                self.displaced(None);
                return None;
            }
            State::Running { since, .. } if now.saturating_duration_since(since) >= RestartPolicy::STEADY => {
                self.restarts_in_a_row = 0;
            }
            _ => {}
        }
        if *exit == Exit::Code(i32::from(exit::DISPLACED)) {
            self.displaced(None);
            actions.push_back(Action::Notice(Notice::Displaced { module }));
            return self.reason.clone();
        }
        let is_failure = !exit.is_success() || matches!(self.state, State::Stopping { then: Then::Fail, .. });
        let why = match (self.fault.take(), &self.state) {
            (Some(fault), _) => fault,
            (None, State::Starting { .. }) if !matches!(exit, Exit::NotStarted { .. }) => {
                format!("{exit} before it was up")
            }
            (None, _) => exit.to_string(),
        };
        let is_again = match self.spec.restart.when {
            RestartWhen::Never => false,
            RestartWhen::OnFailure => is_failure,
            RestartWhen::Always => true,
        };
        if is_again && !(is_failure && self.is_loading) {
            self.start_again(now, exit, &why, actions);
        } else if is_failure {
            self.give_up(why.clone(), actions);
        } else {
            self.reason = None;
            self.state = State::Ended;
        }
        (is_failure || self.is_given_up()).then_some(why)
    }

    /// Ends it, and takes it out of the run.
    pub(super) fn remove(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        self.end(now, Then::Remove, actions);
        if self.incarnation().is_none() {
            self.state = State::Gone;
        }
    }

    /// Ends it, and starts it again.
    pub(super) fn renew(&mut self, now: Instant, spec: Option<ModuleSpec>, actions: &mut VecDeque<Action>) {
        if let Some(spec) = spec {
            self.spec = spec;
        }
        self.restarts += 1;
        self.restarts_in_a_row = 0;
        self.reason = None;
        self.end(now, Then::Start, actions);
        if self.incarnation().is_none() {
            self.state = State::Waiting;
        }
    }

    /// Ends its process by force, if it was told to end.
    pub(super) fn kill(&mut self, actions: &mut VecDeque<Action>) {
        if let State::Stopping { incarnation, kill_at, .. } = &mut self.state
            && kill_at.take().is_some()
        {
            actions.push_back(Action::Signal { incarnation: *incarnation, signal: Signal::Kill });
        }
    }

    /// Moves what is due in the future.
    pub(super) fn postpone(&mut self, by: Duration) {
        match &mut self.state {
            State::Starting { up_at, give_up_at, .. } => {
                *give_up_at += by;
                up_at.iter_mut().for_each(|up_at| *up_at += by);
            }
            State::Stopping { kill_at, .. } => kill_at.iter_mut().for_each(|kill_at| *kill_at += by),
            _ => {}
        }
    }

    /// It waits for something that will not come.
    pub(super) fn fail_waiting(&mut self, reason: &str, actions: &mut VecDeque<Action>) {
        self.give_up(reason.to_owned(), actions);
    }

    fn up(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        let State::Starting { incarnation, since, .. } = self.state else { return };
        self.state = State::Running { incarnation, since: now };
        self.reason = None;
        let after = now.saturating_duration_since(since);
        actions.push_back(Action::Notice(Notice::Up { module: self.name().clone(), after }));
    }

    fn end(&mut self, now: Instant, then: Then, actions: &mut VecDeque<Action>) {
        match &mut self.state {
            State::Starting { incarnation, .. }
            | State::Running { incarnation, .. }
            | State::Displaced { incarnation: Some(incarnation) } => {
                let incarnation = *incarnation;
                actions.push_back(Action::Signal { incarnation, signal: Signal::Terminate });
                self.state = State::Stopping { incarnation, kill_at: Some(now + GRACE), then };
            }
            State::Stopping { then: planned, .. } if *planned != Then::Remove => *planned = then,
            _ => {}
        }
    }

    fn displaced(&mut self, incarnation: Option<Incarnation>) {
        self.reason = Some("another process has its name".to_owned());
        self.state = State::Displaced { incarnation };
    }

    fn start_again(&mut self, now: Instant, exit: &Exit, why: &str, actions: &mut VecDeque<Action>) {
        let policy = &self.spec.restart;
        // That there is no bus is not its fault, and starting it more often brings none.
        let is_without_bus = *exit == Exit::Code(i32::from(exit::NO_BUS));
        if self.restarts_in_a_row >= policy.limit && !is_without_bus {
            let reason = format!("{why}, after {} restarts in a row", self.restarts_in_a_row);
            return self.give_up(reason, actions);
        }
        let rest = match self.restarts_in_a_row {
            _ if is_without_bus => BUS_REST,
            0 => Duration::ZERO,
            before => policy.back_off.saturating_mul(1 << (before - 1).min(16)).min(RestartPolicy::MAX_BACK_OFF),
        };
        self.restarts += 1;
        self.restarts_in_a_row += u32::from(!is_without_bus);
        self.reason = Some(why.to_owned());
        self.state = State::Resting { until: now + rest };
        let (module, attempt) = (self.name().clone(), self.restarts_in_a_row);
        actions.push_back(Action::Notice(Notice::Restarting { module, rest, attempt }));
        self.tick(now, actions);
    }

    fn give_up(&mut self, reason: String, actions: &mut VecDeque<Action>) {
        self.state = State::Failed;
        self.reason = Some(reason.clone());
        actions.push_back(Action::Notice(Notice::GivenUp { module: self.name().clone(), reason }));
    }
}

/// How long a module rests that found no bus.
const BUS_REST: Duration = Duration::from_secs(1);

/// Longer than this nobody waits for a module.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
