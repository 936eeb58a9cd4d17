//! A connection that the calling thread reads: no hand-off between threads, the lowest latency.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::lcm::{OpenError, open};
use crate::pattern::{Pattern, PatternError};
use crate::publisher::Publisher;
use crate::receiver::{Receipt, Receiver};
use crate::sample::Sample;
use crate::statistics::{Counters, Statistics};
use crate::subscriptions::{Dispatcher, Entry, Reads, Sink, Subscriptions};

/// A connection to a bus that the calling thread reads.
///
/// Handlers run on the thread that calls [`Inline::handle`], one at a time, on the message as it lies in the receive buffer.
/// What a handler leaves unread waits in the kernel's receive buffer, so a slow handler loses messages there; with
/// [`crate::Lcm`] a thread reads on.
///
/// ```no_run
/// let mut bus = lcm::Inline::from_env()?;
/// let publisher = bus.publisher();
/// bus.subscribe("PING", move |message| {
///     if let Err(error) = publisher.publish("PONG", message.payload()) {
///         eprintln!("{error}");
///     }
/// })?;
/// loop {
///     bus.handle(None)?;
/// }
/// # #[expect(unreachable_code, reason = "the example never ends")]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Inline {
    publisher: Publisher,
    receiver: Receiver,
    counters: Arc<Counters>,
    subscriptions: Arc<Subscriptions>,
    dispatcher: Dispatcher,
    message: Sample,
}

/// Stands for a handler that was subscribed. Dropping it changes nothing; the handler stays until it is unsubscribed or its
/// connection goes.
#[derive(Debug, Clone)]
pub struct Handle {
    // Weak, since a handler may own its own handle.
    subscriptions: Weak<Subscriptions>,
    entry: Weak<Entry>,
}

/// A message that [`Inline::overhear`] tells of.
#[derive(Debug, Clone, Copy)]
pub struct Overheard<'a> {
    /// The message; if it is not whole its payload is only what it begins with, up to 16 bytes.
    pub sample: &'a Sample,
    /// The size of the message.
    pub message_bytes: usize,
    /// Whether the payload is the message's.
    pub is_whole: bool,
}

impl Handle {
    /// Takes the handler off, from any thread and inside any handler, its own too: it is not called again, though a call
    /// under way on the reading thread finishes.
    pub fn unsubscribe(&self) {
        if let (Some(subscriptions), Some(entry)) = (self.subscriptions.upgrade(), self.entry.upgrade()) {
            subscriptions.remove(&entry);
        }
    }
}

impl Inline {
    /// Joins the bus that `LCM_DEFAULT_URL` names, or `udpm://239.255.76.67:7667?ttl=0`.
    ///
    /// # Errors
    /// A URL that is none, or a bus that cannot be joined.
    pub fn from_env() -> Result<Self, OpenError> {
        Self::open("")
    }

    /// Joins the bus of a URL (see [`crate::Url`]); an empty one stands for [`Inline::from_env`].
    ///
    /// # Errors
    /// A URL that is none, or a bus that cannot be joined.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let opened = open(url)?;
        let receiver = opened.receiver()?;
        Ok(Self::from_parts(opened.publisher, receiver, opened.counters, opened.subscriptions))
    }

    pub(crate) fn from_parts(
        publisher: Publisher,
        receiver: Receiver,
        counters: Arc<Counters>,
        subscriptions: Arc<Subscriptions>,
    ) -> Self {
        let dispatcher = Dispatcher::new(Arc::clone(&subscriptions));
        Self { publisher, receiver, counters, subscriptions, dispatcher, message: Sample::default() }
    }

    /// The publishing side, to be cloned and moved wherever it is needed.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Has `handler` called for each message on the channels of `pattern`.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn subscribe<P>(
        &self,
        pattern: P,
        handler: impl FnMut(&Sample) + Send + 'static,
    ) -> Result<Handle, PatternError>
    where
        P: TryInto<Pattern>,
        PatternError: From<P::Error>,
    {
        let entry = self.subscriptions.add(pattern.try_into()?, Sink::Handler(Box::new(handler)));
        Ok(Handle { subscriptions: Arc::downgrade(&self.subscriptions), entry: Arc::downgrade(&entry) })
    }

    /// Waits for the next message that a handler wants, at most `timeout` (`None` waits for ever), and runs its handlers.
    /// False when none came in time, or at the end of an event log.
    ///
    /// Once most of what comes is unwanted, and if exact names and prefixes (globs ending with their only `*`) are all that is
    /// subscribed, the kernel keeps the rest away: it neither wakes this process nor costs its senders.
    ///
    /// # Errors
    /// What the kernel says on receiving.
    pub fn handle(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        self.dispatcher.set_reads(Reads::Subscribed);
        let received = self.receiver.receive(timeout, &mut self.dispatcher, &mut self.message)? == Receipt::Message;
        if received {
            self.dispatcher.dispatch(&self.message);
        }
        Ok(received)
    }

    /// Waits for the next message of any channel, at most `timeout` (`None` waits for ever), and lends it. Handlers do not
    /// run, and what they miss meanwhile they do not get later.
    ///
    /// # Errors
    /// What the kernel says on receiving.
    pub fn receive(&mut self, timeout: Option<Duration>) -> io::Result<Option<&Sample>> {
        self.dispatcher.set_reads(Reads::Everything);
        let received = self.receiver.receive(timeout, &mut self.dispatcher, &mut self.message)?;
        Ok((received == Receipt::Message).then_some(&self.message))
    }

    /// Waits for the next message of any channel, at most `timeout` (`None` waits for ever), tells of it, and runs its handlers if it
    /// has any.
    ///
    /// Large messages that no handler wants are not copied out of the kernel: of those only channel, size, and beginning are told. So
    /// whoever counts what goes over a bus pays for the messages, not for their bytes. Those that stay incomplete are counted
    /// ([`crate::SenderCounts::incomplete`]).
    ///
    /// # Errors
    /// What the kernel says on receiving.
    pub fn overhear(&mut self, timeout: Option<Duration>) -> io::Result<Option<Overheard<'_>>> {
        self.dispatcher.set_reads(Reads::Overhears);
        let sample = &mut self.message;
        let overheard = match self.receiver.receive(timeout, &mut self.dispatcher, sample)? {
            Receipt::Nothing => return Ok(None),
            Receipt::Message => {
                self.dispatcher.dispatch(sample);
                Overheard { sample, message_bytes: sample.payload.len(), is_whole: true }
            }
            Receipt::Beginning { message_bytes } => Overheard { sample, message_bytes, is_whole: false },
        };
        Ok(Some(overheard))
    }

    /// For those who wait with [`Inline::poll_fd`]: to be called before, it looks for the next message without sleeping, as
    /// [`Inline::handle`] does, for up to 50 µs (`spin=` in the URL) where the last answer to something published came that soon.
    /// True if there is something to [`Inline::handle`] and no need to wait.
    ///
    /// # Errors
    /// What the kernel says on receiving.
    pub fn anticipate(&mut self) -> io::Result<bool> {
        self.dispatcher.set_reads(Reads::Subscribed);
        self.receiver.anticipate()
    }

    /// Whether no message will come any more: at the end of an event log, and nowhere else. Then [`Inline::handle`] and
    /// [`Inline::receive`] return at once, and [`Inline::poll_fd`] is readable.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.receiver.ended()
    }

    /// Becomes readable when there is something to receive, for poll(2) and its like; `None` on a bus in memory. When it is,
    /// call [`Inline::handle`] with [`Duration::ZERO`] until it is false: readable does not promise a whole message, and several
    /// may have come at once. Those were all taken from the kernel and do not make it readable: who stops earlier calls
    /// [`Inline::anticipate`] before waiting.
    #[must_use]
    pub fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.receiver.poll_fd()
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.counters.snapshot()
    }
}
