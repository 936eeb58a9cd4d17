//! Queues between the receive thread and its subscribers: what they keep, what they drop, and that dropping is counted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError};

use crate::lcm::Registration;
use crate::sample::Sample;

/// What a subscription keeps for a subscriber that is slower than the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    KeepLast { messages: usize },
    KeepAll { bytes: usize },
}

impl Queue {
    /// Keeps the newest `messages`, from 1 to 65536 (a figure outside counts as the nearest), and drops the oldest.
    #[must_use]
    pub fn keep_last(messages: usize) -> Self {
        Self { kind: Kind::KeepLast { messages: messages.clamp(1, 65536) } }
    }

    /// Keeps every message in order while what they hold in memory stays within `bytes`, and drops new ones beyond that. A
    /// single message larger than that is kept while nothing else is. (A payload may lie in a buffer up to four times its
    /// size, all of which counts.)
    #[must_use]
    pub const fn keep_all(bytes: usize) -> Self {
        Self { kind: Kind::KeepAll { bytes } }
    }
}

impl Default for Queue {
    /// The last 30 messages, the length of C LCM's queues, which however drop the newest.
    fn default() -> Self {
        Self::keep_last(30)
    }
}

/// Messages of the channels that were subscribed, in the order of arrival. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    receiver: Receiver<Sample>,
    dropped: Arc<AtomicU64>,
    // Last, so that the queue is gone before the bus may close.
    _registration: Registration,
}

/// The connection was closed, or the event log that it plays has ended, and nothing is left in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bus connection is closed")]
pub struct Closed;

impl Subscription {
    pub(crate) fn new(receiver: Receiver<Sample>, dropped: Arc<AtomicU64>, registration: Registration) -> Self {
        Self { receiver, dropped, _registration: registration }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn recv(&self) -> Result<Sample, Closed> {
        self.receiver.recv().map_err(|_| Closed)
    }

    /// Waits for the next message, at most `timeout`; `None` when that is over.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Sample>, Closed> {
        match self.receiver.recv_timeout(timeout) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Closed),
        }
    }

    /// The next message if one is here.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn try_recv(&self) -> Result<Option<Sample>, Closed> {
        match self.receiver.try_recv() {
            Ok(message) => Ok(Some(message)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Closed),
        }
    }

    /// Messages as they come, until the connection is closed.
    pub fn iter(&self) -> impl Iterator<Item = Sample> {
        self.receiver.iter()
    }

    /// The queue itself, for `crossbeam_channel::select!`.
    #[must_use]
    pub fn receiver(&self) -> &Receiver<Sample> {
        &self.receiver
    }

    /// How many messages the queue dropped because this subscriber was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl<'a> IntoIterator for &'a Subscription {
    type Item = Sample;
    type IntoIter = crossbeam_channel::Iter<'a, Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.receiver.iter()
    }
}

/// The receive thread's end of a queue. Putting a message in never waits.
#[derive(Debug)]
pub(crate) struct QueueInput {
    queue: Queue,
    sender: Sender<Sample>,
    /// The other end, to take out the oldest.
    receiver: Receiver<Sample>,
    /// For `keep_all`: the sizes of what is still queued, and their sum.
    sizes: VecDeque<usize>,
    queued_bytes: usize,
    dropped: Arc<AtomicU64>,
}

impl QueueInput {
    /// A queue: its input, its output, and the count of what it dropped.
    pub(crate) fn new(queue: Queue) -> (Self, Receiver<Sample>, Arc<AtomicU64>) {
        let (sender, receiver) = match queue.kind {
            Kind::KeepLast { messages } => crossbeam_channel::bounded(messages),
            Kind::KeepAll { .. } => crossbeam_channel::unbounded(),
        };
        let dropped = Arc::new(AtomicU64::new(0));
        let input = Self {
            queue,
            sender,
            receiver: receiver.clone(),
            sizes: VecDeque::new(),
            queued_bytes: 0,
            dropped: Arc::clone(&dropped),
        };
        (input, receiver, dropped)
    }

    /// Puts a message in and returns how many were dropped for it.
    pub(crate) fn put(&mut self, message: &Sample) -> u64 {
        let dropped = match self.queue.kind {
            Kind::KeepLast { .. } => self.put_newest(message.clone()),
            Kind::KeepAll { bytes } => self.put_within(message, bytes),
        };
        if dropped > 0 {
            self.dropped.fetch_add(dropped, Relaxed);
        }
        dropped
    }

    fn put_newest(&self, mut message: Sample) -> u64 {
        let mut dropped = 0;
        // Ends: this is the only sender, so each turn finds room or makes some.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(message) {
            message = back;
            if self.receiver.try_recv().is_ok() {
                dropped += 1;
            }
        }
        dropped
    }

    /// Whether a message can be put in without any being dropped.
    pub(crate) fn has_room(&mut self, message: &Sample) -> bool {
        match self.queue.kind {
            Kind::KeepLast { .. } => !self.sender.is_full(),
            Kind::KeepAll { bytes } => self.has_room_within(message, bytes),
        }
    }

    fn has_room_within(&mut self, message: &Sample, bytes: usize) -> bool {
        // The subscriber takes from the front, so the sizes that count are the last `len()`.
        let consumed = self.sizes.len().saturating_sub(self.receiver.len());
        self.queued_bytes -= self.sizes.drain(..consumed).sum::<usize>();
        self.sizes.is_empty() || self.queued_bytes + queued_bytes(message) <= bytes
    }

    fn put_within(&mut self, message: &Sample, bytes: usize) -> u64 {
        if !self.has_room_within(message, bytes) {
            return 1;
        }
        let size = queued_bytes(message);
        if self.sender.try_send(message.clone()).is_ok() {
            self.sizes.push_back(size);
            self.queued_bytes += size;
        }
        0
    }
}

fn queued_bytes(message: &Sample) -> usize {
    message.payload.bytes_of_clone() + OVERHEAD_BYTES
}

/// What a message costs in a queue beside its payload: itself, its place among the sizes, the count of its references and what the
/// allocator adds.
const OVERHEAD_BYTES: usize = size_of::<Sample>() + size_of::<usize>() + 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    fn message(payload: usize) -> Sample {
        Sample { payload: vec![0; payload].into(), ..Sample::default() }
    }

    #[test]
    fn keep_last_drops_the_oldest_and_counts_it() {
        let (mut input, output, dropped) = QueueInput::new(Queue::keep_last(3));
        for size in 0..10 {
            input.put(&message(size));
        }
        let kept: Vec<_> = output.try_iter().map(|message| message.payload.len()).collect();
        assert_eq!(kept, [7, 8, 9]);
        assert_eq!(dropped.load(Relaxed), 7);
    }

    #[test]
    fn a_payload_counts_as_the_buffer_that_it_keeps() {
        let (mut input, output, dropped) = QueueInput::new(Queue::keep_all(10_000));
        let part = |bytes: usize| Sample { payload: Payload::from(vec![0; 4000]).slice(0..bytes), ..Sample::default() };
        // A quarter is worth sharing, and keeps all of it; less is copied.
        for _ in 0..10 {
            input.put(&part(1000));
        }
        assert_eq!((output.len(), dropped.load(Relaxed)), (2, 8));
        for _ in 0..3 {
            input.put(&part(999));
        }
        assert_eq!(output.len(), 3);
    }

    #[test]
    fn keep_all_drops_the_newest_beyond_its_bytes_and_has_room_again_after_reading() {
        let (mut input, output, dropped) = QueueInput::new(Queue::keep_all(3000));
        for size in [1000, 1001, 1002, 1000] {
            input.put(&message(size));
        }
        assert_eq!((output.len(), dropped.load(Relaxed)), (2, 2));
        assert_eq!(output.recv().unwrap().payload.len(), 1000);
        assert_eq!(input.put(&message(1003)), 0);
        let kept: Vec<_> = output.try_iter().map(|message| message.payload.len()).collect();
        assert_eq!(kept, [1001, 1003]);
        assert_eq!(input.put(&message(1 << 20)), 0);
        assert_eq!(input.put(&message(1)), 1);
    }
}
