//! Publishing: what a caller sees of it, whatever carries the messages.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::channel::{Channel, ChannelError};
use crate::codec::{EncodeError, Message};
use crate::fragment::MessageTooLarge;
use crate::statistics::Counters;
use crate::{log, memory, memq, udpm};

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
    Log(log::Sender),
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
    /// The message cannot be put into bytes. Nothing was sent.
    #[error("cannot encode a {name} for channel {channel}: {source}")]
    Encode {
        /// The channel.
        channel: Channel,
        /// The message's type.
        name: &'static str,
        /// What is wrong with it.
        source: EncodeError,
    },
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
    /// The event log did not take it, for instance because the disk is full.
    #[error("cannot write a message on channel {channel} to the event log: {source}")]
    Log {
        /// The channel.
        channel: Channel,
        /// What the system says.
        source: io::Error,
    },
    /// The event log is open for reading.
    #[error("cannot publish on channel {channel} into an event log that is played: mode=w or mode=a writes one")]
    LogIsRead {
        /// The channel.
        channel: Channel,
    },
}

impl Inner {
    fn count(&self, messages: usize, bytes: usize) {
        self.counters.published_messages.add_shared(messages as u64);
        self.counters.published_bytes.add_shared(bytes as u64);
    }
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
            Transport::Log(sender) => sender.publish(channel, payload)?,
            Transport::Memory(sender) => sender.publish(channel, payload)?,
        };
        self.inner.count(1, bytes);
        Ok(())
    }

    /// Publishes a message of a generated type. Its blobs and long strings are not copied: the kernel gathers them from where
    /// they lie.
    ///
    /// # Errors
    /// If it cannot be encoded, because lengths of its arrays do not agree for instance; or as [`Publisher::publish`].
    pub fn publish_message<M: Message>(&self, channel: impl AsRef<[u8]>, message: &M) -> Result<(), PublishError> {
        let channel = Channel::new(channel)?;
        let gathered = message.gather().map_err(|source| PublishError::Encode { channel, name: M::NAME, source })?;
        self.publish_gathered(channel, &gathered.slices())
    }

    /// Publishes several messages on one channel, in order. Runs of small ones of equal size (up to 64, each in a datagram of
    /// at most 1400 bytes) go to the kernel in one call and are copied once on the way. On the wire each is a message like any
    /// other.
    ///
    /// # Errors
    /// As [`Publisher::publish`]. The messages before the one that failed have been sent; [`crate::Statistics`] counts them.
    pub fn publish_batch(&self, channel: impl AsRef<[u8]>, payloads: &[&[u8]]) -> Result<(), PublishError> {
        let channel = Channel::new(channel)?;
        match &self.inner.transport {
            Transport::Udpm(sender) => {
                sender.publish_batch(channel, payloads, |messages, bytes| self.inner.count(messages, bytes))
            }
            _ => payloads.iter().try_for_each(|payload| self.publish(channel, payload)),
        }
    }
}
