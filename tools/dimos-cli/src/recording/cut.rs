//! `dimos recording cut`: a part of a log, by time and by channel.

use clap::Args;
use lcm::log::EventRef;
use serde::Serialize;

use super::damage::Damage;
use super::output::{Replace, UnfinishedLog};
use super::progress::Progress;
use crate::channels::Channels;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, LogTime, unreadable};
use crate::topic::units;

/// Writes a part of an event log to another one: what is between two times, on some of the channels.
///
/// Events keep their times and their order, and are numbered anew, as lcm-logfilter does; its options -s, -e and -i are --start, --end
/// and --invert. Damaged parts are left out. With --json {"file":..., "events":..., "bytes":..., "left_out":..., "damaged":{...}}.
///
/// Exits with 3 if the log is damaged: the part is made of what is good; with 2 if OUT exists, or is IN; with 4 if there is no IN.
///
/// Examples:
///   dimos recording cut run.lcmlog corner.lcmlog --start 1:30 --end 2:00
///   dimos recording cut run.lcmlog small.lcmlog --invert -c '/camera/*'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log, or a file:// URL.
    #[arg(value_name = "IN", value_parser = LogFile::new)]
    input: LogFile,
    /// The log that is made.
    #[arg(value_name = "OUT", value_parser = LogFile::new)]
    output: LogFile,
    /// Begins there: so long after the first event, as 90s or 1:30, or at a date, 2026-11-27T06:50:00Z.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    start: Option<LogTime>,
    /// Ends there.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    end: Option<LogTime>,
    #[command(flatten)]
    channels: Channels,
    #[command(flatten)]
    replace: Replace,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    events: u64,
    bytes: u64,
    left_out: u64,
    damaged: Damage,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let wanted = options.channels.pattern()?;
    let (path, output) = (options.input.path.as_path(), options.output.path.as_path());
    let mut log = options.input.open()?;
    let mut part = UnfinishedLog::begin(output, &[path], options.replace)?;
    let mut progress = Progress::of([path], context);
    let mut times = None;
    let (mut events, mut left_out) = (0, 0);
    while let Some(event) = log.next_event().map_err(|error| unreadable(path, error))? {
        let (from_us, to_us) = *times.get_or_insert_with(|| options.times(event));
        if (from_us..=to_us).contains(&event.timestamp_us) && wanted.matches_name(event.channel) {
            part.write(event)?;
            events += 1;
        } else {
            left_out += 1;
        }
        progress.update(|| log.position())?;
    }
    let bytes = part.finish()?;
    drop(progress);
    let report = Report { file: output.display().to_string(), events, bytes, left_out, damaged: Damage::of(&log) };
    context.print(&report, |report| {
        let Report { file, events, bytes, left_out, .. } = report;
        format!("{events} events, {}, in {file}; {left_out} left out", units::bytes(*bytes as f64))
    })?;
    report.damaged.outcome()
}

impl Options {
    /// From when to when, in a log that begins with this event.
    fn times(&self, first: EventRef<'_>) -> (i64, i64) {
        let time = |time: Option<LogTime>, otherwise| time.map_or(otherwise, |time| time.in_log(first.timestamp_us));
        (time(self.start, i64::MIN), time(self.end, i64::MAX))
    }
}
