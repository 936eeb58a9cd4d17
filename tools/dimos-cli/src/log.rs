//! `dimos log`: what the modules of a run say.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use clap::Args;
use dimos::coordinator::{LogLine, LogQuery};
use dimos_coordinator::log::{Level, last_lines};
use dimos_coordinator::run::Directories;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, plain};
use crate::steer::Which;

/// Shows the log of a run: of the one on the bus, from whichever host, or of one that is over.
///
/// Examples:
///   dimos log -n 50
///   dimos log -f --module robot0/mapper --level warning
///   dimos log --run last
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    #[command(flatten)]
    which: Which,
    /// Goes on with the lines to come, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// How many of the lines so far, the last ones.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 100)]
    lines: usize,
    /// Only what this module says; `coordinator` says what becomes of all.
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    /// Only what is at least this grave: debug, info, warning, error or critical.
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// A run of this host, by its id, alive or over; `last` is the last one.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["follow", "coordinator", "namespace"])]
    run: Option<String>,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let mut query = LogQuery::last(options.lines);
    query.module.clone_from(&options.module);
    query.level = options.level.map(|level| level.as_str().to_owned());
    query.follow = options.follow;
    let mut output = Output::new();
    let is_coloured = context.colour.shows_on(&std::io::stdout());
    let mut print = |line: &LogLine| match context.is_json {
        true => output.json(line).and_then(|()| output.flush()),
        false => output.line(&readable(line, is_coloured)).and_then(|()| output.flush()),
    };
    if let Some(run) = &options.run {
        let directory = directory(run)?;
        let lines = last_lines(&directory, &query);
        let lines =
            lines.map_err(|error| Failure::not_found(format_args!("no log in {}: {error}", directory.display())))?;
        return lines.iter().try_for_each(print);
    }
    let (_dimos, coordinator) = options.which.find(context)?;
    for line in coordinator.logs(&query)? {
        print(&line?)?;
        context.interrupt.check()?;
    }
    Ok(())
}

/// A line for people: when, who, what, and what else.
pub(crate) fn readable(line: &LogLine, is_coloured: bool) -> String {
    let time = line.timestamp.get(11..23).unwrap_or(&line.timestamp);
    let mut text = String::new();
    let (begin, end) = if is_coloured { (colour(&line.logger), "\x1b[0m") } else { (String::new(), "") };
    // A String takes everything.
    let _ = write!(text, "{} {begin}{}{end} | ", plain(time), plain(&line.logger));
    if line.level != "info" {
        let (begin, end) = if is_coloured { (colour_of_level(&line.level), "\x1b[0m") } else { ("", "") };
        let _ = write!(text, "{begin}{}{end}: ", plain(&line.level));
    }
    text.push_str(&plain(&line.words()));
    text
}

/// Where a run of this host keeps its log.
fn directory(run: &str) -> Result<PathBuf, Failure> {
    let directories = Directories::of_user().map_err(Failure::usage)?;
    if run != "last" {
        if run.contains('/') || run.starts_with('.') {
            return Err(Failure::usage(format_args!("{run:?} is not the id of a run")));
        }
        return Ok(directories.log(run));
    }
    let logs = std::fs::read_dir(directories.logs()).into_iter().flatten().flatten().map(|entry| entry.path());
    // Ids begin with the time.
    let last = logs.filter(|path| path.join("main.jsonl").exists()).max();
    last.ok_or_else(|| Failure::not_found(format_args!("no run has left a log in {}", directories.logs().display())))
}

/// The same name has the same colour every time.
fn colour(name: &str) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let colours = [31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96];
    let chosen = usize::try_from(hasher.finish() % 12).unwrap_or_default();
    format!("\x1b[{}m", colours[chosen])
}

fn colour_of_level(level: &str) -> &'static str {
    match level {
        "error" | "critical" => "\x1b[1;31m",
        "warning" => "\x1b[1;33m",
        _ => "\x1b[2m",
    }
}
