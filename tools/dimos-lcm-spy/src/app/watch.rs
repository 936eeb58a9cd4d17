//! One channel that is looked at: what is seen of its messages, and how many could not be decoded.

use std::sync::Arc;

use lcm::schema::{Catalog, Suffix};
use lcm::{Channel, Sample};

use crate::detail::{Colours, Detail};
use crate::reading::snapshot::Snapshot;

/// What is known of the channel beside its row.
#[derive(Debug)]
pub struct Watch {
    /// The channel.
    pub channel: Channel,
    /// Its messages.
    pub detail: Detail,
    /// Messages that could not be decoded since it is looked at.
    pub undecodable: u64,
    /// Why the last of them could not.
    pub reason: Option<String>,
}

impl Watch {
    /// Of a channel, of which no message has been seen yet.
    #[must_use]
    pub fn new(catalog: &Arc<Catalog>, channel: Channel, colours: Colours) -> Self {
        let detail = Detail::new(Arc::clone(catalog), channel.as_bytes(), colours);
        Self { channel, detail, undecodable: 0, reason: None }
    }

    /// Takes its messages out of a snapshot. Returns how many of them could not be decoded.
    pub fn take(&mut self, snapshot: &mut Snapshot, catalog: &Catalog) -> u64 {
        let Some(watched) = snapshot.watched.iter_mut().find(|watched| watched.channel == self.channel) else {
            return 0;
        };
        let samples = std::mem::take(&mut watched.samples);
        let mut undecodable = 0;
        for sample in samples.iter().rev().take(MAX_DECODED) {
            if let Some(reason) = undecodable_because(catalog, sample) {
                undecodable += 1;
                self.reason = Some(reason);
            }
        }
        self.undecodable += undecodable;
        let unseen = if self.detail.wants_every_message() { 0 } else { samples.len().saturating_sub(1) };
        for sample in samples.iter().skip(unseen) {
            self.detail.take(sample.payload().clone(), sample.receive_time_ns());
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
