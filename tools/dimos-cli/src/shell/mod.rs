//! `dimos shell`: calls and commands, line by line, on one connection to the mesh.
//!
//! [`line`] knows what a line means, [`session`] does it, [`editor`] helps whoever types. Here lines are read, from a terminal or
//! from elsewhere.

mod editor;
mod line;
mod session;

use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use crossbeam_channel::{bounded, select};
use dimos::exit;
use dimos_coordinator::run::Directories;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Editor};

use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Watch;
use crate::lines::{self, Line};
use crate::live::Live;
use editor::Words;
use session::{Next, Session};

/// Calls methods and runs commands, line by line, on one connection to the mesh.
///
/// A line is a call, NAME.METHOD KEY=VALUE ..., or a command of dimos without the word dimos; help tells more. Tab completes
/// commands, modules, methods, arguments and topics. Ctrl-C ends what runs and not the shell, Ctrl-D ends the shell. Lines are kept
/// in $XDG_STATE_HOME/dimos/shell_history; one that begins with a space is not.
///
/// If stdin is no terminal, its lines are run one after the other, and the first that fails ends the shell with its exit code; a command
/// that reads stdin itself, type check or topic pub TOPIC -, takes the lines that are left. With
/// --json results are JSON, and so are errors, on stderr.
///
/// Examples:
///   dimos shell
///   printf 'list\nworker.add a=1\n' | dimos shell --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options, context: &Context) -> Result<(), Failure> {
    let watch = Watch::start()?;
    let is_interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    // However the shell ends, the terminal is left as it was found.
    let modes = is_interactive.then(|| tcgetattr(io::stdin()).ok()).flatten();
    let session = Session::new(context, watch.clone(), is_interactive)?;
    let is_coloured = context.colour.shows_on(&io::stdout());
    let (done, outcome) = bounded(1);
    let work = move || {
        let ended = if is_interactive { converse(&session, is_coloured) } else { follow(&session) };
        let _ = done.send(ended);
    };
    std::thread::Builder::new().name("dimos-shell".to_owned()).spawn(work).context("cannot start a thread")?;
    let end = if is_interactive { watch.terminated() } else { watch.interrupted() };
    let ended = select! {
        recv(outcome) -> outcome => outcome.unwrap_or_else(|_| Err(Failure::unexpected("the shell panicked"))),
        recv(end.receiver()) -> _ => {
            let _ = outcome.recv_timeout(GRACE);
            Err(Failure::interrupted())
        }
    };
    if let Some(modes) = modes {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &modes);
    }
    ended
}

/// Reads lines from a terminal. What fails is told, and the next line is read.
fn converse(session: &Session, is_coloured: bool) -> Result<(), Failure> {
    let words = Words::new(
        session.mesh().clone(),
        Live::on_mesh(session.url().clone(), session.mesh().clone()),
        session.commands().to_vec(),
        is_coloured,
    );
    let mut editor = editor(words).context("cannot edit lines")?;
    let history = history();
    if let Some(path) = &history {
        // There is none at first.
        let _ = editor.load_history(path);
    }
    tell(&format!("On {}. help tells what can be typed; Ctrl-D leaves.", session.url()));
    loop {
        if let Some(words) = editor.helper() {
            words.forget();
        }
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(Failure::unexpected(format_args!("cannot read a line: {error}"))),
        };
        keep(&mut editor, &line, history.as_ref());
        // What was pressed before is not meant for this line.
        session.watch().forget();
        match session.run(&line) {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => return Ok(()),
            Err(failure) if failure.exit_code() == exit::OK => return Err(failure),
            // Behind the ^C of the terminal.
            Err(failure) if failure.exit_code() == exit::INTERRUPTED => tell(""),
            Err(failure) => session.report(&failure),
        }
    }
}

/// Runs the lines of stdin, to the first that fails.
fn follow(session: &Session) -> Result<(), Failure> {
    for number in 1_u64.. {
        // It is not kept locked: a command may read it, too.
        let line = lines::next(&mut io::stdin().lock(), MAX_LINE_BYTES);
        let line = match line.map_err(|error| Failure::unexpected(format_args!("cannot read stdin: {error}")))? {
            None => break,
            Some(Line::Whole(line)) => String::from_utf8(line).map_err(|_| Failure::usage("it is not UTF-8")),
            Some(Line::TooLong) => Err(Failure::usage(format_args!("it is longer than {MAX_LINE_BYTES} bytes"))),
        };
        match line.and_then(|line| session.run(&line)) {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => break,
            Err(failure) => return Err(failure.at_line(number)),
        }
    }
    Ok(())
}

fn editor(words: Words) -> rustyline::Result<Editor<Words, FileHistory>> {
    let config = Config::builder()
        .max_history_size(MAX_HISTORY)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let history = FileHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(words));
    Ok(editor)
}

/// Where lines are kept; nowhere if there is no home.
fn history() -> Option<PathBuf> {
    let path = Directories::of_user().ok()?.runs().with_file_name("shell_history");
    std::fs::create_dir_all(path.parent()?).ok()?;
    Some(path)
}

/// Remembers a line. That it cannot be kept keeps nobody from work.
fn keep(editor: &mut Editor<Words, FileHistory>, line: &str, path: Option<&PathBuf>) {
    if !line.trim().is_empty() && editor.add_history_entry(line).unwrap_or_default() {
        let _ = path.map(|path| editor.append_history(path));
    }
}

fn tell(text: &str) {
    // There is nobody left to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

const PROMPT: &str = "dimos> ";

/// Lines that are remembered.
const MAX_HISTORY: usize = 1000;

/// Of a script.
const MAX_LINE_BYTES: usize = 1 << 20;

/// How long the line under way may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);
