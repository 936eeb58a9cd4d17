//! Finding the events of a log that may be damaged: where one begins, and whether it is one.
//!
//! A header has no checksum, so whether an event is whole shows only in what surrounds it. The rules, from the strongest:
//!
//! 1. An event that the one with the next number follows is good.
//! 2. One that reaches past the end of the log was cut off, and one with another header inside its header or its channel too.
//! 3. One that ends with the log, or where an event with another number begins, is good, unless good events inside it say
//!    otherwise: then it was cut off, and its length ends with one of them by accident.
//! 4. One with garbage behind it is good too (C LCM drops it), unless good events inside it say otherwise: those that reach
//!    past its end always do.
//!
//! Data may hold whole events, as a message about a log does. They are told from swallowed ones by their numbers: those of
//! swallowed events count on from the event that was cut off, or lead up to the event that follows.
//!
//! Nothing here does I/O: the caller lends the bytes from where it stands and gets more when asked. The work is linear in the
//! size of the log, whatever it contains: rules 3 and 4 spend a credit that bytes passed over earn.

use memchr::memmem::Finder;

use super::event::{HEADER_BYTES, Record, SYNC};
use crate::wire::MAX_MESSAGE_BYTES;

/// What stands at the beginning of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A whole event.
    Event(Record),
    /// So many bytes that belong to no event; more of them may follow.
    Garbage(usize),
    /// That cannot be told with fewer bytes than these, counted from the same place.
    More(usize),
    /// Nothing: the log ends here.
    End,
}

/// Judges one place in a log after the other. It remembers nothing of earlier places, so reading may start at any event.
#[derive(Debug)]
pub(super) struct Scanner {
    sync: Finder<'static>,
    search: Search,
    /// Bytes that may still be searched for events inside others.
    credit: usize,
}

/// How far the event in question was searched for others, while more bytes were asked for.
#[derive(Debug, Default)]
struct Search {
    upto: usize,
    /// The number of the last good event that was found inside it.
    last_inside: Option<i64>,
}

/// What stands behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// The event is longer than the rest of the log.
    Missing,
    /// The end of the log, or an event of which the log has only the beginning.
    End,
    /// An event with this number.
    Event(i64),
    Garbage,
}

/// More bytes are needed, this many in all.
struct Needed(usize);

impl Scanner {
    pub(super) fn new() -> Self {
        Self { sync: Finder::new(&SYNC), search: Search::default(), credit: MAX_CREDIT_BYTES }
    }

    /// Judges what stands at the beginning of `bytes`, which is the end of the log too if `at_end`. The caller passes over
    /// an event or garbage, and comes back with more bytes from the same place if asked to.
    pub(super) fn step(&mut self, bytes: &[u8], at_end: bool) -> Step {
        let step = self.judge(bytes, at_end).unwrap_or_else(|Needed(bytes)| Step::More(bytes));
        let passed = match step {
            Step::Event(record) => record.bytes(),
            Step::Garbage(bytes) => bytes,
            Step::More(_) | Step::End => return step,
        };
        self.search = Search::default();
        self.credit = self.credit.saturating_add(passed.saturating_mul(CREDIT_PER_BYTE)).min(MAX_CREDIT_BYTES);
        step
    }

    fn judge(&mut self, bytes: &[u8], at_end: bool) -> Result<Step, Needed> {
        if bytes.len() < HEADER_BYTES && !at_end {
            return Err(Needed(HEADER_BYTES));
        }
        if bytes.is_empty() {
            return Ok(Step::End);
        }
        if !bytes.starts_with(&SYNC) {
            return Ok(self.garbage(bytes, 0, at_end));
        }
        let Some(record) = Record::parse(bytes) else { return Ok(self.garbage(bytes, SYNC.len(), at_end)) };
        let good = match behind(bytes, record.bytes(), at_end)? {
            Behind::Missing => false,
            Behind::Event(number) if number == successor(record) => true,
            _ if self.begins_anew(bytes, at_end, record) => false,
            Behind::Event(number) => self.ends_with_itself(bytes, at_end, record, Some(number))?,
            Behind::End => self.ends_with_itself(bytes, at_end, record, None)?,
            Behind::Garbage => self.swallows_nothing(bytes, at_end, record)?,
        };
        Ok(if good { Step::Event(record) } else { self.garbage(bytes, SYNC.len(), at_end) })
    }

    /// Everything up to the next sync word after `from`, or up to what may be the beginning of one.
    fn garbage(&self, bytes: &[u8], from: usize, at_end: bool) -> Step {
        Step::Garbage(match self.sync.find(&bytes[from..]) {
            Some(place) => from + place,
            None if at_end => bytes.len(),
            None => bytes.len() - (SYNC.len() - 1),
        })
    }

    /// Whether another header begins inside the header or the channel, which then is a piece of one: times and lengths contain a
    /// sync word, but hardly ever with a header behind it, and text never does.
    fn begins_anew(&self, bytes: &[u8], at_end: bool, record: Record) -> bool {
        let inside = &bytes[SYNC.len()..bytes.len().min(record.bytes_before_data() + SYNC.len() - 1)];
        self.sync.find(inside).is_some_and(|place| {
            let header = &bytes[SYNC.len() + place..];
            Record::parse(header).is_some() || (at_end && header.len() < HEADER_BYTES)
        })
    }

    /// Rule 3: whether what follows `record`, an event with the number `next` or the end of the log, is where itself ends, and
    /// not an event inside it.
    fn ends_with_itself(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        record: Record,
        next: Option<i64>,
    ) -> Result<bool, Needed> {
        while let Some(place) = self.next_inside(bytes, record.bytes()) {
            if let Some((inner, inner_end)) = good_event(bytes, place, at_end)?
                && inner_end <= record.bytes()
            {
                if self.counts_on(record, inner) {
                    return Ok(false);
                }
                self.search.last_inside = Some(inner.number);
            }
            self.search.upto = place + SYNC.len();
        }
        Ok(next.is_none_or(|next| self.leads_to(record, next)))
    }

    /// Rule 4: whether no good event would be lost with `record`, behind which garbage stands.
    fn swallows_nothing(&mut self, bytes: &[u8], at_end: bool, record: Record) -> Result<bool, Needed> {
        let end = record.bytes();
        while let Some(place) = self.next_inside(bytes, end) {
            if let Some((inner, inner_end)) = good_event(bytes, place, at_end)? {
                if inner_end > end || self.counts_on(record, inner) {
                    return Ok(false);
                }
                self.search.last_inside = Some(inner.number);
            }
            self.search.upto = place + SYNC.len();
        }
        if self.search.last_inside.is_none() {
            return Ok(true);
        }
        // The first good event behind the garbage decides.
        let limit = end + LOOKED_AHEAD_BYTES;
        if bytes.len() < limit && !at_end {
            return Err(Needed(limit));
        }
        self.search.upto = self.search.upto.max(end);
        while let Some(place) = self.next_inside(bytes, limit.min(bytes.len())) {
            if let Some((next, _)) = good_event(bytes, place, at_end)? {
                return Ok(self.leads_to(record, next.number));
            }
            self.search.upto = place + SYNC.len();
        }
        Ok(false)
    }

    /// Whether `inner` is the first good event inside `record` and has its next number.
    fn counts_on(&self, record: Record, inner: Record) -> bool {
        self.search.last_inside.is_none() && inner.number == successor(record)
    }

    /// Whether the number `next` rather follows that of `record` than that of the last good event inside it.
    fn leads_to(&self, record: Record, next: i64) -> bool {
        let distance = |number: i64| next.checked_sub(number).filter(|distance| *distance > 0).unwrap_or(i64::MAX);
        self.search.last_inside.is_none_or(|inside| distance(record.number) <= distance(inside))
    }

    /// The next sync word that begins before `end`, after those that were looked at. None without credit.
    fn next_inside(&mut self, bytes: &[u8], end: usize) -> Option<usize> {
        // The first one is that of the event itself.
        let from = self.search.upto.max(SYNC.len());
        let limit = bytes.len().min(end + SYNC.len() - 1).min(from.saturating_add(self.credit));
        let found = self.sync.find(bytes.get(from..limit)?);
        let cost = found.map_or(limit - from, |place| place + COST_OF_LOOKING);
        self.credit = self.credit.saturating_sub(cost);
        found.map(|place| from + place)
    }
}

/// The event at `place` and where it ends, if what stands behind it shows it to be good.
fn good_event(bytes: &[u8], place: usize, at_end: bool) -> Result<Option<(Record, usize)>, Needed> {
    if bytes.len() < place + HEADER_BYTES && !at_end {
        return Err(Needed(place + HEADER_BYTES));
    }
    let Some(record) = Record::parse(&bytes[place..]) else { return Ok(None) };
    let end = place + record.bytes();
    let good = match behind(bytes, end, at_end)? {
        Behind::Missing | Behind::Garbage => false,
        Behind::End | Behind::Event(_) => true,
    };
    Ok(good.then_some((record, end)))
}

fn behind(bytes: &[u8], end: usize, at_end: bool) -> Result<Behind, Needed> {
    if bytes.len() < end + HEADER_BYTES && !at_end {
        return Err(Needed(end + HEADER_BYTES));
    }
    let Some(rest) = bytes.get(end..) else { return Ok(Behind::Missing) };
    let cut_off = rest.len() < HEADER_BYTES && (rest.starts_with(&SYNC) || SYNC.starts_with(rest));
    Ok(match Record::parse(rest) {
        Some(record) => Behind::Event(record.number),
        None if cut_off => Behind::End,
        None => Behind::Garbage,
    })
}

fn successor(record: Record) -> i64 {
    record.number.wrapping_add(1)
}

/// How far behind an event with garbage after it the next good one is looked for.
const LOOKED_AHEAD_BYTES: usize = 1 << 20;

/// Enough to search the largest event twice, however early in the log it stands.
const MAX_CREDIT_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// What one byte passed over earns.
const CREDIT_PER_BYTE: usize = 4;

/// What looking at a sync word costs, in bytes of searching.
const COST_OF_LOOKING: usize = 64;
