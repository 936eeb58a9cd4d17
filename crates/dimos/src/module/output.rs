//! Ports that messages go out by.

use std::fmt;
use std::io::IoSlice;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lcm::{Channel, Message, PublishError, Publisher};

use super::declaration::{Declaration, Part, PartOptions};
use super::parts::Parts;
use crate::contract::Direction;
use crate::mesh::Published;

/// A port that messages of a type go out by. Clones are the same port, and any thread may have one.
///
/// Publishing copies no blob: the kernel takes them from where they lie. With `#[port(latched)]` the last message is kept, which
/// copies it once, and whoever subscribes later gets it at once.
pub struct Out<T> {
    port: Arc<OutPort>,
    message: PhantomData<fn(T)>,
}

/// What became of the messages of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutCounts {
    /// Messages that the kernel took.
    pub published: u64,
    /// Messages that were refused.
    pub failed: u64,
    /// Messages that were sent again to late subscribers.
    pub latched: u64,
}

/// Publishes bytes on any channel, from [`Context::raw_out`](super::Context::raw_out). Clones are the same, and any thread may have one.
#[derive(Debug, Clone)]
pub struct RawOut {
    publisher: Publisher,
    /// Whether this process has lost its name.
    is_silenced: Arc<AtomicBool>,
}

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutError {
    /// The bus did not take it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Another process has taken this one's name and publishes in its place.
    #[error("nothing is published on {channel} any more: another process has taken this one's name")]
    Displaced {
        /// The channel.
        channel: Channel,
    },
}

/// A port, whatever its type.
#[derive(Debug)]
pub(super) struct OutPort {
    pub(super) channel: Channel,
    publisher: Publisher,
    /// Whether this process has lost its name.
    is_silenced: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    failed: AtomicU64,
    latched: AtomicU64,
    /// The last message of a latched port.
    last: Option<Mutex<Option<Arc<Vec<u8>>>>>,
}

impl<T: Message> Out<T> {
    /// Publishes a message.
    ///
    /// # Errors
    /// If the kernel does not take it, its arrays contradict each other, or another process has taken this one's name. It is counted,
    /// too.
    pub fn publish(&self, message: &T) -> Result<(), OutError> {
        let channel = self.port.channel;
        let encode = |source| PublishError::Encode { channel, name: T::NAME, source };
        let gathered = message.gather().map_err(encode).inspect_err(|_| self.port.count_failed())?;
        self.port.publish(&gathered.slices())
    }

    /// Publishes a message that is encoded already, as one that only passes through is.
    ///
    /// # Errors
    /// As [`Out::publish`].
    pub fn publish_encoded(&self, message: &[u8]) -> Result<(), OutError> {
        self.port.publish(&[IoSlice::new(message)])
    }

    /// The channel it is published on.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.port.channel
    }

    /// What became of its messages so far.
    #[must_use]
    pub fn counts(&self) -> OutCounts {
        self.port.counts()
    }
}

impl OutPort {
    pub(super) fn new(channel: Channel, publisher: Publisher, is_silenced: Arc<AtomicBool>, is_latched: bool) -> Self {
        let (published, failed, latched) = Default::default();
        let last = is_latched.then(|| Mutex::new(None));
        Self { channel, publisher, is_silenced, published, failed, latched, last }
    }

    pub(super) fn publish(&self, slices: &[IoSlice<'_>]) -> Result<(), OutError> {
        if self.is_silenced.load(Ordering::Relaxed) {
            self.count_failed();
            return Err(OutError::Displaced { channel: self.channel });
        }
        // Held until it is sent: who is given the last message has not got it before, or knows it.
        let mut last = self.last.as_ref().map(|last| last.lock().unwrap_or_else(PoisonError::into_inner));
        self.publisher.publish_gathered(self.channel, slices).inspect_err(|_| self.count_failed())?;
        if let Some(last) = &mut last {
            let mut message = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum());
            for slice in slices {
                message.extend_from_slice(slice);
            }
            **last = Some(Arc::new(message));
        }
        self.published.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The last message, of a latched port.
    pub(super) fn last(&self) -> Option<Arc<Vec<u8>>> {
        if self.is_silenced.load(Ordering::Relaxed) {
            return None;
        }
        self.last.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_latched(&self) -> bool {
        self.last.is_some()
    }

    /// What beats tell of it.
    pub(super) fn published_on_beats(&self) -> Published {
        Published { channel: self.channel.to_string(), count: Arc::clone(&self.published) }
    }

    pub(super) fn count_latched(&self) {
        self.latched.fetch_add(1, Ordering::Relaxed);
    }

    fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> OutCounts {
        OutCounts {
            published: self.published.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            latched: self.latched.load(Ordering::Relaxed),
        }
    }
}

impl RawOut {
    pub(super) fn new(publisher: Publisher, is_silenced: Arc<AtomicBool>) -> Self {
        Self { publisher, is_silenced }
    }

    /// Publishes bytes on a channel.
    ///
    /// # Errors
    /// If the kernel does not take them, or another process has taken this one's name.
    pub fn publish(&self, channel: Channel, message: &[u8]) -> Result<(), OutError> {
        if self.is_silenced.load(Ordering::Relaxed) {
            return Err(OutError::Displaced { channel });
        }
        Ok(self.publisher.publish(channel, message)?)
    }
}

impl<T: Message> Part for Out<T> {
    fn declare(declaration: &mut Declaration, name: &'static str, options: PartOptions) {
        declaration.port(Direction::Out, name, T::NAME, options);
    }

    fn assemble(parts: &mut Parts, name: &'static str) -> Self {
        Self { port: parts.output(name), message: PhantomData }
    }
}

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        Self { port: Arc::clone(&self.port), message: PhantomData }
    }
}

impl<T> fmt::Debug for Out<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").field("channel", &self.port.channel).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use lcm::memory::MemoryBus;
    use lcm_types::std_msgs;

    use super::*;

    #[test]
    fn what_becomes_of_messages_is_counted() {
        let bus = MemoryBus::new(0);
        let (mut hearing, is_silenced) = (bus.join(), Arc::new(AtomicBool::new(false)));
        let channel = Channel::new("/said#std_msgs.String").unwrap();
        let port = OutPort::new(channel, bus.join().publisher(), Arc::clone(&is_silenced), true);
        let out = Out::<std_msgs::String> { port: Arc::new(port), message: PhantomData };
        let say = |text: &str| out.publish(&std_msgs::String { data: text.to_owned() });
        say("hello").unwrap();
        is_silenced.store(true, Ordering::SeqCst);
        assert!(matches!(say("hello"), Err(OutError::Displaced { .. })));
        assert!(matches!(out.publish_encoded(b"x"), Err(OutError::Displaced { .. })));
        assert_eq!(out.counts(), OutCounts { published: 1, failed: 2, latched: 0 });
        // Nothing is there for others either, and what was not sent is not what is kept.
        assert!(out.port.last().is_none());
        is_silenced.store(false, Ordering::SeqCst);
        let sent = hearing.receive(None).unwrap().unwrap().payload().to_vec();
        assert_eq!(*out.port.last().unwrap(), sent);
        assert!(hearing.receive(None).unwrap().is_none());
    }
}
