//! What a bus connection counted: messages, bytes, and every way to lose one.
//!
//! The receive path alone writes these counters, so that counting costs a plain store; anyone may read them at any time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::sequence::{Arrival, SequenceTracker};

/// A snapshot of the counters of one connection, since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Who was heard; at most 1024. Those that sent at most one message, then the longest silent, are folded into
    /// [`Statistics::forgotten`].
    pub senders: Vec<SenderStatistics>,
    /// The sum over the senders that are no longer listed.
    pub forgotten: SenderCounts,
    /// Datagrams that are not LCM; in an event log, damaged places and events whose channel no bus carries.
    pub malformed: u64,
    /// Fragments that came twice or too late.
    pub repeated_fragments: u64,
    /// Datagrams that the kernel dropped because the receive buffer was full (`SO_RXQ_OVFL`).
    pub kernel_drops: u64,
    /// Datagrams of unwanted channels that a kernel filter kept away. The kernel counts those that a full receive buffer
    /// dropped meanwhile together with them.
    pub filtered: u64,
    /// Messages that full queues dropped, over all subscriptions; on `memq` also what waited unread for too long.
    pub queue_drops: u64,
    /// Messages that are about to be incomplete: some fragments came, and for a tenth of a second no more. As of the last time that it was
    /// looked, at most half a second ago.
    pub stalled: u64,
    /// Errors of receive calls, after which receiving went on.
    pub receive_errors: u64,
    /// Bytes of kernel receive buffer obtained; 0 on a bus without one, or before anything was subscribed.
    pub receive_buffer_bytes: u64,
    /// Messages published through this connection.
    pub published_messages: u64,
    /// Bytes of their payloads.
    pub published_bytes: u64,
}

/// What was heard of one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderStatistics {
    /// Its address and port.
    pub address: SocketAddrV4,
    /// Its counts.
    pub counts: SenderCounts,
}

/// Counts of one sender, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderCounts {
    /// Messages received whole, whether or not anyone subscribed to them.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Messages of which nothing arrived: gaps in the sequence numbers.
    pub lost: u64,
    /// Gaps in the sequence numbers while a kernel filter kept unwanted messages away: lost or unwanted, which the numbers
    /// cannot tell.
    pub lost_or_unwanted: u64,
    /// Messages of which only some fragments arrived. They count two seconds after the last of them.
    pub incomplete: u64,
    /// Messages that were under way when the sender was first heard: their beginning may have been sent before. One at most, but where
    /// a sender was forgotten meanwhile.
    pub under_way: u64,
    /// How often the sender started anew on the same port.
    pub restarts: u64,
}

impl Statistics {
    /// The sum over all senders, forgotten ones included.
    #[must_use]
    pub fn total(&self) -> SenderCounts {
        self.senders.iter().fold(self.forgotten, |sum, sender| sum.plus(sender.counts))
    }

    /// The counts of one sender, if it is listed.
    #[must_use]
    pub fn sender(&self, address: SocketAddrV4) -> Option<SenderCounts> {
        self.senders.iter().find(|sender| sender.address == address).map(|sender| sender.counts)
    }
}

impl SenderCounts {
    fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
            lost: self.lost + other.lost,
            lost_or_unwanted: self.lost_or_unwanted + other.lost_or_unwanted,
            incomplete: self.incomplete + other.incomplete,
            under_way: self.under_way + other.under_way,
            restarts: self.restarts + other.restarts,
        }
    }
}

/// A counter, by custom with one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only for the one writer: two at once would lose counts.
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// Adds, with any number of writers.
    pub(crate) fn add_shared(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn load(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The live counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    senders: Mutex<SenderList>,
    pub(crate) malformed: Counter,
    pub(crate) repeated_fragments: Counter,
    pub(crate) kernel_drops: Counter,
    pub(crate) filtered: Counter,
    pub(crate) queue_drops: Counter,
    pub(crate) stalled: Counter,
    pub(crate) receive_errors: Counter,
    pub(crate) receive_buffer_bytes: Counter,
    pub(crate) published_messages: Counter,
    pub(crate) published_bytes: Counter,
}

#[derive(Debug, Default)]
struct SenderList {
    live: Vec<(SocketAddrV4, Arc<SenderCounters>)>,
    forgotten: SenderCounts,
}

#[derive(Debug, Default)]
pub(crate) struct SenderCounters {
    messages: Counter,
    bytes: Counter,
    lost: Counter,
    lost_or_unwanted: Counter,
    incomplete: Counter,
    under_way: Counter,
    restarts: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Statistics {
        let list = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        Statistics {
            senders: list
                .live
                .iter()
                .map(|(address, counters)| SenderStatistics { address: *address, counts: counters.snapshot() })
                .collect(),
            forgotten: list.forgotten,
            malformed: self.malformed.load(),
            repeated_fragments: self.repeated_fragments.load(),
            kernel_drops: self.kernel_drops.load(),
            filtered: self.filtered.load(),
            queue_drops: self.queue_drops.load(),
            stalled: self.stalled.load(),
            receive_errors: self.receive_errors.load(),
            receive_buffer_bytes: self.receive_buffer_bytes.load(),
            published_messages: self.published_messages.load(),
            published_bytes: self.published_bytes.load(),
        }
    }
}

impl SenderCounters {
    /// Counts a message that came whole.
    pub(crate) fn count_message(&self, bytes: usize) {
        self.messages.add(1);
        self.bytes.add(bytes as u64);
    }

    fn snapshot(&self) -> SenderCounts {
        SenderCounts {
            messages: self.messages.load(),
            bytes: self.bytes.load(),
            lost: self.lost.load(),
            lost_or_unwanted: self.lost_or_unwanted.load(),
            incomplete: self.incomplete.load(),
            under_way: self.under_way.load(),
            restarts: self.restarts.load(),
        }
    }
}

/// The receive path's own table of senders: who is who, and where to count.
#[derive(Debug)]
pub(crate) struct Senders {
    table: HashMap<SocketAddrV4, Sender>,
    /// Whether gaps may be unwanted messages.
    filtered: bool,
    /// How often a filter went off. The first gap of each sender after that reaches back to before.
    filters_gone: u64,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Sender {
    sequence: SequenceTracker,
    counters: Arc<SenderCounters>,
    last_heard: Instant,
    filters_gone: u64,
}

impl Senders {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self { table: HashMap::new(), filtered: false, filters_gone: 0, counters }
    }

    /// Says whether a kernel filter keeps unwanted messages away.
    pub(crate) fn set_filtered(&mut self, filtered: bool) {
        self.filters_gone += u64::from(self.filtered && !filtered);
        self.filtered = filtered;
    }

    /// Counts a whole message.
    pub(crate) fn count_message(&mut self, from: SocketAddrV4, bytes: usize) {
        if let Some(sender) = self.table.get(&from) {
            sender.counters.count_message(bytes);
        }
    }

    /// Whether this sender was heard already, and not forgotten.
    pub(crate) fn knows(&self, from: SocketAddrV4) -> bool {
        self.table.contains_key(&from)
    }

    /// Takes in the sequence number of a message that begins to arrive. What becomes of it is counted in the answer.
    pub(crate) fn observe(&mut self, from: SocketAddrV4, seqno: u32, now: Instant) -> &SenderCounters {
        if self.table.len() == MAX_SENDERS && !self.table.contains_key(&from) {
            let mut list = self.counters.senders.lock().unwrap_or_else(PoisonError::into_inner);
            forget_least(&mut self.table, &mut list);
        }
        let filters_gone = self.filters_gone;
        match self.table.entry(from) {
            Entry::Occupied(known) => {
                let sender = known.into_mut();
                sender.last_heard = now;
                let counters = &sender.counters;
                let filtered = self.filtered || sender.filters_gone != filters_gone;
                sender.filters_gone = filters_gone;
                let gaps = if filtered { &counters.lost_or_unwanted } else { &counters.lost };
                match sender.sequence.observe(seqno, now) {
                    Arrival::Next { lost: 0 } | Arrival::Repeated => {}
                    Arrival::Next { lost } => gaps.add(lost.into()),
                    Arrival::Late => gaps.set(gaps.load().saturating_sub(1)),
                    Arrival::Restarted => counters.restarts.add(1),
                }
                counters
            }
            Entry::Vacant(unknown) => {
                let counters = Arc::new(SenderCounters::default());
                let mut list = self.counters.senders.lock().unwrap_or_else(PoisonError::into_inner);
                list.live.push((from, Arc::clone(&counters)));
                let sequence = SequenceTracker::new(seqno, now);
                &unknown.insert(Sender { sequence, counters, last_heard: now, filters_gone }).counters
            }
        }
    }

    /// Counts a message that came without its beginning while a filter was on.
    pub(crate) fn count_lost_or_unwanted(&mut self, from: SocketAddrV4) {
        if let Some(sender) = self.table.get(&from) {
            sender.counters.lost_or_unwanted.add(1);
        }
    }

    /// Counts a message that will stay incomplete since its beginning was sent before anybody listened.
    pub(crate) fn count_under_way(&mut self, from: SocketAddrV4) {
        if let Some(sender) = self.table.get(&from) {
            sender.counters.under_way.add(1);
        }
    }

    /// Counts a message that will stay incomplete.
    pub(crate) fn count_incomplete(&mut self, from: SocketAddrV4) {
        match self.table.get(&from) {
            Some(sender) => sender.counters.incomplete.add(1),
            None => {
                let mut list = self.counters.senders.lock().unwrap_or_else(PoisonError::into_inner);
                list.forgotten.incomplete += 1;
            }
        }
    }
}

/// Those that were heard least often go first: a flood of forged senders displaces itself and not the good ones.
fn forget_least(table: &mut HashMap<SocketAddrV4, Sender>, list: &mut SenderList) {
    let rank = |sender: &Sender| (sender.counters.messages.load() > 1, sender.last_heard);
    let Some(least) = table.iter().min_by_key(|(_, sender)| rank(sender)).map(|(address, _)| *address) else { return };
    table.remove(&least);
    if let Some(index) = list.live.iter().position(|(address, _)| *address == least) {
        let (_, counters) = list.live.swap_remove(index);
        list.forgotten = list.forgotten.plus(counters.snapshot());
    }
}

const MAX_SENDERS: usize = 1024;
