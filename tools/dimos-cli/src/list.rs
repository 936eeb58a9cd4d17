//! `dimos list`: who is on the mesh.

use clap::Args;
use dimos::Dimos;
use dimos::presence::Participant;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::table::table;

/// Lists the modules on the bus: name, class, state, host, process and run, by name.
///
/// All are asked to say that they are there, which takes about a second. No coordinator is needed.
///
/// Examples:
///   dimos list
///   dimos list --json | jq -r '.[].name'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {}

/// What is said of a module.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    class: String,
    state: String,
    host: String,
    pid: i32,
    /// Null if no coordinator started it.
    run_id: Option<String>,
    skills: Vec<String>,
}

pub(crate) fn run(_options: &Options, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    let modules = rows(&dimos);
    context.interrupt.check()?;
    if modules.is_empty() {
        context.note(format_args!("no modules on {}", context.url()?));
    }
    context
        .print(&modules, |modules| table(["NAME", "CLASS", "STATE", "HOST", "PID", "RUN"], modules.iter().map(columns)))
}

/// The modules that have had time to say that they are there: those without a namespace first, then one namespace after the other.
pub(crate) fn rows(dimos: &Dimos) -> Vec<Row> {
    let mut modules: Vec<_> = dimos.settled().modules().into_iter().filter_map(row).collect();
    modules.sort_by(|one, other| key(&one.name).cmp(&key(&other.name)));
    modules
}

fn row(module: Participant) -> Option<Row> {
    let identity = module.identity;
    Some(Row {
        name: module.name?.to_string(),
        class: identity.class_name,
        state: module.state.to_string(),
        host: identity.host,
        pid: identity.pid,
        run_id: Some(identity.run_id).filter(|run_id| !run_id.is_empty()),
        skills: identity.capabilities,
    })
}

fn key(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

fn columns(module: &Row) -> [String; 6] {
    let run_id = module.run_id.as_deref().unwrap_or("-").to_owned();
    let pid = module.pid.to_string();
    [module.name.clone(), module.class.clone(), module.state.clone(), module.host.clone(), pid, run_id]
}
