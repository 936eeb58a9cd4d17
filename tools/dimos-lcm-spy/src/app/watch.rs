//! One channel that is looked at: what is seen of its messages, and what is not.

use std::sync::Arc;

use lcm::Channel;
use lcm::schema::Catalog;

use crate::detail::{Colours, Detail};
use crate::reading::snapshot::Snapshot;

/// What is known of the channel beside its row.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The channel.
    pub(crate) channel: Channel,
    /// Its messages.
    pub(crate) detail: Detail,
    /// Messages that are not in its plots, because they came too fast.
    pub(crate) left_out: u64,
    /// Those that could not be decoded when it was looked at before.
    undecodable_before: u64,
}

impl Watch {
    /// Of a channel, of which no message has been seen yet, or some of which so many could not be decoded.
    #[must_use]
    pub(crate) fn new(catalog: &Arc<Catalog>, channel: Channel, colours: Colours, undecodable_before: u64) -> Self {
        let detail = Detail::new(Arc::clone(catalog), channel.as_bytes(), colours);
        Self { channel, detail, left_out: 0, undecodable_before }
    }

    /// Takes its messages out of a snapshot: the newest, or all where fields are plotted.
    pub(crate) fn take(&mut self, snapshot: &mut Snapshot) {
        let Some(watched) = snapshot.watched.iter_mut().find(|watched| watched.channel == self.channel) else { return };
        let samples = std::mem::take(&mut watched.samples);
        let is_plotted = self.detail.wants_every_message();
        let unseen = if is_plotted { 0 } else { samples.len().saturating_sub(1) };
        self.left_out += if is_plotted { watched.left_out } else { 0 };
        for sample in samples.iter().skip(unseen) {
            self.detail.take(sample.payload().clone(), sample.receive_time_ns());
        }
    }

    /// Messages that could not be decoded, of those that were drawn or plotted.
    #[must_use]
    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable_before + self.detail.undecodable().0
    }
}
