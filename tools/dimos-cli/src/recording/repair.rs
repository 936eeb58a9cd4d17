//! `dimos recording repair`: what is good in a damaged log.

use clap::Args;
use lcm::log::Event;
use serde::Serialize;

use super::damage::Damage;
use super::output::{Replace, UnfinishedLog};
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, unreadable};
use crate::topic::units;

/// Writes every good event of a damaged event log to another one, which all programs of LCM read, and tells what was lost.
///
/// An event beside a damaged part whose channel is no text was torn, and is left out. Programs of LCM stop where a log is damaged: at garbage within it, or at an event that was cut off when a disk was full or a computer
/// went down. Events keep their numbers, so that what is missing shows. With --json {"file":..., "events":..., "bytes":...,
/// "lost":{"places":..., "bytes":..., "list":[{"offset":..., "bytes":...}]}}.
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
    lost: Damage,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let (path, output) = (options.input.path.as_path(), options.output.path.as_path());
    let mut log = options.input.open()?;
    let mut whole = UnfinishedLog::begin(output, &[path], options.replace)?;
    let mut progress = Progress::of([path], context);
    let (mut events, mut torn_bytes) = (0, 0);
    let mut doubtful: Option<Event> = None;
    loop {
        let (position, skipped) = (log.position(), log.skipped());
        let event = log.next_event().map_err(|error| unreadable(path, error))?.map(|event| event.to_event());
        let is_beside_damage = log.skipped() != skipped;
        if let Some(before) = doubtful.take() {
            if is_beside_damage {
                torn_bytes += event_bytes(&before);
            } else {
                whole.write_numbered(before.as_ref())?;
                events += 1;
            }
        }
        progress.update(|| position)?;
        match event {
            None => break,
            Some(event) if str::from_utf8(&event.channel).is_ok() => {
                whole.write_numbered(event.as_ref())?;
                events += 1;
            }
            Some(event) if is_beside_damage => torn_bytes += event_bytes(&event),
            // What is behind it decides.
            event => doubtful = event,
        }
    }
    let bytes = whole.finish()?;
    drop(progress);
    let lost = Damage::of(&log).and_beside(torn_bytes);
    let report = Report { file: output.display().to_string(), events, bytes, lost };
    context.print(&report, |report| {
        let Report { file, events, bytes, lost } = report;
        format!("{events} events, {}, in {file}; {}", units::bytes(*bytes as f64), lost.text())
    })?;
    report.lost.outcome()
}

/// Of the log: header, channel and data.
fn event_bytes(event: &Event) -> u64 {
    (28 + event.channel.len() + event.data.len()) as u64
}
