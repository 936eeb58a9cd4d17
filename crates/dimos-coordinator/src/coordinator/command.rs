//! How a module of the plan is started: its command line, its environment, its launch line.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use dimos::{Contract, Name};
use serde_json::{Value, json};

use crate::plan::{ModuleWiring, PlannedModule, Program};
use crate::process::{Command, MODULE, PROCESS, RUN_ID};
use crate::supervisor::Incarnation;

/// What all modules of a run have in common.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) run_id: String,
    /// The bus.
    pub(super) bus: String,
    /// The executable that stock modules are in.
    pub(super) dimos: std::path::PathBuf,
}

/// The command that asks a module what it offers; none for foreign programs.
pub(super) fn describing(module: &PlannedModule, surroundings: &Surroundings) -> Option<Command> {
    match module.program {
        Program::Foreign { .. } => None,
        Program::Stock { .. } | Program::Module { .. } => Some(plain(module, &surroundings.dimos)),
    }
}

/// The command that starts a module. `epoch` is the one in which the module had its name before.
pub(super) fn starting(
    name: &Name,
    module: &PlannedModule,
    of_module: (Option<&Contract>, &ModuleWiring),
    surroundings: &Surroundings,
    incarnation: Incarnation,
    epoch: i64,
) -> Command {
    let mut command = launching(name, module, of_module, surroundings, epoch);
    let own = [
        (RUN_ID, surroundings.run_id.clone()),
        (MODULE, name.to_string()),
        (PROCESS, mark(&surroundings.run_id, incarnation)),
        ("LCM_DEFAULT_URL", surroundings.bus.clone()),
        ("DIMOS_TRANSPORT", "lcm".to_owned()),
    ];
    command.environment.extend(own.map(|(variable, value)| (variable.to_owned(), value.into())));
    command
}

/// The command of a module with all that it is told of its launch, whoever carries it out.
pub(super) fn launching(
    name: &Name,
    module: &PlannedModule,
    (contract, wiring): (Option<&Contract>, &ModuleWiring),
    surroundings: &Surroundings,
    epoch: i64,
) -> Command {
    let mut command = plain(module, &surroundings.dimos);
    if !matches!(module.program, Program::Foreign { .. }) {
        command.arguments.push("--stdin".into());
        command.input = launch_line(name, module, (contract, wiring), &surroundings.run_id, epoch).into_bytes();
    }
    command
}

/// What a process and all that it starts carry in their environment, and no other.
pub(super) fn mark(run_id: &str, incarnation: Incarnation) -> String {
    format!("{run_id}/{}", incarnation.0)
}

/// Why a program was not started, with what may be the reason.
pub(super) fn not_started(command: &Command, error: &io::Error) -> String {
    let nice = command.nice.map(|nice| format!(" with nice = {nice}"));
    let cpus = (!command.cpus.is_empty()).then(|| format!(" with cpus = {:?}", command.cpus));
    let directory = command.directory.as_ref().filter(|directory| !directory.is_dir());
    let directory = directory.map(|directory| format!(", whose directory {} is not there", directory.display()));
    let words: String = [nice, cpus, directory].into_iter().flatten().collect();
    format!("could not be started: {}{words}: {error}", command.program.display())
}

/// What people call a program.
pub(super) fn shown(program: &Program) -> String {
    match program {
        Program::Stock { name, .. } => name.clone(),
        Program::Module { executable, .. } | Program::Foreign { executable, .. } => executable.display().to_string(),
    }
}

fn plain(module: &PlannedModule, dimos: &Path) -> Command {
    let (program, first, arguments) = match &module.program {
        Program::Stock { name, arguments } => (dimos.to_owned(), vec!["module".into(), name.into()], arguments),
        Program::Module { executable, arguments } | Program::Foreign { executable, arguments } => {
            (executable.clone(), Vec::new(), arguments)
        }
    };
    let environment = module.environment.iter().map(|(name, value)| (name.clone(), value.into())).collect();
    Command {
        program,
        arguments: first.into_iter().chain(arguments.iter().map(OsString::from)).collect(),
        directory: Some(module.directory.clone()),
        environment,
        input: Vec::new(),
        nice: module.nice,
        cpus: module.cpus.clone(),
    }
}

/// One line of JSON, in the form of Python DimOS with members of our own.
fn launch_line(
    name: &Name,
    module: &PlannedModule,
    (contract, wiring): (Option<&Contract>, &ModuleWiring),
    run_id: &str,
    epoch: i64,
) -> String {
    // What only the file declares the module does not know.
    let is_its_own = |port: &str| port == "tf" || contract.is_some_and(|contract| contract.ports.contains_key(port));
    let topics: serde_json::Map<_, _> = wiring
        .channels
        .iter()
        .filter(|(port, _)| is_its_own(port))
        .map(|(port, channel)| (port.clone(), Value::from(channel.as_str())))
        .collect();
    let references: serde_json::Map<_, _> =
        wiring.references.iter().map(|(reference, to)| (reference.clone(), Value::from(to.as_str()))).collect();
    let line = json!({
        "name": name.as_str(),
        "topics": topics,
        "config": module.config,
        "references": references,
        "simulated_time": wiring.is_time_simulated,
        "run_id": run_id,
        "epoch": epoch,
        "session": {},
    });
    format!("{line}\n")
}
