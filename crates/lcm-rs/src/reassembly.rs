//! Putting fragments together again: every message complete and unmixed, or counted as given up. Pure: time is passed in.
//!
//! Messages are told apart by sender (address and port) and sequence number. Fragments are placed by number: the next one in
//! order goes to its final place at once, an early one waits beside. A fragment that does not begin where the one before it
//! ended shows that the headers contradict each other, and its message is given up. So nothing overlaps, nothing has holes.
//!
//! In the usual order the caller need not even copy: [`Reassembler::landing`] is the place where the next fragment of the
//! message that progressed last belongs, to receive into before its header is known, and [`Reassembler::landed`] takes it in
//! when the prediction held. A message that nobody wants passes by: its fragments are counted and its bytes not kept.
//!
//! Memory follows the bytes that really arrived, never a size that a header announces, within the budgets of [`Limits`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::Channel;
use crate::payload::{Payload, SpareBuffers};
use crate::wire::{FRAGMENT_MAGIC, Fragment, FragmentHeader, MAX_MESSAGE_BYTES};

/// Collects the fragments of all senders.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    senders: HashMap<SocketAddrV4, Sender>,
    held_bytes: usize,
    /// The message that progressed last, whose next fragment is expected.
    expected: Option<(SocketAddrV4, u32)>,
    given_up: Vec<GivenUp>,
    spare: SpareBuffers,
    last_progress: Option<Instant>,
    unwanted_first_missing: bool,
    overheard: bool,
}

/// How much may be held for messages that are not complete yet, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes for one sender; the sender's own oldest message gives way.
    pub sender_bytes: usize,
    /// Bytes in all; a message of the sender that holds most gives way.
    pub total_bytes: usize,
    /// A message is given up after this long without a new fragment.
    pub age: Duration,
}

/// What became of a fragment.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// It completed its message.
    Complete {
        /// Where the message goes.
        channel: Channel,
        /// The message.
        payload: Payload,
    },
    /// It was the last one of a message that nobody wants.
    PassedBy {
        /// Where the message goes.
        channel: Channel,
        /// The size of the message.
        message_bytes: usize,
        /// The first bytes of the message.
        beginning: Beginning,
    },
    /// It was the last one of a message whose beginning never came, likely because a filter refused it.
    Skipped,
    /// It was taken in.
    Pending,
    /// It was here before, or its message is complete or given up.
    Repeated,
    /// It contradicts the fragments before it, and its message is given up.
    Contradiction,
}

/// Where the body of an expected fragment belongs.
#[derive(Debug, PartialEq, Eq)]
pub enum Landing<'a> {
    /// Here.
    Place(&'a mut [u8]),
    /// Nowhere: its message passes by.
    Nowhere,
}

/// The first bytes of a message, up to [`Beginning::MAX_BYTES`]: enough for the fingerprint of its type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beginning {
    bytes: [u8; Self::MAX_BYTES],
    length: usize,
}

/// A message that will not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Who sent it.
    pub sender: SocketAddrV4,
    /// Its size as announced.
    pub message_bytes: usize,
    /// How much of it arrived.
    pub received_bytes: usize,
    /// Its channel, where fragment 0 arrived.
    pub channel: Option<Channel>,
    /// Whether fragment 0 may have been refused by a filter, so that nobody may have wanted it.
    pub maybe_unwanted: bool,
    /// Whether it was under way before anybody listened: see [`Reassembler::note_under_way`].
    pub was_under_way: bool,
}

#[derive(Debug)]
struct Sender {
    partials: Vec<Partial>,
    held_bytes: usize,
    /// The last messages that were completed or given up, so that their late duplicates open nothing.
    finished: VecDeque<Finished>,
    completed: u64,
    last_heard: Instant,
}

#[derive(Debug)]
struct Partial {
    seqno: u32,
    message_bytes: usize,
    count: u16,
    channel: Option<Channel>,
    /// Fragments below this number are in their place, `filled` bytes in all.
    next: u16,
    filled: usize,
    /// Begins with the bytes in place. Only as long as received bytes justify, or as it was when it was spare.
    buffer: Vec<u8>,
    early: BTreeMap<u16, Early>,
    early_bytes: usize,
    /// Nobody wants it: fragments are counted, and bytes not kept.
    passes_by: bool,
    /// It passes by because its beginning did not come.
    skipped: bool,
    /// What it begins with, if it passes by and that came.
    beginning: Beginning,
    /// Whether a filter refused fragment 0 of unwanted messages when this one began.
    behind_filter: bool,
    /// Whether it was under way before anybody listened.
    was_under_way: bool,
    /// The room for payload and channel in one datagram of this sender, as far as known.
    body_bytes: usize,
    last_progress: Instant,
}

#[derive(Debug)]
struct Early {
    offset: usize,
    body_bytes: usize,
    /// Empty where the message passes by.
    body: Vec<u8>,
}

#[derive(Debug)]
struct Finished {
    seqno: u32,
    message_bytes: usize,
    count: u16,
    at: Instant,
}

/// What a fragment did to its message.
enum Progress {
    Pending,
    Repeated,
    Contradiction,
    Complete,
}

impl Beginning {
    /// How many bytes are kept at most.
    pub const MAX_BYTES: usize = 16;

    fn of(bytes: &[u8]) -> Self {
        let length = bytes.len().min(Self::MAX_BYTES);
        let mut beginning = Self { length, ..Self::default() };
        beginning.bytes[..length].copy_from_slice(&bytes[..length]);
        beginning
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { sender_bytes: MAX_MESSAGE_BYTES / 2 * 3, total_bytes: 1 << 30, age: Duration::from_secs(2) }
    }
}

impl Default for Reassembler {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Reassembler {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            senders: HashMap::new(),
            held_bytes: 0,
            expected: None,
            given_up: Vec::new(),
            spare: SpareBuffers::default(),
            last_progress: None,
            unwanted_first_missing: false,
            overheard: false,
        }
    }

    /// Says that fragment 0 of unwanted messages does not even come here, since a filter refuses it. A message whose fragment
    /// 0 is missing then passes by as soon as that cannot be mere disorder any more.
    pub fn set_unwanted_first_missing(&mut self, missing: bool) {
        self.unwanted_first_missing = missing;
    }

    /// Says that somebody is told of the messages that pass by, who then misses those that stay incomplete.
    pub fn set_overheard(&mut self, overheard: bool) {
        self.overheard = overheard;
    }

    /// Takes in a fragment from anywhere, copying its body. `wanted` tells, for a fragment with a channel, whether anyone
    /// wants that channel. The answer tells also whether the fragment is the first one heard of its message.
    pub fn insert(
        &mut self,
        from: SocketAddrV4,
        fragment: &Fragment<'_>,
        wanted: bool,
        now: Instant,
    ) -> (Outcome, bool) {
        self.make_room_for_sender(from);
        let sender = self.senders.entry(from).or_insert_with(|| Sender::new(now));
        sender.last_heard = now;
        if sender.has_finished(fragment, now, self.limits.age) {
            return (Outcome::Repeated, false);
        }
        let mut first = false;
        let index = match sender.position(fragment.seqno) {
            Some(index) if sender.partials[index].agrees_with(fragment) => index,
            known => {
                // The same number with another shape is a new message: the sender started anew on the same port.
                if let Some(index) = known {
                    self.give_up(from, index, now);
                }
                first = true;
                self.open(from, fragment, now)
            }
        };
        let unwanted_first_missing = self.unwanted_first_missing;
        let mut unneeded = Vec::new();
        let progress = self.update(from, index, |partial| {
            if fragment.channel.is_some() && wanted && partial.skipped {
                // Wanted after all, and overtaken by more fragments than disorder explains.
                partial.channel = fragment.channel;
                return Progress::Contradiction;
            }
            // Once fragment 0 is in place another one decides nothing, whatever it says.
            if fragment.channel.is_some() && !wanted && partial.channel.is_none() {
                unneeded = partial.pass_by();
                partial.beginning = Beginning::of(fragment.body);
            }
            match partial.insert(fragment, now) {
                Progress::Pending if unwanted_first_missing && partial.early.len() > MAX_DISORDER => {
                    unneeded = partial.pass_by();
                    partial.skip_to_last()
                }
                progress => progress,
            }
        });
        if !unneeded.is_empty() {
            self.spare.remember(Arc::new(unneeded));
        }
        (self.settle(from, index, progress, now), first)
    }

    /// Where the body of the next fragment is expected to belong, if one is expected.
    ///
    /// What is written there counts only once [`Reassembler::landed`] takes it in.
    pub fn landing(&mut self) -> Option<Landing<'_>> {
        let (from, seqno) = self.expected?;
        let sender = self.senders.get(&from)?;
        let index = sender.position(seqno)?;
        let partial = &sender.partials[index];
        if partial.passes_by {
            return Some(Landing::Nowhere);
        }
        // Room that would break a budget is not made here, where no message can give way for it.
        let growth = partial.growth();
        if sender.held_bytes + growth > self.limits.sender_bytes || self.held_bytes + growth > self.limits.total_bytes {
            return None;
        }
        self.update(from, index, |partial| {
            partial.grow(partial.filled + partial.expected_bytes());
            Progress::Pending
        });
        let partial = self.senders.get_mut(&from)?.partials.get_mut(index)?;
        let end = partial.filled + partial.expected_bytes();
        Some(Landing::Place(&mut partial.buffer[partial.filled..end]))
    }

    /// Whether this is the fragment that [`Reassembler::landing`] is for.
    #[must_use]
    pub fn expects(&self, from: SocketAddrV4, header: &FragmentHeader, body_bytes: usize) -> bool {
        let Some((expected_from, seqno)) = self.expected else { return false };
        let partial = self.senders.get(&from).and_then(|sender| Some(&sender.partials[sender.position(seqno)?]));
        expected_from == from
            && header.magic == FRAGMENT_MAGIC
            && header.seqno.get() == seqno
            && header.number.get() != 0
            && header.check(body_bytes).is_ok()
            && partial.is_some_and(|partial| partial.expects(header, body_bytes))
    }

    /// Takes in the fragment whose body was received into [`Reassembler::landing`]. `None` if it is another one: its bytes
    /// must then be copied out of there and given to [`Reassembler::insert`].
    pub fn landed(
        &mut self,
        from: SocketAddrV4,
        header: &FragmentHeader,
        body_bytes: usize,
        now: Instant,
    ) -> Option<Outcome> {
        if !self.expects(from, header, body_bytes) {
            return None;
        }
        let sender = self.senders.get_mut(&from)?;
        sender.last_heard = now;
        let index = sender.position(header.seqno.get())?;
        let progress = self.update(from, index, |partial| partial.advance(body_bytes, now));
        Some(self.settle(from, index, progress, now))
    }

    /// Gives up what made no progress for longer than [`Limits::age`]; to be called now and then.
    pub fn expire(&mut self, now: Instant) {
        let age = self.limits.age;
        let mut overdue = Vec::new();
        for (from, sender) in &self.senders {
            for partial in &sender.partials {
                if now.saturating_duration_since(partial.last_progress) > age {
                    overdue.push((*from, partial.seqno));
                }
            }
        }
        for (from, seqno) in overdue {
            if let Some(index) = self.senders.get(&from).and_then(|sender| sender.position(seqno)) {
                self.give_up(from, index, now);
            }
        }
        self.senders.retain(|_, sender| {
            !sender.partials.is_empty() || now.saturating_duration_since(sender.last_heard) <= FORGET_SENDER
        });
        if self.last_progress.is_some_and(|last| now.saturating_duration_since(last) > FORGET_SPARE) {
            self.spare.clear();
            self.last_progress = None;
        }
    }

    /// Says that this message was under way when its sender was first heard, so that its beginning may have been sent before.
    pub fn note_under_way(&mut self, from: SocketAddrV4, seqno: u32) {
        if let Some(sender) = self.senders.get_mut(&from)
            && let Some(index) = sender.position(seqno)
        {
            sender.partials[index].was_under_way = true;
        }
    }

    /// How many messages have stopped on the way: nothing came of them for more than a tenth of a second, which is sooner than they are
    /// given up. Without those of which nobody knows whether they are missed.
    #[must_use]
    pub fn stalled(&self, now: Instant) -> usize {
        let is_stalled = |partial: &&Partial| {
            partial.is_missed(self.overheard)
                && !partial.is_maybe_unwanted()
                && !partial.was_under_way
                && now.saturating_duration_since(partial.last_progress) > STALLED
        };
        self.senders.values().map(|sender| sender.partials.iter().filter(is_stalled).count()).sum()
    }

    /// The messages given up since the last call.
    pub fn take_given_up(&mut self) -> impl Iterator<Item = GivenUp> {
        self.given_up.drain(..)
    }

    /// Bytes held for messages that are not complete.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Begins a message and returns its index among those of its sender.
    fn open(&mut self, from: SocketAddrV4, fragment: &Fragment<'_>, now: Instant) -> usize {
        if self.senders.get(&from).is_some_and(|sender| sender.partials.len() == MAX_PARTIALS_PER_SENDER) {
            self.give_up_oldest_of(from, None, now);
        }
        let Some(sender) = self.senders.get_mut(&from) else { return 0 };
        let partial =
            Partial { behind_filter: self.unwanted_first_missing, ..Partial::new(fragment, &mut self.spare, now) };
        sender.held_bytes += partial.held_bytes();
        self.held_bytes += partial.held_bytes();
        sender.partials.push(partial);
        sender.partials.len() - 1
    }

    /// Changes a message and keeps account of the bytes it holds.
    fn update(&mut self, from: SocketAddrV4, index: usize, change: impl FnOnce(&mut Partial) -> Progress) -> Progress {
        let Some(sender) = self.senders.get_mut(&from) else { return Progress::Repeated };
        let Some(partial) = sender.partials.get_mut(index) else { return Progress::Repeated };
        let before = partial.held_bytes();
        let progress = change(partial);
        let after = partial.held_bytes();
        sender.held_bytes = sender.held_bytes + after - before;
        self.held_bytes = self.held_bytes + after - before;
        progress
    }

    /// Draws the conclusions of a fragment's progress: completion, giving up, budgets, and which fragment to expect next.
    fn settle(&mut self, from: SocketAddrV4, index: usize, progress: Progress, now: Instant) -> Outcome {
        match progress {
            Progress::Repeated => Outcome::Repeated,
            Progress::Contradiction => {
                self.give_up(from, index, now);
                Outcome::Contradiction
            }
            Progress::Pending => {
                let Some(sender) = self.senders.get(&from) else { return Outcome::Contradiction };
                let seqno = sender.partials[index].seqno;
                self.expected = Some((from, seqno));
                self.last_progress = Some(now);
                self.keep_budgets(from, seqno, now);
                Outcome::Pending
            }
            Progress::Complete => {
                self.last_progress = Some(now);
                let Some(partial) = self.remove(from, index, now) else { return Outcome::Contradiction };
                if let Some(sender) = self.senders.get_mut(&from) {
                    sender.completed += 1;
                }
                if partial.skipped {
                    return Outcome::Skipped;
                }
                let Some(channel) = partial.channel else { return Outcome::Contradiction };
                if partial.passes_by {
                    let Partial { message_bytes, beginning, .. } = partial;
                    return Outcome::PassedBy { channel, message_bytes, beginning };
                }
                let buffer = Arc::new(partial.buffer);
                self.spare.remember(Arc::clone(&buffer));
                Outcome::Complete { channel, payload: Payload::new(buffer, 0..partial.message_bytes) }
            }
        }
    }

    fn keep_budgets(&mut self, from: SocketAddrV4, seqno: u32, now: Instant) {
        while self.senders.get(&from).is_some_and(|sender| sender.held_bytes > self.limits.sender_bytes) {
            if !self.give_up_oldest_of(from, Some(seqno), now) {
                break;
            }
        }
        while self.held_bytes > self.limits.total_bytes {
            let largest = self.senders.iter().max_by_key(|(_, sender)| sender.held_bytes).map(|(from, _)| *from);
            if !largest.is_some_and(|largest| self.give_up_oldest_of(largest, None, now)) {
                break;
            }
        }
    }

    /// Gives up the message of a sender that waited longest for progress, `spared` last. False if it has none.
    fn give_up_oldest_of(&mut self, from: SocketAddrV4, spared: Option<u32>, now: Instant) -> bool {
        let oldest = self.senders.get(&from).and_then(|sender| {
            let age = |partial: &Partial| (spared == Some(partial.seqno), partial.last_progress);
            (0..sender.partials.len()).min_by_key(|&index| age(&sender.partials[index]))
        });
        match oldest {
            Some(index) => {
                self.give_up(from, index, now);
                true
            }
            None => false,
        }
    }

    fn give_up(&mut self, from: SocketAddrV4, index: usize, now: Instant) {
        if let Some(partial) = self.remove(from, index, now) {
            self.report_given_up(from, partial);
        }
    }

    fn report_given_up(&mut self, sender: SocketAddrV4, partial: Partial) {
        if partial.is_missed(self.overheard) {
            self.given_up.push(GivenUp {
                sender,
                message_bytes: partial.message_bytes,
                received_bytes: partial.filled + partial.early_bytes,
                channel: partial.channel,
                maybe_unwanted: partial.is_maybe_unwanted(),
                was_under_way: partial.was_under_way,
            });
        }
        let buffer = partial.buffer;
        // The sender will likely try again, and then there is room at once.
        self.spare.remember(Arc::new(buffer));
    }

    /// Takes a message out, and remembers that it was here.
    fn remove(&mut self, from: SocketAddrV4, index: usize, now: Instant) -> Option<Partial> {
        let sender = self.senders.get_mut(&from)?;
        let partial = sender.partials.swap_remove(index);
        sender.held_bytes -= partial.held_bytes();
        self.held_bytes -= partial.held_bytes();
        if sender.finished.len() == MAX_FINISHED {
            sender.finished.pop_front();
        }
        let Partial { seqno, message_bytes, count, .. } = partial;
        sender.finished.push_back(Finished { seqno, message_bytes, count, at: now });
        if self.expected == Some((from, seqno)) {
            self.expected = None;
        }
        Some(partial)
    }

    /// Bounds the number of senders. Those that never completed a message go first, so that a flood of forged senders
    /// displaces itself and not the good ones.
    fn make_room_for_sender(&mut self, from: SocketAddrV4) {
        if self.senders.len() < MAX_SENDERS || self.senders.contains_key(&from) {
            return;
        }
        let rank = |sender: &Sender| (sender.completed > 0, !sender.partials.is_empty(), sender.last_heard);
        let Some(least) = self.senders.iter().min_by_key(|(_, sender)| rank(sender)).map(|(from, _)| *from) else {
            return;
        };
        if let Some(sender) = self.senders.remove(&least) {
            self.held_bytes -= sender.held_bytes;
            for partial in sender.partials {
                self.report_given_up(least, partial);
            }
        }
        if self.expected.is_some_and(|(expected, _)| expected == least) {
            self.expected = None;
        }
    }
}

impl Sender {
    fn new(now: Instant) -> Self {
        Self { partials: Vec::new(), held_bytes: 0, finished: VecDeque::new(), completed: 0, last_heard: now }
    }

    fn position(&self, seqno: u32) -> Option<usize> {
        self.partials.iter().position(|partial| partial.seqno == seqno)
    }

    fn has_finished(&self, fragment: &Fragment<'_>, now: Instant, age: Duration) -> bool {
        self.finished.iter().any(|finished| {
            finished.seqno == fragment.seqno
                && finished.message_bytes == fragment.message_bytes
                && finished.count == fragment.count
                && now.saturating_duration_since(finished.at) <= age
        })
    }
}

impl Partial {
    fn new(fragment: &Fragment<'_>, spare: &mut SpareBuffers, now: Instant) -> Self {
        Self {
            seqno: fragment.seqno,
            message_bytes: fragment.message_bytes,
            count: fragment.count,
            channel: None,
            next: 0,
            filled: 0,
            buffer: spare.take(fragment.message_bytes),
            early: BTreeMap::new(),
            early_bytes: 0,
            passes_by: false,
            skipped: false,
            beginning: Beginning::default(),
            behind_filter: false,
            was_under_way: false,
            body_bytes: 0,
            last_progress: now,
        }
    }

    fn agrees_with(&self, fragment: &Fragment<'_>) -> bool {
        self.message_bytes == fragment.message_bytes && self.count == fragment.count
    }

    /// Whether somebody misses it if it stays incomplete: what nobody wanted nobody lost, unless fragment 0 showed that someone did.
    fn is_missed(&self, overheard: bool) -> bool {
        !self.passes_by || self.skipped || overheard
    }

    fn is_maybe_unwanted(&self) -> bool {
        self.channel.is_none() && self.behind_filter
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.buffer.len() + self.early_bytes + self.early.len() * EARLY_OVERHEAD_BYTES
    }

    /// The most that the next fragment is expected to carry.
    fn expected_bytes(&self) -> usize {
        self.body_bytes.min(self.message_bytes - self.filled - self.early_bytes)
    }

    fn insert(&mut self, fragment: &Fragment<'_>, now: Instant) -> Progress {
        if fragment.number < self.next || self.early.contains_key(&fragment.number) {
            return Progress::Repeated;
        }
        let body = fragment.body;
        if body.len() > self.message_bytes - self.filled - self.early_bytes {
            return Progress::Contradiction;
        }
        let named_bytes = fragment.channel.map_or(0, |channel| channel.as_bytes().len() + 1);
        self.body_bytes = self.body_bytes.max(body.len() + named_bytes);
        if let Some(channel) = fragment.channel {
            self.channel = Some(channel);
        }
        if fragment.number > self.next {
            let kept = if self.passes_by { Vec::new() } else { body.to_vec() };
            self.early.insert(fragment.number, Early { offset: fragment.offset, body_bytes: body.len(), body: kept });
            self.early_bytes += body.len();
            self.last_progress = now;
            return Progress::Pending;
        }
        if fragment.offset != self.filled {
            return Progress::Contradiction;
        }
        self.place(body);
        self.advance(body.len(), now)
    }

    /// From now on its bytes are not kept. Returns the buffer.
    fn pass_by(&mut self) -> Vec<u8> {
        self.passes_by = true;
        for early in self.early.values_mut() {
            early.body = Vec::new();
        }
        std::mem::take(&mut self.buffer)
    }

    /// Goes on behind the last fragment that arrived, as if all before it had.
    fn skip_to_last(&mut self) -> Progress {
        let Some((number, last)) = self.early.pop_last() else { return Progress::Pending };
        self.skipped = true;
        self.early.clear();
        self.early_bytes = 0;
        self.next = number + 1;
        self.filled = last.offset + last.body_bytes;
        self.progress()
    }

    fn expects(&self, header: &FragmentHeader, body_bytes: usize) -> bool {
        header.number.get() == self.next
            && header.offset.get() as usize == self.filled
            && header.message_bytes.get() as usize == self.message_bytes
            && header.count.get() == self.count
            && body_bytes <= self.expected_bytes()
    }

    /// Copies a body behind what is in place.
    fn place(&mut self, body: &[u8]) {
        if self.passes_by {
            return;
        }
        let end = self.filled + body.len();
        self.grow(end);
        self.buffer[self.filled..end].copy_from_slice(body);
    }

    /// Counts the next fragment, whose bytes are in place, and those that waited for it.
    fn advance(&mut self, body_bytes: usize, now: Instant) -> Progress {
        self.last_progress = now;
        self.filled += body_bytes;
        self.next += 1;
        while let Some(early) = self.early.remove(&self.next) {
            self.early_bytes -= early.body_bytes;
            if early.offset != self.filled {
                return Progress::Contradiction;
            }
            self.place(&early.body);
            self.filled += early.body_bytes;
            self.next += 1;
        }
        self.progress()
    }

    fn progress(&self) -> Progress {
        if self.next < self.count {
            Progress::Pending
        } else if self.filled == self.message_bytes {
            Progress::Complete
        } else {
            Progress::Contradiction
        }
    }

    /// Makes the buffer at least `end` long.
    fn grow(&mut self, end: usize) {
        let target = self.length_for(end);
        if target > self.buffer.len() {
            // Not `resize`: zeroed anew, large memory comes from the kernel page by page as fragments fill it, instead of all
            // at once, while the kernel's receive buffer overflows.
            let mut larger = vec![0; target];
            larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = larger;
        }
    }

    /// How much the buffer grows for the next fragment.
    fn growth(&self) -> usize {
        self.length_for(self.filled + self.expected_bytes()) - self.buffer.len()
    }

    /// The length that holds `end` bytes. Where it must grow it does so by a factor, so that growing stays linear, and never
    /// past the message.
    fn length_for(&self, end: usize) -> usize {
        let length = self.buffer.len();
        if end <= length { length } else { end.max(GROWTH * length).min(self.message_bytes) }
    }
}

/// Senders of fragmented messages that are remembered.
const MAX_SENDERS: usize = 256;

/// A sender finishes a message before it begins the next; more than a few at once is no honest network.
const MAX_PARTIALS_PER_SENDER: usize = 16;

const MAX_FINISHED: usize = 8;

/// How many fragments may overtake fragment 0.
const MAX_DISORDER: usize = 2;

/// How much longer a buffer becomes than the bytes that arrived.
const GROWTH: usize = 4;

/// What an early fragment costs beside its bytes, generously.
const EARLY_OVERHEAD_BYTES: usize = 128;

/// The fragments of a message follow each other within milliseconds, unless its sender is stopped or paced very low.
const STALLED: Duration = Duration::from_millis(100);

const FORGET_SENDER: Duration = Duration::from_secs(60);

/// Without large messages for this long, the spare buffers go back to the system.
const FORGET_SPARE: Duration = Duration::from_secs(10);
