//! The lines of a shell, done one after the other on one connection to the mesh.

use std::ffi::OsString;
use std::process::{Command as Process, Stdio};

use clap::CommandFactory;
use dimos::{Dimos, exit};
use lcm::Url;

use super::line::{self, Line};
use crate::colour::Colour;
use crate::command::{self, Command, Common};
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Watch;
use crate::output::{self, Output};

/// What all lines have in common.
pub(super) struct Session {
    mesh: Dimos,
    url: Url,
    is_json: bool,
    colour: Colour,
    watch: Watch,
    commands: Vec<String>,
    /// Whether lines come from a terminal.
    is_interactive: bool,
}

/// Whether more lines are to be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    End,
}

impl Session {
    /// On the bus of `context`.
    pub(super) fn new(context: &Context, watch: Watch, is_interactive: bool) -> Result<Self, Failure> {
        let commands = command::Dimos::command();
        let names =
            commands.get_subcommands().flat_map(|one| std::iter::once(one.get_name()).chain(one.get_all_aliases()));
        Ok(Self {
            mesh: context.mesh()?,
            url: context.url()?,
            is_json: context.is_json,
            colour: context.colour,
            watch,
            commands: names.map(str::to_owned).collect(),
            is_interactive,
        })
    }

    pub(super) fn mesh(&self) -> &Dimos {
        &self.mesh
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The names of all commands of `dimos`.
    pub(super) fn commands(&self) -> &[String] {
        &self.commands
    }

    /// Says on stderr why a line failed.
    pub(super) fn report(&self, failure: &Failure) {
        failure.report(self.is_json, self.colour);
    }

    /// Does what a line says.
    pub(super) fn run(&self, line: &str) -> Result<Next, Failure> {
        match line::read(line, &self.commands)? {
            Line::Nothing => {}
            Line::Exit => return Ok(Next::End),
            Line::Help => {
                let mut output = Output::new();
                output.line(HELP)?;
                output.flush()?;
            }
            Line::Command(words) => self.command(&words)?,
        }
        Ok(Next::GoOn)
    }

    fn command(&self, words: &[String]) -> Result<(), Failure> {
        let arguments: Vec<_> =
            std::iter::once("dimos").chain(words.iter().map(String::as_str)).map(OsString::from).collect();
        let command::Dimos { common, command } = match crate::parse(&arguments, self.colour) {
            Ok(dimos) => dimos,
            Err(help) if !help.use_stderr() => return output::print_help(&help),
            Err(error) => return Err(error.into()),
        };
        if matches!(command, Command::Shell(_)) {
            return Err(Failure::usage("this is the shell already"));
        }
        // On a terminal one that reads would go on doing so after Ctrl-C. In a script it reads what is left of that.
        if command.takes_its_process() || (self.is_interactive && command.reads_stdin()) {
            return self.process(words);
        }
        // Another bus is joined for this line alone.
        let mesh = common.bus.is_none().then(|| self.mesh.clone());
        let common = Common {
            bus: Some(common.bus.unwrap_or_else(|| self.url.clone())),
            is_json: common.is_json || self.is_json,
            colour: if common.colour == Colour::Auto { self.colour } else { common.colour },
        };
        self.watch.run(command.grace(), move |interrupt| command.run(&Context::new(common, interrupt).on_mesh(mesh)))
    }

    /// Starts this program for a command that needs one of its own, and waits for its end.
    fn process(&self, words: &[String]) -> Result<(), Failure> {
        let lost = |error| Failure::unexpected(format_args!("cannot start dimos {}: {error}", words.join(" ")));
        let mut process = Process::new(std::env::current_exe().map_err(lost)?);
        process.args(["--bus", &self.url.to_string()]).args(self.is_json.then_some("--json")).args(words);
        if !self.is_interactive {
            // The lines that are left are not meant for it.
            process.stdin(Stdio::null());
        }
        let status = process.status().map_err(lost)?;
        self.watch.forget();
        match status.code().map(u8::try_from) {
            Some(Ok(exit::OK)) => Ok(()),
            // It has said why.
            Some(Ok(code)) => Err(Failure::new(code, "")),
            _ => Err(Failure::unexpected(format_args!("dimos {} ended: {status}", words.join(" ")))),
        }
    }
}

/// What can be typed.
const HELP: &str = "\
NAME.METHOD KEY=VALUE ...   calls a method and prints the result: robot0/arm.reach distance_m=0.5
COMMAND ...                 a command of dimos: list, status, topic echo /odom --count 1, log -n 5, restart mapper
help COMMAND                what a command does; help exit-codes, what failures mean
exit                        leaves, as Ctrl-D does

Tab completes commands, modules, methods, arguments and topics. Ctrl-C ends what runs. Up finds earlier lines.
Quotes are those of sh: text='two words', '{\"goal\": {\"x\": 2.0}}'. What follows a # is a comment.";
