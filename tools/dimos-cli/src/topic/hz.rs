//! `dimos topic hz`: how often messages come, and how many were lost.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use clap::Args;
use lcm::Sample;
use serde::Serialize;

use super::beats::{self, Beat};
use super::losses::{Ledger, Loss};
use super::measuring::{Extent, Followed, Meter, OneChannel, one_topic};
use super::selection::Selection;
use super::statistics::{Arrivals, Spread};
use super::units;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

/// Shows how often messages of a topic come: rate, the times between them, and received and lost apart. Decodes nothing.
///
/// A line a second, over the last --window intervals between the times at which the kernel received the messages. With --json an
/// object a line: {"channel":..., "rate_hz":..., "interval_s":{"mean":..., "min":..., "max":..., "std_dev":...}, "window":...,
/// "received":..., "new":..., "lost":{"topic":{"published":..., "lost":...}, "senders":..., "senders_or_unwanted":...,
/// "incomplete":...}, "dropped":..., "is_end":...}; the last one has "is_end": true and is of the whole time but for the window.
///
/// What was lost of the topic is known of modules, and of programs that use the mesh: once a second each says how many messages it
/// has published, and "topic" compares that with what came, from its first such beat to its last one; give or take the message that
/// was under way. It is null if others publish too. Of any LCM program the gaps in its numbers are known: "senders" counts them, but
/// they may be of any channel of those who send this topic; "senders_or_unwanted" while the kernel kept other channels away, when
/// they may be no losses at all. "incomplete" are large messages of which parts came.
///
/// Exits with 0 after --for or --count; with 130 after Ctrl-C, which prints the last line too; with 5 if nothing came in time; with
/// 3 if this command was too slow and dropped messages; with 2 if the topic has several channels, which it lists; with 4 if an
/// event log has no such message.
///
/// Examples:
///   dimos topic hz /scan
///   dimos topic hz /odom --for 10s --json | tail -1 | jq .rate_hz
///   dimos topic hz '/goal#geometry_msgs.PoseStamped' --count 100 --timeout 5s
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A topic, /scan, or a channel, /scan#sensor_msgs.LaserScan.
    #[arg(value_name = "TOPIC|CHANNEL", value_parser = one_topic)]
    topic: Selection,
    /// How many of the last intervals count.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    window: u32,
    #[command(flatten)]
    extent: Extent,
}

/// What is said.
#[derive(Debug, Serialize)]
struct Line {
    channel: String,
    rate_hz: Option<f64>,
    interval_s: Option<Spread>,
    window: usize,
    received: u64,
    /// Since the last line.
    new: u64,
    lost: Lost,
    dropped: u64,
    is_end: bool,
}

#[derive(Debug, Serialize)]
struct Lost {
    topic: Option<Loss>,
    senders: u64,
    senders_or_unwanted: u64,
    incomplete: u64,
}

struct Hz<'a> {
    options: &'a Options,
    context: &'a Context,
    one: OneChannel,
    arrivals: Arrivals,
    ledger: Ledger,
    /// Those whom the topic came from, as far as remembered.
    senders: BTreeSet<SocketAddrV4>,
    shown: u64,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let followed = Followed::new(context, &options.topic, &options.extent, Some(beats::CHANNEL))?;
    let mut hz = Hz {
        options,
        context,
        one: OneChannel::default(),
        arrivals: Arrivals::new(usize::try_from(options.window).unwrap_or(usize::MAX)),
        ledger: Ledger::default(),
        senders: BTreeSet::new(),
        shown: 0,
    };
    followed.measure(&mut hz)
}

impl Meter for Hz<'_> {
    fn take(&mut self, sample: &Sample) -> Result<bool, Failure> {
        if !self.one.takes(&self.options.topic, sample, self.context)? {
            return Ok(false);
        }
        self.arrivals.push(sample.receive_time_ns());
        if let Some(sender) = sample.sender() {
            self.ledger.received(sender, sample.receive_time_ns());
            if self.senders.len() < MAX_SENDERS {
                self.senders.insert(sender);
            }
        }
        Ok(true)
    }

    fn take_aside(&mut self, sample: &Sample) {
        let Some(Beat { node, address, published }) = Beat::heard(sample) else { return };
        let of_topic = published.iter().filter(|(channel, _)| self.one.is(&self.options.topic, channel));
        let counts: Vec<_> = of_topic.map(|(_, count)| *count).collect();
        if !counts.is_empty() {
            let published = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
            self.ledger.beat(node, address, published, sample.receive_time_ns());
        }
    }

    fn show(&mut self, followed: &Followed<'_>, output: &mut Output, is_end: bool) -> Result<(), Failure> {
        self.one.settle();
        let line = self.line(followed, is_end);
        self.shown = line.received;
        if self.context.is_json { output.json(&line) } else { output.line(&readable(&line)) }
    }
}

impl Hz<'_> {
    fn line(&self, followed: &Followed<'_>, is_end: bool) -> Line {
        let statistics = followed.statistics();
        let mut lost = Lost { topic: self.ledger.loss(), senders: 0, senders_or_unwanted: 0, incomplete: 0 };
        for counts in self.senders.iter().filter_map(|sender| statistics.sender(*sender)) {
            lost.senders += counts.lost;
            lost.senders_or_unwanted += counts.lost_or_unwanted;
            lost.incomplete += counts.incomplete;
        }
        let received = self.arrivals.count();
        Line {
            channel: self.one.name(&self.options.topic),
            rate_hz: self.arrivals.rate_hz(),
            interval_s: self.arrivals.intervals_s(),
            window: self.arrivals.window(),
            received,
            new: received - self.shown,
            lost,
            dropped: followed.dropped(),
            is_end,
        }
    }
}

fn readable(line: &Line) -> String {
    let start = if line.is_end { "in all: " } else { "" };
    let rate = match (line.rate_hz, &line.interval_s) {
        _ if line.new == 0 && !line.is_end => "no new message".to_owned(),
        (Some(rate_hz), Some(Spread { min, max, std_dev, .. })) => {
            let [min, max, std_dev] = [*min, *max, *std_dev].map(units::time);
            let (rate, window) = (units::rate(rate_hz), line.window);
            format!("{rate}, intervals {min} to {max}, std dev {std_dev}, window {window}")
        }
        _ => "no rate yet".to_owned(),
    };
    format!("{start}{rate}; {} received, {}", line.received, losses(&line.lost, line.dropped))
}

fn losses(lost: &Lost, dropped: u64) -> String {
    let (text, unwanted) = match lost.topic {
        Some(Loss { published, lost }) if published > 0 => (format!("{lost} lost of {published} published"), 0),
        Some(_) => ("lost: known with the next beat".to_owned(), 0),
        // What may be no loss at all is of interest only where nothing better is known.
        None => ("lost: unknown, its publisher does not say".to_owned(), lost.senders_or_unwanted),
    };
    let more = [
        (lost.senders, "lost of any channel of its senders"),
        (unwanted, "lost, or of channels of its senders that nobody wants here"),
        (lost.incomplete, "incomplete"),
        (dropped, "dropped here"),
    ];
    let more = more.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    std::iter::once(text).chain(more).collect::<Vec<_>>().join(", ")
}

/// Whose losses are told.
const MAX_SENDERS: usize = 64;
