//! What others ask of the coordinator over the mesh. Whatever takes long is done here, on the threads of those who ask, and what is
//! not allowed is refused here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use dimos::contract::MethodContract;
use dimos::coordinator::{Launch as LaunchRequest, LogLine, LogQuery, RunStatus};
use dimos::{Chunks, Contract, Name, RpcError, Service, exit};
use rustix::process::Pid;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Run;
use super::command::{Surroundings, describing};
use super::input::{Input, Question, Refusal};
use super::usage::{Usage, memory_bytes};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::launch::{self, Launch};
use crate::log::{self, Log};
use crate::plan::{PlannedModule, Program};
use crate::process::{Command, Stat, describe_all};

/// Where others ask.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    inputs: Sender<Input>,
    surroundings: Surroundings,
    stock: Vec<String>,
    /// Below these, executables may be started over the bus.
    directories: BTreeSet<PathBuf>,
    allows_exec: bool,
    log: Log,
    log_dir: PathBuf,
    /// How much each process had taken of a processor when that was asked last.
    usages: Arc<Mutex<HashMap<u32, Usage>>>,
    /// Who follows the log, or waits for modules.
    guests: Arc<AtomicUsize>,
}

/// Somebody whose request takes long. There are not so many that others have no turn.
#[derive(Debug)]
struct Guest(Arc<AtomicUsize>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Modules {
    modules: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneModule {
    module: String,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    pub(super) fn new(run: &Run, surroundings: Surroundings, inputs: Sender<Input>) -> Self {
        let canonical = |path: &PathBuf| path.canonicalize().ok();
        Self {
            inputs,
            surroundings,
            stock: run.stock.clone(),
            directories: run.launch.plan.directories.iter().filter_map(canonical).collect(),
            allows_exec: run.allows_exec,
            log: run.log.clone(),
            log_dir: run.log_dir.clone(),
            usages: Arc::default(),
            guests: Arc::default(),
        }
    }

    /// The service of the coordinator, under this name.
    pub(super) fn service(&self, name: &Name) -> Service {
        let [status, list, load, unload, restart, stop, logs] = [(); 7].map(|()| self.clone());
        Service::new(name.clone())
            .class_name("Coordinator")
            .concurrent("ping", |_, _| Ok(json!("pong")))
            .concurrent("status", move |_, _| json(&status.status()?))
            .concurrent("list_modules", move |_, _| json(&list.status()?.modules))
            .concurrent("load", move |arguments, _| json(&load.load(&read(arguments)?).map_err(refused)?))
            .concurrent("unload", move |arguments, _| {
                json(&unload.unload(&read::<Modules>(arguments)?.modules).map_err(refused)?)
            })
            .concurrent("restart", move |arguments, _| {
                json(&restart.restart(&read::<OneModule>(arguments)?.module).map_err(refused)?)
            })
            .concurrent("stop", move |_, _| json(&stop.stop().map_err(refused)?))
            .stream("logs", move |arguments, chunks| logs.logs(&read(arguments)?, chunks))
            .described("ping", without_arguments().doc("Answers \"pong\"."))
            .described("status", without_arguments().doc("What runs, and how."))
            .described("list_modules", without_arguments().doc("The modules of the run, and how they are."))
            .described(
                "load",
                MethodContract::new()
                    .doc("Starts the modules of a launch file beside those that run.")
                    .arguments(load_schema()),
            )
            .described(
                "unload",
                MethodContract::new().doc("Ends modules, and takes them out of the run.").arguments(modules_schema()),
            )
            .described(
                "restart",
                MethodContract::new()
                    .doc("Replaces a module's process, with its executable as it is now.")
                    .arguments(module_schema()),
            )
            .described("stop", without_arguments().doc("Ends the run: all of its modules, and the coordinator."))
            .described(
                "logs",
                MethodContract::new()
                    .doc("The last lines of the log, and those to come if they are to be followed.")
                    .arguments(logs_schema()),
            )
    }

    fn status(&self) -> Result<RunStatus, RpcError> {
        let mut status = self.ask(Question::Status).map_err(refused)?;
        status.memory_bytes = memory_bytes(rustix::process::getpid());
        let mut usages = self.usages.lock().unwrap_or_else(PoisonError::into_inner);
        let pids: BTreeSet<_> = status.modules.iter().filter_map(|module| module.pid).collect();
        usages.retain(|pid, _| pids.contains(pid));
        for module in &mut status.modules {
            let pid = module.pid.and_then(|pid| Some((pid, Pid::from_raw(i32::try_from(pid).ok()?)?)));
            let Some((number, pid)) = pid else { continue };
            module.memory_bytes = memory_bytes(pid);
            let Some(stat) = Stat::of(pid.as_raw_nonzero().get()) else { continue };
            module.threads = Some(stat.threads);
            let now = Usage::of(&stat);
            let started = module.uptime_s.and_then(|uptime_s| Duration::try_from_secs_f64(uptime_s).ok());
            let before = usages.get(&number).copied();
            let before = before.unwrap_or_else(|| Usage::none(Instant::now(), started.unwrap_or_default()));
            module.cpu_percent = now.percent_since(&before);
            if module.cpu_percent.is_some() {
                usages.insert(number, now);
            }
        }
        Ok(status)
    }

    /// Lets somebody in whose request takes long.
    fn enter(&self) -> Result<Guest, Refusal> {
        let guest = Guest(Arc::clone(&self.guests));
        if self.guests.fetch_add(1, Ordering::SeqCst) < MAX_GUESTS {
            return Ok(guest);
        }
        let message = format!("{MAX_GUESTS} others follow the log or wait for modules: no more do so at a time");
        Err(Refusal::new(exit::ERROR, message))
    }

    /// Starts modules, and waits until they are up. Tells which.
    fn load(&self, request: &LaunchRequest) -> Result<Vec<String>, Refusal> {
        let _guest = self.enter()?;
        let launch = self.read_launch(request)?;
        launch.plan.modules.iter().try_for_each(|(name, module)| self.allow(name, module))?;
        let contracts = contracts_of(&launch, &self.surroundings).map_err(|wrong| Refusal::wrong(&wrong))?;
        let names = launch.plan.modules.keys().map(Name::to_string).collect();
        self.ask(|reply| Question::Load { launch: Box::new(launch), contracts, reply })??;
        Ok(names)
    }

    fn unload(&self, modules: &[String]) -> Result<(), Refusal> {
        let _guest = self.enter()?;
        let modules = modules.iter().map(|module| name(module)).collect::<Result<_, _>>()?;
        self.ask(|reply| Question::Unload { modules, reply })?
    }

    fn restart(&self, module: &str) -> Result<(), Refusal> {
        let _guest = self.enter()?;
        replace(&self.inputs, &name(module)?)
    }

    fn stop(&self) -> Result<(), Refusal> {
        self.ask(Question::Stop)
    }

    fn logs(&self, query: &LogQuery, chunks: &Chunks<LogLine>) -> Result<(), RpcError> {
        if let Some(level) = &query.level {
            let wrong = |error: log::UnknownLevel| RpcError::BadArguments { message: error.to_string(), data: None };
            level.parse::<log::Level>().map_err(wrong)?;
        }
        if let Some(module) = query.module.as_deref().filter(|module| *module != dimos::coordinator::COORDINATOR) {
            let status = self.ask(Question::Status).map_err(refused)?;
            let names: Vec<_> = status.modules.iter().map(|module| module.name.as_str()).collect();
            if !names.contains(&module) {
                let message = format!("the run has no module {module}; it has {}", names.join(", "));
                return Err(refused(Refusal::new(exit::NOT_FOUND, message)));
            }
        }
        let _guest = self.enter().map_err(refused)?;
        // First this, so that no line is missed in between.
        let followed = query.follow.then(|| self.log.follow());
        let failed =
            |error: std::io::Error| RpcError::Handler { message: format!("cannot read the log: {error}"), data: None };
        let lines = log::last_lines(&self.log_dir, query).map_err(failed)?;
        let last = lines.last().and_then(sequence);
        lines.iter().try_for_each(|line| chunks.send(line))?;
        let Some(followed) = followed else { return Ok(()) };
        loop {
            match followed.recv_timeout(LOOK_UP) {
                // It was in the file already.
                Ok(line) if sequence(&line).zip(last).is_some_and(|(this, last)| this <= last) => {}
                // One without a number tells how many are missing.
                Ok(line) if log::is_wanted(query, &line) || sequence(&line).is_none() => chunks.send(&line)?,
                Ok(_) | Err(RecvTimeoutError::Timeout) if chunks.is_cancelled() => return Err(RpcError::Cancelled),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn read_launch(&self, request: &LaunchRequest) -> Result<Launch, Refusal> {
        let usage = |message: String| Refusal::new(exit::USAGE, message);
        let (files, texts) = match (&request.file, &request.text) {
            (Some(file), None) => (vec![self.allowed_file(Path::new(file))?], Vec::new()),
            (None, Some(text)) => {
                let directory = self.directories.first().cloned().unwrap_or_else(|| PathBuf::from("/"));
                let text = launch::Text {
                    name: request.name.clone().unwrap_or_else(|| "loaded.toml".to_owned()),
                    text: text.clone(),
                    directory,
                };
                (Vec::new(), vec![text])
            }
            _ => return Err(usage("load takes either `text` or `file`".to_owned())),
        };
        let request = launch::Request {
            files,
            texts,
            arguments: request.arguments.clone().into_iter().collect(),
            namespace: request.namespace.as_deref().map(name).transpose()?,
            stock: self.stock.clone(),
            within: (!self.allows_exec).then(|| self.directories.iter().cloned().collect()),
            ..launch::Request::default()
        };
        launch::read(&request).map_err(|wrong| Refusal::wrong(&wrong))
    }

    /// A launch file that may be read: of others, even that they are there is nobody's business.
    fn allowed_file(&self, file: &Path) -> Result<PathBuf, Refusal> {
        let candidates = self.directories.iter().map(|directory| directory.join(file));
        let found =
            candidates.filter_map(|path| path.canonicalize().ok()).find(|path| self.allows_exec || self.is_below(path));
        let places = self.places();
        found.ok_or_else(|| Refusal::new(exit::NOT_FOUND, format!("no launch file {} in {places}", file.display())))
    }

    /// Whether a module may be started over the bus.
    fn allow(&self, name: &Name, module: &PlannedModule) -> Result<(), Refusal> {
        let refuse = |what: String| {
            let places = self.places();
            let message = format!(
                "{name}: {what}; over the bus only stock modules and executables below {places} are started, in their usual environment, unless the coordinator runs with --allow-exec"
            );
            Err(Refusal::new(exit::USAGE, message))
        };
        if self.allows_exec {
            return Ok(());
        }
        // With the right variable any program does anything.
        if let Some(variable) = module.environment.keys().find(|variable| variable.as_str() != "RUST_LOG") {
            return refuse(format!("it sets the variable {variable}"));
        }
        match &module.program {
            Program::Stock { .. } => Ok(()),
            Program::Module { executable, .. } | Program::Foreign { executable, .. } => {
                match executable.canonicalize().is_ok_and(|path| self.is_below(&path)) {
                    true => Ok(()),
                    false => refuse(format!("{} is not among them", executable.display())),
                }
            }
        }
    }

    fn is_below(&self, path: &Path) -> bool {
        self.directories.iter().any(|directory| path.starts_with(directory))
    }

    fn places(&self) -> String {
        let places: Vec<_> = self.directories.iter().map(|directory| directory.display().to_string()).collect();
        if places.is_empty() { "no directory".to_owned() } else { places.join(", ") }
    }

    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Question) -> Result<T, Refusal> {
        ask(&self.inputs, question)
    }
}

/// What the executables of a launch offer, by module. Foreign ones are not asked; the same one is asked once.
pub(super) fn contracts_of(
    launch: &Launch,
    surroundings: &Surroundings,
) -> Result<BTreeMap<Name, Contract>, Box<Diagnostics>> {
    // What a program offers may depend on its environment and on where it works.
    let asked =
        |module: &'_ PlannedModule| (module.program.clone(), module.environment.clone(), module.directory.clone());
    let mut commands: BTreeMap<_, Command> = BTreeMap::new();
    for module in launch.plan.modules.values() {
        if let Some(command) = describing(module, surroundings) {
            commands.entry(asked(module)).or_insert(command);
        }
    }
    let described = describe_all(&commands);
    let (mut contracts, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, module) in &launch.plan.modules {
        match described.get(&asked(module)) {
            None => {}
            Some(Ok(contract)) => drop(contracts.insert(name.clone(), contract.clone())),
            Some(Err(error)) => {
                let program = super::command::shown(&module.program);
                wrong.push(Diagnostic::error(format!("`{name}`: {program} {error}")).at(module.place, ""));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(contracts);
    }
    Err(Box::new(Diagnostics { all: wrong, sources: launch.sources.clone() }))
}

/// Restarts modules whose executables have changed, as long as what it returns is kept.
pub(super) fn watch_executables(inputs: Sender<Input>, log: Log) -> Sender<()> {
    let (keep, stop) = bounded(0);
    let work = move || watch(&inputs, &log, &stop);
    if std::thread::Builder::new().name("executables".to_owned()).spawn(work).is_err() {
        tracing::warn!("no thread to watch the executables: modules are not started again when they change");
    }
    keep
}

fn watch(inputs: &Sender<Input>, log: &Log, stop: &Receiver<()>) {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let mut known: BTreeMap<Name, (PathBuf, Option<SystemTime>)> = BTreeMap::new();
    // A compiler writes for a while: what changes is replaced when it has stayed the same for one round.
    let mut pending: BTreeMap<Name, Option<SystemTime>> = BTreeMap::new();
    while stop.recv_timeout(WATCH_PERIOD) == Err(RecvTimeoutError::Timeout) {
        let Ok(executables) = ask(inputs, Question::Executables) else { return };
        known.retain(|name, (path, _)| executables.get(name) == Some(path));
        for (name, path) in executables {
            let now = changed(&path);
            let (_, before) = known.entry(name.clone()).or_insert_with(|| (path, now));
            if now.is_none() || *before == now {
                pending.remove(&name);
            } else if pending.insert(name.clone(), now) == Some(now) {
                *before = now;
                pending.remove(&name);
                log.say(log::Level::Info, &format!("{name} is started again: its executable has changed"), []);
                if let Err(refusal) = replace(inputs, &name) {
                    log.say(log::Level::Error, &format!("{name} is not replaced: {}", refusal.message), []);
                }
            }
        }
    }
}

/// Replaces the process of a module, and waits until the new one is up.
fn replace(inputs: &Sender<Input>, module: &Name) -> Result<(), Refusal> {
    let command = ask(inputs, |reply| Question::Command(module.clone(), reply))??;
    let contract = match command {
        None => None,
        Some(command) => {
            let program = command.program.display().to_string();
            let described = describe_all(&BTreeMap::from([((), command)])).remove(&());
            let wrong = |error| Refusal::new(exit::MODULE_FAILED, format!("{program} {error}"));
            described.transpose().map_err(wrong)?.map(Box::new)
        }
    };
    ask(inputs, |reply| Question::Restart { module: module.clone(), contract, reply })?
}

fn ask<T>(inputs: &Sender<Input>, question: impl FnOnce(Sender<T>) -> Question) -> Result<T, Refusal> {
    let (reply, answer) = bounded(1);
    let gone = || Refusal::new(exit::ERROR, "the coordinator is about to end");
    inputs.send(Input::Ask(question(reply))).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())
}

fn name(text: &str) -> Result<Name, Refusal> {
    text.parse().map_err(|error: dimos::NameError| Refusal::new(exit::USAGE, error.to_string()))
}

fn refused(refusal: Refusal) -> RpcError {
    let mut data = json!({ "exit_code": refusal.exit_code });
    if let Some(diagnostics) = refusal.diagnostics {
        data["diagnostics"] = diagnostics;
    }
    RpcError::Handler { message: refusal.message, data: Some(data) }
}

fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, RpcError> {
    serde_json::from_value(arguments).map_err(|error| RpcError::BadArguments { message: error.to_string(), data: None })
}

fn json(result: &impl serde::Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::Handler { message: error.to_string(), data: None })
}

fn sequence(line: &LogLine) -> Option<u64> {
    line.fields.get("seq")?.as_u64()
}

fn without_arguments() -> MethodContract {
    MethodContract::new().arguments(json!({ "type": "object", "properties": {}, "additionalProperties": false }))
}

fn load_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "text": { "type": ["string", "null"], "description": "The text of a launch file." },
            "name": { "type": ["string", "null"], "description": "What people call the text, such as camera.toml." },
            "file": { "type": ["string", "null"], "description": "A launch file where the coordinator runs." },
            "arguments": { "type": "object", "additionalProperties": { "type": "string" } },
            "namespace": { "type": ["string", "null"] },
        },
        "additionalProperties": false,
    })
}

fn modules_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "modules": { "type": "array", "items": { "type": "string" } } },
        "required": ["modules"],
        "additionalProperties": false,
    })
}

fn module_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "module": { "type": "string" } },
        "required": ["module"],
        "additionalProperties": false,
    })
}

fn logs_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "module": { "type": ["string", "null"] },
            "level": { "type": ["string", "null"] },
            "lines": { "type": "integer", "minimum": 0 },
            "follow": { "type": "boolean" },
        },
        "additionalProperties": false,
    })
}

/// How many may follow the log or wait for modules at a time: fewer than calls that the mesh hands out at once.
const MAX_GUESTS: usize = 24;

/// How often a stream without new lines looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(200);

/// How often it is looked whether executables have changed.
const WATCH_PERIOD: Duration = Duration::from_millis(300);
