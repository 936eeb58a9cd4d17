//! The coordinator as others see it: what it can be asked and told, and what it answers. The coordinator itself is the crate
//! `dimos-coordinator`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::client::{Dimos, FindError, list};
use crate::description::Connections;
use crate::name::Name;
use crate::remote::{RemoteModule, Stream};
use crate::rpc::{RpcError, TimeLimit};

/// The coordinator of a run.
///
/// ```no_run
/// use dimos::coordinator::Launch;
///
/// let dimos = dimos::Dimos::connect()?;
/// let coordinator = dimos.coordinator(None)?;
/// for module in coordinator.status()?.modules {
///     println!("{}: {:?}, restarted {} times", module.name, module.state, module.restarts);
/// }
/// coordinator.run(&Launch::text(r#"modules.base = { run = "static-tf" }"#))?;
/// coordinator.restart("base")?;
/// coordinator.unload(&["base"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Coordinator {
    module: RemoteModule,
}

/// Why there is no coordinator to speak to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoordinatorError {
    /// Nobody coordinates the mesh.
    #[error(
        "no coordinator on this bus: start one with `dimos run`, or look whether LCM_DEFAULT_URL is the same there"
    )]
    None,
    /// There are several, and none was named.
    #[error("several coordinators on this bus: name one of {}", list(.candidates))]
    Several {
        /// Their names.
        candidates: Vec<Name>,
    },
    /// The one that was named is not there.
    #[error(transparent)]
    Find(#[from] FindError),
}

/// Modules to be started beside those that run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Launch {
    /// The text of a launch file.
    pub text: Option<String>,
    /// What people call the text, such as `camera.toml`.
    pub name: Option<String>,
    /// A launch file where the coordinator runs, within the directories that it was started with.
    pub file: Option<String>,
    /// The arguments of the launch file.
    pub arguments: std::collections::BTreeMap<String, String>,
    /// Goes before all names and topics.
    pub namespace: Option<String>,
}

/// What a coordinator does and has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The run, such as `20260314-150926-5f3a-sim`.
    pub run_id: String,
    /// What was launched, such as `sim`.
    pub launch: String,
    /// The name of the coordinator.
    pub coordinator: String,
    /// The host that it runs on.
    pub host: String,
    /// The process of the coordinator.
    pub pid: u32,
    /// The bus.
    pub bus: String,
    /// When it started: ISO 8601, UTC.
    pub started_at: String,
    /// How long it has been running.
    pub uptime_s: f64,
    /// How it is.
    pub state: RunState,
    /// Where its logs are, on its host.
    pub log_dir: String,
    /// How much memory the coordinator takes, as its share of it.
    pub memory_bytes: Option<u64>,
    /// Log lines that were lost: too long ones, and those that could not be written.
    pub log_lines_lost: u64,
    /// The modules, by name.
    pub modules: Vec<ModuleStatus>,
}

/// How a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// Its modules start.
    Starting,
    /// None of them is about to start for the first time.
    Running,
    /// They are told to end.
    Stopping,
}

/// How a module is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleStatus {
    /// Its name, such as `robot0/mapper`.
    pub name: String,
    /// What kind of module it is, such as `GridMapper`; none for programs that do not say.
    pub class: Option<String>,
    /// What is executed.
    pub program: String,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// How it is.
    pub state: ModuleState,
    /// Why it is so, where that needs words.
    pub reason: Option<String>,
    /// How often it was started again.
    pub restarts: u32,
    /// For how long its process has been running.
    pub uptime_s: Option<f64>,
    /// How much of a processor it takes: the mean since it was asked last, or since it started.
    pub cpu_percent: Option<f64>,
    /// How much memory it takes, as its share of it.
    pub memory_bytes: Option<u64>,
    /// How many threads it has.
    pub threads: Option<u32>,
    /// How its launch file connects it.
    #[serde(default)]
    pub connections: Connections,
    /// How its process before this one ended.
    pub last_exit: Option<LastExit>,
}

/// How a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleState {
    /// It waits for the modules that it needs.
    Waiting,
    /// It starts.
    Starting,
    /// It works.
    Running,
    /// A handler of it has been running for too long.
    Stuck,
    /// It does not answer.
    Lost,
    /// It was told to end.
    Stopping,
    /// It is started again after a rest.
    Resting,
    /// It has ended by itself, and that is all right.
    Ended,
    /// It has failed, and is not started again.
    Failed,
    /// Another process has its name.
    Displaced,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExit {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// When: ISO 8601, UTC.
    pub at: String,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogLine {
    /// What happened.
    pub event: String,
    /// How grave it is: `debug`, `info`, `warning`, `error` or `critical`.
    pub level: String,
    /// Who says so: a module, or `coordinator`.
    pub logger: String,
    /// When: ISO 8601, UTC.
    pub timestamp: String,
    /// What else is said.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// Which lines of a run's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// Only those of this module.
    pub module: Option<String>,
    /// Only those at least this grave.
    pub level: Option<String>,
    /// How many of the lines so far, the last ones.
    pub lines: usize,
    /// Whether to go on with the lines that are to come.
    pub follow: bool,
}

impl Dimos {
    /// The coordinator of this name, or the only one on the bus.
    ///
    /// # Errors
    /// If there is none, or there are several and none is named.
    pub fn coordinator(&self, name: Option<&Name>) -> Result<Coordinator, CoordinatorError> {
        if let Some(name) = name {
            return Ok(Coordinator { module: self.module(name.as_str())? });
        }
        let mut surveys = 1;
        loop {
            let names = self.settled().modules().into_iter().filter_map(|module| module.name);
            let candidates: Vec<_> = names.filter(|name| name.last() == COORDINATOR).collect();
            match &candidates[..] {
                // Where messages are lost, others may have answered, and the coordinator not been heard.
                [] if surveys < SURVEYS => surveys += 1,
                [] => return Err(CoordinatorError::None),
                [only] => return Ok(Coordinator { module: self.module(only.as_str())? }),
                _ => return Err(CoordinatorError::Several { candidates }),
            }
            self.mesh().with(|cores, now| cores.presence.survey(now));
        }
    }
}

impl Coordinator {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        self.module.name()
    }

    /// It as a module, to be called by the names of its methods.
    #[must_use]
    pub fn module(&self) -> &RemoteModule {
        &self.module
    }

    /// What runs, and how.
    ///
    /// # Errors
    /// Whatever keeps the call from having a result.
    pub fn status(&self) -> Result<RunStatus, RpcError> {
        self.module.call_as("status", &())
    }

    /// Starts modules beside those that run, and waits until they are up: the names of those that are new. If one cannot start, all of
    /// them are stopped again, and the error says which and why.
    ///
    /// # Errors
    /// If the launch file is wrong, does not fit to what runs, or a module does not start.
    pub fn run(&self, launch: &Launch) -> Result<Vec<String>, RpcError> {
        self.patient().call_as("load", launch)
    }

    /// Ends modules, and takes them out of the run.
    ///
    /// # Errors
    /// If one is not there, or another one cannot do without it.
    pub fn unload(&self, modules: &[&str]) -> Result<(), RpcError> {
        self.patient().call_as("unload", &json!({ "modules": modules }))
    }

    /// Ends a module's process and starts it again, with the executable as it is by then; waits until it is up.
    ///
    /// # Errors
    /// If it is not there, does not fit any more, or does not start.
    pub fn restart(&self, module: &str) -> Result<(), RpcError> {
        self.patient().call_as("restart", &json!({ "module": module }))
    }

    /// Ends the run: all of its modules, and the coordinator. It answers before it does.
    ///
    /// # Errors
    /// Whatever keeps the call from having a result.
    pub fn stop(&self) -> Result<(), RpcError> {
        self.module.call_as("stop", &())
    }

    /// The log of the run.
    ///
    /// # Errors
    /// If the query cannot be sent.
    pub fn logs(&self, query: &LogQuery) -> Result<Stream<LogLine>, RpcError> {
        self.module.stream_as("logs", query)
    }

    /// For what takes as long as modules take.
    fn patient(&self) -> RemoteModule {
        self.module.limit(TimeLimit::IDLE)
    }
}

impl Launch {
    /// What a launch file says.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }

    /// The same, whose text people call so.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// A launch file where the coordinator runs.
    #[must_use]
    pub fn file(path: &str) -> Self {
        Self { file: Some(path.to_owned()), ..Self::default() }
    }

    /// The same with an argument.
    #[must_use]
    pub fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same in a namespace.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }
}

impl LogLine {
    /// What is said, with everything that people may want to know: `cannot start error=no such file`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = self.event.clone();
        for (name, value) in self.fields.iter().filter(|(name, _)| !FOR_PROGRAMS.contains(&name.as_str())) {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            text = format!("{text} {name}={value}");
        }
        text
    }

    /// A line that says only this, from nobody in particular.
    #[must_use]
    pub fn new(event: String, timestamp: String) -> Self {
        Self { event, level: "info".to_owned(), logger: String::new(), timestamp, fields: Map::new() }
    }
}

impl LogQuery {
    /// The last lines so far.
    #[must_use]
    pub fn last(lines: usize) -> Self {
        Self { lines, ..Self::default() }
    }
}

/// What a program that reads a log needs, and nobody else.
const FOR_PROGRAMS: [&str; 5] = ["seq", "target", "kind", "module", "stream"];

/// The last part of the names of coordinators.
pub const COORDINATOR: &str = "coordinator";

/// Where coordinators tell what becomes of their modules.
pub const RUN_EVENTS: &str = "/mesh/run#dimos_mesh.RunEvent";

/// How often all are asked who they are before there is taken to be no coordinator.
const SURVEYS: u32 = 3;
