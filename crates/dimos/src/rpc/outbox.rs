//! Sends bodies as numbered parts, until all have arrived: a window, acknowledgements, and what is missing sent again.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::round_trip::{RoundTrip, backed_off};
use super::wire::{Part, Receipt};

/// The parts of one direction of one call.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// How many bytes a part carries.
    part_bytes: usize,
    /// Those that have not arrived as a whole.
    bodies: VecDeque<Body>,
    /// All parts before this one have arrived.
    arrived: i64,
    /// Those from `arrived` on that were sent.
    sent: VecDeque<Sent>,
    /// The number after the last part.
    end: i64,
    /// The number after the last part that the other side allows.
    allowed: i64,
    /// How many may be on their way, and how many are: sent, and not known to have arrived.
    window: usize,
    on_the_way: usize,
    /// Those to be sent again now.
    again: BTreeSet<i64>,
    resend_at: Option<Instant>,
    /// How often the time was up since something arrived last.
    timeouts: u32,
    resend_cap: Duration,
}

#[derive(Debug)]
struct Body {
    kind: u8,
    bytes: Vec<u8>,
    first: i64,
    parts: i64,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    times: u32,
    has_arrived: bool,
}

impl Outbox {
    pub(crate) fn new(part_bytes: usize, resend_cap: Duration) -> Self {
        Self {
            part_bytes: part_bytes.max(1),
            bodies: VecDeque::new(),
            arrived: 0,
            sent: VecDeque::new(),
            end: 0,
            allowed: i64::from(MAX_CREDIT),
            window: FIRST_WINDOW,
            on_the_way: 0,
            again: BTreeSet::new(),
            resend_at: None,
            timeouts: 0,
            resend_cap,
        }
    }

    /// The other side takes only so many parts at first.
    pub(crate) fn allow(&mut self, parts: i64) {
        self.allowed = parts.clamp(0, i64::from(MAX_CREDIT));
    }

    /// Adds a body behind all others.
    pub(crate) fn push(&mut self, kind: u8, bytes: Vec<u8>) {
        let parts = i64::try_from(bytes.len().div_ceil(self.part_bytes).max(1)).unwrap_or(i64::MAX);
        self.bodies.push_back(Body { kind, bytes, first: self.end, parts });
        self.end += parts;
    }

    /// How many bodies have not arrived as a whole.
    pub(crate) fn bodies(&self) -> usize {
        self.bodies.len()
    }

    /// What they hold.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.bytes.len()).sum()
    }

    /// Whether more than one part has still to arrive.
    pub(crate) fn is_large(&self) -> bool {
        self.end - self.arrived > 1
    }

    /// Whether all have arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.arrived == self.end
    }

    /// Whether anything is on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.sent.is_empty()
    }

    /// How often the time was up in a row.
    pub(crate) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    pub(crate) fn wakeup(&self) -> Option<Instant> {
        self.resend_at
    }

    /// The next part to be sent now, and how often it was sent before. `share` is how many parts may be on their way.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        share: usize,
        round_trip: &RoundTrip,
        rng: &mut fastrand::Rng,
    ) -> Option<(Part<'_>, u32)> {
        let (sequence, times) = self.next_sequence(now, share)?;
        if self.resend_at.is_none() {
            self.resend_at = Some(now + backed_off(round_trip.resend_after(), self.timeouts, self.resend_cap, rng));
        }
        Some((self.part(sequence)?, times))
    }

    fn next_sequence(&mut self, now: Instant, share: usize) -> Option<(i64, u32)> {
        while let Some(sequence) = self.again.pop_first() {
            if let Some(sent) = self.sent_mut(sequence)
                && !sent.has_arrived
            {
                sent.at = now;
                sent.times += 1;
                return Some((sequence, sent.times - 1));
            }
        }
        let next = self.next_new();
        if next >= self.end || next >= self.allowed || self.on_the_way >= self.window.min(share) {
            return None;
        }
        self.sent.push_back(Sent { at: now, times: 1, has_arrived: false });
        self.on_the_way += 1;
        Some((next, 0))
    }

    /// Takes in what the other side says that it has. True if it is news.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        receipt: &Receipt,
        round_trip: &mut RoundTrip,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let Receipt { received, credit, ref missing } = *receipt;
        if received < self.arrived || received > self.next_new() {
            return false;
        }
        self.allowed = self.allowed.max(received + i64::from(credit.clamp(0, MAX_CREDIT)));
        let news = usize::try_from(received - self.arrived).unwrap_or_default();
        let mut sample = None;
        for sent in self.sent.drain(..news) {
            self.on_the_way -= usize::from(!sent.has_arrived);
            if sent.times == 1 && !sent.has_arrived {
                sample = Some(now.saturating_duration_since(sent.at));
            }
        }
        self.arrived = received;
        while self.bodies.front().is_some_and(|body| body.first + body.parts <= received) {
            self.bodies.pop_front();
        }
        let news = news + self.believe_missing(now, missing, round_trip, &mut sample);
        if let Some(sample) = sample {
            round_trip.measured(sample);
        }
        if news > 0 {
            self.timeouts = 0;
            self.window = (self.window + news).min(MAX_WINDOW);
            self.resend_at = None;
            self.send_overdue(now, 2 * news.max(MIN_WINDOW), round_trip.resend_after());
        }
        if self.resend_at.is_none() && self.is_waiting() {
            self.resend_at = Some(now + backed_off(round_trip.resend_after(), 0, self.resend_cap, rng));
        }
        news > 0
    }

    /// Everything that was sent has arrived.
    pub(crate) fn acknowledge_all(&mut self, now: Instant, round_trip: &mut RoundTrip, rng: &mut fastrand::Rng) {
        let receipt = Receipt { received: self.next_new(), credit: 0, missing: Vec::new() };
        self.acknowledge(now, &receipt, round_trip, rng);
    }

    /// Sends what has been on its way for longest again, once its time is up.
    pub(crate) fn tick(&mut self, now: Instant, round_trip: &RoundTrip, rng: &mut fastrand::Rng) {
        if self.resend_at.is_none_or(|at| at > now) {
            return;
        }
        self.resend_at = None;
        if self.is_waiting() {
            self.timeouts += 1;
            if self.timeouts > 2 {
                self.window = (self.window / 2).max(MIN_WINDOW);
            }
            self.send_oldest(now, 2);
            self.resend_at = Some(now + backed_off(round_trip.resend_after(), self.timeouts, self.resend_cap, rng));
        }
    }

    /// Sends the oldest part again now, as the other side asks whether there is anything. At most as often as doubling
    /// intervals allow.
    pub(crate) fn repeat(&mut self, now: Instant, round_trip: &RoundTrip) {
        let patience = round_trip.believable();
        let is_due = |sent: &&Sent| now.saturating_duration_since(sent.at) >= patience_of(patience, sent.times);
        if self.sent.iter().find(|sent| !sent.has_arrived).filter(is_due).is_some() {
            self.send_oldest(now, 1);
        }
    }

    fn send_oldest(&mut self, now: Instant, count: usize) {
        let first = self.arrived;
        let oldest = self.sent.iter().zip(first..).filter(|(sent, _)| !sent.has_arrived && sent.at < now);
        self.again.extend(oldest.map(|(_, sequence)| sequence).take(count));
    }

    /// Parts that are older than the time for an answer, when an answer to later ones comes.
    fn send_overdue(&mut self, now: Instant, count: usize, age: Duration) {
        let first = self.arrived;
        let is_overdue = |sent: &Sent| !sent.has_arrived && now.saturating_duration_since(sent.at) >= age;
        let overdue = self.sent.iter().zip(first..).filter(|(sent, _)| is_overdue(sent));
        self.again.extend(overdue.map(|(_, sequence)| sequence).take(count));
    }

    /// Parts that are said to be missing go again, each after a time that grows whatever the other side says. Those between them
    /// have arrived; returns how many of these are news.
    fn believe_missing(
        &mut self,
        now: Instant,
        missing: &[i64],
        round_trip: &RoundTrip,
        sample: &mut Option<Duration>,
    ) -> usize {
        let patience = round_trip.believable();
        let mut from = self.arrived;
        let mut news = 0;
        for &sequence in missing {
            if sequence < from || sequence > self.next_new() {
                break;
            }
            for between in from..sequence {
                if let Some(sent) = self.sent_mut(between)
                    && !sent.has_arrived
                {
                    sent.has_arrived = true;
                    news += 1;
                    if sent.times == 1 {
                        *sample = Some(now.saturating_duration_since(sent.at));
                    }
                }
            }
            if let Some(&mut sent) = self.sent_mut(sequence)
                && !sent.has_arrived
                && now.saturating_duration_since(sent.at) >= patience_of(patience, sent.times)
            {
                self.again.insert(sequence);
            }
            from = sequence + 1;
        }
        self.on_the_way -= news;
        news
    }

    fn part(&self, sequence: i64) -> Option<Part<'_>> {
        let index = self.bodies.partition_point(|body| body.first + body.parts <= sequence);
        let body = self.bodies.get(index)?;
        let begin = usize::try_from(sequence - body.first).ok()? * self.part_bytes;
        let end = (begin + self.part_bytes).min(body.bytes.len());
        Some(Part {
            sequence,
            kind: body.kind,
            total_bytes: i32::try_from(body.bytes.len()).ok()?,
            offset: i32::try_from(begin).ok()?,
            bytes: body.bytes.get(begin..end)?,
        })
    }

    /// The number of the first part that was never sent.
    fn next_new(&self) -> i64 {
        self.arrived + i64::try_from(self.sent.len()).unwrap_or_default()
    }

    fn sent_mut(&mut self, sequence: i64) -> Option<&mut Sent> {
        self.sent.get_mut(usize::try_from(sequence.checked_sub(self.arrived)?).ok()?)
    }
}

/// How long a part that was sent so often is believed to be on its way.
fn patience_of(base: Duration, times: u32) -> Duration {
    base.saturating_mul(1 << times.saturating_sub(QUICK).min(9)).min(MAX_PATIENCE)
}

/// Parts on their way: 64 of 1400 bytes take 150 kB of a default receive buffer of 208 KiB.
pub(crate) const MAX_WINDOW: usize = 64;

/// Parts beyond those that have arrived without a gap: while one is missing, others go on.
pub(crate) const MAX_CREDIT: i32 = 256;

const FIRST_WINDOW: usize = 16;
const MIN_WINDOW: usize = 4;

/// A part is sent so often before patience doubles each time: at 30 % loss, one of a hundred needs more.
const QUICK: u32 = 4;

const MAX_PATIENCE: Duration = Duration::from_millis(500);
