//! `dimos recording repair`: what is good in a damaged log.

use clap::Args;
use serde::Serialize;

use super::damage::Damage;
use super::output::{Made, Replace, UnfinishedLog};
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, unreadable};
use crate::topic::units;

/// Writes every good event of a damaged event log to another one, which all programs of LCM read, and tells what was lost.
///
/// Programs of LCM stop where a log is damaged: at garbage within it, at an event that was cut off when a disk was full or a computer
/// went down, or at an event on the channel without a name, which is left out, too. An event has no checksum: where one was torn, bytes
/// that look like a whole event cannot be told from one. Events keep their numbers, so that what is missing shows. With --json
/// {"file":..., "events":..., "bytes":..., "unnamed":..., "lost":{"places":..., "bytes":..., "list":[{"offset":..., "bytes":...}]}}.
///
/// Exits with 0 if nothing was damaged; with 3 if something was, which is told; with 2 if OUT exists, or is IN; with 4 if there is no
/// IN.
///
/// Examples:
///   dimos recording repair run.lcmlog whole.lcmlog
///   dimos recording repair run.lcmlog whole.lcmlog --json | jq .lost.bytes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log, or a file:// URL.
    #[arg(value_name = "IN", value_parser = LogFile::new)]
    input: LogFile,
    /// The log that is made.
    #[arg(value_name = "OUT", value_parser = LogFile::new)]
    output: LogFile,
    #[command(flatten)]
    replace: Replace,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    events: u64,
    bytes: u64,
    unnamed: u64,
    lost: Damage,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let (path, output) = (options.input.path.as_path(), options.output.path.as_path());
    let mut log = options.input.open_at_start()?;
    let mut whole = UnfinishedLog::begin(output, &[path], options.replace)?;
    let mut progress = Progress::of([path], context);
    while let Some(event) = log.next_event().map_err(|error| unreadable(path, error))? {
        whole.write_numbered(event)?;
        progress.update(|| log.position())?;
    }
    let made = whole.finish()?;
    drop(progress);
    let Made { events, bytes, unnamed } = made;
    let report = Report { file: output.display().to_string(), events, bytes, unnamed, lost: Damage::of(&log) };
    context.print(&report, |report| {
        let Report { file, events, bytes, lost, .. } = report;
        format!(
            "{}, {}, in {file}{}; {}",
            units::count(*events, "event"),
            units::bytes(*bytes as f64),
            made.more(),
            lost.text()
        )
    })?;
    report.lost.outcome()?;
    made.outcome()
}
