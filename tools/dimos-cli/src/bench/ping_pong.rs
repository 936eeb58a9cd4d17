//! The ping-pong of a bench: messages that go there and back, one after the other, and how long each takes.

use std::time::{Duration, Instant};

use crossbeam_channel::select;
use lcm::{Lcm, Publisher, Queue, Subscription};
use serde::Serialize;

use super::channels::{Channels, Sequence};
use super::peer::{Peer, fill};
use super::{Options, Rate};
use crate::context::Context;
use crate::failure::Failure;
use crate::histogram::{Bar, Histogram, Percentiles};
use crate::interrupt::Interrupt;
use crate::topic::echo::subscribe_failure;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct PingPong {
    pub(super) size: u32,
    pub(super) sent: u64,
    pub(super) back: u64,
    pub(super) lost: u64,
    pub(super) round_trip_s: Option<Percentiles>,
    pub(super) histogram: Vec<Bar>,
}

/// What has come of it so far.
#[derive(Debug)]
struct Tally {
    /// When what counts began.
    start: Instant,
    /// Whether any message came back. The first that does is slower than those that follow: it is not counted.
    is_warm: bool,
    sent: u64,
    back: u64,
    histogram: Histogram,
}

/// This side: who sends, and waits for answers.
struct Pinger {
    publisher: Publisher,
    channel: String,
    answers: Subscription,
    payload: Vec<u8>,
    number: Sequence,
}

/// Has messages go there and back for as long as the options say.
pub(super) fn measure(
    options: &Options,
    context: &Context,
    bus: &Lcm,
    channels: &Channels,
    peer: &mut Peer,
) -> Result<PingPong, Failure> {
    let mut pinger = Pinger::new(options.size, bus, channels)?;
    let mut next = Instant::now();
    let mut tally = Tally::new(next);
    while !tally.is_over(options.duration, Instant::now()) {
        peer.check()?;
        context.interrupt.wait_until(next)?;
        let round_trip = pinger.trip(&context.interrupt)?;
        tally.push(round_trip, Instant::now());
        if let Rate::Each(period) = options.rate {
            // What is late is not made up for.
            next = (next + period).max(Instant::now());
        }
    }
    Ok(tally.finished(options.size))
}

impl Pinger {
    fn new(size: u32, bus: &Lcm, channels: &Channels) -> Result<Self, Failure> {
        let answers = bus.subscribe(channels.pong().as_str(), Queue::keep_all(QUEUE_BYTES));
        Ok(Self {
            publisher: bus.publisher(),
            channel: channels.ping(),
            answers: answers.map_err(subscribe_failure)?,
            payload: vec![0; usize::try_from(size).unwrap_or_default()],
            number: 0,
        })
    }

    /// Sends a message and waits until it is back: how long that took, and none if it does not come.
    fn trip(&mut self, interrupt: &Interrupt) -> Result<Option<Duration>, Failure> {
        fill(&mut self.payload, self.number);
        self.number += 1;
        let asked = Instant::now();
        self.publisher
            .publish(&self.channel, &self.payload)
            .map_err(|error| Failure::unexpected(format_args!("cannot send: {error}")))?;
        let deadline = asked + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            select! {
                recv(self.answers.receiver()) -> answer => match answer {
                    // One of those before may come late.
                    Ok(answer) if answer.payload()[..] == self.payload[..] => return Ok(Some(asked.elapsed())),
                    Ok(_) => {}
                    Err(_) => return Err(Failure::unexpected("the bus is closed")),
                },
                recv(interrupt.receiver()) -> _ => return Err(Failure::interrupted()),
                default(left) => return Ok(None),
            }
        }
    }
}

impl Tally {
    fn new(now: Instant) -> Self {
        Self { start: now, is_warm: false, sent: 0, back: 0, histogram: Histogram::default() }
    }

    /// Counts a message that is back after so long, or lost.
    fn push(&mut self, round_trip: Option<Duration>, now: Instant) {
        match round_trip {
            Some(_) if !self.is_warm => (self.is_warm, self.start) = (true, now),
            Some(time) => {
                self.sent += 1;
                self.back += 1;
                self.histogram.push(time);
            }
            None => self.sent += 1,
        }
    }

    /// Whether nothing more is sent, since it went on for so long. That the first ones are lost does not mean that all are: as long as
    /// none is counted that came back, some more are sent.
    fn is_over(&self, duration: Duration, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.start);
        match self.back {
            0 => self.sent >= u64::from(FEW) || passed >= duration.max(FEW * PATIENCE),
            _ => passed >= duration,
        }
    }

    fn finished(self, size: u32) -> PingPong {
        let Self { sent, back, histogram, .. } = self;
        let (round_trip_s, histogram) = (histogram.percentiles(), histogram.bars());
        PingPong { size, sent, back, lost: sent.saturating_sub(back), round_trip_s, histogram }
    }
}

/// How long an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// If none of so many is answered, none will be: where one of two is lost, that happens once in a thousand times.
const FEW: u32 = 10;

/// Answers that came late.
const QUEUE_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of messages that go as these do, the last of which stands for all that follow, and how long it takes.
    fn play(duration: Duration, period: Duration, outcomes: &[Option<Duration>]) -> (PingPong, Duration) {
        let begin = Instant::now();
        let mut tally = Tally::new(begin);
        let (mut now, mut next) = (begin, begin);
        for outcome in outcomes.iter().chain(std::iter::repeat(outcomes.last().unwrap())) {
            if tally.is_over(duration, now) {
                break;
            }
            now = now.max(next) + outcome.unwrap_or(PATIENCE);
            tally.push(*outcome, now);
            next = (next + period).max(now);
        }
        (tally.finished(64), now - begin)
    }

    const QUICK: Option<Duration> = Some(Duration::from_millis(1));
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_that_comes_back_is_not_counted() {
        let (trips, took) = play(100 * MS, 5 * MS, &[QUICK]);
        assert_eq!((trips.sent, trips.back, trips.lost), (20, 20, 0));
        assert_eq!(took, 101 * MS);
    }

    #[test]
    fn a_message_that_is_lost_at_first_is_lost_and_no_more_than_that() {
        for first in [&[None, QUICK][..], &[QUICK, None, QUICK]] {
            let (trips, _) = play(100 * MS, 5 * MS, first);
            assert!(trips.back > 0 && trips.lost == 1, "{first:?}: {trips:?}");
        }
    }

    #[test]
    fn where_nobody_answers_it_ends_after_a_few_messages_or_some_seconds() {
        for (duration, period) in [(10 * MS, 5 * MS), (5000 * MS, 5 * MS), (3_600_000 * MS, 5 * MS)] {
            let (trips, took) = play(duration, period, &[None]);
            assert_eq!((trips.sent, trips.back, took), (FEW.into(), 0, FEW * PATIENCE), "{duration:?}");
        }
        // At a slow rate so many would take too long.
        let (trips, took) = play(100 * MS, 4000 * MS, &[None]);
        assert_eq!((trips.sent, took), (3, 8500 * MS));
    }
}
