//! `dimos rpc list`: what can be called.

use clap::Args;
use dimos::{Dimos, Listing, Rpc};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::first_line;
use crate::table::table;

/// Lists what can be called: every method of every module, or of one, with its arguments and what it answers.
///
/// Modules are asked side by side, which takes about a second. Those that do not say what they offer are told of on stderr. With --json the
/// schemas of arguments and results are there, too. Exits with 4 if there is no such
/// module, and with the error of its call if that one says nothing.
///
/// Examples:
///   dimos rpc list
///   dimos rpc list robot0/mapper --json | jq '.[] | .signature'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Only of this module, or of the only module of this class.
    #[arg(value_name = "MODULE")]
    module: Option<String>,
}

/// A method as it is listed.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    module: String,
    method: String,
    signature: String,
    doc: String,
    is_skill: bool,
    is_stream: bool,
    arguments: Value,
    result: Value,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    let module = options.module.as_deref();
    print(listing(&dimos, module, |_| true)?, module, "methods", context)
}

/// The methods of all modules, or of one, for which `is_meant` holds.
pub(crate) fn listing(
    dimos: &Dimos,
    module: Option<&str>,
    is_meant: impl Fn(&Rpc) -> bool,
) -> Result<Listing, Failure> {
    let only = module.map(|module| dimos.module(module)).transpose()?;
    let mut listing = dimos.rpcs();
    if let Some(only) = only {
        listing.methods.retain(|method| method.module == *only.name());
        if let Some((name, error)) = listing.silent.into_iter().find(|(name, _)| name == only.name()) {
            return Err(Failure::from(error).within(format_args!("{name} does not say what it offers")));
        }
        listing.silent = Vec::new();
    }
    listing.methods.retain(is_meant);
    Ok(listing)
}

/// Prints them, and tells of those modules that say nothing.
pub(crate) fn print(listing: Listing, module: Option<&str>, what: &str, context: &Context) -> Result<(), Failure> {
    context.interrupt.check()?;
    for (module, error) in &listing.silent {
        context.note(format_args!("{module} does not say what it offers: {error}"));
    }
    let rows: Vec<_> = listing.methods.into_iter().map(row).collect();
    if rows.is_empty() && listing.silent.is_empty() {
        match module {
            Some(module) => context.note(format_args!("{module} has no {what}")),
            None => context.note(format_args!("no {what} on {}", context.url()?)),
        }
    }
    context.print(&rows, |rows| {
        let columns = |row: &Row| [format!("{}.{}", row.module, row.signature), first_line(&row.doc)];
        table(["METHOD", "ABOUT"], rows.iter().map(columns))
    })
}

fn row(rpc: Rpc) -> Row {
    Row {
        signature: rpc.contract.signature(&rpc.method),
        module: rpc.module.to_string(),
        method: rpc.method,
        doc: rpc.contract.doc,
        is_skill: rpc.contract.is_skill,
        is_stream: rpc.contract.is_stream,
        arguments: rpc.contract.arguments,
        result: rpc.contract.result,
    }
}
