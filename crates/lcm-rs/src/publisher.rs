//! Publishing: what a caller sees of it, whatever carries the messages.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::channel::{Channel, ChannelError};
use crate::fragment::MessageTooLarge;
use crate::statistics::Counters;
use crate::{memory, memq, udpm};

/// The publishing side of a connection. Clones publish through the same connection, from any thread.
#[derive(Debug, Clone)]
pub struct Publisher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Transport,
    counters: Arc<Counters>,
}

#[derive(Debug)]
pub(crate) enum Transport {
    Udpm(udpm::Sender),
    Memq(memq::Sender),
    Memory(memory::Sender),
}

/// Why a message was not published, or not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The channel cannot be one. Nothing was sent.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The message is too large. Nothing was sent.
    #[error(transparent)]
    MessageTooLarge(#[from] MessageTooLarge),
    /// The kernel refused a datagram: receivers got the fragments before this one, and will drop them.
    #[error("cannot send fragment {fragment} of {fragments} on channel {channel}: {source}")]
    Send {
        /// The channel.
        channel: Channel,
        /// Which fragment failed, from 0.
        fragment: usize,
        /// How many there are; 1 for a message of one datagram.
        fragments: usize,
        /// What the kernel says.
        source: io::Error,
    },
}

impl Publisher {
    pub(crate) fn new(transport: Transport, counters: Arc<Counters>) -> Self {
        Self { inner: Arc::new(Inner { transport, counters }) }
    }

    /// Publishes `payload` on `channel`. When this returns, the kernel has all of it.
    ///
    /// # Errors
    /// A channel name LCM cannot carry, a message over its limits, or what the kernel says on sending.
    pub fn publish(&self, channel: impl AsRef<[u8]>, payload: &[u8]) -> Result<(), PublishError> {
        self.publish_gathered(channel, &[IoSlice::new(payload)])
    }

    /// Publishes the concatenation of `payload` on `channel`, without copying it together: the kernel gathers it from where
    /// it lies. (From 1024 slices on it is copied.)
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish_gathered(&self, channel: impl AsRef<[u8]>, payload: &[IoSlice<'_>]) -> Result<(), PublishError> {
        let channel = Channel::new(channel)?;
        let bytes = match &self.inner.transport {
            Transport::Udpm(sender) => sender.publish(channel, payload)?,
            Transport::Memq(sender) => sender.publish(channel, payload)?,
            Transport::Memory(sender) => sender.publish(channel, payload)?,
        };
        self.inner.counters.published_messages.add_shared(1);
        self.inner.counters.published_bytes.add_shared(bytes as u64);
        Ok(())
    }
}
