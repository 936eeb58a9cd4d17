//! How a module is started: its command line, and the line of JSON that a coordinator or Python DimOS writes.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, Command};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Layers;
use crate::contract::Contract;
use crate::name::Name;

/// What the module was told when it was started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) name: Option<Name>,
    pub(super) namespace: Option<Name>,
    /// Topics or channels, by port.
    pub(super) topics: BTreeMap<String, String>,
    /// Modules, by reference.
    pub(super) references: BTreeMap<String, Name>,
    pub(super) mode: Mode,
    pub(super) log: Option<String>,
    pub(super) is_simulated: bool,
    pub(super) ends_on_panic: bool,
    /// Started with channels and without a name, as Python DimOS does: it does not mean to take a name from others.
    pub(super) is_anonymous: bool,
    pub(super) run_id: Option<String>,
    /// A launch line that was not awaited any longer, or none where one may have been meant.
    pub(super) has_late_line: bool,
    /// In which epoch the process had the name that this one takes the place of, 0 if there was none.
    pub(super) epoch: i64,
}

/// What it is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Run,
    Describe,
    ShowConfig { as_json: bool },
}

/// Why a module was not started so.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    /// The command line is none; or it asks for help, which is no error.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    #[error(
        "the field {field} of the configuration has the name of an option or a port: its author has to choose another one"
    )]
    Field { field: String },
    #[error("cannot read {path}: {source}")]
    File { path: String, source: io::Error },
    #[error("no launch line on stdin: write one line of JSON, within {0:?} of the start, or leave out --stdin")]
    NoLine(Duration),
    #[error("cannot read the launch line from stdin: {0}")]
    Stdin(#[from] io::Error),
    #[error("the launch line on stdin is not what it should be: {0}")]
    Line(#[from] serde_json::Error),
    #[error("the launch line on stdin is not what it should be: expected an object, {{...}}")]
    NoObject,
    #[error("the launch line has more than {MAX_LINE_BYTES} bytes")]
    LongLine,
    #[error("{option} {text}: {reason}")]
    Value { option: &'static str, text: String, reason: String },
}

/// The launch line. Members that Python DimOS may add are not ours to refuse.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    topics: BTreeMap<String, String>,
    config: Value,
    name: Option<String>,
    namespace: Option<String>,
    references: BTreeMap<String, String>,
    simulated_time: bool,
    exit_on_panic: bool,
    run_id: Option<String>,
    epoch: i64,
}

/// Reads the command line, and the launch line where there is one, and adds what they say of the configuration to `layers`.
pub(super) fn read(
    contract: &Contract,
    version: Option<&'static str>,
    arguments: impl Iterator<Item = String>,
    layers: &mut Layers,
) -> Result<Launch, LaunchError> {
    let arguments: Vec<_> = arguments.collect();
    let is_taken = |field: &&String| OPTIONS.contains(&field.as_str()) || contract.ports.contains_key(*field);
    if let Some(field) = fields(contract).find(is_taken) {
        return Err(LaunchError::Field { field: field.clone() });
    }
    let matches = command(contract, version).try_get_matches_from(&arguments)?;
    let has_channels =
        contract.ports.keys().any(|port| matches.contains_id(port) && matches.get_one::<String>(port).is_some());
    let is_asked = matches.get_flag("stdin");
    let first_line = match is_asked {
        true => line_within(LINE_PATIENCE)?,
        // Python DimOS writes it beside the arguments if it is told to, and otherwise closes stdin at once.
        false if has_channels && !io::stdin().is_terminal() => line_within(PYTHON_PATIENCE)?,
        false => FirstLine::None,
    };
    let (line, has_late_line) = match first_line {
        FirstLine::Whole(line) => (parsed(&line)?, false),
        FirstLine::None | FirstLine::Late if is_asked => return Err(LaunchError::NoLine(LINE_PATIENCE)),
        FirstLine::None => (Line::default(), false),
        FirstLine::Late => (Line::default(), true),
    };

    let many = |id| matches.get_many::<String>(id).into_iter().flatten();
    for path in many("config-file") {
        let text = std::fs::read_to_string(PathBuf::from(path));
        layers.file(path, &text.map_err(|source| LaunchError::File { path: path.clone(), source })?);
    }
    if !line.config.is_null() {
        layers.launcher(&line.config);
    }
    for field in fields(contract) {
        if let Some(value) = matches.get_one::<String>(field) {
            layers.option(field, value);
        }
    }
    for setting in many("config") {
        layers.argument(setting);
    }

    let one = |id| matches.get_one::<String>(id).cloned();
    let mut topics = line.topics;
    topics.extend(contract.ports.keys().filter_map(|port| Some((port.clone(), one(port)?))));
    topics.extend(pairs("--remap", many("remap"))?);
    for port in topics.keys() {
        if !contract.ports.contains_key(port) && port != "tf" {
            let known = list(contract.ports.keys());
            let reason = format!("the module has no such port; it has {known}");
            return Err(LaunchError::Value { option: "port", text: port.clone(), reason });
        }
    }
    let mut references = line.references;
    references.extend(pairs("--reference", many("reference"))?);
    for reference in references.keys() {
        if !contract.references.contains_key(reference) {
            let reason = format!("the module has no such reference; it has {}", list(contract.references.keys()));
            return Err(LaunchError::Value { option: "--reference", text: reference.clone(), reason });
        }
    }
    let references = references.into_iter().map(|(reference, to)| Ok((reference, name("--reference", &to)?)));
    let mode = match (matches.get_flag("describe"), one("show-config")) {
        (true, _) => Mode::Describe,
        (false, Some(form)) => Mode::ShowConfig { as_json: form == "json" },
        (false, None) => Mode::Run,
    };
    let wanted_name = one("name").or(line.name);
    Ok(Launch {
        is_anonymous: wanted_name.is_none() && has_channels,
        name: wanted_name.map(|text| name("--name", &text)).transpose()?,
        namespace: one("namespace").or(line.namespace).map(|text| name("--namespace", &text)).transpose()?,
        topics,
        references: references.collect::<Result<_, LaunchError>>()?,
        mode,
        log: one("log"),
        is_simulated: line.simulated_time || matches.get_flag("simulated-time"),
        ends_on_panic: line.exit_on_panic || matches.get_flag("exit-on-panic"),
        run_id: line.run_id.or_else(|| std::env::var("DIMOS_RUN_ID").ok()),
        has_late_line,
        epoch: line.epoch,
    })
}

/// The options of a module: those that all have, its ports, and the fields of its configuration.
fn command(contract: &Contract, version: Option<&'static str>) -> Command {
    let option =
        |id: &'static str, value: &'static str, help: &'static str| Arg::new(id).long(id).value_name(value).help(help);
    let flag = |id: &'static str, help: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue).help(help);
    let mut command = Command::new(contract.class_name.clone())
        .about(contract.doc.clone())
        .version(version.unwrap_or("of an unknown version"))
        .after_help(AFTER_HELP)
        .arg(option("name", "NAME", "Its name on the mesh, such as robot0/camera"))
        .arg(option("namespace", "NAMESPACE", "Goes before its name and its topics, such as robot0"))
        .arg(option("config", "KEY=VALUE", "Sets a value of the configuration; again for more").action(ArgAction::Append))
        .arg(option("config-file", "FILE", "Reads the configuration from a TOML file; again for more").action(ArgAction::Append))
        .arg(option("remap", "PORT=TOPIC", "Connects a port to another topic; again for more").action(ArgAction::Append))
        .arg(option("reference", "REFERENCE=MODULE", "Says which module it calls; again for more").action(ArgAction::Append))
        .arg(flag("simulated-time", "Takes the time from /clock#builtin_interfaces.Time"))
        .arg(flag("exit-on-panic", "Ends when a handler panics, in place of going on"))
        .arg(option("log", "LEVEL", "What it logs: trace, debug, info, warn, error, or target=level,... [default: RUST_LOG, DIMOS_LOG_LEVEL or info]"))
        .arg(flag("describe", "Prints what it offers and needs, as JSON, and ends"))
        .arg(
            option("show-config", "FORM", "Prints the configuration, and where each value comes from, and ends")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("text")
                .value_parser(["text", "json"]),
        )
        .arg(flag("stdin", "Reads its launch from stdin: one line of JSON, as a coordinator writes it"));
    for (port, about) in &contract.ports {
        let help = format!("{} [{} on {}]", first_line(&about.doc), about.type_name, about.topic);
        command = command.arg(
            Arg::new(port.clone())
                .long(port.clone())
                .value_name("CHANNEL")
                .help(help.trim().to_owned())
                .help_heading("Ports"),
        );
    }
    for field in fields(contract) {
        let schema = &contract.config["properties"][field];
        let help = first_line(schema["description"].as_str().unwrap_or_default()).to_owned();
        let default = &schema["default"];
        let help = if default.is_null() { help } else { format!("{help} [default: {default}]") };
        let arg = Arg::new(field.clone()).long(field.clone()).value_name("VALUE").allow_hyphen_values(true);
        command = command.arg(arg.help(help.trim().to_owned()).help_heading("Configuration"));
    }
    command
}

/// The fields of the configuration, which are options too.
fn fields(contract: &Contract) -> impl Iterator<Item = &String> {
    contract.config["properties"].as_object().into_iter().flat_map(serde_json::Map::keys)
}

fn pairs<'a>(
    option: &'static str,
    texts: impl Iterator<Item = &'a String>,
) -> Result<Vec<(String, String)>, LaunchError> {
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(from, to)| (from.to_owned(), to.to_owned()));
        let reason = "expected two names with = between them".to_owned();
        pair.ok_or_else(|| LaunchError::Value { option, text: text.clone(), reason })
    };
    texts.map(pair).collect()
}

fn name(option: &'static str, text: &str) -> Result<Name, LaunchError> {
    let wrong = |reason: crate::name::NameError| reason.to_string();
    text.parse().map_err(wrong).map_err(|reason| LaunchError::Value { option, text: text.to_owned(), reason })
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn parsed(line: &str) -> Result<Line, LaunchError> {
    // A list would do for serde.
    if !line.trim_start().starts_with('{') && serde_json::from_str::<Value>(line).is_ok() {
        return Err(LaunchError::NoObject);
    }
    Ok(serde_json::from_str(line)?)
}

/// What stdin begins with.
enum FirstLine {
    Whole(String),
    /// It was closed without one.
    None,
    /// It has not come to its end in time.
    Late,
}

fn line_within(patience: Duration) -> Result<FirstLine, LaunchError> {
    // Past the buffer of the standard library, which poll does not know of. Nobody else reads stdin.
    let stdin = io::stdin();
    let until = Instant::now() + patience;
    let (mut line, mut chunk) = (Vec::new(), vec![0; CHUNK_BYTES]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        if poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timeout)).map_err(io::Error::from)? == 0 {
            return Ok(FirstLine::Late);
        }
        let bytes = rustix::io::read(&stdin, &mut chunk).map_err(io::Error::from)?;
        let read = chunk.get(..bytes).unwrap_or_default();
        let end = read.iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(read.get(..end.unwrap_or(bytes)).unwrap_or_default());
        if line.len() > MAX_LINE_BYTES {
            return Err(LaunchError::LongLine);
        }
        if bytes == 0 || end.is_some() {
            let line = String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            return Ok(if line.trim().is_empty() { FirstLine::None } else { FirstLine::Whole(line) });
        }
    }
}

/// The names of the options that all modules have.
const OPTIONS: [&str; 14] = [
    "name",
    "namespace",
    "config",
    "config-file",
    "remap",
    "reference",
    "simulated-time",
    "exit-on-panic",
    "log",
    "describe",
    "show-config",
    "stdin",
    "help",
    "version",
];

const AFTER_HELP: &str = "\
The bus is that of LCM_DEFAULT_URL. Configuration: defaults < files < environment < launch line < command line.

Exit codes: 0 stopped, 1 failed, 2 wrong usage, 4 no module for a reference, 12 no bus, 13 another process has
taken its name, 130 Ctrl-C.";

const LINE_PATIENCE: Duration = Duration::from_secs(10);
const PYTHON_PATIENCE: Duration = Duration::from_secs(1);
const MAX_LINE_BYTES: usize = 16 << 20;
const CHUNK_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::module::NoConfig;

    fn read_with(config: Value, arguments: &[&str]) -> Result<Launch, LaunchError> {
        let contract = Contract { class_name: "Cruise".to_owned(), config, ..Contract::default() };
        let mut layers = Layers::of::<NoConfig>().unwrap();
        let arguments = std::iter::once("cruise").chain(arguments.iter().copied()).map(str::to_owned);
        read(&contract, Some("7.8.9"), arguments, &mut layers)
    }

    #[test]
    fn a_field_that_could_not_be_told_from_an_option_is_refused() {
        let with = |field: &str| read_with(json!({ "properties": { "speed_mps": {}, field: {} } }), &[]);
        for taken in OPTIONS {
            let error = with(taken).unwrap_err().to_string();
            assert!(error.contains(&format!("the field {taken} of the configuration")), "{error}");
        }
        assert!(with("near_m").is_ok());
    }

    #[test]
    fn the_version_is_that_of_the_module() {
        let error = read_with(Value::Null, &["--version"]).unwrap_err().to_string();
        assert_eq!(error.trim(), "Cruise 7.8.9");
    }
}
