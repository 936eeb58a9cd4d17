//! Puts numbered parts in order and together, and says what is missing. Memory follows the bytes that arrived.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::outbox::MAX_CREDIT;
use super::wire::{Part, Receipt};

/// The parts of one direction of one call.
#[derive(Debug)]
pub(crate) struct Inbox {
    limit_bytes: usize,
    /// All parts before this one have arrived.
    next: i64,
    early: BTreeMap<i64, Early>,
    /// The body that the next part belongs to, as far as it has arrived.
    body: Vec<u8>,
    kind: u8,
    total_bytes: usize,
    /// What a whole part of this body carries.
    part_bytes: usize,
    parts: usize,
    complete: VecDeque<Complete>,
    /// Parts since the last receipt.
    unreported: u32,
    /// Receipts since the last part.
    reports: u32,
    report_at: Option<Instant>,
}

/// A body.
#[derive(Debug)]
pub(crate) struct Complete {
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    Repeated,
    /// It contradicts itself or those before it.
    Malformed,
    /// It belongs to a body of this many bytes, which are too many.
    TooLarge(usize),
}

#[derive(Debug)]
struct Early {
    kind: u8,
    total_bytes: usize,
    offset: usize,
    bytes: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            next: 0,
            early: BTreeMap::new(),
            body: Vec::new(),
            kind: 0,
            total_bytes: 0,
            part_bytes: 0,
            parts: 0,
            complete: VecDeque::new(),
            unreported: 0,
            reports: 0,
            report_at: None,
        }
    }

    pub(crate) fn insert(&mut self, now: Instant, part: &Part<'_>) -> Arrival {
        let (Ok(total_bytes), Ok(offset)) = (usize::try_from(part.total_bytes), usize::try_from(part.offset)) else {
            return Arrival::Malformed;
        };
        let is_inside = offset.checked_add(part.bytes.len()).is_some_and(|end| end <= total_bytes);
        if part.sequence < 0 || !is_inside || (part.bytes.is_empty() && total_bytes > 0) {
            return Arrival::Malformed;
        }
        self.note(now);
        if part.sequence < self.next || self.early.contains_key(&part.sequence) {
            return Arrival::Repeated;
        }
        if part.sequence - self.next >= REACH {
            return Arrival::Malformed;
        }
        if total_bytes > self.limit_bytes {
            return Arrival::TooLarge(total_bytes);
        }
        if part.sequence > self.next {
            let early = Early { kind: part.kind, total_bytes, offset, bytes: part.bytes.to_vec() };
            self.early.insert(part.sequence, early);
            return Arrival::New;
        }
        if !self.append(part.kind, total_bytes, offset, part.bytes) {
            return Arrival::Malformed;
        }
        while let Some(early) = self.early.remove(&self.next) {
            // One that does not fit was forged or broken; the true one will be asked for.
            if !self.append(early.kind, early.total_bytes, early.offset, &early.bytes) {
                break;
            }
        }
        Arrival::New
    }

    /// Takes the next body that is whole.
    pub(crate) fn take(&mut self) -> Option<Complete> {
        self.complete.pop_front()
    }

    /// What is held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.body.capacity() + self.early.values().map(|early| early.bytes.len()).sum::<usize>()
    }

    /// How many parts are still needed to complete the body that has begun.
    pub(crate) fn parts_to_go(&self) -> usize {
        if self.parts == 0 { 0 } else { (self.total_bytes - self.body.len()).div_ceil(self.part_bytes.max(1)) }
    }

    /// The largest body that is taken.
    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// How many parts have arrived without a gap.
    pub(crate) fn received(&self) -> i64 {
        self.next
    }

    /// Whether a receipt is due.
    pub(crate) fn is_report_due(&self, now: Instant) -> bool {
        let enough = if self.early.is_empty() { REPORT_EVERY } else { REPORT_GAPS_EVERY };
        self.unreported >= enough || self.report_at.is_some_and(|at| at <= now)
    }

    /// When a receipt will be due.
    pub(crate) fn wakeup(&self) -> Option<Instant> {
        self.report_at
    }

    /// The receipt, which is going to be sent now.
    pub(crate) fn report(&mut self, now: Instant, credit: usize) -> Receipt {
        self.unreported = 0;
        self.report_at = None;
        if self.parts > 0 || !self.early.is_empty() {
            // There must be more to come: should this be lost, or nothing be on its way, say it again.
            self.report_at = Some(now + REPORT_AGAIN * (1 << self.reports.min(4)));
            self.reports += 1;
        }
        let last = self.early.last_key_value().map_or(self.next, |(&last, _)| last);
        // With a gap, the one behind the last is missing as well, and says which one was the last.
        let end = if self.early.is_empty() { last } else { last + 2 };
        let missing = (self.next..end).filter(|sequence| !self.early.contains_key(sequence)).take(MAX_MISSING);
        let credit = i32::try_from(credit).unwrap_or(MAX_CREDIT).min(MAX_CREDIT);
        Receipt { received: self.next, credit, missing: missing.collect() }
    }

    fn note(&mut self, now: Instant) {
        self.unreported += 1;
        self.reports = 0;
        let at = now + if self.early.is_empty() { REPORT_DELAY } else { REPORT_GAPS_DELAY };
        self.report_at = Some(self.report_at.map_or(at, |before| before.min(at)));
    }

    /// Appends the next part. False if it does not belong there.
    fn append(&mut self, kind: u8, total_bytes: usize, offset: usize, bytes: &[u8]) -> bool {
        if self.parts == 0 {
            if offset != 0 {
                return false;
            }
            self.kind = kind;
            self.total_bytes = total_bytes;
            self.part_bytes = bytes.len();
        } else if offset != self.body.len() || kind != self.kind || total_bytes != self.total_bytes {
            return false;
        }
        self.next += 1;
        self.parts += 1;
        self.body.extend_from_slice(bytes);
        if self.body.len() == self.total_bytes {
            let bytes = std::mem::take(&mut self.body);
            self.parts = 0;
            self.complete.push_back(Complete { kind, bytes });
        }
        true
    }
}

/// How far a part may be ahead of the next one.
const REACH: i64 = MAX_CREDIT as i64;

/// A receipt for this many parts, or after [`REPORT_DELAY`].
const REPORT_EVERY: u32 = 8;

/// With gaps; fewer parts than that may have overtaken the missing one.
const REPORT_GAPS_EVERY: u32 = 4;

const REPORT_DELAY: Duration = Duration::from_millis(5);
const REPORT_GAPS_DELAY: Duration = Duration::from_millis(2);

/// When nothing comes after a receipt, doubled each time up to 16 times.
const REPORT_AGAIN: Duration = Duration::from_millis(10);

const MAX_MISSING: usize = 64;
