//! The command `dimos`: looks into a mesh of processes, and steers it.
//!
//! Owns the way from the command line to the exit code: [`main`] alone turns an outcome into one. The tree of commands stands in
//! [`command`], each command in a file of its own, what they have in common in [`context`], [`output`] and [`failure`].
#![forbid(unsafe_code)]

// The command line.
mod colour;
mod command;
mod context;
mod exit_codes;
mod failure;
mod interrupt;
mod lines;
mod output;
mod status_line;
mod table;

// Words on it.
mod bytes;
mod channels;
mod live;
mod log_file;
mod message_types;
mod similar;

// What is measured.
mod histogram;

// The commands.
mod bench;
mod check;
mod completions;
mod doctor;
mod events;
mod graph;
mod help;
mod list;
mod log;
mod man;
mod module;
mod play;
mod record;
mod recording;
mod rpc;
mod run;
mod shell;
mod show_config;
mod skill;
mod spy;
mod steer;
mod top;
mod topic;
mod types;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use dimos_lcm_spy::duration;

use colour::Colour;
use command::{Command, Dimos};
use context::Context;
use failure::Failure;
use interrupt::Interrupt;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if completions::answer(&arguments) {
        return ExitCode::SUCCESS;
    }
    let colour = Colour::of_command_line(&arguments);
    let (is_json, outcome) = match parse(&arguments, colour) {
        Ok(dimos) => (dimos.common.is_json, run(dimos)),
        // Help and version are what was asked for, and go to stdout.
        Err(error) if !error.use_stderr() => (false, output::print_help(&error).map(|()| ExitCode::SUCCESS)),
        Err(error) => (asks_for_json(&arguments), Err(Failure::from(error))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            failure.report(is_json, colour);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// What a command line says.
fn parse(arguments: &[OsString], colour: Colour) -> Result<Dimos, clap::Error> {
    let matches = Dimos::command().color(colour.into()).try_get_matches_from(arguments)?;
    Dimos::from_arg_matches(&matches)
}

fn run(dimos: Dimos) -> Result<ExitCode, Failure> {
    let Dimos { common, command } = dimos;
    let command = match command {
        // It says its own exit code.
        Command::Module(options) if options.is_stock() => return module::run_stock(options, common.bus.as_ref()),
        command => command,
    };
    if !command.takes_the_screen(common.is_json) {
        output::show_diagnostics();
    }
    let outcome = if command.handles_signals() {
        command.run(&Context::new(common, Interrupt::never()))
    } else {
        interrupt::until_interrupted(command.grace(), move |interrupt| command.run(&Context::new(common, interrupt)))
    };
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Of a command line that is wrong: whoever reads the error expects it as he would have any other.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}
