//! The coordinator: starts the modules of a run, keeps them running, and answers for them on the mesh.
//!
//! One thread decides everything: it takes in what happens (`Input`), lets the [`Supervisor`] decide, and does what that wants.
//! Another one watches the processes; those of the mesh hand on what others ask for. What takes long, such as asking executables what
//! they offer, is done by the threads of those who ask.

mod check;
mod command;
mod input;
mod notices;
mod processes;
mod requests;
mod table;
mod usage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, bounded, select, unbounded};
use dimos::coordinator::RunStatus;
use dimos::presence::Policy;
use dimos::{Contract, Name, Options, ServeError, Served};
use lcm::Url;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::launch::Launch;
use crate::log::{Level, Log};
use crate::plan::Readiness;
use crate::process::{self, Watch};
use crate::supervisor::{Action, Event, Exit, Incarnation, JobError, JobId, Notice, Outcome, Sign, Stop, Supervisor};
use crate::systemd;
use crate::wiring::wire;
pub use check::{Checked, check, configurations};
use command::Surroundings;
use input::{Input, Question, Refusal, Reply};
use notices::Notices;
use processes::Processes;
use requests::Desk;
use table::Table;

/// What a coordinator is to do.
#[derive(Debug)]
pub struct Run {
    /// The modules.
    pub launch: Launch,
    /// The id of the run.
    pub run_id: String,
    /// The name of the coordinator.
    pub name: Name,
    /// Where the log is kept.
    pub log_dir: PathBuf,
    /// The log.
    pub log: Log,
    /// The executable that stock modules are in: `dimos`.
    pub dimos: PathBuf,
    /// The modules that come with it.
    pub stock: Vec<String>,
    /// Whether anything may be started over the bus, rather than stock modules and what lies in the launch files' directories.
    pub allows_exec: bool,
    /// Whether modules are started again when their executables change.
    pub watches_executables: bool,
    /// How long the run lasts from when it is up; for ever if there is nothing.
    pub stop_after: Option<Duration>,
}

/// A run that is up.
#[derive(Debug, Clone)]
pub struct Up {
    /// The id of the run.
    pub run_id: String,
    /// The bus.
    pub bus: String,
    /// The modules.
    pub modules: Vec<Name>,
    /// How long it took.
    pub after: Duration,
}

/// How a run ended that was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// All modules ended by themselves, or it was stopped.
    Done,
    /// A module had failed for good.
    ModuleFailed,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// Another coordinator took the name.
    Displaced,
}

/// Why a run did not come up. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The bus cannot be joined, or the name is not to be had.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The name of the bus is wrong.
    #[error("{0}")]
    Bus(String),
    /// Another coordinator has the name.
    #[error("{0}")]
    Taken(String),
    /// What was launched is wrong.
    #[error("{0}")]
    Launch(Box<Diagnostics>),
    /// A module did not start.
    #[error("{0}")]
    Module(String),
    /// It was told to stop before it was up.
    #[error("stopped before it was up")]
    Stopped {
        /// By Ctrl-C.
        is_interrupted: bool,
    },
    /// The system refuses what it needs.
    #[error("cannot watch processes or signals: {0}")]
    System(#[from] std::io::Error),
}

/// Runs to the end. `up` is called once when all modules are up.
///
/// To be called on a thread that lives as long as the process: the processes of the modules get SIGTERM when it ends.
///
/// # Errors
/// If the run does not come up. What was started by then has ended.
pub fn run(run: Run, up: impl FnOnce(&Up)) -> Result<RunEnd, RunError> {
    let start = Instant::now();
    let (sender, inputs) = unbounded();
    let (signals, watching_signals) = watch_signals()?;
    let url = match &run.launch.plan.bus {
        Some(bus) => bus.parse::<Url>().map_err(|error| RunError::Bus(format!("the launch's bus {bus}: {error}")))?,
        None => Url::resolve("").map_err(|error| RunError::Bus(format!("LCM_DEFAULT_URL: {error}")))?,
    };
    let count = run.launch.plan.modules.len();
    if count > table::MAX_MODULES {
        let message = format!("{count} modules in one run: at most {}", table::MAX_MODULES);
        let all = vec![Diagnostic::error(message)];
        return Err(RunError::Launch(Box::new(Diagnostics { all, sources: run.launch.sources.clone() })));
    }
    let surroundings = Surroundings { run_id: run.run_id.clone(), bus: url.to_string(), dimos: run.dimos.clone() };
    let desk = Desk::new(&run, surroundings.clone(), sender.clone());
    // What the executables say of themselves is asked while the name is claimed.
    let contracts = contracts_beside(&run.launch, &surroundings)?;
    let served = desk.service(&run.name).policy(Policy::FirstHolder).start(Options::default().url(url.clone()));
    let served = served.map_err(|error| taken(error, &run.name))?;
    let contracts = unless_stopped(&contracts, &signals)?.map_err(RunError::Launch)?;
    let (wiring, warnings) =
        wire(&run.launch.plan, &contracts, &run.launch.sources).map_err(|wrong| RunError::Launch(Box::new(wrong)))?;
    for warning in &warnings.all {
        run.log.say(Level::Warning, &warning.message, []);
    }
    let ended = sender.clone();
    let log = run.log.clone();
    let watch = Watch::begin(
        move |name, stream, bytes, left_out| log.heard(name, stream, bytes, left_out),
        // The coordinator's thread is gone only when the process is about to end.
        move |end| drop(ended.send(Input::Ended(end))),
    )?;
    let table = Table::new(run.launch.clone(), contracts, wiring);
    let notices = Notices::new(run.log.clone(), served.publisher(), served.node().to_wire(), &run.name, &run.run_id);
    let mut coordinator = Coordinator {
        supervisor: Supervisor::default(),
        processes: Processes::new(watch),
        table,
        notices,
        surroundings,
        jobs: BTreeMap::new(),
        next_job: 0,
        served,
        sender,
        is_interrupted: false,
        stop_at: None,
        start,
        started_at: SystemTime::now(),
        run,
    };
    let end = coordinator.run(&inputs, &signals, up);
    watching_signals.close();
    // Whoever follows the log has heard all of it.
    coordinator.run.log.close();
    // What got away from its module, if the keeper is not there to find it.
    process::end_of_run(&coordinator.run.run_id);
    end
}

/// The thread that decides.
struct Coordinator {
    run: Run,
    supervisor: Supervisor,
    processes: Processes,
    table: Table,
    notices: Notices,
    surroundings: Surroundings,
    /// Who waits for what.
    jobs: BTreeMap<JobId, Waiting>,
    next_job: u64,
    served: Served,
    sender: Sender<Input>,
    is_interrupted: bool,
    stop_at: Option<Instant>,
    start: Instant,
    started_at: SystemTime,
}

/// Who waits for a job.
enum Waiting {
    /// The run itself, to be up.
    Run,
    /// Somebody on the mesh.
    Others(Reply),
}

impl Coordinator {
    fn run(
        &mut self,
        inputs: &Receiver<Input>,
        signals: &Receiver<i32>,
        up: impl FnOnce(&Up),
    ) -> Result<RunEnd, RunError> {
        let events = self.served.events();
        let displaced = self.served.displaced().clone();
        let watchdog = systemd::watchdog_period();
        let mut up = Some(up);
        let modules = self.table.specs(self.table.names());
        let job = self.new_job(Waiting::Run);
        self.supervisor.handle(Instant::now(), Event::Load { job, modules });
        let executables = self
            .run
            .watches_executables
            .then(|| requests::watch_executables(self.sender.clone(), self.run.log.clone()));
        loop {
            match self.act() {
                None => {}
                Some(Step::Up) => {
                    self.stop_at = self.run.stop_after.map(|time| Instant::now() + time);
                    let modules = self.table.names();
                    let after = self.start.elapsed();
                    self.run.log.say(
                        Level::Info,
                        &format!("{} modules are up after {} ms", modules.len(), after.as_millis()),
                        [],
                    );
                    let told =
                        Up { run_id: self.run.run_id.clone(), bus: self.surroundings.bus.clone(), modules, after };
                    systemd::ready(&format!("{} modules are up", told.modules.len()));
                    if let Some(up) = up.take() {
                        up(&told);
                    }
                    continue;
                }
                // What was started by then is told to end; that comes next.
                Some(Step::NotUp(JobError::Stopping)) => continue,
                Some(Step::NotUp(error)) => return Err(RunError::Module(self.with_last_words(&error))),
                Some(Step::Over(outcome)) => {
                    drop(executables);
                    return if up.is_none() { Ok(self.ended(outcome)) } else { Err(self.stopped()) };
                }
            }
            let now = Instant::now();
            let beat = watchdog.map(|period| now + period);
            let look = self.processes.has_lingering().then(|| now + LOOK_AGAIN);
            let due = [self.supervisor.next_wakeup(), self.stop_at, beat, look].into_iter().flatten().min();
            let wait = due.map_or(LONG, |due| due.saturating_duration_since(now)).min(LONG);
            select! {
                recv(inputs) -> input => if let Ok(input) = input { self.take_in(input); },
                recv(signals) -> signal => if let Ok(signal) = signal { self.told(signal); },
                recv(events) -> event => if let Ok(event) = event { self.heard(event); },
                recv(displaced) -> by => if by.is_ok() { self.displaced(); },
                default(wait) => {}
            }
            let now = Instant::now();
            if self.stop_at.is_some_and(|at| at <= now) {
                self.stop_at = None;
                self.supervisor.handle(now, Event::Stop(Stop::Over));
            }
            for (incarnation, exit) in self.processes.take_finished() {
                self.over(now, incarnation, exit);
            }
            if watchdog.is_some() {
                systemd::alive();
            }
            self.supervisor.tick(now);
        }
    }

    fn take_in(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Ended(end) => {
                let (node, over) = self.processes.ended(end);
                if let Some(node) = node {
                    self.served.declare_dead(node);
                }
                if let Some((incarnation, exit)) = over {
                    self.over(now, incarnation, exit);
                }
            }
            Input::Heard(incarnation) => {
                self.processes.heard(incarnation);
                self.supervisor.handle(now, Event::Sign { incarnation, sign: Sign::Up });
            }
            Input::Ask(question) => self.answer(now, question),
        }
    }

    /// By a signal: to end.
    fn told(&mut self, signal: i32) {
        self.is_interrupted |= signal == SIGINT;
        self.supervisor.handle(Instant::now(), Event::Stop(Stop::Asked));
    }

    /// Nothing is left of a process and its group.
    fn over(&mut self, now: Instant, incarnation: Incarnation, exit: Exit) {
        self.processes.over(incarnation, &exit, SystemTime::now());
        if !self.supervisor.is_stopping() {
            self.processes.end_what_got_away(&self.surroundings.run_id, incarnation);
        }
        self.supervisor.handle(now, Event::Exited { incarnation, exit });
    }

    /// What is heard of processes on the mesh.
    fn heard(&mut self, event: dimos::presence::Event) {
        for (incarnation, sign) in self.processes.signs(event, &self.surroundings.run_id) {
            self.supervisor.handle(Instant::now(), Event::Sign { incarnation, sign });
        }
    }

    fn displaced(&mut self) {
        self.run.log.say(Level::Error, "another coordinator has taken the name: the run is stopped", []);
        self.table.is_displaced = true;
        self.supervisor.handle(Instant::now(), Event::Stop(Stop::Over));
    }

    fn answer(&mut self, now: Instant, question: Question) {
        match question {
            Question::Status(reply) => drop(reply.send(self.status())),
            Question::Command(name, reply) => {
                let known = self.table.planned(&name).map(|module| command::describing(module, &self.surroundings));
                drop(reply.send(known.ok_or_else(|| self.table.unknown(&name))));
            }
            Question::Executables(reply) => drop(reply.send(self.table.executables(&self.surroundings.dimos))),
            Question::Load { launch, contracts, reply } => match self.table.add(*launch, contracts) {
                Err(refusal) => drop(reply.send(Err(refusal))),
                Ok(added) => {
                    let modules = self.table.specs(added);
                    let job = self.new_job(Waiting::Others(reply));
                    self.supervisor.handle(now, Event::Load { job, modules });
                }
            },
            Question::Unload { modules, reply } => match self.table.check_without(&modules) {
                Err(refusal) => drop(reply.send(Err(refusal))),
                Ok(()) => {
                    let job = self.new_job(Waiting::Others(reply));
                    self.supervisor.handle(now, Event::Unload { job, modules });
                }
            },
            Question::Restart { module, contract, reply } => match self.table.renew(&module, contract.map(|it| *it)) {
                Err(refusal) => drop(reply.send(Err(refusal))),
                Ok(()) => {
                    let spec = self.table.specs(vec![module.clone()]).pop();
                    let job = self.new_job(Waiting::Others(reply));
                    self.supervisor.handle(now, Event::Restart { job, module, spec: Box::new(spec) });
                }
            },
            Question::Stop(reply) => {
                // Who asked may have given up.
                let _ = reply.send(());
                self.supervisor.handle(now, Event::Stop(Stop::Over));
            }
        }
    }

    /// Does what the supervisor wants, until there is something to tell.
    fn act(&mut self) -> Option<Step> {
        while let Some(action) = self.supervisor.poll_action() {
            match action {
                Action::Start { module, incarnation } => self.start(&module, incarnation),
                Action::Signal { incarnation, signal } => self.processes.signal(incarnation, signal),
                Action::Notice(notice) => {
                    if notice == Notice::Stopping {
                        systemd::stopping();
                    }
                    self.notices.tell(&notice);
                }
                Action::Answer { job, result } => match self.jobs.remove(&job) {
                    Some(Waiting::Run) => return Some(result.err().map_or(Step::Up, Step::NotUp)),
                    Some(waiting) => self.done(waiting, result),
                    None => {}
                },
                Action::Finish(outcome) => return Some(Step::Over(outcome)),
            }
        }
        None
    }

    fn start(&mut self, name: &Name, incarnation: Incarnation) {
        let Some((module, wiring)) = self.table.planned(name).zip(self.table.wiring(name)) else { return };
        let epoch = self.processes.last_epoch(name);
        let command = command::starting(
            name,
            module,
            (self.table.contract(name), wiring),
            &self.surroundings,
            incarnation,
            epoch,
        );
        let listening = match &module.readiness {
            Readiness::Heard(channel) => {
                let sender = self.sender.clone();
                match self.served.when_heard(channel, move || drop(sender.send(Input::Heard(incarnation)))) {
                    Ok(listening) => Some(listening),
                    Err(error) => {
                        let reason = format!("cannot be listened to on {channel}: {error}");
                        return self.supervisor.handle(Instant::now(), Event::NotStarted { incarnation, reason });
                    }
                }
            }
            Readiness::Claim | Readiness::After(_) => None,
        };
        let event = match self.processes.start(name, incarnation, &command, listening) {
            Ok(()) => Event::Started { incarnation },
            Err(error) => Event::NotStarted { incarnation, reason: command::not_started(&command, &error) },
        };
        self.supervisor.handle(Instant::now(), event);
    }

    /// Tells who waited what came of it.
    fn done(&mut self, waiting: Waiting, result: Result<(), JobError>) {
        let told = result.map_err(|error| {
            let code = match error {
                JobError::Unknown { .. } => dimos::exit::NOT_FOUND,
                _ => dimos::exit::MODULE_FAILED,
            };
            Refusal::new(code, self.with_last_words(&error))
        });
        let is_there = |name: &Name| self.supervisor.module(name).is_some();
        self.table.keep(is_there);
        self.processes.keep(is_there);
        self.run.log.keep(|logger| logger.parse().is_ok_and(|name| is_there(&name)));
        if let Waiting::Others(reply) = waiting {
            // Who waited may have given up.
            let _ = reply.send(told);
        }
    }

    fn new_job(&mut self, waiting: Waiting) -> JobId {
        let job = JobId(self.next_job);
        self.next_job += 1;
        self.jobs.insert(job, waiting);
        job
    }

    fn ended(&self, outcome: Outcome) -> RunEnd {
        let (Outcome::Finished { has_failed } | Outcome::Stopped { has_failed, .. }) = outcome;
        match (self.is_interrupted, self.table.is_displaced, has_failed) {
            (_, true, _) => RunEnd::Displaced,
            (true, ..) => RunEnd::Interrupted,
            (_, _, true) => RunEnd::ModuleFailed,
            _ => RunEnd::Done,
        }
    }

    /// Why it ended before it was up.
    fn stopped(&self) -> RunError {
        if self.table.is_displaced {
            return RunError::Taken(format!("another coordinator has taken the name {}", self.run.name));
        }
        RunError::Stopped { is_interrupted: self.is_interrupted }
    }

    /// Why something failed, with what the module said last.
    fn with_last_words(&self, error: &JobError) -> String {
        let JobError::Failed { module, .. } = error else { return error.to_string() };
        let lines = self.run.log.recent(module.as_str());
        let last: Vec<_> = lines.iter().map(|line| format!("\n  {module} | {}", line.words())).collect();
        format!("{error}{}", last.concat())
    }

    /// How everything is, but for what it takes of the machine: reading that may take long.
    fn status(&self) -> RunStatus {
        let modules = self.supervisor.modules().map(|view| self.table.status(&view, &self.processes)).collect();
        RunStatus {
            run_id: self.run.run_id.clone(),
            launch: self.table.launch_name().to_owned(),
            coordinator: self.run.name.to_string(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            bus: self.surroundings.bus.clone(),
            started_at: crate::time::iso(self.started_at),
            uptime_s: self.start.elapsed().as_secs_f64(),
            state: match (self.supervisor.is_stopping(), self.supervisor.is_settled()) {
                (true, _) => dimos::coordinator::RunState::Stopping,
                (false, true) => dimos::coordinator::RunState::Running,
                (false, false) => dimos::coordinator::RunState::Starting,
            },
            log_dir: self.run.log_dir.display().to_string(),
            memory_bytes: None,
            log_lines_lost: self.run.log.lost(),
            modules,
        }
    }
}

/// What is to be told of the run.
enum Step {
    /// All modules are up.
    Up,
    /// One of them did not start.
    NotUp(JobError),
    /// It is over.
    Over(Outcome),
}

fn watch_signals() -> std::io::Result<(Receiver<i32>, signal_hook::iterator::Handle)> {
    let (sender, receiver) = unbounded();
    let mut signals = Signals::new(dimos::exit::signals())?;
    let handle = signals.handle();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok((receiver, handle))
}

type Contracts = Result<BTreeMap<Name, Contract>, Box<Diagnostics>>;

/// Asks the executables of a launch on a thread of its own, so that nobody has to wait for one that does not answer.
fn contracts_beside(launch: &Launch, surroundings: &Surroundings) -> std::io::Result<Receiver<Contracts>> {
    let (launch, surroundings) = (launch.clone(), surroundings.clone());
    let (sender, receiver) = bounded(1);
    let work = move || drop(sender.send(requests::contracts_of(&launch, &surroundings)));
    std::thread::Builder::new().name("contracts".to_owned()).spawn(work)?;
    Ok(receiver)
}

/// What the executables say, unless a signal comes before that.
fn unless_stopped(contracts: &Receiver<Contracts>, signals: &Receiver<i32>) -> Result<Contracts, RunError> {
    let stopped = |signal| RunError::Stopped { is_interrupted: signal == SIGINT };
    let contracts = select! {
        recv(contracts) -> contracts => contracts,
        recv(signals) -> signal => return Err(stopped(signal.unwrap_or(SIGTERM))),
    };
    match signals.try_recv() {
        Ok(signal) => Err(stopped(signal)),
        Err(TryRecvError::Empty | TryRecvError::Disconnected) => contracts
            .map_err(|RecvError| RunError::System(std::io::Error::other("the thread that asks executables panicked"))),
    }
}

/// Who has the name, and how to go on.
fn taken(error: ServeError, name: &Name) -> RunError {
    match error {
        ServeError::Name(claim) => {
            let flag = name.namespace().map(|namespace| format!(" --namespace {namespace}")).unwrap_or_default();
            RunError::Taken(format!(
                "{claim}. Nothing was started. Stop the other run with `dimos stop{flag}`, or give this one a namespace of its own: --namespace NAME"
            ))
        }
        other => other.into(),
    }
}

/// How often it is looked whether a group of processes is empty: nothing tells.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Nothing is due for longer.
const LONG: Duration = Duration::from_secs(3600);
