//! What the reader counts: every message is put where it belongs, and at any moment all of it can be told. Pure: messages and times are
//! passed in.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use dimos::NodeId;
use lcm::schema::Catalog;
use lcm::{Channel, Sample, SenderCounts, Statistics};

use super::snapshot::{Lost, Row, Senders, Snapshot, Totals, Watched};
use crate::selection::Selection;
use crate::traffic::beats::{self, Beat};
use crate::traffic::channels::{Channels, Heard, HeardChannel};
use crate::traffic::history::History;
use crate::traffic::statistics::Sizes;

/// What was counted.
#[derive(Debug)]
pub struct Tally {
    catalog: Arc<Catalog>,
    /// The channels that count; all if there are none.
    only: Vec<Selection>,
    channels: Channels,
    messages: u64,
    bytes: u64,
    /// When the first and the last message came.
    times_ns: Option<(u64, u64)>,
    history: History,
    /// Who sends beats: where from, and when the last one came.
    beats: BTreeMap<NodeId, (SocketAddrV4, u64)>,
    watched: Vec<Watching>,
}

/// A channel whose messages are kept.
#[derive(Debug)]
struct Watching {
    channel: Channel,
    samples: VecDeque<Sample>,
    bytes: usize,
    left_out: u64,
}

impl Tally {
    /// With nothing counted yet, of these channels, or of all.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, only: Vec<Selection>) -> Self {
        Self {
            catalog,
            only,
            channels: Channels::default(),
            messages: 0,
            bytes: 0,
            times_ns: None,
            history: History::new(0),
            beats: BTreeMap::new(),
            watched: Vec::new(),
        }
    }

    /// Whether the whole of the next message on this channel is wanted, and not only what it begins with.
    #[must_use]
    pub fn wants_whole(&self, channel: &Channel) -> bool {
        self.watched.iter().any(|watching| watching.channel == *channel) || is_beat(channel)
    }

    /// A message came.
    pub fn take(&mut self, heard: &Heard<'_>) {
        if !self.only.is_empty() && !self.only.iter().any(|selection| selection.takes(heard.channel)) {
            return;
        }
        let (first_ns, last_ns) = self.times_ns.unwrap_or((heard.time_ns, heard.time_ns));
        self.times_ns = Some((first_ns, heard.time_ns));
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(heard.bytes as u64);
        self.history.push(heard.time_ns, heard.time_ns.saturating_sub(last_ns), heard.bytes);
        self.channels.push(heard, Some(&self.catalog));
    }

    /// The whole of a message that is wanted, after it was taken.
    pub fn keep(&mut self, sample: &Sample) {
        if is_beat(sample.channel())
            && let Some(beat) = Beat::heard(sample)
        {
            self.channels.beat(&beat, sample.receive_time_ns());
            self.beats.insert(beat.node, (beat.address, sample.receive_time_ns()));
            if self.beats.len() > MAX_NODES {
                // Whoever is alive beats again soon.
                let silent = self.beats.iter().min_by_key(|(_, (_, time_ns))| *time_ns).map(|(node, _)| *node);
                silent.and_then(|node| self.beats.remove(&node));
            }
        }
        if let Some(watching) = self.watched.iter_mut().find(|watching| watching.channel == *sample.channel()) {
            watching.push(sample);
        }
    }

    /// Says whose messages are looked at: at most [`MAX_WATCHED`].
    pub fn watch(&mut self, channels: &[Channel]) {
        self.watched.retain(|watching| channels.contains(&watching.channel));
        for channel in channels.iter().take(MAX_WATCHED) {
            if self.watched.iter().all(|watching| watching.channel != *channel) {
                self.watched.push(Watching::new(*channel));
            }
        }
    }

    /// When the last message came; nanoseconds since the epoch.
    #[must_use]
    pub fn last_ns(&self) -> Option<u64> {
        self.times_ns.map(|(_, last_ns)| last_ns)
    }

    /// How long it took from the first message to the last.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.times_ns
            .map_or(Duration::ZERO, |(first_ns, last_ns)| Duration::from_nanos(last_ns.saturating_sub(first_ns)))
    }

    /// Tells it all, in place of what a snapshot said before. Kept messages are told once. What the reader knows alone is left to it.
    pub fn tell(&mut self, now_ns: u64, statistics: &Statistics, snapshot: &mut Snapshot) {
        let senders: HashMap<_, _> = statistics.senders.iter().map(|sender| (sender.address, sender.counts)).collect();
        snapshot.time_ns = now_ns;
        snapshot.rows.clear();
        snapshot.rows.extend(self.channels.iter().map(|(channel, heard)| row(channel, heard, &senders, now_ns)));
        snapshot.beats.clear();
        snapshot.beats.extend(self.beats.iter().map(|(node, (address, time_ns))| (*node, *address, *time_ns)));
        snapshot.watched = self.watched.iter_mut().map(Watching::hand_on).collect();
        let recent = self.history.recent(now_ns, self.last_ns().unwrap_or_default());
        let total = statistics.total();
        snapshot.totals = Totals {
            messages: self.messages,
            bytes: self.bytes,
            messages_per_s: recent.rate_hz,
            bytes_per_s: recent.bytes_per_s,
            forgotten: self.channels.forgotten(),
            senders: statistics.senders.len(),
            lost: total.lost,
            incomplete: total.incomplete,
            malformed: statistics.malformed,
            kernel_drops: statistics.kernel_drops,
            receive_buffer_bytes: statistics.receive_buffer_bytes,
            receive_errors: statistics.receive_errors,
            has_ended: false,
        };
    }
}

impl Watching {
    fn new(channel: Channel) -> Self {
        Self { channel, samples: VecDeque::new(), bytes: 0, left_out: 0 }
    }

    fn push(&mut self, sample: &Sample) {
        let bytes = held_bytes(sample.payload().len());
        while self.samples.len() >= MAX_KEPT || !self.samples.is_empty() && self.bytes + bytes > MAX_KEPT_BYTES {
            let oldest = self.samples.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| held_bytes(oldest.payload().len()));
            self.left_out += 1;
        }
        self.bytes += bytes;
        self.samples.push_back(sample.clone());
    }

    fn hand_on(&mut self) -> Watched {
        self.bytes = 0;
        Watched {
            channel: self.channel,
            samples: std::mem::take(&mut self.samples).into(),
            left_out: std::mem::take(&mut self.left_out),
        }
    }
}

/// What a message takes of memory while it is kept: one of some size keeps the buffer that it was received in.
pub(super) fn held_bytes(payload_bytes: usize) -> usize {
    if payload_bytes < COPIED_BYTES { payload_bytes } else { payload_bytes.max(BUFFER_BYTES) }
}

fn is_beat(channel: &Channel) -> bool {
    *channel == *beats::CHANNEL
}

fn row(channel: &Channel, heard: &HeardChannel, senders: &HashMap<SocketAddrV4, SenderCounts>, now_ns: u64) -> Row {
    let recent = heard.recent(now_ns);
    let (addresses, has_more) = heard.senders();
    let of_senders = addresses.iter().filter_map(|sender| senders.get(sender));
    Row {
        channel: *channel,
        type_name: heard.typing.name.clone(),
        agreement: heard.typing.agreement,
        mismatched: heard.typing.mismatched,
        messages: heard.traffic.messages,
        bytes: heard.traffic.bytes,
        rate_hz: recent.map(|recent| recent.rate_hz),
        mean_rate_hz: heard.arrivals.mean_rate_hz(),
        bytes_per_s: recent.map_or(0.0, |recent| recent.bytes_per_s),
        jitter_s: recent.map(|recent| recent.jitter_s),
        sizes: heard.traffic.sizes().unwrap_or(Sizes { min: 0, mean: 0.0, max: 0 }),
        last_bytes: heard.last_bytes,
        age_s: heard.arrivals.age_s(now_ns).unwrap_or_default(),
        senders: Senders { latest: addresses.first().copied(), count: addresses.len(), has_more },
        lost: Lost {
            of_channel: heard.loss(),
            of_senders: of_senders
                .fold(0, |sum, counts| sum.saturating_add(counts.lost).saturating_add(counts.incomplete)),
        },
        bars: heard.bars(now_ns),
    }
}

/// Whose messages are kept at once.
pub const MAX_WATCHED: usize = 16;

/// Messages that are kept of a channel until they are told of.
const MAX_KEPT: usize = 1024;

/// What they take of memory; a single message may take more.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// Smaller payloads are copied out of the buffers that they were received in, which are so large; see [`lcm::Payload`].
const COPIED_BYTES: usize = 16 << 10;
const BUFFER_BYTES: usize = 64 << 10;

/// Whose beats are remembered.
const MAX_NODES: usize = 1024;

#[cfg(test)]
mod tests {
    use lcm::Message;
    use lcm_types::dimos_mesh;
    use lcm_types::geometry_msgs::Twist;

    use super::*;

    fn tally(only: &[&str]) -> Tally {
        let only = only.iter().map(|text| Selection::new(text).unwrap()).collect();
        Tally::new(Arc::new(lcm_types::catalog_with::<&str>([]).unwrap()), only)
    }

    fn take(tally: &mut Tally, channel: &str, payload: &[u8]) {
        let sample = Sample::default().carried(Channel::new(channel).unwrap(), payload);
        tally.take(&Heard::of(&sample));
        if tally.wants_whole(sample.channel()) {
            tally.keep(&sample);
        }
    }

    fn told(tally: &mut Tally) -> Snapshot {
        let mut snapshot = Snapshot::default();
        tally.tell(1_000, &Statistics::default(), &mut snapshot);
        snapshot.rows.sort_by_key(|row| row.channel);
        snapshot
    }

    #[test]
    fn channels_that_are_not_selected_do_not_count() {
        let mut tally = tally(&["/scan", "/robot0/*"]);
        for channel in ["/scan#sensor_msgs.LaserScan", "/scanner", "/robot0/odom", "/robot1/odom"] {
            take(&mut tally, channel, b"12345678");
        }
        let snapshot = told(&mut tally);
        let names: Vec<_> = snapshot.rows.iter().map(|row| row.channel.to_string()).collect();
        assert_eq!(names, ["/robot0/odom", "/scan#sensor_msgs.LaserScan"]);
        assert_eq!((snapshot.totals.messages, snapshot.totals.bytes), (2, 16));
    }

    #[test]
    fn messages_are_kept_of_what_is_watched_and_told_once() {
        let mut tally = tally(&[]);
        let twist = Twist::default().encode().unwrap();
        let channel = Channel::new("/cmd_vel#geometry_msgs.Twist").unwrap();
        take(&mut tally, "/cmd_vel#geometry_msgs.Twist", &twist);
        assert!(told(&mut tally).watched.is_empty());
        tally.watch(&[channel]);
        for _ in 0..3 {
            take(&mut tally, "/cmd_vel#geometry_msgs.Twist", &twist);
            take(&mut tally, "/other", &twist);
        }
        let snapshot = told(&mut tally);
        let [watched] = &snapshot.watched[..] else { panic!("{snapshot:?}") };
        assert_eq!((watched.channel, watched.samples.len(), watched.left_out), (channel, 3, 0));
        assert!(told(&mut tally).watched[0].samples.is_empty());
        for _ in 0..MAX_KEPT + 10 {
            take(&mut tally, "/cmd_vel#geometry_msgs.Twist", &twist);
        }
        let watched = told(&mut tally).watched.remove(0);
        assert_eq!((watched.samples.len(), watched.left_out), (MAX_KEPT, 10));
        let large = vec![0; MAX_KEPT_BYTES + 1];
        take(&mut tally, "/cmd_vel#geometry_msgs.Twist", &twist);
        take(&mut tally, "/cmd_vel#geometry_msgs.Twist", &large);
        assert_eq!(told(&mut tally).watched[0].samples.len(), 1);
        tally.watch(&[]);
        assert!(!tally.wants_whole(&channel));
    }

    #[test]
    fn beats_that_are_forged_cost_nothing_that_grows() {
        let mut tally = tally(&[]);
        for number in 1..5_000 {
            let channel = |index: i64| dimos_mesh::ChannelCount {
                channel: format!("/c{}", number * 20 + index),
                published: i64::MAX,
            };
            let beat = dimos_mesh::Beat {
                version: dimos_mesh::Claim::VERSION.cast_unsigned(),
                node: number,
                channels: (0..20).map(channel).collect(),
                ..dimos_mesh::Beat::default()
            };
            take(&mut tally, beats::CHANNEL, &beat.encode().unwrap());
        }
        let snapshot = told(&mut tally);
        assert!(snapshot.beats.len() <= MAX_NODES);
        assert_eq!(snapshot.rows.len(), 1);
    }
}
