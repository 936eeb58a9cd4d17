//! What the reader has counted, at a moment: plain data, for a screen or a report.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dimos::NodeId;
use lcm::{Channel, Sample};

use crate::text::plain;
use crate::traffic::history::BARS;
use crate::traffic::losses::Loss;
use crate::traffic::statistics::Sizes;
use crate::traffic::typing::Agreement;
use crate::traffic::units;

/// All that is known of the bus at a moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// When it was made, or of an event log, when its last message was recorded; nanoseconds since the epoch.
    pub time_ns: u64,
    /// How long the bus has been listened to; of an event log, how much of it was heard.
    pub span: Duration,
    /// The channels, in no order.
    pub rows: Vec<Row>,
    /// All of them together.
    pub totals: Totals,
    /// Processes that send beats: where from, and when the last one came.
    pub beats: Vec<(NodeId, SocketAddrV4, u64)>,
    /// What came of the channels that are watched since the snapshot before.
    pub watched: Vec<Watched>,
    /// What is recorded, or was last.
    pub recording: Option<Recording>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub channel: Channel,
    /// The type, as the channel names it, or else as the messages do.
    pub type_name: Option<Arc<str>>,
    /// What both say of each other.
    pub agreement: Agreement,
    /// Messages that are not of the type that the channel names.
    pub mismatched: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Messages a second at this moment; none after a single one.
    pub rate_hz: Option<f64>,
    /// Messages a second from the first to the last.
    pub mean_rate_hz: Option<f64>,
    /// Bytes a second at this moment.
    pub bytes_per_s: f64,
    /// The standard deviation of the times between messages.
    pub jitter_s: Option<f64>,
    /// How large messages are.
    pub sizes: Sizes,
    /// How large the last one was.
    pub last_bytes: usize,
    /// How long ago it came.
    pub age_s: f64,
    /// Where messages came from, as far as remembered.
    pub senders: Senders,
    /// What was lost.
    pub lost: Lost,
    /// Messages in each of the last seconds, the oldest first.
    pub bars: [u32; BARS],
}

/// Where messages of a channel came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Senders {
    /// Whose message came last.
    pub latest: Option<SocketAddrV4>,
    /// How many there were in the last minute.
    pub count: usize,
    /// Whether there are more than were counted.
    pub has_more: bool,
}

/// What was lost of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Of the channel, where all who publish on it say how much they do.
    pub of_channel: Option<Loss>,
    /// Of its senders, on whatever channel: gaps in their numbers, and large messages of which only parts came.
    pub of_senders: u64,
}

/// The whole bus.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Messages, those of channels that are not remembered included.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Messages a second at this moment.
    pub messages_per_s: f64,
    /// Bytes a second at this moment.
    pub bytes_per_s: f64,
    /// Messages of channels that are not in the rows, because there are too many.
    pub forgotten: u64,
    /// Who was heard.
    pub senders: usize,
    /// Gaps in the numbers of senders.
    pub lost: u64,
    /// Messages of which only parts came.
    pub incomplete: u64,
    /// Datagrams that are not LCM; in an event log, damaged places.
    pub malformed: u64,
    /// Datagrams that the kernel dropped because the receive buffer was full.
    pub kernel_drops: u64,
    /// Bytes of receive buffer.
    pub receive_buffer_bytes: u64,
    /// Errors of receive calls.
    pub receive_errors: u64,
    /// Whether an event log has come to its end.
    pub has_ended: bool,
}

/// What came of a channel whose messages somebody looks at.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The channel.
    pub channel: Channel,
    /// The newest messages, the oldest of them first.
    pub samples: Vec<Sample>,
    /// Those before that were left out, because there were too many.
    pub left_out: u64,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// What is recorded, in words.
    pub what: String,
    /// The file.
    pub path: PathBuf,
    /// How many messages are in it.
    pub messages: u64,
    /// How large it is.
    pub bytes: u64,
    /// Messages that came faster than the disk took them; their numbers are left out in the log.
    pub dropped: u64,
    /// Messages that were lost on the whole bus meanwhile, as far as is known.
    pub lost: u64,
    /// Messages on the channel without a name, which C LCM cannot read back, and which are not in it therefore.
    pub unnamed: u64,
    /// Whether it goes on.
    pub is_running: bool,
    /// Why it ended, if it did so by itself.
    pub error: Option<String>,
}

impl Recording {
    /// Whether all is in it that came.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.dropped == 0 && self.error.is_none()
    }

    /// How it went, on a line.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self { what, path, messages, bytes, dropped, lost, unnamed, is_running, error } = self;
        let counts = [
            (dropped, "dropped, since they came faster than they were written"),
            (lost, "lost on the bus meanwhile"),
            (unnamed, "left out, on the channel without a name"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| **count > 0).map(|(count, why)| format!(", {count} {why}"));
        let counts: String = counts.collect();
        let (messages, bytes) = (units::count(*messages, "message"), units::bytes(*bytes as f64));
        let how = if *is_running { "recording" } else { "recorded" };
        let end = error.as_ref().map(|error| format!("; it ended because of an error: {error}")).unwrap_or_default();
        plain(&format!("{how} {what} to {}: {messages}, {bytes}{counts}{end}", path.display()))
    }
}

impl Snapshot {
    /// The row of a channel.
    #[must_use]
    pub fn row(&self, channel: &Channel) -> Option<&Row> {
        self.rows.iter().find(|row| row.channel == *channel)
    }
}
