//! Which trips a source makes, and how long they took. Time is passed in; publishing is left to the source.

use std::time::{Duration, Instant};

use lcm::Message;
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::Image;

use crate::settings::Settings;

/// The trips of a source: messages that go once around.
#[derive(Debug)]
pub(crate) struct Trips {
    settings: Settings,
    times: Times,
    /// The number of the last trip, the first being 1.
    number: u32,
    /// When it began, unless it has ended.
    sent: Option<Instant>,
    lost: u64,
}

/// How long trips or calls took, without those of the warm-up.
#[derive(Debug)]
pub(crate) struct Times {
    seen: u64,
    began: Option<Instant>,
    ns: Vec<u64>,
}

/// What a source does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until something comes or it is time.
    Wait,
    /// Publish the message of this number.
    Send(u32),
    /// Say what was measured, and end.
    Over,
}

/// A message that carries the number of its trip.
pub(crate) trait Numbered: Message {
    /// A message as large as the settings say.
    fn sized(settings: &Settings) -> Self;

    fn set_number(&mut self, number: u32);

    /// The number of a message as it came.
    fn number(payload: &[u8]) -> Option<u32>;
}

impl Trips {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, times: Times::new(&settings), number: 0, sent: None, lost: 0 }
    }

    /// The source begins, or a period of [`Settings::period`] is over.
    pub(crate) fn tick(&mut self, now: Instant) -> Next {
        match self.sent {
            Some(sent) if !self.settings.is_paced() && now.duration_since(sent) < self.settings.period() => Next::Wait,
            Some(_) => {
                self.lost += 1;
                self.next(now)
            }
            None => self.next(now),
        }
    }

    /// A message has come round. The time of the next trip begins now, so that what the source does in between is part of it.
    pub(crate) fn returned(&mut self, now: Instant, number: Option<u32>) -> Next {
        let Some(sent) = self.sent.take_if(|_| number == Some(self.number)) else { return Next::Wait };
        self.times.add(&self.settings, sent, now);
        match self.settings.is_paced() {
            true => Next::Wait,
            false => self.next(now),
        }
    }

    pub(crate) fn figures(&mut self) -> String {
        format!("{} lost={}", self.times.figures(), self.lost)
    }

    fn next(&mut self, now: Instant) -> Next {
        if self.times.are_enough(&self.settings, now) {
            return Next::Over;
        }
        self.number = self.number.wrapping_add(1);
        self.sent = Some(now);
        Next::Send(self.number)
    }
}

impl Times {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { seen: 0, began: None, ns: Vec::with_capacity(usize::try_from(settings.limit).unwrap_or(0)) }
    }

    pub(crate) fn add(&mut self, settings: &Settings, from: Instant, to: Instant) {
        self.seen += 1;
        if self.seen > settings.warm_up {
            self.began.get_or_insert(from);
            self.ns.push(u64::try_from(to.duration_since(from).as_nanos()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn are_enough(&self, settings: &Settings, now: Instant) -> bool {
        let time = Duration::try_from_secs_f64(settings.seconds).unwrap_or(Duration::MAX);
        self.ns.len() as u64 >= settings.limit || self.began.is_some_and(|began| now.duration_since(began) >= time)
    }

    pub(crate) fn figures(&mut self) -> String {
        self.ns.sort_unstable();
        // The smallest that so many percent do not exceed.
        let percentile = |percent: usize| {
            let rank = (self.ns.len() * percent).div_ceil(100);
            self.ns.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        format!("seen={} trips={} p50_ns={} p99_ns={}", self.seen, self.ns.len(), percentile(50), percentile(99))
    }
}

impl Numbered for Twist {
    fn sized(_: &Settings) -> Self {
        Self::default()
    }

    fn set_number(&mut self, number: u32) {
        self.linear.x = number.into();
    }

    fn number(payload: &[u8]) -> Option<u32> {
        let number = Self::view(payload).ok()?.linear().x();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was made of such a number")]
        Some(number as u32)
    }
}

impl Numbered for Image {
    fn sized(settings: &Settings) -> Self {
        let data = vec![0x5a; usize::try_from(settings.bytes).unwrap_or_default()];
        let step = i32::try_from(settings.bytes / ROWS).unwrap_or_default();
        let (height, width) = (ROWS.cast_signed(), step / 3);
        Self { height, width, step, encoding: "rgb8".to_owned(), data, ..Self::default() }
    }

    fn set_number(&mut self, number: u32) {
        self.header.seq = number.cast_signed();
    }

    fn number(payload: &[u8]) -> Option<u32> {
        Some(Self::view(payload).ok()?.header().seq().cast_unsigned())
    }
}

const ROWS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(hz: f64) -> Settings {
        Settings { limit: 2, warm_up: 1, seconds: 10.0, hz, bytes: 3000 }
    }

    #[test]
    fn a_trip_begins_when_the_last_has_come_round() {
        let (mut trips, start) = (Trips::new(settings(0.0)), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(trips.tick(at(0)), Next::Send(1));
        assert_eq!(trips.returned(at(5), Some(1)), Next::Send(2));
        assert_eq!(trips.returned(at(6), Some(1)), Next::Wait, "it has come round already");
        assert_eq!(trips.returned(at(7), None), Next::Wait, "it is another message");
        assert_eq!(trips.returned(at(8), Some(2)), Next::Send(3));
        assert_eq!(trips.returned(at(9), Some(3)), Next::Over);
        assert_eq!(trips.figures(), "seen=3 trips=2 p50_ns=1000000 p99_ns=3000000 lost=0");
    }

    #[test]
    fn a_lost_trip_is_made_up_for() {
        let (mut trips, start) = (Trips::new(settings(0.0)), Instant::now());
        assert_eq!(trips.tick(start), Next::Send(1));
        assert_eq!(trips.tick(start + Duration::from_millis(999)), Next::Wait);
        assert_eq!(trips.tick(start + Duration::from_secs(1)), Next::Send(2));
        assert_eq!(trips.returned(start + Duration::from_secs(2), Some(1)), Next::Wait, "it counts as lost");
        assert!(trips.figures().ends_with("lost=1"));
    }

    #[test]
    fn paced_trips_begin_when_it_is_time() {
        let (mut trips, start) = (Trips::new(settings(100.0)), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(trips.tick(at(10)), Next::Send(1));
        assert_eq!(trips.returned(at(11), Some(1)), Next::Wait);
        assert_eq!(trips.tick(at(20)), Next::Send(2));
        assert_eq!(trips.tick(at(30)), Next::Send(3), "the second has not come in time");
        assert!(trips.figures().ends_with("lost=1"));
    }

    #[test]
    fn messages_carry_their_numbers() {
        fn check<T: Numbered>(number: u32) {
            let mut message = T::sized(&settings(0.0));
            message.set_number(number);
            assert_eq!(T::number(&message.encode().unwrap()), Some(number));
            assert_eq!(T::number(b"another message"), None);
        }
        for number in [1, 70_000, u32::MAX] {
            check::<Twist>(number);
            check::<Image>(number);
        }
    }
}
