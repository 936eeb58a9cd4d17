//! Data for programs that use a mesh: typed messages, published and heard by topic.

use std::marker::PhantomData;
use std::time::Duration;

use lcm::codec::DecodeError;
use lcm::{Message, PublishError, Queue, SubscribeError, Subscription};

use crate::client::Dimos;
use crate::topic::{TopicError, channel_of, pattern_of, spellings};

/// Messages of one type, as they come.
#[derive(Debug)]
pub struct Messages<T> {
    subscription: Subscription,
    message: PhantomData<fn() -> T>,
}

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The topic has no channel.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The bus did not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why a topic is not heard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The topic has no channel.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The bus cannot be read.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

impl Dimos {
    /// Publishes a message on a topic; its blobs are not copied. How many were published tells each beat of this process, for
    /// the first [`MAX_PUBLISHED`](crate::presence::limits::MAX_PUBLISHED) channels: whoever listens can tell what it lost by
    /// [`Participant::published`](crate::presence::Participant::published).
    ///
    /// # Errors
    /// If the topic has no channel for messages of this type, or the bus does not take the message.
    pub fn publish<T: Message>(&self, topic: &str, message: &T) -> Result<(), SendError> {
        let channel = channel_of::<T>(topic)?;
        self.publisher().publish_message(channel, message)?;
        self.count_published(channel);
        Ok(())
    }

    /// The messages of one type on a topic, from now on.
    ///
    /// ```no_run
    /// use lcm_types::sensor_msgs::LaserScan;
    ///
    /// let dimos = dimos::Dimos::join()?;
    /// for scan in dimos.listen::<LaserScan>("/scan", lcm::Queue::keep_last(1))?.iter() {
    ///     println!("{} ranges", scan?.ranges.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the topic has no channel for messages of this type, or the bus cannot be read.
    pub fn listen<T: Message>(&self, topic: &str, queue: Queue) -> Result<Messages<T>, ListenError> {
        let channel = channel_of::<T>(topic)?;
        let pattern = pattern_of(&spellings(&channel)).map_err(SubscribeError::from)?;
        let subscription = self.bus().subscribe(pattern, queue)?;
        Ok(Messages { subscription, message: PhantomData })
    }
}

impl<T: Message> Messages<T> {
    /// Waits for the next message, so long at most. None came in time, or the connection is closed.
    ///
    /// # Errors
    /// If what came is no message of this type.
    pub fn next(&self, timeout: Duration) -> Result<Option<T>, DecodeError> {
        let sample = self.subscription.recv_timeout(timeout).unwrap_or_default();
        sample.map(|sample| T::decode(sample.payload())).transpose()
    }

    /// The messages as they come, until the connection is closed.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, DecodeError>> {
        self.subscription.iter().map(|sample| T::decode(sample.payload()))
    }

    /// Where they come from, undecoded: for a view, for times and senders, and for what was dropped.
    #[must_use]
    pub fn samples(&self) -> &Subscription {
        &self.subscription
    }
}
