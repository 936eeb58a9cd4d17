//! `dimos topic bw`: how many bytes come.

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Args;
use lcm::{Channel, Sample, Url};
use serde::Serialize;

use super::measuring::{Extent, Followed, Meter};
use super::selection::Selection;
use super::statistics::{Sizes, Traffic, per_second};
use super::units;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::table;

/// Shows how many bytes a second come on a topic, or on all channels of a glob, each and together.
///
/// A line a second, or with a glob a table, of what came since the one before; at the end one of all that came. Payloads are
/// counted, without the headers of the network. Decodes nothing. With --json an object a line: {"window_s":..., "total":{"messages":...,
/// "bytes":..., "bytes_per_s":..., "messages_per_s":..., "size_bytes":{"min":..., "mean":..., "max":...}}, "channels":[{"channel":...,
/// and the same}], "more_channels":..., "dropped":..., "is_end":...}. Of a flood of channels the first 1000 are told apart.
///
/// Exits with 0 after --for or --count; with 130 after Ctrl-C, which prints the last line too; with 5 if nothing came in time; with
/// 3 if this command was too slow and dropped messages; with 4 if an event log has no such message.
///
/// Examples:
///   dimos topic bw /camera/image
///   dimos topic bw '/robot0/*' --for 10s
///   dimos topic bw '*' --for 5s --json | tail -1 | jq .total.bytes_per_s
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A topic, /scan; a channel, /scan#sensor_msgs.LaserScan; or a glob, in which * stands for any characters and ? for one.
    #[arg(value_name = "TOPIC|CHANNEL|GLOB", value_parser = Selection::new)]
    topic: Selection,
    #[command(flatten)]
    extent: Extent,
}

/// What is said.
#[derive(Debug, Serialize)]
struct Report {
    window_s: f64,
    total: Amount,
    channels: Vec<OfChannel>,
    more_channels: bool,
    dropped: u64,
    is_end: bool,
}

#[derive(Debug, Serialize)]
struct Amount {
    messages: u64,
    bytes: u64,
    bytes_per_s: f64,
    messages_per_s: f64,
    size_bytes: Option<Sizes>,
}

#[derive(Debug, Serialize)]
struct OfChannel {
    channel: String,
    #[serde(flatten)]
    amount: Amount,
}

/// What came in a time.
#[derive(Debug)]
struct Period {
    since: Instant,
    /// When the first and the last message came.
    times_ns: Option<(u64, u64)>,
    channels: BTreeMap<Channel, Traffic>,
    /// Of the channels that are not told apart.
    others: Traffic,
}

struct Bandwidth<'a> {
    options: &'a Options,
    context: &'a Context,
    /// Whether time is that of a log.
    is_replayed: bool,
    now: Period,
    all: Period,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let is_replayed = matches!(context.url()?, Url::File(_));
    let followed = Followed::new(context, &options.topic, &options.extent, None)?;
    let (now, all) = (Period::new(), Period::new());
    followed.measure(&mut Bandwidth { options, context, is_replayed, now, all })
}

impl Meter for Bandwidth<'_> {
    fn take(&mut self, sample: &Sample) -> Result<bool, Failure> {
        if self.all.times_ns.is_none() {
            // What it waited before that is no part of what is measured.
            (self.now, self.all) = (Period::new(), Period::new());
        }
        self.now.push(sample);
        self.all.push(sample);
        Ok(true)
    }

    fn take_aside(&mut self, _sample: &Sample) {}

    fn show(&mut self, followed: &Followed<'_>, output: &mut Output, is_end: bool) -> Result<(), Failure> {
        let now = std::mem::replace(&mut self.now, Period::new());
        let period = if is_end { &self.all } else { &now };
        let report = period.report(self.is_replayed, followed.dropped(), is_end);
        if self.context.is_json {
            output.json(&report)
        } else {
            output.line(&readable(&report, self.options.topic.is_glob()))
        }
    }
}

impl Period {
    fn new() -> Self {
        Self { since: Instant::now(), times_ns: None, channels: BTreeMap::new(), others: Traffic::default() }
    }

    fn push(&mut self, sample: &Sample) {
        let time_ns = sample.receive_time_ns();
        let (first_ns, _) = self.times_ns.unwrap_or((time_ns, time_ns));
        self.times_ns = Some((first_ns, time_ns));
        let traffic = match self.channels.len() {
            MAX_CHANNELS.. if !self.channels.contains_key(sample.channel()) => &mut self.others,
            _ => self.channels.entry(*sample.channel()).or_default(),
        };
        traffic.push(sample.payload().len());
    }

    fn report(&self, is_replayed: bool, dropped: u64, is_end: bool) -> Report {
        let window_s = match self.times_ns {
            Some((first_ns, last_ns)) if is_replayed => last_ns.saturating_sub(first_ns) as f64 / 1e9,
            _ => self.since.elapsed().as_secs_f64(),
        };
        let total = self.channels.values().fold(self.others, |sum, traffic| sum.plus(*traffic));
        let mut channels: Vec<_> = self.channels.iter().collect();
        channels.sort_by_key(|(_, traffic)| std::cmp::Reverse(traffic.bytes));
        let of_channel = |(channel, traffic): (&Channel, &Traffic)| OfChannel {
            channel: channel.to_string(),
            amount: Amount::new(*traffic, window_s),
        };
        Report {
            window_s,
            total: Amount::new(total, window_s),
            channels: channels.into_iter().map(of_channel).collect(),
            more_channels: self.others.messages > 0,
            dropped,
            is_end,
        }
    }
}

impl Amount {
    fn new(traffic: Traffic, window_s: f64) -> Self {
        Self {
            messages: traffic.messages,
            bytes: traffic.bytes,
            bytes_per_s: per_second(traffic.bytes, window_s),
            messages_per_s: per_second(traffic.messages, window_s),
            size_bytes: traffic.sizes(),
        }
    }
}

fn readable(report: &Report, is_glob: bool) -> String {
    let start = if report.is_end { format!("in all, {}: ", units::time(report.window_s)) } else { String::new() };
    let Amount { messages, bytes, bytes_per_s, messages_per_s, size_bytes } = &report.total;
    let sizes = size_bytes.map_or_else(String::new, |Sizes { min, mean, max }| {
        let [min, mean, max] = [min as f64, mean, max as f64].map(units::bytes);
        format!("; sizes {min} to {max}, mean {mean}")
    });
    let dropped = if report.dropped > 0 { format!("; {} dropped here", report.dropped) } else { String::new() };
    let (rate, hz, bytes) = (units::bytes(*bytes_per_s), units::rate(*messages_per_s), units::bytes(*bytes as f64));
    let line = format!("{start}{rate}/s, {hz}; {messages} messages, {bytes}{sizes}{dropped}");
    if !is_glob || report.channels.is_empty() {
        return line;
    }
    let shown = report.channels.iter().take(SHOWN_CHANNELS);
    let rows = shown.map(|OfChannel { channel, amount }| {
        let sizes = amount.size_bytes.unwrap_or(Sizes { min: 0, mean: 0.0, max: 0 });
        let [min, mean, max] = [sizes.min as f64, sizes.mean, sizes.max as f64].map(units::bytes);
        [
            channel.clone(),
            format!("{}/s", units::bytes(amount.bytes_per_s)),
            units::rate(amount.messages_per_s),
            min,
            mean,
            max,
        ]
    });
    let rows = table(["CHANNEL", "BANDWIDTH", "RATE", "MIN", "MEAN", "MAX"], rows);
    let more = match report.channels.len().saturating_sub(SHOWN_CHANNELS) {
        0 if !report.more_channels => String::new(),
        0 => "\nand more channels".to_owned(),
        more => format!("\nand {more} more channels"),
    };
    format!("{rows}{more}\n{line}\n")
}

/// Told apart, whatever is sent.
const MAX_CHANNELS: usize = 1000;

/// In a table, those with the most bytes.
const SHOWN_CHANNELS: usize = 30;
