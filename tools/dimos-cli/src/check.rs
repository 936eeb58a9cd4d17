//! `dimos check`: whether a graph of modules fits together.

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::run::{LaunchOptions, own_executable, wrong_launch};

/// Checks launch files as dimos run does before it starts anything: nothing is started, and no bus is needed.
///
/// Every module's executable is asked what it offers (--describe): topics, types, references and configuration have to fit together.
///
/// Examples:
///   dimos check launch/sim.toml
///   dimos check base.toml robot0.toml cell_m=0.1 --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    #[command(flatten)]
    launch: LaunchOptions,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let launch = options.launch.read(context.colour)?;
    let checked = dimos_coordinator::coordinator::check(&launch, &own_executable()?);
    let warnings = checked.map_err(|wrong| wrong_launch(&wrong, context.colour))?.warnings;
    let modules: Vec<_> = launch.plan.modules.keys().map(dimos::Name::as_str).collect();
    let told = json!({ "launch": launch.plan.name, "modules": modules, "warnings": warnings.to_json() });
    context.print(&told, |_| {
        let warned = if warnings.is_empty() { String::new() } else { format!("{}\n", warnings.render(false)) };
        format!("{warned}{}: {} modules fit together: {}", launch.plan.name, modules.len(), modules.join(", "))
    })
}
