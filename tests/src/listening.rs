//! Our side of a test: one bus connection, read in either of the two ways the library offers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lcm::{Inline, Lcm, Pattern, Publisher, Queue, Sample, Statistics, Subscription};

/// How messages are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A receive thread feeds a queue.
    Queued,
    /// The test's own thread reads the socket and runs a handler.
    Inline,
}

impl Reading {
    /// Both ways; what is tested of one is tested of the other.
    pub const BOTH: [Self; 2] = [Self::Queued, Self::Inline];
}

/// One connection of ours.
#[derive(Debug)]
pub struct Bus(Connection);

#[derive(Debug)]
enum Connection {
    Queued { lcm: Lcm, subscription: Option<Subscription> },
    Inline { inline: Box<Inline>, publisher: Publisher, handled: Arc<Mutex<VecDeque<Sample>>> },
}

impl Bus {
    /// Joins the bus of `url`, to publish and to listen to the channels of `pattern`.
    pub fn open(reading: Reading, url: &str, pattern: Pattern) -> Self {
        let mut bus = Self::open_to_publish(reading, url);
        match &mut bus.0 {
            Connection::Queued { lcm, subscription } => {
                let queue = Queue::keep_all(QUEUE_BYTES);
                *subscription = Some(lcm.subscribe(pattern, queue).expect("the bus can be listened to"));
            }
            Connection::Inline { inline, handled, .. } => {
                let handled = Arc::clone(handled);
                let handler = move |message: &Sample| {
                    handled.lock().unwrap_or_else(PoisonError::into_inner).push_back(message.clone());
                };
                inline.subscribe(pattern, handler).expect("it is a pattern already");
            }
        }
        bus
    }

    /// Joins the bus of `url`, to publish and to listen to every channel.
    pub fn open_to_all(reading: Reading, url: &str) -> Self {
        Self::open(reading, url, Pattern::any())
    }

    /// Joins the bus of `url` only to publish.
    pub fn open_to_publish(reading: Reading, url: &str) -> Self {
        Self(match reading {
            Reading::Queued => Connection::Queued { lcm: Lcm::open(url).expect("the bus opens"), subscription: None },
            Reading::Inline => {
                let inline = Box::new(Inline::open(url).expect("the bus opens"));
                let publisher = inline.publisher();
                Connection::Inline { inline, publisher, handled: Arc::default() }
            }
        })
    }

    /// The next message, or `None` when `within` has passed.
    pub fn next(&mut self, within: Duration) -> Option<Sample> {
        match &mut self.0 {
            Connection::Queued { subscription, .. } => {
                let subscription = subscription.as_ref().expect("it listens");
                subscription.recv_timeout(within).expect("the bus is open")
            }
            Connection::Inline { inline, handled, .. } => {
                let deadline = Instant::now() + within;
                loop {
                    if let Some(message) = handled.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                        return Some(message);
                    }
                    let remaining = deadline.saturating_duration_since(Instant::now());
                    let passed_over = inline.handle(Some(remaining)).expect("the bus can be read");
                    let over = remaining.is_zero() && within > Duration::ZERO;
                    if over || (remaining.is_zero() && !passed_over) {
                        return handled.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    }
                }
            }
        }
    }

    /// The next message on `channel` within `within`; those on others are passed over.
    pub fn next_on(&mut self, channel: &str, within: Duration) -> Option<Sample> {
        let deadline = Instant::now() + within;
        loop {
            let message = self.next(deadline.saturating_duration_since(Instant::now()))?;
            if *message.channel() == *channel {
                return Some(message);
            }
        }
    }

    /// Publishes.
    pub fn publish(&self, channel: &[u8], payload: &[u8]) {
        match &self.0 {
            Connection::Queued { lcm, .. } => lcm.publish(channel, payload),
            Connection::Inline { publisher, .. } => publisher.publish(channel, payload),
        }
        .expect("the message can be published");
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        match &self.0 {
            Connection::Queued { lcm, .. } => lcm.statistics(),
            Connection::Inline { inline, .. } => inline.statistics(),
        }
    }
}

/// More than any test leaves unread.
const QUEUE_BYTES: usize = 512 << 20;
