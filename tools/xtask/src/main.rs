//! `cargo xtask`: the chores of this repository that cargo has no command for.
//!
//! Owns the command line and the exit codes; each chore is a module of its own. What CI runs, and in which order, is
//! written in `.ci/run`, so that a chore can be tried alone.

#![forbid(unsafe_code)]

mod codegen;
mod fuzz;
mod peers;
mod process;
mod tidy;

use std::env;
use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "\
usage: cargo xtask CHORE

  codegen           generate the message types of lcm-types from their .lcm files
  tidy              check the rules of the tree that the compiler does not know
  peers             install the real LCM programs that interop tests talk to, under target/peers
  fuzz [SECONDS]    run every fuzz target for SECONDS (20 unless told), on stable Rust

exit codes: 0 done, 1 a finding or a failure, 2 wrong usage";

/// The exit code for a command line that makes no sense, as most programs use it.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["codegen"] => exit_code(codegen::run()),
        ["tidy"] => exit_code(tidy::run()),
        ["peers"] => exit_code(peers::run().map(|()| ExitCode::SUCCESS)),
        ["fuzz"] => exit_code(fuzz::run(fuzz::DEFAULT_SECONDS)),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => exit_code(fuzz::run(seconds)),
            Err(_) => wrong_usage(&format!("`{seconds}` is not a number of seconds of at least 1")),
        },
        ["help" | "--help" | "-h"] => help(),
        [] => wrong_usage("no chore given"),
        other => wrong_usage(&format!("no chore is called `{}`", other.join(" "))),
    }
}

#[expect(clippy::print_stdout, reason = "help that was asked for is data")]
fn help() -> ExitCode {
    println!("{USAGE}");
    ExitCode::SUCCESS
}

fn wrong_usage(problem: &str) -> ExitCode {
    eprintln!("xtask: {problem}\n\n{USAGE}");
    ExitCode::from(EXIT_USAGE)
}

fn exit_code(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
