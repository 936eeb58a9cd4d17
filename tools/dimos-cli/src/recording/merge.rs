//! `dimos recording merge`: several logs in one, by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use clap::Args;
use lcm::log::{Event, LogReader, ReadError};
use serde::Serialize;

use super::damage::Damage;
use super::output::{Made, Replace, UnfinishedLog};
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, unreadable};
use crate::topic::units;

/// Writes the events of several event logs into one, in the order of their times.
///
/// Events of one log keep their order: where its times go backwards, as after a clock was set, what is older follows what it followed.
/// At the same time the log that is named first comes first. Events are numbered anew. The logs are read alongside, an event of each at
/// a time. Events on the channel without a name are left out, since programs of LCM stop reading there. With --json {"file":...,
/// "events":..., "bytes":..., "unnamed":..., "inputs":[{"file":..., "events":..., "damaged":{...}}]}.
///
/// Exits with 3 if one of the logs is damaged, or has such events: what is good in it is there; with 2 if OUT exists, or is one of them; with 4 if one is
/// not there.
///
/// Examples:
///   dimos recording merge front.lcmlog rear.lcmlog both.lcmlog
///   dimos recording merge run.0* whole.lcmlog
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event logs, and then the log that is made.
    #[arg(value_name = "IN... OUT", value_parser = LogFile::new, num_args = 2.., required = true)]
    files: Vec<LogFile>,
    #[command(flatten)]
    replace: Replace,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    events: u64,
    bytes: u64,
    unnamed: u64,
    inputs: Vec<Input>,
}

#[derive(Debug, Serialize)]
struct Input {
    file: String,
    events: u64,
    damaged: Damage,
}

/// A log, and the next event of it.
struct Source<'a> {
    path: &'a Path,
    log: LogReader,
    next: Option<Event>,
    /// The newest time so far: what is older than that does not go before it.
    newest_us: i64,
    events: u64,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let Some((output, inputs)) = options.files.split_last() else {
        return Err(Failure::usage("expected event logs, and the log that is made"));
    };
    let mut sources = inputs.iter().map(Source::open).collect::<Result<Vec<_>, _>>()?;
    let paths: Vec<_> = sources.iter().map(|source| source.path).collect();
    let mut merged = UnfinishedLog::begin(&output.path, &paths, options.replace)?;
    let mut progress = Progress::of(paths.iter().copied(), context);
    // The time of the next event of each, and which it is: so the first one comes first at the same time.
    let mut queue = BinaryHeap::new();
    for (place, source) in sources.iter_mut().enumerate() {
        queue.extend(source.read_next()?.map(|time_us| Reverse((time_us, place))));
    }
    let mut done_bytes = 0;
    while let Some(Reverse((_, place))) = queue.pop() {
        let source = &mut sources[place];
        let Some(event) = source.next.take() else { continue };
        merged.write(event.as_ref())?;
        let before = source.log.position();
        queue.extend(source.read_next()?.map(|time_us| Reverse((time_us, place))));
        done_bytes += source.log.position() - before;
        progress.update(|| done_bytes)?;
    }
    let made = merged.finish()?;
    let Made { events, bytes, unnamed } = made;
    drop(progress);
    let inputs = sources.iter().map(Source::summary).collect();
    let report = Report { file: output.path.display().to_string(), events, bytes, unnamed, inputs };
    context.print(&report, |report| {
        let Report { file, events, bytes, inputs, .. } = report;
        let (inputs, bytes) = (inputs.len(), units::bytes(*bytes as f64));
        format!("{} of {inputs} logs, {bytes}, in {file}{}", units::count(*events, "event"), made.more())
    })?;
    let damaged = report.inputs.iter().find_map(|input| input.damaged.outcome().err().map(|error| (input, error)));
    damaged.map_or_else(|| made.outcome(), |(input, error)| Err(error.within(&input.file)))
}

impl<'a> Source<'a> {
    fn open(file: &'a LogFile) -> Result<Self, Failure> {
        Ok(Self { path: &file.path, log: file.open_at_start()?, next: None, newest_us: i64::MIN, events: 0 })
    }

    /// Reads its next event, and tells the time at which that comes.
    fn read_next(&mut self) -> Result<Option<i64>, Failure> {
        let failed = |error: ReadError| unreadable(self.path, error);
        self.next = self.log.next_event().map_err(failed)?.map(|event| event.to_event());
        let Some(event) = &self.next else { return Ok(None) };
        self.events += 1;
        self.newest_us = self.newest_us.max(event.timestamp_us);
        Ok(Some(self.newest_us))
    }

    fn summary(&self) -> Input {
        Input { file: self.path.display().to_string(), events: self.events, damaged: Damage::of(&self.log) }
    }
}
