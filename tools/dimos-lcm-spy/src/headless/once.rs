//! The table and the JSON that are printed once.

use std::io::{self, Write};

use serde::Serialize;

use crate::app::column::{Cells, Column};
use crate::reading::snapshot::{Lost, Row, Snapshot, Totals};
use crate::run::Session;
use crate::text::{channel_name, plain, table};
use crate::traffic::losses::Loss;
use crate::traffic::statistics::{Sizes, per_second};
use crate::traffic::typing::Agreement;
use crate::traffic::units;

/// As `--json` prints it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    url: String,
    listened_s: f64,
    totals: Total,
    channels: Vec<Channel<'a>>,
}

#[derive(Debug, Serialize)]
struct Total {
    messages: u64,
    bytes: u64,
    messages_per_s: f64,
    bytes_per_s: f64,
    senders: usize,
    lost: u64,
    incomplete: u64,
    malformed: u64,
    kernel_drops: u64,
    forgotten: u64,
}

#[derive(Debug, Serialize)]
struct Channel<'a> {
    channel: String,
    #[serde(rename = "type")]
    type_name: Option<&'a str>,
    agreement: Agreement,
    messages: u64,
    bytes: u64,
    rate_hz: Option<f64>,
    bytes_per_s: f64,
    jitter_s: Option<f64>,
    size_bytes: Sizes,
    last_size_bytes: usize,
    last_age_s: f64,
    sender: Option<String>,
    senders: usize,
    more_senders: bool,
    lost: Losses,
    mismatched: u64,
}

#[derive(Debug, Serialize)]
struct Losses {
    channel: Option<Loss>,
    senders: u64,
}

/// Prints it.
pub(super) fn print(snapshot: &Snapshot, rows: &[&Row], session: &Session, output: &mut impl Write) -> io::Result<()> {
    let listened_s = snapshot.span.as_secs_f64();
    // Both have the same numbers.
    let rows: Vec<_> = rows.iter().map(|row| averaged(row, listened_s)).collect();
    if session.is_json {
        let report = Report {
            url: session.url.to_string(),
            listened_s,
            totals: Total::new(&snapshot.totals, listened_s),
            channels: rows.iter().map(Channel::new).collect(),
        };
        serde_json::to_writer(&mut *output, &report)?;
        return writeln!(output);
    }
    let cells = Cells::default();
    let text = |row: &Row| COLUMNS.map(|column| cells.text(column, row));
    let printed = table(COLUMNS.map(Column::title), rows.iter().map(text));
    if !printed.is_empty() {
        writeln!(output, "{printed}")?;
    }
    writeln!(output, "{}", summary(&snapshot.totals, &session.url.to_string(), listened_s))
}

/// With rates that are those of the whole time, and not of its last moment.
fn averaged(row: &Row, listened_s: f64) -> Row {
    Row { rate_hz: row.mean_rate_hz, bytes_per_s: per_second(row.bytes, listened_s), ..row.clone() }
}

/// The last line.
fn summary(totals: &Totals, url: &str, listened_s: f64) -> String {
    let Total {
        messages,
        messages_per_s,
        bytes_per_s,
        senders,
        lost,
        incomplete,
        malformed,
        kernel_drops,
        forgotten,
        ..
    } = Total::new(totals, listened_s);
    let counts = [
        (lost, "lost of its senders"),
        (incomplete, "incomplete"),
        (malformed, if malformed == 1 { "malformed datagram" } else { "malformed datagrams" }),
        (kernel_drops, "dropped by the kernel"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}"));
    let further = if forgotten > 0 { format!(", {forgotten} of further channels") } else { String::new() };
    let (listened, rate, bytes) = (units::time(listened_s), units::rate(messages_per_s), units::bytes(bytes_per_s));
    let (messages, senders) = (units::count(messages, "message"), units::count(senders as u64, "sender"));
    // Of what was lost it is not known what channels it was of.
    let line = format!("{url}: {messages} in {listened} ({rate}, {bytes}/s){further}; the whole bus: {senders}");
    plain(&(line + &counts.collect::<String>()))
}

impl Total {
    /// Rates are those of the whole time.
    fn new(totals: &Totals, listened_s: f64) -> Self {
        Self {
            messages: totals.messages,
            bytes: totals.bytes,
            messages_per_s: per_second(totals.messages, listened_s),
            bytes_per_s: per_second(totals.bytes, listened_s),
            senders: totals.senders,
            lost: totals.lost,
            incomplete: totals.incomplete,
            malformed: totals.malformed,
            kernel_drops: totals.kernel_drops,
            forgotten: totals.forgotten,
        }
    }
}

impl<'a> Channel<'a> {
    fn new(row: &'a Row) -> Self {
        let Lost { of_channel, of_senders } = row.lost;
        Self {
            channel: name(&row.channel),
            type_name: row.type_name.as_deref(),
            agreement: row.agreement,
            messages: row.messages,
            bytes: row.bytes,
            rate_hz: row.rate_hz,
            bytes_per_s: row.bytes_per_s,
            jitter_s: row.jitter_s,
            size_bytes: row.sizes,
            last_size_bytes: row.last_bytes,
            last_age_s: row.age_s,
            sender: row.senders.latest.map(|sender| sender.to_string()),
            senders: row.senders.count,
            more_senders: row.senders.has_more,
            lost: Losses { channel: of_channel, senders: of_senders },
            mismatched: row.mismatched,
        }
    }
}

/// A name as it is; of one that is no text, as the table shows it, so that no two become the same.
fn name(channel: &lcm::Channel) -> String {
    str::from_utf8(channel.as_bytes()).map_or_else(|_| channel_name(channel), str::to_owned)
}

const COLUMNS: [Column; 11] = [
    Column::Channel,
    Column::Type,
    Column::Count,
    Column::Rate,
    Column::Bandwidth,
    Column::Jitter,
    Column::Size,
    Column::Age,
    Column::Sender,
    Column::Lost,
    Column::Undecodable,
];
