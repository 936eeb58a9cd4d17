//! The channels that are heard, and what is known of each. A flood of channels displaces itself.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use lcm::schema::Catalog;
use lcm::{Channel, Sample};

use super::beats::Beat;
use super::history::{History, Recent};
use super::losses::{Ledger, Loss};
use super::statistics::{Arrivals, Traffic};
use super::typing::Typing;

/// What was heard, by channel: of [`MAX_CHANNELS`] at most.
#[derive(Debug, Default)]
pub struct Channels {
    heard: HashMap<Channel, HeardChannel>,
    /// How many of them a single message came on.
    once: usize,
    /// Messages of channels that were forgotten again, or not remembered.
    forgotten: u64,
    /// How many of those came since it was looked for channels that have fallen silent.
    refused: u64,
    /// How many channels have a ledger.
    ledgers: usize,
}

/// A message, as far as it is looked at here.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// Where it was published.
    pub channel: &'a Channel,
    /// Where it came from.
    pub sender: Option<SocketAddrV4>,
    /// When; nanoseconds since the epoch.
    pub time_ns: u64,
    /// How large its payload is.
    pub bytes: usize,
    /// What its payload begins with: [`BEGINNING_BYTES`], or all of it if it is shorter.
    pub beginning: &'a [u8],
}

/// What was heard on a channel.
#[derive(Debug)]
pub struct HeardChannel {
    /// How many messages, and when.
    pub arrivals: Arrivals,
    /// How many bytes.
    pub traffic: Traffic,
    /// How large the last message was.
    pub last_bytes: usize,
    /// Where messages came from, and when the last one did, as far as remembered: [`MAX_SENDERS`] at most.
    senders: Vec<(SocketAddrV4, u64)>,
    /// When the last message came for whose sender there was no room.
    more_ns: Option<u64>,
    /// What type they are of; only where it was looked.
    pub typing: Typing,
    last_ns: u64,
    beginning: [u8; BEGINNING_BYTES],
    beginning_bytes: usize,
    /// From the second message on.
    history: Option<Box<History>>,
    /// From the first beat on that tells of the channel.
    ledger: Option<Box<Ledger>>,
}

impl Channels {
    /// A message came. With a catalog it is looked of what type it is.
    pub fn push(&mut self, heard: &Heard<'_>, catalog: Option<&Catalog>) {
        if let Some(channel) = self.heard.get_mut(heard.channel) {
            self.once -= usize::from(channel.arrivals.count() == 1);
            channel.push(heard, catalog);
            return;
        }
        self.make_room(heard.time_ns);
        if self.heard.len() >= MAX_CHANNELS {
            self.forgotten += 1;
            self.refused += 1;
            return;
        }
        let mut channel = HeardChannel::new();
        channel.push(heard, catalog);
        self.heard.insert(*heard.channel, channel);
        self.once += 1;
    }

    /// A beat came, that says how much its process has published on channels.
    pub fn beat(&mut self, beat: &Beat, time_ns: u64) {
        for (name, &published) in &beat.published {
            let Some(channel) = self.heard.get_mut(name) else { continue };
            if channel.ledger.is_none() && self.ledgers < MAX_LEDGERS {
                self.ledgers += 1;
                channel.ledger = Some(Box::new(Ledger::new(MAX_SENDERS)));
            }
            if let Some(ledger) = &mut channel.ledger {
                ledger.beat(beat.node, beat.address, published, time_ns);
            }
        }
    }

    /// What was heard on a channel.
    #[must_use]
    pub fn get(&self, channel: &Channel) -> Option<&HeardChannel> {
        self.heard.get(channel)
    }

    /// The channels, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Channel, &HeardChannel)> {
        self.heard.iter()
    }

    /// Messages that are in no channel here.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets some channels if there are too many: those with a single message, which is all that most of a flood sends; not for a
    /// few of them, since that takes long. Else those that have long been silent.
    fn make_room(&mut self, now_ns: u64) {
        if self.heard.len() < MAX_CHANNELS {
            return;
        }
        let is_flood = self.once >= MAX_CHANNELS / 10;
        if !is_flood && self.refused < MAX_CHANNELS as u64 / 10 {
            return;
        }
        self.refused = 0;
        let Self { heard, once, forgotten, ledgers, .. } = self;
        heard.retain(|_, channel| {
            let count = channel.arrivals.count();
            let is_kept = match is_flood {
                true => count > 1,
                false => now_ns.saturating_sub(channel.last_ns) < SILENT_NS,
            };
            if !is_kept {
                *forgotten += count;
                *once -= usize::from(count == 1);
                *ledgers -= usize::from(channel.ledger.is_some());
            }
            is_kept
        });
    }
}

impl<'a> Heard<'a> {
    /// Of a whole message.
    #[must_use]
    pub fn of(sample: &'a Sample) -> Self {
        let payload = &sample.payload()[..];
        Self {
            channel: sample.channel(),
            sender: sample.sender(),
            time_ns: sample.receive_time_ns(),
            bytes: payload.len(),
            beginning: &payload[..payload.len().min(BEGINNING_BYTES)],
        }
    }
}

impl HeardChannel {
    fn new() -> Self {
        Self {
            arrivals: Arrivals::new(1),
            traffic: Traffic::default(),
            last_bytes: 0,
            senders: Vec::new(),
            more_ns: None,
            typing: Typing::default(),
            last_ns: 0,
            beginning: [0; BEGINNING_BYTES],
            beginning_bytes: 0,
            history: None,
            ledger: None,
        }
    }

    /// What the last message begins with: its fingerprint, if it has one.
    #[must_use]
    pub fn beginning(&self) -> &[u8] {
        &self.beginning[..self.beginning_bytes]
    }

    /// How it is at this moment; nothing while there is one message only.
    #[must_use]
    pub fn recent(&self, now_ns: u64) -> Option<Recent> {
        self.history.as_ref().map(|history| history.recent(now_ns, self.last_ns))
    }

    /// The last seconds; see [`History::bars`].
    #[must_use]
    pub fn bars(&self, now_ns: u64) -> [u32; super::history::BARS] {
        self.history.as_ref().map(|history| history.bars(now_ns)).unwrap_or_default()
    }

    /// Where messages came from lately, as far as remembered, whoever was heard last first; and whether there are more.
    #[must_use]
    pub fn senders(&self) -> (Vec<SocketAddrV4>, bool) {
        let is_recent = |time_ns: u64| self.last_ns.saturating_sub(time_ns) < SILENT_NS;
        let mut recent: Vec<_> = self.senders.iter().filter(|(_, time_ns)| is_recent(*time_ns)).collect();
        recent.sort_by_key(|(_, time_ns)| std::cmp::Reverse(*time_ns));
        (recent.into_iter().map(|(address, _)| *address).collect(), self.more_ns.is_some_and(is_recent))
    }

    /// What was lost, if all who publish tell how much they do.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.ledger.as_ref().and_then(|ledger| ledger.loss())
    }

    fn push(&mut self, heard: &Heard<'_>, catalog: Option<&Catalog>) {
        if self.arrivals.count() > 0 {
            let history = self.history.get_or_insert_with(|| Box::new(History::new(self.last_ns)));
            history.push(heard.time_ns, heard.time_ns.saturating_sub(self.last_ns), heard.bytes);
        }
        self.last_ns = heard.time_ns;
        self.arrivals.push(heard.time_ns);
        self.traffic.push(heard.bytes);
        self.last_bytes = heard.bytes;
        self.beginning_bytes = heard.beginning.len().min(BEGINNING_BYTES);
        self.beginning[..self.beginning_bytes].copy_from_slice(&heard.beginning[..self.beginning_bytes]);
        if let Some(catalog) = catalog {
            self.typing.look(catalog, heard.channel, heard.beginning);
        }
        let Some(sender) = heard.sender else { return };
        self.push_sender(sender, heard.time_ns);
        if let Some(ledger) = &mut self.ledger {
            ledger.received(sender, heard.time_ns);
        }
    }

    /// Whoever has been silent for longest makes room, if that was long.
    fn push_sender(&mut self, sender: SocketAddrV4, time_ns: u64) {
        if let Some((_, last_ns)) = self.senders.iter_mut().find(|(address, _)| *address == sender) {
            *last_ns = time_ns;
            return;
        }
        if self.senders.len() < MAX_SENDERS {
            self.senders.push((sender, time_ns));
            return;
        }
        match self.senders.iter_mut().min_by_key(|(_, last_ns)| *last_ns) {
            Some(oldest) if time_ns.saturating_sub(oldest.1) >= SILENT_NS => *oldest = (sender, time_ns),
            _ => self.more_ns = Some(time_ns),
        }
    }
}

/// Remembered at once.
pub const MAX_CHANNELS: usize = 10_000;

/// Of a channel.
pub const MAX_SENDERS: usize = 8;

/// How much of a payload is kept.
pub const BEGINNING_BYTES: usize = 16;

/// Channels whose losses are known.
const MAX_LEDGERS: usize = 4096;

/// A channel that has been silent for so long makes room for another one, if there is none; likewise a sender.
const SILENT_NS: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(channels: &mut Channels, channel: &str, payload: &[u8], time_s: u64) {
        let channel = Channel::new(channel).unwrap();
        let (bytes, time_ns) = (payload.len(), time_s * 1_000_000_000);
        channels.push(&Heard { channel: &channel, sender: None, time_ns, bytes, beginning: payload }, None);
    }

    fn count(channels: &Channels, channel: &str) -> u64 {
        channels.get(&Channel::new(channel).unwrap()).map_or(0, |channel| channel.arrivals.count())
    }

    #[test]
    fn of_a_flood_of_channels_those_that_are_spoken_on_again_are_kept() {
        let mut channels = Channels::default();
        for number in 0..200_000 {
            push(&mut channels, &format!("FLOOD_{number}"), b"x", 0);
            if number % 1000 == 0 {
                push(&mut channels, "/scan", b"ranges", 0);
                push(&mut channels, "/scan", b"ranges, more", 0);
            }
        }
        let scan = channels.get(&Channel::new("/scan").unwrap()).unwrap();
        assert_eq!((scan.arrivals.count(), scan.last_bytes, scan.beginning()), (400, 12, &b"ranges, more"[..]));
        assert!(channels.iter().count() <= MAX_CHANNELS);
        assert_eq!(channels.forgotten() + channels.iter().count() as u64, 200_001);
        // On each of these a second message comes.
        for number in 0..40_000 {
            push(&mut channels, &format!("BUSY_{}", number / 2), b"x", 0);
        }
        assert!(channels.iter().count() <= MAX_CHANNELS);
        assert_eq!(count(&channels, "/scan"), 400);
    }

    #[test]
    fn the_sender_that_was_heard_last_comes_first_and_those_that_are_gone_are_forgotten() {
        let mut channels = Channels::default();
        let channel = Channel::new("/scan").unwrap();
        let address = |port| SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port);
        let mut hear = |port, time_s: u64| {
            let sender = Some(address(port));
            let time_ns = time_s * 1_000_000_000;
            channels.push(&Heard { channel: &channel, sender, time_ns, bytes: 1, beginning: b"x" }, None);
            channels.get(&channel).unwrap().senders()
        };
        let _ = hear(1, 0);
        assert_eq!(hear(2, 1), (vec![address(2), address(1)], false));
        assert_eq!(hear(1, 2).0[0], address(1));
        assert_eq!(hear(3, 100), (vec![address(3)], false));
        for port in 4..12 {
            let _ = hear(port, 101);
        }
        assert!(hear(12, 101).1 && hear(12, 101).0.len() == MAX_SENDERS);
        assert_eq!(hear(13, 300), (vec![address(13)], false));
    }

    #[test]
    fn channels_of_a_flood_that_is_over_make_room_after_a_while() {
        let mut channels = Channels::default();
        for number in 0..40_000 {
            push(&mut channels, &format!("BUSY_{}", number / 2), b"x", 0);
        }
        for second in 1..3000 {
            push(&mut channels, "/late", b"x", second);
            push(&mut channels, "/also", b"x", second);
        }
        assert!(count(&channels, "/late") > 1000 && count(&channels, "/also") > 1000);
        assert_eq!(channels.iter().count(), 2);
    }
}
