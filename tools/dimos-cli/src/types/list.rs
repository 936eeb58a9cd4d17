//! `dimos type list`: which message types there are.

use clap::Args;
use lcm::schema::{Definition, MessageType};
use serde::Serialize;

use super::glob;
use crate::context::Context;
use crate::failure::Failure;
use crate::message_types::Types;
use crate::similar;
use crate::table::table;

/// Lists message types, by name: those of DimOS, and those of --idl and DIMOS_IDL_PATH.
///
/// With --json a list of {"name":..., "kind": "struct" or "enum", "fingerprint":..., "doc":...}. Types of which there can be no
/// message, since they contain themselves, are told on stderr.
///
/// Exits with 4 if there is no such type.
///
/// Examples:
///   dimos type list
///   dimos type list 'sensor_msgs.*'
///   dimos type list '*Stamped' --json | jq -r '.[].name'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Only these: a name, or a glob, in which * stands for any characters and ? for one.
    glob: Option<String>,
    #[command(flatten)]
    types: Types,
}

/// What is said of a type.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    fingerprint: String,
    /// What it is for.
    doc: String,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let glob = options.glob.as_deref().unwrap_or("*");
    let is_wanted = |name: &str| glob::takes(glob, name);
    let faults: Vec<_> = catalog.faults().filter(|(name, _)| is_wanted(name)).collect();
    for (name, fault) in &faults {
        context.note(format_args!("{name}: {fault}"));
    }
    let rows: Vec<_> = catalog.iter().filter(|one| is_wanted(one.name())).map(row).collect();
    if rows.is_empty() && faults.is_empty() {
        let names = || catalog.iter().map(MessageType::name);
        let is_package = names().any(|name| name.strip_prefix(glob).is_some_and(|rest| rest.starts_with('.')));
        let guess = match is_package {
            true => format!("; did you mean '{glob}.*'?"),
            false => similar::did_you_mean(glob, names()),
        };
        return Err(Failure::not_found(format_args!("no type {glob}{guess}")));
    }
    context.print(&rows, |rows| {
        let columns = |row: &Row| [row.name.clone(), row.fingerprint.clone(), first_line(&row.doc)];
        table(["NAME", "FINGERPRINT", "WHAT"], rows.iter().map(columns))
    })
}

fn row(message_type: MessageType<'_>) -> Row {
    let (kind, doc) = match message_type.definition() {
        Some(Definition::Enum(definition)) => ("enum", definition.doc.as_str()),
        Some(Definition::Struct(definition)) => ("struct", definition.doc.as_str()),
        None => ("struct", ""),
    };
    Row {
        name: message_type.name().to_owned(),
        kind,
        fingerprint: message_type.fingerprint().to_string(),
        doc: doc.to_owned(),
    }
}

/// What fits on a line.
fn first_line(doc: &str) -> String {
    let line = doc.lines().next().unwrap_or_default();
    let is_cut = line.chars().count() > SHOWN_CHARACTERS;
    let shown: String = line.chars().take(SHOWN_CHARACTERS).collect();
    if is_cut { format!("{}...", shown.trim_end()) } else { shown }
}

const SHOWN_CHARACTERS: usize = 80;
