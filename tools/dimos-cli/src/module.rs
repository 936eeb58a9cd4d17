//! `dimos module`: the modules that come with this program.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use stock_modules::STOCK_MODULES;

use crate::context::Context;
use crate::failure::Failure;
use crate::similar;

/// Runs a module that comes with dimos as this process; without a name, lists them.
///
/// What stands behind the name is the module's own: --help, --describe, --config KEY=VALUE.
///
/// Examples:
///   dimos module
///   dimos module robot-sim --help
///   dimos module mapper --config cell_m=0.1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The module, and its own options.
    #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl Options {
    /// Runs the module, if one is named.
    pub(crate) fn run_module(&self) -> Option<Result<ExitCode, Failure>> {
        let (name, arguments) = self.command.split_first()?;
        let name = name.to_string_lossy();
        // As it would be called if it were a program of its own.
        let arguments = std::iter::once(OsString::from(&*name)).chain(arguments.iter().cloned());
        Some(stock_modules::run(&name, arguments).ok_or_else(|| {
            let names = STOCK_MODULES.iter().map(|module| module.name);
            Failure::not_found(format_args!("no module {name} comes with dimos{}", similar::did_you_mean(&name, names)))
        }))
    }
}

pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let modules: Vec<_> =
        STOCK_MODULES.iter().map(|module| json!({ "name": module.name, "doc": module.doc })).collect();
    context.print(&modules, |_| {
        let lines = STOCK_MODULES.iter().map(|module| format!("{:14} {}", module.name, module.doc));
        lines.collect::<Vec<_>>().join("\n")
    })
}
