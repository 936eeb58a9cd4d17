//! `dimos completions`: what a shell completes. The script that a shell loads asks this program at each press of Tab.
//!
//! Which word can be what is told by the names that the help has for values, so that every command has it: [`source`]. What is on
//! the bus finds [`Live`].

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, CommandFactory};
use clap_complete::aot::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use lcm::Url;
use serde_json::json;

use crate::command::Dimos;
use crate::context::Context;
use crate::failure::Failure;
use crate::live::{Found, Live};

/// Prints the script with which a shell completes commands, options, and what is on the bus: modules, methods, arguments, topics.
///
/// At each press of Tab the shell asks dimos, which looks at the bus for half a second at most. The bus is that of --bus on the
/// line, or else of LCM_DEFAULT_URL. With --json {"shell":..., "script":...}.
///
/// Exits with 2 if it does not know the shell.
///
/// Examples:
///   dimos completions bash >> ~/.bashrc
///   dimos completions zsh > "${fpath[1]}/_dimos"
///   dimos completions fish > ~/.config/fish/completions/dimos.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Which shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let shell = options.shell.to_string();
    let unknown = || Failure::usage(format_args!("no completion for {shell}"));
    let completer = Shells::builtins();
    let completer = completer.completer(&shell).ok_or_else(unknown)?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "dimos", "dimos", &program(), &mut script)
        .map_err(|error| Failure::unexpected(format_args!("the script for {shell}: {error}")))?;
    let script = String::from_utf8_lossy(&script).into_owned();
    context.print(&json!({ "shell": shell, "script": script }), |_| script.clone())
}

/// Completes the line that a shell asks about, if this process was started for that. Nothing that goes wrong is told: whoever
/// presses Tab wants to go on typing.
pub(crate) fn answer(arguments: &[OsString]) -> bool {
    let Some(shell) = std::env::var(VARIABLE).ok().filter(|shell| !shell.is_empty()) else { return false };
    let words: Vec<_> = arguments.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    let live = Arc::new(Live::on_bus(bus(&words)));
    let mut command = with_live_values(Dimos::command(), &live, &words);
    let mut answer = Vec::new();
    let directory = std::env::current_dir().ok();
    let shells = Shells::builtins();
    if let Some(completer) = shells.completer(&shell)
        && completer.write_complete(&mut command, words, directory.as_deref(), &mut answer).is_ok()
    {
        let _ = std::io::stdout().write_all(&answer);
    }
    true
}

/// The tree of commands, in which words are completed with what there is. `words` are those of the line.
pub(crate) fn with_live_values(command: clap::Command, live: &Arc<Live>, words: &[OsString]) -> clap::Command {
    let complete = |argument: clap::Arg| match source(&argument) {
        None => argument,
        Some(source) => {
            let (live, words) = (Arc::clone(live), words.to_vec());
            let completer = move |current: &OsStr| candidates(source, current, &live, &words);
            argument.add(ArgValueCompleter::new(completer))
        }
    };
    command.mut_args(complete).mut_subcommands(|inner| with_live_values(inner, live, words))
}

/// What a word can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Modules,
    Methods,
    /// Of the method that the line names.
    Arguments,
    Topics,
    Types,
    Runs,
    StockModules,
    Coordinators,
}

/// What an argument takes, by what the help calls it.
fn source(argument: &clap::Arg) -> Option<Source> {
    let names = argument.get_value_names();
    let name = names.and_then(|names| names.first()).map_or(argument.get_id().as_str(), |name| name.as_str());
    match (name, argument.get_id().as_str()) {
        ("NAME.METHOD" | "[MODULE.]SKILL", _) => Some(Source::Methods),
        ("KEY=VALUE|JSON", _) => Some(Source::Arguments),
        ("PKG.TYPE" | "PKG.TYPE|FILE.lcm", _) => Some(Source::Types),
        ("RUN", _) => Some(Source::Runs),
        ("NAME ARGS", _) => Some(Source::StockModules),
        ("NAME", "coordinator") => Some(Source::Coordinators),
        ("MODULE" | "MODULE|FILE|ARGUMENT=VALUE", _) | ("NAME", "module") => Some(Source::Modules),
        (name, _) if name.to_ascii_uppercase().split('|').any(|word| word == "TOPIC") => Some(Source::Topics),
        _ => None,
    }
}

fn candidates(source: Source, current: &OsStr, live: &Live, words: &[OsString]) -> Vec<CompletionCandidate> {
    // Names on the bus are UTF-8.
    let Some(current) = current.to_str() else { return Vec::new() };
    let found = match source {
        Source::Modules => live.modules(),
        Source::Methods => live.methods(current),
        Source::Arguments => target(words).map(|(module, method)| live.arguments(module, method)).unwrap_or_default(),
        Source::Topics => live.topics(current.contains('#')),
        Source::Types => types(),
        Source::Runs => crate::live::runs(),
        Source::StockModules => stock_modules(),
        Source::Coordinators => {
            let mut modules = live.modules();
            modules.retain(|module| module.text.rsplit('/').next() == Some(dimos::coordinator::COORDINATOR));
            modules
        }
    };
    let fitting = found.into_iter().filter(|found| found.text.starts_with(current));
    fitting.map(|found| CompletionCandidate::new(found.text).help(found.about.map(Into::into))).collect()
}

/// The method that a line calls: the first word after `call` that names one.
pub(crate) fn target(words: &[OsString]) -> Option<(&str, &str)> {
    let words = words.iter().filter_map(|word| word.to_str());
    let after_call = words.skip_while(|word| *word != "call").skip(1);
    after_call.filter(|word| !word.starts_with('-') && !word.contains('=')).find_map(|word| word.rsplit_once('.'))
}

/// The bus that a line names, which may be wrong otherwise.
fn bus(words: &[OsString]) -> Option<Url> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let given = match word {
            "--bus" | "--url" => words.next(),
            _ => word.strip_prefix("--bus=").or_else(|| word.strip_prefix("--url=")),
        };
        if let Some(given) = given {
            return given.parse().ok();
        }
    }
    Url::resolve("").ok()
}

fn types() -> Vec<Found> {
    lcm_types::catalog().iter().map(|one| Found::new(one.name())).collect()
}

fn stock_modules() -> Vec<Found> {
    let found = |module: &stock_modules::StockModule| Found::new(module.name).about(module.doc);
    stock_modules::STOCK_MODULES.iter().map(found).collect()
}

/// The script names this program as it was called, so that it asks the same one.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let is_path = called.to_string_lossy().contains('/');
    let path = std::env::current_exe().ok().filter(|_| is_path);
    path.map_or_else(|| "dimos".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// It is set, to the name of the shell, where a shell asks.
const VARIABLE: &str = "DIMOS_COMPLETE";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_words_of_a_line_say_which_bus_and_which_method() {
        let line = words("dimos rpc call --timeout 5s --bus udpm://239.1.2.3:7000?ttl=0 arm.v1.reach dist");
        assert_eq!(bus(&line).map(|url| url.to_string()), Some("udpm://239.1.2.3:7000?ttl=0".to_owned()));
        assert_eq!(target(&line), Some(("arm.v1", "reach")));
        assert_eq!(bus(&words("dimos --bus=nonsense list")), None);
        assert_eq!(target(&words("dimos rpc call arm")), None);
    }

    #[test]
    fn every_command_that_takes_a_live_name_completes_it() {
        let root = Dimos::command();
        let of = |path: &[&str], id: &str| {
            let command = path.iter().fold(&root, |command, word| command.find_subcommand(word).expect(word));
            source(command.get_arguments().find(|argument| argument.get_id() == id).expect(id))
        };
        assert_eq!(of(&["rpc", "call"], "target"), Some(Source::Methods));
        assert_eq!(of(&["rpc", "call"], "arguments"), Some(Source::Arguments));
        assert_eq!(of(&["topic", "echo"], "topic"), Some(Source::Topics));
        assert_eq!(of(&["topic", "pub"], "topic"), Some(Source::Topics));
        assert_eq!(of(&["topic", "pub"], "type_name"), Some(Source::Types));
        assert_eq!(of(&["restart"], "module"), Some(Source::Modules));
        assert_eq!(of(&["unload"], "modules"), Some(Source::Modules));
        assert_eq!(of(&["log"], "module"), Some(Source::Modules));
        assert_eq!(of(&["log"], "run"), Some(Source::Runs));
        assert_eq!(of(&["stop"], "run_id"), Some(Source::Runs));
        assert_eq!(of(&["module"], "words"), Some(Source::StockModules));
        assert_eq!(of(&["module", "info"], "name"), Some(Source::Modules));
        assert_eq!(of(&["rpc", "list"], "module"), Some(Source::Modules));
        assert_eq!(of(&["skill", "call"], "skill"), Some(Source::Methods));
        assert_eq!(of(&["show-config"], "what"), Some(Source::Modules));
        assert_eq!(of(&["topic", "hz"], "topic"), Some(Source::Topics));
        assert_eq!(of(&["type", "show"], "name"), Some(Source::Types));
        assert_eq!(of(&["topic", "echo"], "count"), None);
    }
}
