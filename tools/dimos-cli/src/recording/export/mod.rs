//! `dimos recording export`: event logs for other tools: MCAP for viewers, CSV for spreadsheets and scripts.

mod csv;
mod flat;
mod json;
mod mcap;
mod ros1;

use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::damage::Damage;
use super::output::{Replace, Unfinished};
use super::part::Part;
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, unreadable};
use crate::message_types::Types;
use crate::table::table;
use crate::topic::units;
use csv::Tables;
use mcap::McapFile;

/// Writes an event log as MCAP, which Foxglove, PlotJuggler and others show, or as tables, CSV, a file for each channel.
///
/// If OUT ends with .mcap it becomes an MCAP file, else a directory of tables; --format says otherwise. Of both a part can be made.
///
/// MCAP: /scan#sensor_msgs.LaserScan becomes the topic /scan with messages of ROS 1 (schema sensor_msgs/LaserScan, encoding ros1msg), so
/// that viewers know what to show. Sizes of arrays that are members of their own in LCM are left out, arrays of several dimensions are
/// one row. Types that contain themselves become JSON (jsonschema). Messages of no known type, and those that cannot be decoded, are
/// kept as they are, with the encoding "lcm" and no schema. Times are those of the log. The file is not compressed.
///
/// CSV: the first column is log_time_us, microseconds since the epoch; then a column for each number and string, as
/// pose.pose.position.x. Arrays of up to 64 numbers that always have the same size have a column for each; any other array is one cell in
/// JSON, a blob one in base64. Messages of no known type have one column, data_base64, in a file that ends with .raw.csv. With --force
/// the directory is replaced, all of it, if it has nothing but tables.
///
/// With --json {"file":..., "format":..., "events":..., "bytes":..., "raw":..., "undecodable":..., "left_out":..., "damaged":{...},
/// "channels":[{"channel":..., "file":..., "topic":..., "type":..., "encoding":..., "schema":..., "count":..., "undecodable":...}]}.
///
/// Exits with 3 if the log is damaged: everything good is exported; with 2 if OUT exists; with 4 if there is no IN, or nothing of it
/// is within.
///
/// Examples:
///   dimos recording export run.lcmlog run.mcap
///   dimos recording export run.lcmlog tables -c /odom --start 1:30
///   dimos recording export run.lcmlog run.mcap --idl my-types --force
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log, or a file:// URL.
    #[arg(value_name = "IN", value_parser = LogFile::new)]
    input: LogFile,
    /// The MCAP file, or the directory of tables.
    #[arg(value_name = "OUT", value_parser = LogFile::new)]
    output: LogFile,
    /// What is made.
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    types: Types,
    #[command(flatten)]
    replace: Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Mcap,
    Csv,
}

/// What became of a channel.
#[derive(Debug, Serialize)]
struct Exported {
    channel: String,
    file: Option<String>,
    topic: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    encoding: Option<&'static str>,
    schema: Option<String>,
    count: u64,
    /// Of the type that the channel names, but not as that is here.
    undecodable: u64,
    #[serde(skip)]
    is_raw: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    file: String,
    format: Format,
    events: u64,
    bytes: u64,
    /// Events that were kept as they are.
    raw: u64,
    undecodable: u64,
    left_out: u64,
    damaged: Damage,
    channels: Vec<Exported>,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let (path, output) = (options.input.path.as_path(), options.output.path.as_path());
    let format = options.format(output)?;
    let mut within = options.part.within()?;
    let mut log = options.input.open_at_start()?;
    let mut target = match format {
        Format::Mcap => {
            let (file, written) = Unfinished::begin(output, &[path], options.replace)?;
            Target::Mcap(Box::new(McapFile::begin(file, written, &catalog, &path.display().to_string())?))
        }
        Format::Csv => Target::Csv(Tables::begin(output, path, options.replace, &catalog)?),
    };
    let mut progress = Progress::of([path], context);
    let mut events = 0;
    while let Some(event) = log.next_event().map_err(|error| unreadable(path, error))? {
        if within.takes(event) {
            match &mut target {
                Target::Mcap(file) => file.write(event)?,
                Target::Csv(tables) => tables.write(event)?,
            }
            events += 1;
        }
        progress.update(|| log.position())?;
    }
    within.check_found(events, path)?;
    let (bytes, mut channels) = match target {
        Target::Mcap(file) => file.finish()?,
        Target::Csv(tables) => tables.finish()?,
    };
    drop(progress);
    channels.sort_by(|one, other| (&one.channel, one.is_raw).cmp(&(&other.channel, other.is_raw)));
    let report = Report {
        file: output.display().to_string(),
        format,
        events,
        bytes,
        raw: channels.iter().filter(|channel| channel.is_raw).map(|channel| channel.count).sum(),
        undecodable: channels.iter().map(|channel| channel.undecodable).sum(),
        left_out: within.left_out,
        damaged: Damage::of(&log),
        channels,
    };
    context.print(&report, readable)?;
    report.damaged.outcome()
}

enum Target<'c> {
    Mcap(Box<McapFile<'c>>),
    Csv(Tables<'c>),
}

impl Options {
    fn format(&self, output: &Path) -> Result<Format, Failure> {
        let extension = output.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match (self.format, extension.as_deref()) {
            (Some(format), _) => Ok(format),
            (None, Some("mcap")) => Ok(Format::Mcap),
            (None, Some("csv")) => {
                let shown = output.display();
                Err(Failure::usage(format_args!("{shown}: each channel is a file of its own, so name a directory")))
            }
            (None, _) => Ok(Format::Csv),
        }
    }
}

fn readable(report: &Report) -> String {
    let Report { file, events, bytes, raw, undecodable, .. } = report;
    let mut text = format!("{}, {}, in {file}", units::count(*events, "event"), units::bytes(*bytes as f64));
    if *raw > 0 {
        text += &format!(
            "\n{raw} events of no known type, or that could not be decoded ({undecodable}), are kept as they are; --idl adds types"
        );
    }
    let rows = report.channels.iter().map(|exported| {
        let unknown = || "-".to_owned();
        [
            exported.channel.clone(),
            exported.type_name.clone().unwrap_or_else(unknown),
            exported.file.clone().or_else(|| exported.topic.clone()).unwrap_or_else(unknown),
            exported.encoding.unwrap_or(if exported.is_raw { "base64" } else { "columns" }).to_owned(),
            exported.count.to_string(),
        ]
    });
    let head = match report.format {
        Format::Mcap => ["CHANNEL", "TYPE", "TOPIC", "ENCODING", "COUNT"],
        Format::Csv => ["CHANNEL", "TYPE", "FILE", "ENCODING", "COUNT"],
    };
    let rows = table(head, rows);
    if rows.is_empty() { text } else { format!("{text}\n\n{rows}") }
}
