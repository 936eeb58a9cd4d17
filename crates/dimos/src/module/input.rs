//! Ports that messages come in by.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lcm::{Channel, Message, Sample};

use super::declaration::{Declaration, Part, PartOptions};
use super::outcome::HandlerError;
use super::parts::Parts;
use crate::contract::Direction;

/// A port that messages of a type come in by.
///
/// With a handler, messages wait for it: the last 32 at most, unless the port says otherwise. Each is held whole while it waits, so
/// 32 images of 6 MB take 190 MB: ports of large messages are `latest`, or keep few. Without a handler, [`In::latest`] has the newest
/// message, and what the port says of keeping has no effect.
pub struct In<T> {
    port: Arc<InPort>,
    message: PhantomData<fn() -> T>,
}

/// What became of the messages of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InCounts {
    /// Messages that arrived.
    pub received: u64,
    /// Messages that gave way to newer ones before the handler came to them.
    pub overtaken: u64,
    /// Messages that are not of the port's type, or damaged.
    pub undecodable: u64,
}

/// A port, whatever its type.
#[derive(Debug)]
pub(super) struct InPort {
    pub(super) name: &'static str,
    pub(super) channel: Channel,
    latest: Mutex<Option<Sample>>,
    received: AtomicU64,
    overtaken: AtomicU64,
    undecodable: AtomicU64,
}

impl<T: Message> In<T> {
    /// The newest message: of a port with a handler the one that was handled last, of others the one that came last. If that is no
    /// `T` there is none, and it is counted.
    #[must_use]
    pub fn latest(&self) -> Option<T> {
        let sample = self.latest_sample()?;
        T::decode(sample.payload()).inspect_err(|_| self.port.pass_over(&sample)).ok()
    }

    /// [`In::latest`], as it came: for a view, for the time it came at and who sent it.
    #[must_use]
    pub fn latest_sample(&self) -> Option<Sample> {
        self.port.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The channel it is heard on.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.port.channel
    }

    /// What became of its messages so far.
    #[must_use]
    pub fn counts(&self) -> InCounts {
        self.port.counts()
    }
}

impl InPort {
    pub(super) fn new(name: &'static str, channel: Channel) -> Self {
        let (received, overtaken, undecodable) = Default::default();
        Self { name, channel, latest: Mutex::new(None), received, overtaken, undecodable }
    }

    pub(super) fn count_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_overtaken(&self, samples: u64) {
        self.overtaken.fetch_add(samples, Ordering::Relaxed);
    }

    pub(super) fn count_undecodable(&self) {
        self.undecodable.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message as undecodable, once, and forgets it.
    fn pass_over(&self, sample: &Sample) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.take_if(|latest| latest.payload().as_ptr() == sample.payload().as_ptr()).is_some() {
            self.count_undecodable();
        }
    }

    pub(super) fn counts(&self) -> InCounts {
        InCounts {
            received: self.received.load(Ordering::Relaxed),
            overtaken: self.overtaken.load(Ordering::Relaxed),
            undecodable: self.undecodable.load(Ordering::Relaxed),
        }
    }

    pub(super) fn set_latest(&self, sample: Sample) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
    }
}

impl<T: Message> Part for In<T> {
    fn declare(declaration: &mut Declaration, name: &'static str, options: PartOptions) {
        declaration.port(Direction::In, name, T::NAME, options);
    }

    fn assemble(parts: &mut Parts, name: &'static str) -> Self {
        Self { port: parts.input(name), message: PhantomData }
    }
}

impl<T> fmt::Debug for In<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("In").field("channel", &self.port.channel).finish_non_exhaustive()
    }
}

/// The message that a handler takes, of its own. For the macros.
#[doc(hidden)]
pub fn owned<T: Message>(_: &In<T>, sample: &Sample) -> Result<T, HandlerError> {
    Ok(T::decode(sample.payload())?)
}

/// The message that a handler looks at where it lies. For the macros.
#[doc(hidden)]
pub fn view<'a, T: Message>(_: &In<T>, sample: &'a Sample) -> Result<T::View<'a>, HandlerError> {
    Ok(T::view(sample.payload())?)
}
