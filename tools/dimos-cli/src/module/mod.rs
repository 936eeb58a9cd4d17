//! `dimos module`: this process becomes one of the modules that ship with the binary; and what is known of those on the bus.

mod info;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Args, Subcommand};
use lcm::Url;
use serde_json::json;
use stock_modules::STOCK_MODULES;

use crate::context::Context;
use crate::failure::Failure;
use crate::similar;

/// Runs a module that ships with dimos as this process; without a NAME, lists them. `dimos module info NAME` tells of one on the bus.
///
/// What follows NAME goes to the module as it is, --help, --describe and --json too. Options of this command, such as --bus, stand
/// before NAME. The module says its own exit code.
///
/// Examples:
///   dimos module
///   dimos module mapper --help
///   dimos module robot-sim --namespace robot0
///   dimos module info robot0/mapper
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Module>,
    /// Which module, and what it is told.
    #[arg(value_name = "NAME ARGS", trailing_var_arg = true)]
    words: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum Module {
    Info(info::Options),
}

impl Options {
    /// Whether this process is to become a module.
    pub(crate) fn is_stock(&self) -> bool {
        !self.words.is_empty()
    }

    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Some(Module::Info(options)) => info::run(&options, context),
            None => list(context),
        }
    }
}

/// Lists the modules.
fn list(context: &Context) -> Result<(), Failure> {
    let modules: Vec<_> =
        STOCK_MODULES.iter().map(|module| json!({ "name": module.name, "doc": module.doc })).collect();
    let width = STOCK_MODULES.iter().map(|module| module.name.len()).max().unwrap_or_default();
    let line = |module: &stock_modules::StockModule| format!("{:width$}  {}", module.name, module.doc);
    context.print(&modules, |_| STOCK_MODULES.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Becomes the module, which sees to signals, logs and exit code itself.
pub(crate) fn run_stock(options: Options, url: Option<&Url>) -> Result<ExitCode, Failure> {
    let mut words = options.words.into_iter();
    let name = words.next().unwrap_or_default();
    let name = name.to_string_lossy();
    if let Some(url) = url {
        return Err(again(&name, words, url));
    }
    let program = OsString::from(format!("dimos module {name}"));
    stock_modules::run(&name, std::iter::once(program).chain(words)).ok_or_else(|| unknown(&name))
}

/// Starts anew in this process, with the bus where modules look for it. Returns only if that fails.
fn again(name: &str, words: impl Iterator<Item = OsString>, url: &Url) -> Failure {
    match std::env::current_exe() {
        Ok(program) => {
            let mut command = Command::new(program);
            command.args(["module", name]).args(words).env(lcm::DEFAULT_URL_VARIABLE, url.to_string());
            Failure::unexpected(format_args!("cannot start anew on the bus {url}: {}", command.exec()))
        }
        Err(error) => Failure::unexpected(format_args!("cannot find the program that this is: {error}")),
    }
}

fn unknown(name: &str) -> Failure {
    let names = || STOCK_MODULES.iter().map(|module| module.name);
    let guess = similar::did_you_mean(name, names());
    let known = names().collect::<Vec<_>>().join(", ");
    Failure::not_found(format_args!("no module {name:?} ships with dimos; there is {known}{guess}"))
}
