//! `dimos run`: starts a graph of modules, and stays with it or goes.
//!
//! A run is three kinds of processes: the keeper, which is the command itself or, with `--daemon`, one that it starts; the
//! coordinator, which the keeper starts; and the modules. They are the same executable, and the hidden option `--role` tells them apart.

mod daemon;
mod printer;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use dimos::{Name, exit};
use dimos_coordinator::coordinator::{self, Run, RunEnd, RunError, Up};
use dimos_coordinator::keeper::{Kept, keep};
use dimos_coordinator::launch::{self, Launch};
use dimos_coordinator::log::Log;
use dimos_coordinator::run::{Directories, RunRecord, new_run_id, started};
use serde_json::{Value, json};
use signal_hook::consts::SIGINT;

use crate::colour::Colour;
use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use printer::Printer;

/// Starts the modules of launch files, and keeps them running until it is stopped.
///
/// Logs go to stderr, each line with its module, and to a file; Ctrl-C stops the run, a second one skips the waiting. Anybody on the bus
/// can look at the run and steer it: dimos status, dimos restart, dimos stop.
///
/// Examples:
///   dimos run launch/sim.toml
///   dimos run launch/sim.toml seed=7 --set mapper.cell_m=0.1 --stop-after 30s
///   dimos run -d --namespace robot0 launch/sim.toml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) launch: LaunchOptions,
    /// Returns when the modules are up; the run goes on. Stop it with dimos stop.
    #[arg(short, long)]
    daemon: bool,
    /// Ends the run when it has been up for so long, such as 30s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    stop_after: Option<Duration>,
    /// Starts a module again when its executable changes.
    #[arg(long)]
    watch: bool,
    /// Lets anybody on the bus start any program: without it they start stock modules, and what lies beside the launch files.
    #[arg(long)]
    allow_exec: bool,
    /// What this process is of the run.
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// The id of the run.
    #[arg(long, hide = true, requires = "role")]
    run_id: Option<String>,
}

/// What is launched.
#[derive(Debug, Args)]
pub(crate) struct LaunchOptions {
    /// Launch files, and values for their arguments: sim.toml seed=7.
    #[arg(required = true, value_name = "FILE|ARGUMENT=VALUE")]
    what: Vec<String>,
    /// Sets a value of a module's configuration; again for more.
    #[arg(long, value_name = "MODULE.KEY=VALUE")]
    set: Vec<String>,
    /// Goes before all names and topics, such as robot0.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Name>,
    /// Starts only these modules; again for more, or separated by commas.
    #[arg(long, value_name = "MODULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Leaves these modules out; again for more, or separated by commas.
    #[arg(long, value_name = "MODULE", value_delimiter = ',')]
    disable: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Keeper,
    Coordinator,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    match (options.role, options.daemon) {
        (None, true) => daemon::start(&options.new_run_id(), context),
        (None, false) => keep_coordinator(&options.new_run_id(), false),
        (Some(Role::Keeper), _) => keep_coordinator(&options.own_run_id()?, true),
        (Some(Role::Coordinator), _) => coordinate(options, context),
    }
}

impl LaunchOptions {
    /// Launch files and values for their arguments, without more.
    pub(crate) fn of(what: Vec<String>, set: Vec<String>, namespace: Option<Name>) -> Self {
        Self { what, set, namespace, only: Vec::new(), disable: Vec::new() }
    }

    /// Reads the launch files.
    pub(crate) fn read(&self, colour: Colour) -> Result<Launch, Failure> {
        let is_file = |word: &&String| !word.contains('=') || std::path::Path::new(word.as_str()).exists();
        let (files, arguments): (Vec<_>, Vec<_>) = self.what.iter().partition(is_file);
        let arguments = arguments.iter().filter_map(|argument| argument.split_once('='));
        let request = launch::Request {
            files: files.into_iter().map(PathBuf::from).collect(),
            arguments: arguments.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            namespace: self.namespace.clone(),
            only: self.only.clone(),
            disable: self.disable.clone(),
            set: self.set.clone(),
            stock: stock(),
            ..launch::Request::default()
        };
        launch::read(&request).map_err(|wrong| wrong_launch(&wrong, colour))
    }

    fn name(&self) -> String {
        let files = self.what.iter().filter(|word| !word.contains('='));
        let stem = |file: &String| Some(PathBuf::from(file).file_stem()?.to_string_lossy().into_owned());
        files.filter_map(stem).collect::<Vec<_>>().join("+")
    }
}

impl Options {
    fn new_run_id(&self) -> String {
        new_run_id(&self.launch.name(), SystemTime::now())
    }

    fn own_run_id(&self) -> Result<String, Failure> {
        self.run_id.clone().ok_or_else(|| Failure::usage("--role needs --run-id"))
    }
}

/// What is wrong with launch files, as a failure.
pub(crate) fn wrong_launch(wrong: &dimos_coordinator::diagnostic::Diagnostics, colour: Colour) -> Failure {
    let text = wrong.render(colour.shows_on(&std::io::stderr()));
    Failure::new(exit::LAUNCH_FILE, text).in_full().with_data(json!({ "diagnostics": wrong.to_json() }))
}

/// The executable that this is, as it is on disk by now.
pub(crate) fn own_executable() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("cannot tell which executable this is")?;
    // The kernel says so of one that was replaced.
    let replaced = path.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.filter(|path| path.exists()).unwrap_or(path))
}

/// What the user wrote: without what this program adds for the other processes of the run.
fn own_command_line() -> Vec<OsString> {
    let mut line: Vec<OsString> = std::env::args_os().collect();
    if let Some(at) = line.iter().position(|argument| argument == "--role") {
        line.drain(at..(at + 4).min(line.len()));
    }
    line
}

/// The same command once more, as another process of the run.
fn command(role: &str, run_id: &str) -> anyhow::Result<Command> {
    let mut arguments: Vec<_> = own_command_line().into_iter().skip(1).collect();
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, ["--role", role, "--run-id", run_id].map(OsString::from));
    let mut command = Command::new(own_executable()?);
    command.args(arguments);
    Ok(command)
}

fn keep_coordinator(run_id: &str, is_daemon: bool) -> Result<(), Failure> {
    let directories = Directories::of_user().map_err(Failure::usage)?;
    if is_daemon {
        dimos_coordinator::process::close_inherited_files().context("cannot let go of inherited files")?;
        // It is no group's leader, since it was started by this program.
        rustix::process::setsid().context("cannot leave the terminal")?;
    }
    let coordinator = command("coordinator", run_id)?;
    let started = || if is_daemon { daemon::let_go_of_stdout() } else { Ok(()) };
    match keep(coordinator, run_id, &directories, started).context("cannot keep the coordinator")? {
        Kept::Ended(exit::OK) => Ok(()),
        // It has said why.
        Kept::Ended(code) => Err(Failure::new(code, "")),
        // It was told before it could listen.
        Kept::Killed(SIGINT) => Err(Failure::interrupted()),
        Kept::Killed(signal) => Err(Failure::unexpected(format_args!(
            "the coordinator was ended by signal {signal}; all of its modules were told to end, and have ended"
        ))),
    }
}

fn coordinate(options: &Options, context: &Context) -> Result<(), Failure> {
    let outcome = coordinate_run(options, context);
    if let Err(failure) = &outcome
        && options.daemon
    {
        // Once it is up, nobody waits for it any more, and this goes nowhere.
        daemon::tell(&failure.to_json());
    }
    outcome
}

fn coordinate_run(options: &Options, context: &Context) -> Result<(), Failure> {
    let run_id = options.own_run_id()?;
    let mut launch = options.launch.read(context.colour)?;
    if let Some(url) = context.given_url() {
        launch.plan.bus = Some(url.to_string());
    }
    let directories = Directories::of_user().map_err(Failure::usage)?;
    let log_dir = directories.log(&run_id);
    let log = Log::begin(&log_dir).with_context(|| format!("cannot keep a log in {}", log_dir.display()))?;
    let name = match &options.launch.namespace {
        Some(namespace) => format!("{namespace}/coordinator").parse().map_err(Failure::usage)?,
        None => "coordinator".parse().map_err(Failure::usage)?,
    };
    let printer = (!options.daemon).then(|| Printer::begin(&log, context)).transpose()?;
    let registered = record(options, &run_id, &log_dir, &launch, &name).register(&directories);
    let registered = registered.context("cannot register the run")?;
    let stock = stock();
    let is_daemon = options.daemon;
    let run = Run {
        launch,
        run_id,
        name,
        log_dir: log_dir.clone(),
        log,
        dimos: own_executable()?,
        stock,
        allows_exec: options.allow_exec,
        watches_executables: options.watch,
        stop_after: options.stop_after,
    };
    let end = coordinator::run(run, |up| {
        if is_daemon {
            daemon::tell(&up_json(up, &log_dir));
            // Nobody reads on.
            let _ = daemon::let_go_of_stdout();
        }
    });
    drop(registered);
    if let Some(printer) = printer {
        printer.end();
    }
    match end {
        Ok(RunEnd::Done) => Ok(()),
        Ok(RunEnd::ModuleFailed) => Err(Failure::new(exit::MODULE_FAILED, "a module failed; see above, or dimos log")),
        Ok(RunEnd::Interrupted) => Err(Failure::interrupted()),
        Ok(RunEnd::Displaced) => Err(Failure::new(exit::DISPLACED, "another coordinator has taken the name")),
        Err(error) => Err(not_up(error, context.colour)),
    }
}

fn not_up(error: RunError, colour: Colour) -> Failure {
    match error {
        RunError::Launch(wrong) => wrong_launch(&wrong, colour),
        RunError::Module(_) => {
            Failure::new(exit::MODULE_FAILED, format_args!("{error}\nThe others were stopped again."))
        }
        RunError::Bus(_) => Failure::usage(error),
        RunError::Taken(_) => Failure::new(exit::DISPLACED, error),
        RunError::Serve(dimos::ServeError::Connect(error)) => error.into(),
        RunError::Serve(error) => Failure::new(exit::NO_BUS, format_args!("{:#}", anyhow::Error::from(error))),
        RunError::Stopped { is_interrupted: true } => Failure::interrupted(),
        RunError::Stopped { is_interrupted: false } => Failure::unexpected("stopped before it was up"),
        error => Failure::unexpected(format_args!("{:#}", anyhow::Error::from(error))),
    }
}

fn up_json(up: &Up, log_dir: &std::path::Path) -> Value {
    json!({
        "run_id": up.run_id,
        "bus": up.bus,
        "pid": std::process::id(),
        "modules": up.modules.iter().map(Name::as_str).collect::<Vec<_>>(),
        "after_ms": u64::try_from(up.after.as_millis()).unwrap_or(u64::MAX),
        "log_dir": log_dir,
    })
}

/// For the register of runs. The process that ends with the run is the keeper.
fn record(
    options: &Options,
    run_id: &str,
    log_dir: &std::path::Path,
    launch: &Launch,
    coordinator: &Name,
) -> RunRecord {
    let keeper = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    let text = |argument: OsString| argument.to_string_lossy().into_owned();
    let overrides = options.launch.set.iter().filter_map(|setting| setting.split_once('='));
    RunRecord {
        run_id: run_id.to_owned(),
        pid: keeper,
        blueprint: launch.plan.name.clone(),
        started_at: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
        log_dir: log_dir.display().to_string(),
        cli_args: options.launch.what.clone(),
        config_overrides: overrides.map(|(key, value)| (key.to_owned(), Value::from(value))).collect(),
        original_argv: own_command_line().into_iter().map(text).collect(),
        bus: launch.plan.bus.clone().or_else(|| std::env::var(lcm::DEFAULT_URL_VARIABLE).ok()),
        coordinator: Some(coordinator.to_string()),
        pid_started: started(keeper),
    }
}

/// The modules that come with this program.
pub(crate) fn stock() -> Vec<String> {
    stock_modules::STOCK_MODULES.iter().map(|module| module.name.to_owned()).collect()
}
