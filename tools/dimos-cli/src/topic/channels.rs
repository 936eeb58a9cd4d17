//! The channels that are heard, and what is known of each. A flood of channels displaces itself.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use lcm::{Channel, Sample};

use super::statistics::{Arrivals, Traffic};

/// What was heard, by channel.
#[derive(Debug, Default)]
pub(super) struct Channels {
    heard: BTreeMap<Channel, HeardChannel>,
    /// How many of them a single message came on.
    once: usize,
    /// Messages of channels that were forgotten again, or not remembered.
    forgotten: u64,
}

/// What was heard on a channel.
#[derive(Debug)]
pub(super) struct HeardChannel {
    pub(super) arrivals: Arrivals,
    pub(super) traffic: Traffic,
    pub(super) last_bytes: usize,
    /// What the last message begins with: its fingerprint, if it has one.
    pub(super) beginning: Vec<u8>,
    /// Where it came from, as far as remembered.
    pub(super) senders: Vec<SocketAddrV4>,
}

impl Channels {
    /// A message came.
    pub(super) fn push(&mut self, sample: &Sample) {
        if let Some(heard) = self.heard.get_mut(sample.channel()) {
            self.once -= usize::from(heard.arrivals.count() == 1);
            heard.push(sample);
            return;
        }
        // Those with a single message, which is all that most of a flood sends; not for a few of them, since that takes long.
        if self.heard.len() >= MAX_CHANNELS && self.once >= MAX_CHANNELS / 10 {
            self.heard.retain(|_, heard| heard.arrivals.count() > 1);
            self.forgotten += self.once as u64;
            self.once = 0;
        }
        if self.heard.len() >= MAX_CHANNELS {
            self.forgotten += 1;
            return;
        }
        let mut heard = HeardChannel {
            arrivals: Arrivals::new(1),
            traffic: Traffic::default(),
            last_bytes: 0,
            beginning: Vec::new(),
            senders: Vec::new(),
        };
        heard.push(sample);
        self.heard.insert(*sample.channel(), heard);
        self.once += 1;
    }

    /// What was heard on a channel.
    pub(super) fn get(&self, channel: &Channel) -> Option<&HeardChannel> {
        self.heard.get(channel)
    }

    /// The channels, by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &Channel> {
        self.heard.keys()
    }

    /// Messages that are in no channel here.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl HeardChannel {
    fn push(&mut self, sample: &Sample) {
        let payload = &sample.payload()[..];
        self.arrivals.push(sample.receive_time_ns());
        self.traffic.push(payload.len());
        self.last_bytes = payload.len();
        self.beginning.clear();
        self.beginning.extend_from_slice(&payload[..payload.len().min(BEGINNING_BYTES)]);
        if let Some(sender) = sample.sender()
            && self.senders.len() < MAX_SENDERS
            && !self.senders.contains(&sender)
        {
            self.senders.push(sender);
        }
    }
}

/// Remembered at once.
const MAX_CHANNELS: usize = 10_000;

/// Of a channel.
const MAX_SENDERS: usize = 8;

const BEGINNING_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(channel: &str, payload: &[u8]) -> Sample {
        Sample::default().carried(Channel::new(channel).unwrap(), payload)
    }

    #[test]
    fn of_a_flood_of_channels_those_that_are_spoken_on_again_are_kept() {
        let mut channels = Channels::default();
        for number in 0..200_000 {
            channels.push(&message(&format!("FLOOD_{number}"), b"x"));
            if number % 1000 == 0 {
                channels.push(&message("/scan", b"ranges"));
                channels.push(&message("/scan", b"ranges, more"));
            }
        }
        let scan = channels.get(&Channel::new("/scan").unwrap()).unwrap();
        assert_eq!((scan.arrivals.count(), scan.last_bytes, &scan.beginning[..]), (400, 12, &b"ranges, "[..]));
        assert!(channels.names().count() <= MAX_CHANNELS);
        assert_eq!(channels.forgotten() + channels.names().count() as u64, 200_001);
        // On each of these a second message comes.
        for number in 0..40_000 {
            channels.push(&message(&format!("BUSY_{}", number / 2), b"x"));
        }
        assert!(channels.names().count() <= MAX_CHANNELS);
        assert_eq!(channels.get(&Channel::new("/scan").unwrap()).unwrap().arrivals.count(), 400);
    }
}
