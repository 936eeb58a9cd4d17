//! `dimos status`, `stop`, `restart`, `load` and `unload`: what is asked of the coordinator of a run.

use std::time::{Duration, Instant};

use clap::Args;
use dimos::coordinator::{Coordinator, CoordinatorError, Launch, ModuleStatus, RunStatus};
use dimos::{Dimos, Name, RpcError, exit};
use dimos_coordinator::run::{Directories, RunRecord, alive};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::plain;
use crate::table::{mebibytes, seconds, table};

/// Which run is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The coordinator of the run, where several share the bus, such as robot0/coordinator.
    #[arg(long, value_name = "NAME", conflicts_with = "namespace")]
    coordinator: Option<Name>,
    /// The namespace of the run: the same as --coordinator NAMESPACE/coordinator.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Name>,
}

/// Shows what runs, and how: every module with its process, state, restarts, processor and memory.
///
/// Examples:
///   dimos status
///   dimos status --namespace robot0 --json | jq '.modules[] | select(.state != "running")'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    which: Which,
}

/// Ends a run: all of its modules, and the coordinator. Waits until that is done.
///
/// Examples:
///   dimos stop
///   dimos stop --namespace robot0
///   dimos stop 20260314-150926-5f3a-sim
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StopOptions {
    #[command(flatten)]
    which: Which,
    /// A run of this host, by its id, whatever bus it is on, also one of Python DimOS.
    #[arg(value_name = "RUN", conflicts_with_all = ["coordinator", "namespace"])]
    run_id: Option<String>,
}

/// Replaces the process of a module, with its executable as it is by now; waits until the new one is up. The others run on.
///
/// Examples:
///   dimos restart mapper
///   dimos restart              # all of them, one after the other
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RestartOptions {
    #[command(flatten)]
    which: Which,
    /// The module; all of them without it.
    #[arg(value_name = "MODULE")]
    module: Option<String>,
}

/// Starts the modules of a launch file beside those that run, and waits until they are up.
///
/// The file is read here, and its includes where the coordinator runs. Over the bus only stock modules and executables beside the run's own
/// launch files are started, unless it runs with --allow-exec.
///
/// Examples:
///   dimos load launch/camera.toml rate_hz=10
///   dimos load --there camera.toml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LoadOptions {
    #[command(flatten)]
    which: Which,
    /// The launch file.
    #[arg(value_name = "FILE")]
    file: String,
    /// Values for its arguments.
    #[arg(value_name = "ARGUMENT=VALUE")]
    arguments: Vec<String>,
    /// The file lies where the coordinator runs, beside the run's own launch files.
    #[arg(long)]
    there: bool,
    /// Goes before its names and topics.
    #[arg(long, value_name = "NAMESPACE")]
    within: Option<String>,
}

/// Ends modules and takes them out of the run.
///
/// Examples:
///   dimos unload camera
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct UnloadOptions {
    #[command(flatten)]
    which: Which,
    /// The modules.
    #[arg(value_name = "MODULE", required = true)]
    modules: Vec<String>,
}

pub(crate) fn status(options: &StatusOptions, context: &Context) -> Result<(), Failure> {
    let (_dimos, coordinator) = options.which.find(context)?;
    let status = coordinator.status()?;
    context.print(&status, status_text)
}

pub(crate) fn stop(options: &StopOptions, context: &Context) -> Result<(), Failure> {
    if let Some(run_id) = &options.run_id {
        let known = registered()?;
        let Some(run) = known.iter().find(|run| run.run_id == *run_id) else {
            let ids: Vec<_> = known.iter().map(|run| run.run_id.as_str()).collect();
            return Err(Failure::not_found(format_args!("no run {run_id} on this host; there is {}", listed(&ids))));
        };
        return stop_registered(run, context);
    }
    let (dimos, coordinator) = options.which.find(context)?;
    let status = coordinator.status()?;
    coordinator.stop().map_err(failure)?;
    let node = coordinator.module().node();
    wait("the run to end", context, || !dimos.modules().iter().any(|module| module.identity.node == node))?;
    context.print(&json!({ "run_id": status.run_id }), |_| format!("{} has ended", status.run_id))
}

pub(crate) fn restart(options: &RestartOptions, context: &Context) -> Result<(), Failure> {
    let (_dimos, coordinator) = options.which.find(context)?;
    let modules = match &options.module {
        Some(module) => vec![module.clone()],
        None => coordinator.status()?.modules.into_iter().map(|module| module.name).collect(),
    };
    for module in &modules {
        coordinator.restart(module).map_err(failure)?;
        context.interrupt.check()?;
    }
    context.print(&json!({ "restarted": modules }), |_| format!("started again: {}", listed(&modules)))
}

pub(crate) fn load(options: &LoadOptions, context: &Context) -> Result<(), Failure> {
    let mut launch = match options.there {
        true => Launch::file(&options.file),
        false => {
            let text = std::fs::read_to_string(&options.file);
            let text = text.map_err(|error| Failure::not_found(format_args!("{}: {error}", options.file)))?;
            Launch::text(&text).name(&options.file)
        }
    };
    for argument in &options.arguments {
        let wrong = || Failure::usage(format_args!("{argument}: expected NAME=VALUE"));
        let (name, value) = argument.split_once('=').ok_or_else(wrong)?;
        launch = launch.argument(name, value);
    }
    if let Some(namespace) = &options.within {
        launch = launch.namespace(namespace);
    }
    let (_dimos, coordinator) = options.which.find(context)?;
    let loaded = coordinator.run(&launch).map_err(failure)?;
    context.print(&json!({ "loaded": loaded }), |_| format!("up: {}", listed(&loaded)))
}

pub(crate) fn unload(options: &UnloadOptions, context: &Context) -> Result<(), Failure> {
    let (_dimos, coordinator) = options.which.find(context)?;
    let modules: Vec<_> = options.modules.iter().map(String::as_str).collect();
    coordinator.unload(&modules).map_err(failure)?;
    context.print(&json!({ "unloaded": modules }), |_| format!("ended: {}", listed(&modules)))
}

impl Which {
    /// The coordinator that is meant.
    pub(crate) fn find(&self, context: &Context) -> Result<(Dimos, Coordinator), Failure> {
        let dimos = context.mesh()?;
        let name = match &self.namespace {
            Some(namespace) => Some(format!("{namespace}/coordinator").parse::<Name>().map_err(Failure::usage)?),
            None => self.coordinator.clone(),
        };
        let found = dimos.coordinator(name.as_ref());
        context.interrupt.check()?;
        let coordinator = found.map_err(|error| not_found(error, context))?;
        Ok((dimos, coordinator))
    }
}

/// The runs of this host that are registered, also on other buses and of Python DimOS.
fn registered() -> Result<Vec<RunRecord>, Failure> {
    Ok(alive(&Directories::of_user().map_err(Failure::usage)?))
}

fn not_found(error: CoordinatorError, context: &Context) -> Failure {
    match error {
        CoordinatorError::Find(error) => error.into(),
        CoordinatorError::Several { candidates } => {
            let names: Vec<_> = candidates.iter().map(Name::as_str).collect();
            let message = format!("several coordinators on this bus: say --coordinator with one of {}", listed(&names));
            Failure::usage(message).with_data(json!({ "candidates": names }))
        }
        error => {
            let url = context.url().map(|url| url.to_string()).unwrap_or_default();
            let others = registered().unwrap_or_default();
            let line = |run: &RunRecord| {
                let bus = run.bus.as_deref().unwrap_or("a bus that it does not tell");
                format!("\n  {} on {bus}, process {}", run.run_id, run.pid)
            };
            let elsewhere: String = others.iter().map(line).collect();
            let elsewhere = if elsewhere.is_empty() { elsewhere } else { format!("\nRuns of this host:{elsewhere}") };
            Failure::not_found(format_args!("{error} ({url}){elsewhere}"))
        }
    }
}

/// Ends a run by its process, as it would be on any bus.
fn stop_registered(run: &RunRecord, context: &Context) -> Result<(), Failure> {
    let pid = Pid::from_raw(run.pid).ok_or_else(|| Failure::unexpected("the register has no process for it"))?;
    kill_process(pid, Signal::TERM)
        .map_err(|error| Failure::unexpected(format_args!("process {}: {error}", run.pid)))?;
    wait("the run to end", context, || !run.is_alive())?;
    context.print(&json!({ "run_id": run.run_id }), |_| format!("{} has ended", run.run_id))
}

fn wait(what: &str, context: &Context, is_over: impl Fn() -> bool) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    while !is_over() {
        if Instant::now() >= until {
            return Err(Failure::timed_out(format_args!("waited {PATIENCE:?} for {what}")));
        }
        context.interrupt.wait_until(Instant::now() + POLL)?;
    }
    Ok(())
}

/// The coordinator says itself what exit code a refusal is worth.
fn failure(error: RpcError) -> Failure {
    let code = match &error {
        RpcError::Handler { data: Some(data), .. } => {
            data["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok())
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match code {
        Some(exit::LAUNCH_FILE) => failure.with_exit_code(exit::LAUNCH_FILE).in_full(),
        Some(code) => failure.with_exit_code(code),
        None => failure,
    }
}

fn status_text(status: &RunStatus) -> String {
    let head = format!(
        "{} ({}) on {}, up for {}, {} on {}, process {}",
        status.launch,
        status.run_id,
        status.bus,
        seconds(status.uptime_s),
        status.coordinator,
        status.host,
        status.pid,
    );
    let columns = ["MODULE", "STATE", "CLASS", "PID", "UP", "RESTARTS", "CPU", "MEMORY"];
    let modules = table(columns, status.modules.iter().map(row));
    let reasons =
        status.modules.iter().filter_map(|module| Some(format!("{}: it {}", module.name, module.reason.as_ref()?)));
    let lines = [plain(&head), modules].into_iter().filter(|text| !text.is_empty());
    lines.chain(reasons.map(|reason| plain(&reason))).collect::<Vec<_>>().join("\n")
}

fn row(module: &ModuleStatus) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let state = serde_json::to_value(module.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    [
        module.name.clone(),
        or_dash(state),
        or_dash(module.class.clone()),
        or_dash(module.pid.map(|pid| pid.to_string())),
        or_dash(module.uptime_s.map(seconds)),
        module.restarts.to_string(),
        or_dash(module.cpu_percent.map(|percent| format!("{percent:.1} %"))),
        or_dash(module.memory_bytes.map(mebibytes)),
    ]
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// How long a run may take to end: its modules have 2 s, one that was displaced 10 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(20);
