//! `dimos recording info`: what is in an event log, by channel.

use std::collections::HashMap;

use clap::Args;
use lcm::log::EventRef;
use lcm::schema::{Catalog, Fingerprint};
use serde::Serialize;

use super::damage::Damage;
use super::known::known_type;
use super::progress::Progress;
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::{LogFile, time_text, unreadable};
use crate::message_types::Types;
use crate::table::{seconds, table};
use crate::topic::units;

/// Shows what is in an event log: for each channel the type, how many messages, how often and how large, and the longest time
/// without one; and what is missing or damaged.
///
/// The whole log is read. "missing" are numbers of events that were left out: the messages that a recorder dropped, or what was cut
/// out since. A file of a recording in several goes on where the one before ended: it begins at another event than 0. A log that was
/// appended to has several recordings. With --json {"file":..., "bytes":..., "events":..., "start_us":...,
/// "end_us":..., "duration_s":..., "recordings":..., "first_number":..., "missing":..., "backwards":..., "damaged":{"places":..., "bytes":..., "list":
/// [{"offset":..., "bytes":...}]}, "channels":[{"channel":..., "type":..., "fingerprint":..., "count":..., "bytes":..., "min_bytes":...,
/// "max_bytes":..., "rate_hz":..., "bytes_per_s":..., "start_us":..., "end_us":..., "largest_interval_s":...}], "more_channels":...}. The
/// type is null where it is not known; "backwards" are events that are older than the one before.
///
/// Exits with 3 if parts of the log are damaged; with 4 if there is no such file.
///
/// Examples:
///   dimos recording info run.lcmlog
///   dimos recording info run.lcmlog --json | jq '.channels[] | {channel, rate_hz}'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log, or a file:// URL.
    #[arg(value_name = "FILE", value_parser = LogFile::new)]
    file: LogFile,
    #[command(flatten)]
    types: Types,
}

/// What is in a log.
#[derive(Debug, Serialize)]
struct Info {
    file: String,
    bytes: u64,
    events: u64,
    start_us: Option<i64>,
    end_us: Option<i64>,
    duration_s: f64,
    recordings: u64,
    /// The number of its first event, which is not 0 in the later files of a recording.
    first_number: Option<i64>,
    missing: u64,
    backwards: u64,
    damaged: Damage,
    channels: Vec<ChannelInfo>,
    /// Events of channels that are not listed.
    more_channels: u64,
}

#[derive(Debug, Clone, Serialize)]
struct ChannelInfo {
    channel: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    fingerprint: Option<String>,
    count: u64,
    bytes: u64,
    min_bytes: usize,
    max_bytes: usize,
    rate_hz: Option<f64>,
    bytes_per_s: Option<f64>,
    start_us: i64,
    end_us: i64,
    largest_interval_s: f64,
    #[serde(skip)]
    last_us: i64,
}

/// The numbers of the events of a log, which say what is missing.
#[derive(Debug, Default)]
struct Numbers {
    first: Option<i64>,
    last: Option<i64>,
    recordings: u64,
    missing: u64,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let path = &options.file.path;
    let mut log = options.file.open_at_start()?;
    let mut progress = Progress::of([path.as_path()], context);
    let mut channels: HashMap<Vec<u8>, ChannelInfo> = HashMap::new();
    let (mut events, mut backwards, mut more_channels) = (0, 0, 0);
    let mut numbers = Numbers::default();
    let mut span: Option<(i64, i64)> = None;
    let mut last_us = i64::MIN;
    while let Some(event) = log.next_event().map_err(|error| unreadable(path, error))? {
        events += 1;
        numbers.note(event.number);
        backwards += u64::from(event.timestamp_us < last_us);
        last_us = event.timestamp_us;
        let (first, last) = span.unwrap_or((last_us, last_us));
        span = Some((first.min(last_us), last.max(last_us)));
        let is_full = channels.len() >= MAX_CHANNELS;
        match channels.get_mut(event.channel) {
            Some(channel) => channel.note(event),
            None if is_full => more_channels += 1,
            None => {
                channels.insert(event.channel.to_vec(), ChannelInfo::new(event, &catalog));
            }
        }
        progress.update(|| log.position())?;
    }
    let mut channels: Vec<_> = channels.into_values().map(ChannelInfo::finished).collect();
    channels.sort_by(|one, other| one.channel.cmp(&other.channel));
    let info = Info {
        file: path.display().to_string(),
        bytes: log.position(),
        events,
        start_us: span.map(|(first, _)| first),
        end_us: span.map(|(_, last)| last),
        duration_s: span.map_or(0.0, |(first, last)| seconds_between(first, last)),
        recordings: numbers.recordings,
        first_number: numbers.first,
        missing: numbers.missing,
        backwards,
        damaged: Damage::of(&log),
        channels,
        more_channels,
    };
    drop(progress);
    context.print(&info, readable)?;
    info.damaged.outcome()
}

impl ChannelInfo {
    fn new(event: EventRef<'_>, catalog: &Catalog) -> Self {
        let size = event.data.len();
        let fingerprint = event.data.first_chunk().map(|bytes| Fingerprint(u64::from_be_bytes(*bytes)));
        Self {
            channel: event.channel_name().into_owned(),
            type_name: known_type(catalog, event).map(|found| found.name().to_owned()),
            fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
            count: 1,
            bytes: size as u64,
            min_bytes: size,
            max_bytes: size,
            rate_hz: None,
            bytes_per_s: None,
            start_us: event.timestamp_us,
            end_us: event.timestamp_us,
            largest_interval_s: 0.0,
            last_us: event.timestamp_us,
        }
    }

    fn note(&mut self, event: EventRef<'_>) {
        let (size, time_us) = (event.data.len(), event.timestamp_us);
        self.count += 1;
        self.bytes += size as u64;
        self.min_bytes = self.min_bytes.min(size);
        self.max_bytes = self.max_bytes.max(size);
        self.largest_interval_s = self.largest_interval_s.max(seconds_between(self.last_us, time_us));
        self.last_us = time_us;
        self.start_us = self.start_us.min(time_us);
        self.end_us = self.end_us.max(time_us);
    }

    fn finished(mut self) -> Self {
        let span_s = seconds_between(self.start_us, self.end_us);
        let per_second = |count: f64| (span_s > 0.0).then(|| count / span_s);
        self.rate_hz = per_second((self.count - 1) as f64);
        // As many as there are intervals.
        self.bytes_per_s = per_second(self.bytes as f64 * (self.count - 1) as f64 / self.count as f64);
        self
    }
}

impl Numbers {
    fn note(&mut self, number: i64) {
        match self.last {
            Some(last) if number > last => {
                self.missing = self.missing.saturating_add(number.abs_diff(last) - 1);
            }
            // What came before is in the file before.
            None => {
                self.recordings += 1;
                self.first = Some(number);
            }
            // Each recording that is appended counts from 0.
            Some(_) => {
                self.recordings += 1;
                self.missing = self.missing.saturating_add(u64::try_from(number).unwrap_or(0));
            }
        }
        self.last = Some(number);
    }
}

fn readable(info: &Info) -> String {
    let Info { file, bytes, events, duration_s, recordings, missing, backwards, damaged, .. } = info;
    let mut text = format!(
        "{file}: {}, {}, {}",
        units::count(*events, "event"),
        units::bytes(*bytes as f64),
        seconds(*duration_s)
    );
    if let (Some(start_us), Some(end_us)) = (info.start_us, info.end_us) {
        text += &format!("\nfrom {} to {}", time_text(start_us), time_text(end_us));
    }
    if let Some(first @ 1..) = info.first_number {
        text += &format!("\nbegins at event {first}");
    }
    if *recordings > 1 {
        text += &format!("\n{recordings} recordings, one behind the other");
    }
    if *missing > 0 {
        text += &format!("\n{missing} events are missing by their numbers: dropped by the recorder, or cut out since");
    }
    if *backwards > 0 {
        text += &format!("\n{backwards} events are older than the one before");
    }
    if !damaged.is_none() {
        text += &format!("\n{}", damaged.text());
    }
    let rows = info.channels.iter().take(SHOWN_CHANNELS).map(|channel| {
        let mean = channel.bytes as f64 / channel.count as f64;
        let unknown = || "-".to_owned();
        [
            channel.channel.clone(),
            channel.type_name.clone().unwrap_or_else(unknown),
            channel.count.to_string(),
            channel.rate_hz.map_or_else(unknown, units::rate),
            units::bytes(mean),
            channel.bytes_per_s.map_or_else(unknown, |rate| format!("{}/s", units::bytes(rate))),
            if channel.count > 1 { units::time(channel.largest_interval_s) } else { unknown() },
        ]
    });
    let head = ["CHANNEL", "TYPE", "COUNT", "RATE", "MEAN SIZE", "BANDWIDTH", "LONGEST GAP"];
    let rows = table(head, rows);
    if !rows.is_empty() {
        text += &format!("\n\n{rows}");
    }
    let unseen = info.channels.len().saturating_sub(SHOWN_CHANNELS);
    if unseen > 0 || info.more_channels > 0 {
        text += &format!("\nand {unseen}{} more channels", if info.more_channels > 0 { " or" } else { "" });
    }
    text
}

fn seconds_between(from_us: i64, to_us: i64) -> f64 {
    (i128::from(to_us) - i128::from(from_us)) as f64 / 1e6
}

/// Told apart, whatever a log claims.
const MAX_CHANNELS: usize = 100_000;

const SHOWN_CHANNELS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_recordings_and_what_is_missing() {
        let of = |numbers: &[i64]| {
            let mut found = Numbers::default();
            numbers.iter().for_each(|&number| found.note(number));
            (found.recordings, found.missing)
        };
        assert_eq!(of(&[]), (0, 0));
        assert_eq!(of(&[0, 1, 2]), (1, 0));
        assert_eq!(of(&[0, 1, 5, 0, 2]), (2, 4));
        assert_eq!(of(&[29, 30, 32]), (1, 1));
        assert_eq!(of(&[7, 8, 3]), (2, 3));
        assert_eq!(of(&[i64::MIN, i64::MAX]), (1, u64::MAX - 1));
    }
}
