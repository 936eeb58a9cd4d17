//! `dimos list`: who is on the mesh.

use clap::Args;
use dimos::presence::Participant;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::plain;

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
struct Row {
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
    let mut modules: Vec<_> = dimos.settled().modules().into_iter().filter_map(row).collect();
    context.interrupt.check()?;
    // Those without a namespace first, then one namespace after the other.
    modules.sort_by(|one, other| key(&one.name).cmp(&key(&other.name)));
    if modules.is_empty() {
        context.note(format_args!("no modules on {}", context.url()?));
    }
    context.print(&modules, |modules| table(modules))
}

fn row(module: Participant) -> Option<Row> {
    let identity = module.identity;
    Some(Row {
        name: module.name?.to_string(),
        class: identity.class_name,
        state: format!("{:?}", module.state).to_lowercase(),
        host: identity.host,
        pid: identity.pid,
        run_id: Some(identity.run_id).filter(|run_id| !run_id.is_empty()),
        skills: identity.capabilities,
    })
}

fn key(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

/// In columns, with a head; nothing if there are no rows.
fn table(modules: &[Row]) -> String {
    if modules.is_empty() {
        return String::new();
    }
    let mut rows = vec![["NAME", "CLASS", "STATE", "HOST", "PID", "RUN"].map(str::to_owned)];
    rows.extend(modules.iter().map(|module| {
        let run_id = module.run_id.as_deref().unwrap_or("-");
        let pid = module.pid.to_string();
        [&module.name, &module.class, &module.state, &module.host, &pid, run_id].map(plain)
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [0, 1, 2, 3, 4, 5].map(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_module_and_no_control_characters() {
        let row = |name: &str, class: &str| Row {
            name: name.to_owned(),
            class: class.to_owned(),
            state: "running".to_owned(),
            host: "bot".to_owned(),
            pid: 7,
            run_id: None,
            skills: Vec::new(),
        };
        let expected = "NAME         CLASS      STATE    HOST  PID  RUN\n\
                        a            A          running  bot   7    -\n\
                        robot0/long  \\u{1b}[2J  running  bot   7    -";
        assert_eq!(table(&[row("a", "A"), row("robot0/long", "\x1b[2J")]), expected);
        assert_eq!(table(&[]), "");
    }
}
