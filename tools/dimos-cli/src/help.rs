//! `dimos help`: what commands do, and what exit codes mean.

use clap::{Args, CommandFactory};
use serde_json::json;

use crate::command::Dimos;
use crate::context::Context;
use crate::exit_codes;
use crate::failure::Failure;
use crate::similar;

/// Shows what a command does, or with `exit-codes` what the exit codes of all commands mean.
///
/// With --json {"command":..., "commands":[...], "help":...}, where commands are those within it; of exit codes what each means, by code. Exits with 2 if there is no such command.
///
/// Examples:
///   dimos help rpc call
///   dimos help exit-codes
///   dimos help exit-codes --json | jq -r '."4"'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The words of a command, such as rpc call; or exit-codes.
    #[arg(value_name = "COMMAND|exit-codes")]
    words: Vec<String>,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    if options.words == [EXIT_CODES] {
        return context.print(&exit_codes::as_json(), |_| exit_codes::table());
    }
    let mut command = Dimos::command();
    command.build();
    for word in &options.words {
        command = command.find_subcommand(word).cloned().ok_or_else(|| unknown(&command, word))?;
    }
    let help = command.render_long_help();
    let name = command.get_bin_name().unwrap_or("dimos").to_owned();
    let within: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    let is_coloured = context.colour.shows_on(&std::io::stdout());
    context.print(&json!({ "command": name, "commands": within, "help": help.to_string() }), |_| match is_coloured {
        true => help.ansi().to_string(),
        false => help.to_string(),
    })
}

fn unknown(within: &clap::Command, word: &str) -> Failure {
    let is_root = within.get_name() == "dimos";
    let topics = is_root.then_some(EXIT_CODES);
    let names: Vec<_> = within.get_subcommands().map(clap::Command::get_name).chain(topics).collect();
    let guess = similar::did_you_mean(word, names.iter().copied());
    let place = within.get_bin_name().unwrap_or("dimos");
    Failure::usage(match names[..] {
        [] => format!("{place} has no commands within it, so no {word:?}"),
        _ => format!("no command {word:?} in {place}; there is {}{guess}", names.join(", ")),
    })
}

/// What is no command, but can be asked for.
const EXIT_CODES: &str = "exit-codes";
