//! When this process sends its claim next.

use std::time::{Duration, Instant};

use super::timing::{
    BEAT, CLAIM_GAP, INSIST, INSIST_LIMIT, REFRESH, REPEAT, REPEATS, SPREAD_MAX, SPREAD_MIN, SPREAD_PER_NODE,
    TAKEN_REPEATS,
};

/// The next claim, and those that follow it.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    next: Option<Instant>,
    last: Option<Instant>,
    /// How often it is still repeated because it is news.
    repeats: u32,
    /// The time until the next repetition.
    gap: Duration,
    /// How often it has been repeated because somebody does not believe it.
    insisted: Option<u32>,
}

impl Announcing {
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Sends it as soon as it may be.
    pub(super) fn answer(&mut self, now: Instant) {
        self.by(self.last.map_or(now, |last| now.max(last + CLAIM_GAP)));
    }

    /// Sends it as soon as it may be, and once more: somebody fears that this process is lost.
    pub(super) fn reassure(&mut self, now: Instant) {
        self.answer(now);
        if self.repeats == 0 {
            (self.repeats, self.gap) = (1, REPEAT);
        }
    }

    /// Sends it in a while: it is not known whether that helps.
    pub(super) fn later(&mut self, now: Instant) {
        self.by(now + BEAT);
    }

    /// Sends it at some time soon, since many others do the same now.
    pub(super) fn answer_among(&mut self, now: Instant, nodes: usize, random: &mut fastrand::Rng) {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        let spread = SPREAD_PER_NODE.saturating_mul(nodes).clamp(SPREAD_MIN, SPREAD_MAX);
        if self.next.is_some_and(|next| next <= now + spread) {
            return;
        }
        let earliest = self.last.map_or(now, |last| now.max(last + CLAIM_GAP));
        self.by(earliest + spread.mul_f64(random.f64()));
    }

    /// Sends it as soon as it may be, and some times more.
    pub(super) fn news(&mut self, now: Instant) {
        self.answer(now);
        self.repeats = self.repeats.max(REPEATS);
        self.gap = REPEAT;
    }

    /// Like news, and for longer: as long as two owners do not know of each other, there are two.
    pub(super) fn taken(&mut self, now: Instant) {
        self.news(now);
        self.repeats = TAKEN_REPEATS;
    }

    /// Sends it until `content`.
    pub(super) fn insist(&mut self, now: Instant) {
        self.insisted = Some(0);
        self.answer(now);
    }

    /// Everybody believes it.
    pub(super) const fn content(&mut self) {
        self.insisted = None;
    }

    /// It was sent.
    pub(super) fn sent(&mut self, now: Instant, random: &mut fastrand::Rng) {
        self.last = Some(now);
        self.next = Some(now + vary(REFRESH, 0.8..1.0, random));
        if self.repeats > 0 {
            self.repeats -= 1;
            self.by(now + vary(self.gap, 0.75..1.25, random));
            self.gap *= 2;
        }
        if let Some(insisted) = self.insisted.filter(|&insisted| insisted < INSIST_LIMIT) {
            self.insisted = Some(insisted + 1);
            self.by(now + vary(INSIST * (1 << insisted), 0.75..1.25, random));
        }
    }

    fn by(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// A duration times a random factor.
pub(super) fn vary(duration: Duration, factor: std::ops::Range<f64>, random: &mut fastrand::Rng) -> Duration {
    duration.mul_f64(factor.start + (factor.end - factor.start) * random.f64())
}
