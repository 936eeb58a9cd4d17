//! The process of a module: from its command line to its exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use super::declaration::Declaration;
use super::ending::{End, Ending};
use super::launch::{self, Launch, LaunchError, Mode};
use super::start::{self, StartError};
use super::table::Table;
use super::{Module, log};
use crate::config::{Layers, environment_prefix};
use crate::description::Configured;
use crate::exit;
use crate::name::Name;
use crate::presence::Farewell;

/// Runs a module as this process: `fn main() -> std::process::ExitCode { dimos::run::<Camera>() }`.
///
/// The command line says the rest; `--help` lists it.
#[must_use]
pub fn run<M: Module>() -> ExitCode {
    run_with::<M>(std::env::args_os())
}

/// Runs a module as this process with a command line of one's own, its program's name first: for executables that can be one
/// of several modules.
#[must_use]
pub fn run_with<M: Module>(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = process::<M>(arguments);
    log::flush();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(Problem { code, message }) => {
            // It may be a pipe that nobody reads.
            let _ = writeln!(std::io::stderr(), "{}: {message}", M::CLASS_NAME);
            ExitCode::from(code)
        }
    }
}

/// What keeps the module from running.
struct Problem {
    code: u8,
    message: String,
}

fn process<M: Module>(arguments: impl IntoIterator<Item = OsString>) -> Result<u8, Problem> {
    let (declaration, table) = definition::<M>();
    let usage = |message: String| Problem { code: exit::USAGE, message };
    let arguments: Result<Vec<_>, _> = arguments.into_iter().map(OsString::into_string).collect();
    let arguments = arguments.map_err(|text| usage(format!("the argument {text:?} is not UTF-8")))?.into_iter();
    let mut layers = Layers::of::<M::Config>().map_err(|error| usage(format!("its configuration: {error}")))?;
    let launch = match launch::read(&declaration.contract, M::VERSION, arguments, &mut layers) {
        Ok(launch) => launch,
        Err(LaunchError::Arguments(error)) => {
            // To stdout if it is the help that was asked for.
            let _ = error.print();
            return Ok(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
        Err(error) => return Err(usage(error.to_string())),
    };
    if launch.mode == Mode::Describe {
        return print(&serde_json::to_string_pretty(&declaration.contract).unwrap_or_default());
    }
    let name = own_name::<M>(&launch).map_err(|error| usage(error.to_string()))?;
    layers.environment(&environment_prefix(name.as_str()), environment());
    let (config, effective) = layers.read::<M::Config>().map_err(|error| usage(error.to_string()))?;
    match launch.mode {
        Mode::ShowConfig { as_json: true } => {
            return print(&serde_json::to_string_pretty(&effective.to_json()).unwrap_or_default());
        }
        Mode::ShowConfig { as_json: false } => return print(effective.to_string().trim_end()),
        Mode::Describe | Mode::Run => {}
    }
    let no_log = |error: std::io::Error| Problem { code: exit::ERROR, message: format!("cannot write a log: {error}") };
    log::init(log::wanted(launch.log.as_deref()).map_err(usage)?).map_err(no_log)?;
    if launch.has_late_line {
        tracing::warn!(
            "no whole line came on stdin in time: goes on without it; whoever has none to write closes stdin"
        );
    }
    if let Some(transport) = std::env::var_os("DIMOS_TRANSPORT").filter(|transport| transport != "lcm") {
        // Where Python DimOS starts it, nobody would hear it.
        tracing::warn!(?transport, "the module is on LCM only: start Python DimOS with DIMOS_TRANSPORT=lcm");
    }
    let failed =
        |error: std::io::Error| Problem { code: exit::ERROR, message: format!("cannot watch signals: {error}") };
    let ending = Ending::watch().map_err(failed)?;
    let configured = Configured { config: effective.value(), sources: effective.sources() };
    let started = start::start::<M>(declaration, table, (config, configured), &launch, name, &ending);
    let (mesh, end) = match started {
        Ok(runtime) => (Some(Arc::clone(&runtime.mesh)), runtime.run()),
        Err(StartError::Ended) => (None, ending.reason().unwrap_or(End::Stopped)),
        Err(error) => {
            tracing::error!(error = with_causes(&error), "cannot start");
            return Ok(code_of(&error));
        }
    };
    ending.leaving();
    if let End::Failed(reason) = &end {
        tracing::error!(reason, "failed");
    }
    if let Some(mesh) = mesh {
        // Even if a thread of the module still has it.
        mesh.leave(if let End::Failed(_) = &end { Farewell::Failed } else { Farewell::Gone });
    }
    Ok(Ending::code(&end))
}

/// What the module is made of and what it does, and its contract.
fn definition<M: Module>() -> (Declaration, Table<M>) {
    let mut declaration = Declaration::default();
    M::declare(&mut declaration);
    let mut table = Table::new();
    M::methods(&mut table);
    let contract = &mut declaration.contract;
    M::CLASS_NAME.clone_into(&mut contract.class_name);
    M::DOC.clone_into(&mut contract.doc);
    contract.config = super::schema::config_schema::<M::Config>();
    contract.methods = table.methods.iter().map(|(name, rpc)| ((*name).to_owned(), rpc.contract.clone())).collect();
    (declaration, table)
}

/// The name that it was given, or its class in `snake_case`, within its namespace.
fn own_name<M: Module>(launch: &Launch) -> Result<Name, crate::name::NameError> {
    let last = match &launch.name {
        Some(name) => name.as_str().to_owned(),
        None => snake_case(M::CLASS_NAME),
    };
    match &launch.namespace {
        Some(namespace) => format!("{namespace}/{last}").parse(),
        None => last.parse(),
    }
}

fn snake_case(class: &str) -> String {
    let mut name = String::new();
    let mut was_lower = false;
    for character in class.chars() {
        if character.is_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = character.is_lowercase() || character.is_ascii_digit();
        name.extend(character.to_lowercase());
    }
    name
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn print(text: &str) -> Result<u8, Problem> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(error) => Err(Problem { code: exit::ERROR, message: format!("cannot write: {error}") }),
        Ok(()) => Ok(exit::OK),
    }
}

/// An error and what caused it, unless it says that itself.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

fn code_of(error: &StartError) -> u8 {
    match error {
        StartError::Bus(_) | StartError::Mesh(_) => exit::NO_BUS,
        StartError::Topic { .. } | StartError::Name(_) => exit::USAGE,
        StartError::Reference { .. } => exit::NOT_FOUND,
        _ => exit::ERROR,
    }
}
