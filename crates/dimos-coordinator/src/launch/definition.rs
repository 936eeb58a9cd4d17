//! What files say of one module, piece by piece, and the planned module that it comes to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use dimos::Name;
use dimos::contract::Direction;
use dimos::json_schema::closest;
use serde_json::{Map, Value};

use super::document::Node;
use super::format::{Module, Restart, Run, When};
use super::scope::Scope;
use super::words::{check_topic, check_type, duration, executable, plain};
use crate::diagnostic::Diagnostic;
use crate::plan::{Place, PlannedModule, PlannedPort, Program, Readiness, RestartPolicy, RestartWhen};

/// Something that a file says, and where.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    /// Where its key stands.
    pub(super) key: Place,
    /// Where it stands itself.
    pub(super) place: Place,
}

/// What is said of a module. Names and topics are full ones, paths absolute.
#[derive(Debug, Default)]
pub(super) struct Definition {
    /// Where it is defined first, or changed if it is not defined.
    pub(super) place: Place,
    program: Option<At<(String, Vec<String>, PathBuf)>>,
    pub(super) config: Option<Node>,
    pub(super) remap: BTreeMap<String, At<String>>,
    pub(super) references: BTreeMap<String, At<Name>>,
    environment: BTreeMap<String, String>,
    restart: Option<RestartPolicy>,
    directory: Option<PathBuf>,
    nice: Option<i32>,
    cpus: Option<Vec<usize>>,
    simulated_time: Option<At<bool>>,
    start_within: Option<Duration>,
    exposed: BTreeMap<String, String>,
    /// The topics that the module's own definitions expose.
    pub(super) exposing: Vec<At<String>>,
    foreign: Option<At<bool>>,
    ready_after: Option<At<Duration>>,
    ready_on: Option<At<String>>,
    ports: BTreeMap<String, PlannedPort>,
}

/// Where something is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    /// What its names and topics are relative to.
    pub(super) words: &'a Scope,
    /// Where the module stands.
    pub(super) module: &'a Scope,
    /// What its paths are relative to.
    pub(super) directory: &'a std::path::Path,
}

impl Definition {
    /// Reads what a file says of a module. What is wrong with it is noted and left out.
    pub(super) fn read(module: Module, node: &Node, site: Site<'_>, faults: &mut Vec<Diagnostic>) -> Self {
        let at = |key: &str| node.member(key).map_or(node.key, |member| member.place);
        let within = |key: &str, name: &str| node.member(key).and_then(|member| member.member(name));
        let mut told = |result: Result<(), String>, place: Place| match result {
            Ok(()) => true,
            Err(why) => {
                faults.push(Diagnostic::error(why).at(place, ""));
                false
            }
        };

        let mut definition = Self { place: node.key, ..Self::default() };
        if let Some(run) = module.run {
            let (program, arguments) = match run {
                Run::Program(program) => (program, Vec::new()),
                Run::WithArguments(mut words) if !words.is_empty() => (words.remove(0), words),
                Run::WithArguments(_) => (String::new(), Vec::new()),
            };
            if told(if program.is_empty() { Err("`run` names no program".to_owned()) } else { Ok(()) }, at("run")) {
                let value = (program, arguments, site.directory.to_owned());
                definition.program = Some(At { value, key: at("run"), place: at("run") });
            }
        }
        definition.config = node.member("config").cloned();
        for (port, topic) in module.remap {
            let (key, place) = within("remap", &port).map_or((node.key, node.key), |topic| (topic.key, topic.place));
            if told(check_topic(&topic), place) {
                definition.remap.insert(port, At { value: site.words.topic(&topic), key, place });
            }
        }
        for (reference, name) in module.references {
            let (key, place) =
                within("references", &reference).map_or((node.key, node.key), |name| (name.key, name.place));
            match site.words.name(&name) {
                Ok(value) => drop(definition.references.insert(reference, At { value, key, place })),
                Err(why) => drop(told(Err(why.to_string()), place)),
            }
        }
        for (name, value) in module.env {
            let (key, place) = within("env", &name).map_or((node.key, node.key), |value| (value.key, value.place));
            let is_name = !name.is_empty() && !name.contains(['=', '\0']);
            let is_good = told(if is_name { Ok(()) } else { Err(format!("{name:?} is no variable")) }, key);
            let has_nul = value.contains('\0');
            if is_good && told(if has_nul { Err("a variable cannot contain a NUL".to_owned()) } else { Ok(()) }, place)
            {
                definition.environment.insert(name, value);
            }
        }
        let mut time = |text: Option<String>, place: Place| {
            let time = text.map(|text| duration(&text))?;
            match time {
                Ok(value) => Some(At { value, key: place, place }),
                Err(why) => {
                    told(Err(why), place);
                    None
                }
            }
        };
        definition.restart = module.restart.map(|restart| match restart {
            Restart::When(when) => RestartPolicy { when: when.into(), ..RestartPolicy::default() },
            Restart::Policy(policy) => {
                let back_off = time(policy.back_off, within("restart", "back_off").map_or(node.key, |node| node.place));
                let default = RestartPolicy::default();
                RestartPolicy {
                    when: policy.when.map_or(default.when, RestartWhen::from),
                    back_off: back_off.map_or(default.back_off, |at| at.value),
                    limit: policy.limit.unwrap_or(default.limit),
                }
            }
        });
        definition.start_within = time(module.start_within, at("start_within")).map(|at| at.value);
        definition.ready_after = time(module.ready_after, at("ready_after"));
        definition.ready_on = module.ready_on.map(|channel| {
            let value = match channel.split_once('#') {
                Some((topic, type_name)) => format!("{}#{type_name}", site.words.topic(topic)),
                None => site.words.topic(&channel),
            };
            At { value, key: at("ready_on"), place: at("ready_on") }
        });
        if let Some(ready_on) = &definition.ready_on {
            let channel = &ready_on.value;
            let good = lcm::Channel::new(channel.as_str()).map(drop);
            let good = good.map_err(|error| format!("{channel:?} is no channel: {error}"));
            told(if channel.is_empty() { Err("`ready_on` names no channel".to_owned()) } else { good }, ready_on.place);
        }
        if let Some(directory) = module.directory {
            let directory = site.directory.join(directory);
            let is_there = directory.is_dir();
            let why = || format!("there is no directory {}", plain(&directory).display());
            if told(if is_there { Ok(()) } else { Err(why()) }, at("directory")) {
                definition.directory = Some(std::fs::canonicalize(&directory).unwrap_or(directory));
            }
        }
        definition.nice = module.nice;
        definition.cpus = module.cpus;
        definition.simulated_time =
            module.simulated_time.map(|value| At { value, key: at("simulated_time"), place: at("simulated_time") });
        definition.foreign = module.foreign.map(|value| At { value, key: at("foreign"), place: at("foreign") });
        let exposes = node.member("expose").map(Node::elements).unwrap_or_default();
        for (topic, node) in module.expose.into_iter().zip(exposes) {
            if told(check_topic(&topic), node.place) {
                definition.exposing.push(At { value: topic, key: node.key, place: node.place });
            }
        }
        let own: Vec<_> = definition.exposing.iter().map(|topic| topic.value.clone()).collect();
        definition.exposed = site.module.exposed(&own);
        let directions = [("inputs", Direction::In, module.inputs), ("outputs", Direction::Out, module.outputs)];
        for (key, direction, ports) in directions {
            for (port, type_name) in ports {
                let Some(node) = within(key, &port) else { continue };
                let is_named = told(check_port(&port), node.key);
                if !(told(check_type(&type_name), node.place) && is_named) {
                    continue;
                }
                let planned = PlannedPort { direction, type_name, place: node.place };
                if let Some(other) = definition.ports.insert(port.clone(), planned) {
                    let fault = Diagnostic::error(format!("the port `{port}` is an input and an output"));
                    faults.push(fault.at(node.key, "").at(other.place, "the other one"));
                    return definition;
                }
            }
        }
        definition
    }

    /// Lays a later definition over this one.
    pub(super) fn lay_over(&mut self, later: Self) {
        fn replace<T>(earlier: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *earlier = later;
            }
        }
        if self.program.is_none() {
            self.place = later.place;
        }
        replace(&mut self.program, later.program);
        match (&mut self.config, later.config) {
            (Some(config), Some(later)) => config.lay_over(later),
            (config, later) => replace(config, later),
        }
        self.remap.extend(later.remap);
        self.references.extend(later.references);
        self.environment.extend(later.environment);
        replace(&mut self.restart, later.restart);
        replace(&mut self.directory, later.directory);
        replace(&mut self.nice, later.nice);
        replace(&mut self.cpus, later.cpus);
        replace(&mut self.simulated_time, later.simulated_time);
        replace(&mut self.start_within, later.start_within);
        self.exposed.extend(later.exposed);
        self.exposing.extend(later.exposing);
        replace(&mut self.foreign, later.foreign);
        // They are two ways to say one thing.
        if later.ready_after.is_some() || later.ready_on.is_some() {
            (self.ready_after, self.ready_on) = (later.ready_after, later.ready_on);
        }
        self.ports.extend(later.ports);
    }

    /// What an exposed topic is called outside.
    pub(super) fn exposed(&self, topic: &str) -> Option<&String> {
        self.exposed.get(topic)
    }

    /// Whether it is said what runs.
    pub(super) fn is_complete(&self) -> bool {
        self.program.is_some()
    }

    /// The planned module. What is wrong with it is noted.
    pub(super) fn finish(&self, name: &Name, stock: &[String], faults: &mut Vec<Diagnostic>) -> Option<PlannedModule> {
        let is_foreign = self.foreign.as_ref().is_some_and(|foreign| foreign.value);
        self.check_foreign(name, is_foreign, faults);
        let At { value: (program, arguments, directory), place, .. } = self.program.as_ref()?;
        let arguments = arguments.clone();
        let program = if stock.contains(program) && !is_foreign {
            Program::Stock { name: program.clone(), arguments }
        } else {
            match executable(program, directory) {
                Ok(executable) if is_foreign => Program::Foreign { executable, arguments },
                Ok(executable) => Program::Module { executable, arguments },
                Err(why) => {
                    let fault = Diagnostic::error(why).at(*place, format!("what `{name}` runs"));
                    let meant = closest(program, stock.iter().map(String::as_str));
                    faults.push(match meant {
                        Some(meant) => fault.help(format!("did you mean `{meant}`, which comes with dimos?")),
                        None if stock.is_empty() => fault,
                        None => fault.help(format!("with dimos come {}", stock.join(", "))),
                    });
                    return None;
                }
            }
        };
        let readiness = match (&self.ready_on, &self.ready_after) {
            (Some(channel), _) => Readiness::Heard(channel.value.clone()),
            (None, Some(time)) => Readiness::After(time.value),
            (None, None) if is_foreign => Readiness::After(FOREIGN_READY_AFTER),
            (None, None) => Readiness::Claim,
        };
        Some(PlannedModule {
            program,
            config: self
                .config
                .as_ref()
                .map(Node::value)
                .filter(|config| *config != Value::Object(Map::new()))
                .unwrap_or_default(),
            remap: self.remap.iter().map(|(port, at)| (port.clone(), at.value.clone())).collect(),
            exposed: self.exposed.clone(),
            references: self.references.iter().map(|(name, at)| (name.clone(), at.value.clone())).collect(),
            environment: self.environment.clone(),
            directory: self.directory.clone().unwrap_or_else(|| directory.clone()),
            restart: self.restart.clone().unwrap_or_default(),
            is_time_simulated: self.simulated_time.as_ref().map(|at| at.value),
            nice: self.nice,
            cpus: self.cpus.clone().unwrap_or_default(),
            readiness,
            start_within: self.start_within.unwrap_or(START_WITHIN),
            ports: self.ports.clone(),
            place: self.place,
        })
    }

    fn check_foreign(&self, name: &Name, is_foreign: bool, faults: &mut Vec<Diagnostic>) {
        let ready_after = self.ready_after.as_ref().map(|at| ("ready_after", at.place));
        let ready_on = self.ready_on.as_ref().map(|at| ("ready_on", at.place));
        if let (Some((_, after)), Some((_, on))) = (ready_after, ready_on) {
            let message = format!("`{name}` is up after a time, or when something is heard, not both");
            faults.push(Diagnostic::error(message).at(on, "").at(after, "the other one"));
        }
        if !is_foreign {
            for (key, place) in ready_after.into_iter().chain(ready_on) {
                let message = format!("`{key}` is for foreign programs: `{name}` is up when its claim says so");
                let fault = Diagnostic::error(message).at(place, "");
                faults.push(fault.help("add `foreign = true` if it is not written with the SDK"));
            }
            return;
        }
        let foreign = self.foreign.as_ref().map_or(self.place, |foreign| foreign.place);
        let config = self.config.as_ref().map(|config| ("config", config.key));
        let references = self.references.values().next().map(|at| ("references", at.place));
        let time = self.simulated_time.as_ref().map(|at| ("simulated_time", at.place));
        for (key, place) in config.into_iter().chain(references).chain(time) {
            let message = format!("`{key}` is nothing for a foreign program, which is started as it is");
            let fault = Diagnostic::error(message).at(place, "").at(foreign, format!("`{name}` is foreign"));
            faults.push(fault.help("say it in the arguments of `run`, or in `env`"));
        }
    }
}

impl From<When> for RestartWhen {
    fn from(when: When) -> Self {
        match when {
            When::Never => Self::Never,
            When::OnFailure => Self::OnFailure,
            When::Always => Self::Always,
        }
    }
}

fn check_port(port: &str) -> Result<(), String> {
    match check_topic(&format!("/{port}")) {
        Ok(()) if !port.contains('/') => Ok(()),
        _ => Err(format!("{port:?} is no name of a port")),
    }
}

/// When a foreign program is up, unless the file says it.
const FOREIGN_READY_AFTER: Duration = Duration::from_millis(500);

/// How long starting may take, unless the file says it.
const START_WITHIN: Duration = Duration::from_secs(30);
