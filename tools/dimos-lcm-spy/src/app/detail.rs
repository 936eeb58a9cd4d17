//! One channel that is looked at: its last message, and how many could not be decoded.

use lcm::schema::{Catalog, Suffix};
use lcm::{Channel, Sample};

use crate::reading::snapshot::Snapshot;

/// What is known of the channel beside its row.
#[derive(Debug)]
pub struct Detail {
    /// The channel.
    pub channel: Channel,
    /// Its last message.
    pub last: Option<Sample>,
    /// Messages that could not be decoded since it is looked at.
    pub undecodable: u64,
    /// Why the last of them could not.
    pub reason: Option<String>,
    /// Lines that have been scrolled by.
    pub scrolled: usize,
}

impl Detail {
    /// Of a channel, of which no message has been seen yet.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel, last: None, undecodable: 0, reason: None, scrolled: 0 }
    }

    /// Takes its messages out of a snapshot. Returns how many of them could not be decoded.
    pub fn take(&mut self, snapshot: &mut Snapshot, catalog: &Catalog, is_frozen: bool) -> u64 {
        let Some(watched) = snapshot.watched.iter_mut().find(|watched| watched.channel == self.channel) else {
            return 0;
        };
        let mut samples = std::mem::take(&mut watched.samples);
        let mut undecodable = 0;
        for sample in samples.iter().rev().take(MAX_DECODED) {
            if let Some(reason) = undecodable_because(catalog, sample) {
                undecodable += 1;
                self.reason = Some(reason);
            }
        }
        self.undecodable += undecodable;
        if let Some(last) = samples.pop()
            && !is_frozen
        {
            self.last = Some(last);
        }
        undecodable
    }
}

/// Why a message of a known type cannot be decoded. That it is of another type is counted elsewhere.
fn undecodable_because(catalog: &Catalog, sample: &Sample) -> Option<String> {
    let identity = catalog.identify(sample.channel().as_bytes(), sample.payload());
    let is_typed = matches!(identity.suffix, Suffix::Agrees | Suffix::Missing);
    let message_type = identity.best().filter(|_| is_typed)?;
    message_type.decode(sample.payload()).err().map(|error| format!("it is no {}: {error}", message_type.name()))
}

/// Of a snapshot; of a faster channel not all are looked at.
const MAX_DECODED: usize = 100;
