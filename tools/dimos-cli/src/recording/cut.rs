//! `dimos recording cut`: a part of a log, by time and by channel.

use clap::Args;
use serde::Serialize;

use super::damage::Damage;
use super::output::{Made, Replace, UnfinishedLog};
use super::part::Part;
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, unreadable};
use crate::topic::units;

/// Writes a part of an event log to another one: what is between two times, on some of the channels.
///
/// Events keep their times and their order, and are numbered anew, as lcm-logfilter does; its options -s, -e and -i are --start, --end
/// and --invert. Damaged parts are left out, and events on the channel without a name, where programs of LCM stop reading. With --json
/// {"file":..., "events":..., "bytes":..., "left_out":..., "unnamed":..., "damaged":{...}}.
///
/// Exits with 3 if the log is damaged, or has such events: the part is made of what is good; with 2 if OUT exists, or is IN; with 4 if there is no IN,
/// or nothing of it is within.
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
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    replace: Replace,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    events: u64,
    bytes: u64,
    left_out: u64,
    unnamed: u64,
    damaged: Damage,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let mut within = options.part.within()?;
    let (path, output) = (options.input.path.as_path(), options.output.path.as_path());
    let mut log = options.input.open_at_start()?;
    let mut part = UnfinishedLog::begin(output, &[path], options.replace)?;
    let mut progress = Progress::of([path], context);
    let mut taken = 0;
    while let Some(event) = log.next_event().map_err(|error| unreadable(path, error))? {
        if within.takes(event) {
            part.write(event)?;
            taken += 1;
        }
        progress.update(|| log.position())?;
    }
    within.check_found(taken, path)?;
    let made = part.finish()?;
    let Made { events, bytes, unnamed } = made;
    drop(progress);
    let (file, left_out) = (output.display().to_string(), within.left_out);
    let report = Report { file, events, bytes, left_out, unnamed, damaged: Damage::of(&log) };
    context.print(&report, |report| {
        let Report { file, events, bytes, left_out, .. } = report;
        format!(
            "{}, {}, in {file}; {left_out} left out{}",
            units::count(*events, "event"),
            units::bytes(*bytes as f64),
            made.more()
        )
    })?;
    report.damaged.outcome()?;
    made.outcome()
}
