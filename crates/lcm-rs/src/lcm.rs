//! A connection that a thread of its own reads, feeding queues; and how a URL becomes a connection.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::codec::Message;
use crate::pattern::{Pattern, PatternError};
use crate::publisher::{PublishError, Publisher, Transport};
use crate::queue::{Queue, QueueInput, Subscription};
use crate::receiver::{Closer, Receipt, Receiver};
use crate::sample::Sample;
use crate::statistics::{Counters, Statistics};
use crate::subscriptions::{Dispatcher, Entry, Sink, Subscriptions};
use crate::url::{FileUrl, UdpmUrl, Url, UrlError};
use crate::{log, memq, udpm};

/// A connection to a bus: publish from any thread, subscribe with queues. Clones are the same connection.
///
/// With the first subscription a receive thread starts. It never waits for a subscriber: one that is too slow loses messages
/// of its own queue, which counts them, and disturbs nobody else.
///
/// ```no_run
/// use lcm::{Lcm, Queue};
///
/// let bus = Lcm::from_env()?;
/// let poses = bus.subscribe("POSE", Queue::keep_last(10))?;
/// bus.publish("POSE", b"somewhere")?;
/// for message in &poses {
///     println!("{}: {:?}", message.channel(), message.payload());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lcm {
    core: Arc<Core>,
}

/// Why a bus could not be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// There is no way onto the bus.
    #[error(transparent)]
    Path(#[from] udpm::PathError),
    /// The socket that receives could not be made.
    #[error("cannot receive from {url}: {source}")]
    Receive {
        /// The bus.
        url: Url,
        /// What the kernel says.
        source: io::Error,
    },
    /// The event log of a `file` URL could not be opened.
    #[error("cannot open the event log of {url}: {source}")]
    EventLog {
        /// The URL.
        url: Url,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a subscription was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Receiving, which begins with the first subscription, failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Lcm {
    /// Joins the bus that `LCM_DEFAULT_URL` names, or `udpm://239.255.76.67:7667?ttl=0`.
    ///
    /// # Errors
    /// A URL that is none, or a bus that cannot be joined.
    pub fn from_env() -> Result<Self, OpenError> {
        Self::open("")
    }

    /// Joins the bus of a URL (see [`Url`]); an empty one stands for [`Lcm::from_env`].
    ///
    /// # Errors
    /// A URL that is none, or a bus that cannot be joined.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let opened = open(url)?;
        let core = Core { opened, thread: Mutex::new(None) };
        Ok(Self { core: Arc::new(core) })
    }

    /// Publishes `payload` on `channel`. When this returns, the kernel has all of it.
    ///
    /// # Errors
    /// A channel name LCM cannot carry, a message over its limits, or what the kernel says on sending.
    pub fn publish(&self, channel: impl AsRef<[u8]>, payload: &[u8]) -> Result<(), PublishError> {
        self.core.opened.publisher.publish(channel, payload)
    }

    /// Publishes the concatenation of `payload` on `channel` without copying it together.
    ///
    /// # Errors
    /// As [`Lcm::publish`].
    pub fn publish_gathered(&self, channel: impl AsRef<[u8]>, payload: &[IoSlice<'_>]) -> Result<(), PublishError> {
        self.core.opened.publisher.publish_gathered(channel, payload)
    }

    /// Publishes a message of a generated type; see [`Publisher::publish_message`].
    ///
    /// # Errors
    /// As there.
    pub fn publish_message<M: Message>(&self, channel: impl AsRef<[u8]>, message: &M) -> Result<(), PublishError> {
        self.core.opened.publisher.publish_message(channel, message)
    }

    /// Publishes several messages on one channel, small ones of equal size together; see [`Publisher::publish_batch`].
    ///
    /// # Errors
    /// As [`Lcm::publish`], for the first message that fails.
    pub fn publish_batch(&self, channel: impl AsRef<[u8]>, payloads: &[&[u8]]) -> Result<(), PublishError> {
        self.core.opened.publisher.publish_batch(channel, payloads)
    }

    /// The publishing side alone.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.core.opened.publisher.clone()
    }

    /// Subscribes to the channels of `pattern` (a `&str` is an exact name) with a queue of its own. The connection stays
    /// open while a subscription is held.
    ///
    /// # Errors
    /// A pattern that is none; with the first subscription also what keeps the connection from receiving.
    pub fn subscribe<P>(&self, pattern: P, queue: Queue) -> Result<Subscription, SubscribeError>
    where
        P: TryInto<Pattern>,
        PatternError: From<P::Error>,
    {
        let pattern = pattern.try_into().map_err(PatternError::from)?;
        let (input, output, dropped) = QueueInput::new(queue);
        let entry = self.core.opened.subscriptions.add(pattern, Sink::Queue(input));
        let registration = Registration { entry, core: Arc::clone(&self.core) };
        self.core.start_receiving()?;
        Ok(Subscription::new(output, dropped, registration))
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.core.opened.counters.snapshot()
    }
}

/// What all clones of a connection share.
#[derive(Debug)]
struct Core {
    opened: Opened,
    thread: Mutex<Option<ReceiveThread>>,
}

/// Holds a subscription in the table, and the connection open.
#[derive(Debug)]
pub(crate) struct Registration {
    entry: Arc<Entry>,
    core: Arc<Core>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.core.opened.subscriptions.remove(&self.entry);
    }
}

impl Core {
    fn start_receiving(&self) -> Result<(), OpenError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let receiver = self.opened.receiver()?;
            let dispatcher = Dispatcher::new(Arc::clone(&self.opened.subscriptions));
            let started = ReceiveThread::start(receiver, dispatcher, Arc::clone(&self.opened.counters));
            let error = |source| OpenError::Receive { url: self.opened.url.clone(), source };
            *thread = Some(started.map_err(error)?);
        }
        Ok(())
    }
}

/// Reads the bus and feeds the queues, until it is dropped.
struct ReceiveThread {
    close: Closer,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ReceiveThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.thread.fmt(f)
    }
}

impl ReceiveThread {
    fn start(receiver: Receiver, dispatcher: Dispatcher, counters: Arc<Counters>) -> io::Result<Self> {
        let close = receiver.closer();
        let thread = std::thread::Builder::new()
            .name("lcm-receive".to_owned())
            .spawn(move || receive_until_closed(receiver, dispatcher, &counters))?;
        Ok(Self { close, thread: Some(thread) })
    }
}

impl Drop for ReceiveThread {
    fn drop(&mut self) {
        (self.close)();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn receive_until_closed(mut receiver: Receiver, dispatcher: Dispatcher, counters: &Counters) {
    let mut dispatcher = EndedWhenDropped(dispatcher);
    let dispatcher = &mut dispatcher.0;
    let mut message = Sample::default();
    loop {
        match receiver.receive(None, dispatcher, &mut message) {
            Ok(Receipt::Message) => {
                while receiver.waits_for_subscribers() && !dispatcher.has_room(&message) {
                    std::thread::sleep(LOOK_FOR_ROOM_AFTER);
                }
                let delivery = dispatcher.dispatch(&message);
                if delivery.dropped > 0 {
                    counters.queue_drops.add_shared(delivery.dropped);
                }
            }
            // Closed, or at the end of an event log: without a time limit nothing else ends the wait.
            Ok(Receipt::Nothing | Receipt::Beginning { .. }) => return,
            Err(error) => {
                counters.receive_errors.add(1);
                tracing::warn!(%error, "receiving failed; trying again");
                std::thread::sleep(RETRY_AFTER);
            }
        }
    }
}

/// Closes the queues when reading ends, however it ends, so that no subscriber waits for ever.
struct EndedWhenDropped(Dispatcher);

impl Drop for EndedWhenDropped {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A URL put into effect, as far as publishing goes. Receiving begins only when it is wanted: an open socket that nobody
/// reads would fill up, and cost every sender.
#[derive(Debug)]
pub(crate) struct Opened {
    url: Url,
    pub(crate) publisher: Publisher,
    pub(crate) counters: Arc<Counters>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Udpm(UdpmUrl),
    Memq(memq::Sender),
    Log(FileUrl),
}

/// Joins the bus of a URL, or of the environment where it is empty.
pub(crate) fn open(url: &str) -> Result<Opened, OpenError> {
    let url = Url::resolve(url)?;
    let counters = Arc::new(Counters::default());
    let subscriptions = Arc::new(Subscriptions::default());
    let (transport, source) = match &url {
        Url::Udpm(udpm) => {
            let sender = udpm::Sender::open(udpm, &subscriptions)?;
            (Transport::Udpm(sender), Source::Udpm(udpm.clone()))
        }
        Url::Memq => {
            let open = memq::Sender::open(Arc::clone(&counters));
            let sender = open.map_err(|source| OpenError::Receive { url: url.clone(), source })?;
            (Transport::Memq(sender.clone()), Source::Memq(sender))
        }
        Url::File(file) => {
            let open = log::Sender::open(file);
            let sender = open.map_err(|source| OpenError::EventLog { url: url.clone(), source })?;
            (Transport::Log(sender), Source::Log(file.clone()))
        }
    };
    let publisher = Publisher::new(transport, Arc::clone(&counters));
    Ok(Opened { url, publisher, counters, subscriptions, source })
}

impl Opened {
    /// Begins to receive.
    pub(crate) fn receiver(&self) -> Result<Receiver, OpenError> {
        match &self.source {
            Source::Udpm(url) => match udpm::Receiver::open(url, Arc::clone(&self.counters)) {
                Ok(receiver) => Ok(Receiver::Udpm(receiver)),
                Err(source) => Err(OpenError::Receive { url: self.url.clone(), source }),
            },
            Source::Memq(sender) => Ok(Receiver::Memq(sender.receiver())),
            Source::Log(file) => match log::Receiver::open(file, Arc::clone(&self.counters)) {
                Ok(receiver) => Ok(Receiver::Log(Box::new(receiver))),
                Err(source) => Err(OpenError::EventLog { url: self.url.clone(), source }),
            },
        }
    }
}

/// How often subscribers are looked at that an event log waits for.
const LOOK_FOR_ROOM_AFTER: Duration = Duration::from_micros(100);

const RETRY_AFTER: Duration = Duration::from_millis(10);
