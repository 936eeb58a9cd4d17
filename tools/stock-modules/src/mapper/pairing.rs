//! Which scan was taken where: pairs scans with odometry by the stamps of the messages.
//!
//! A scan waits until odometry at its stamp or later has come; its place is interpolated between the messages around it. So what comes
//! out does not depend on when messages arrive, as long as those of one channel arrive in order.

use std::collections::VecDeque;

use crate::plane::Place;

/// When a message was stamped; the sender's count of messages tells messages of one stamp apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) time_ns: i64,
    pub(super) seq: i32,
}

/// Scans and odometry that wait for each other.
#[derive(Debug)]
pub(super) struct Pairing<S> {
    max_gap_ns: i64,
    odometry: VecDeque<(Stamp, Place)>,
    /// In the order of their stamps.
    scans: VecDeque<(Stamp, S)>,
    /// The last scan that came out.
    last: Option<Stamp>,
    dropped: Dropped,
}

/// Scans that were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    /// Older than the odometry that is left, or than a scan that was used already.
    pub(super) late: u64,
    /// In a gap of the odometry.
    pub(super) in_gaps: u64,
    /// Too many waited.
    pub(super) overflowed: u64,
}

impl<S> Pairing<S> {
    pub(super) fn new(max_gap_s: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let max_gap_ns = (max_gap_s * 1e9) as i64;
        let (odometry, scans) = (VecDeque::new(), VecDeque::new());
        Self { max_gap_ns, odometry, scans, last: None, dropped: Dropped::default() }
    }

    /// Takes in where the robot was. If that is far in the past, as in a recording that begins anew, all begins anew.
    pub(super) fn add_odometry(&mut self, stamp: Stamp, place: Place) {
        match self.odometry.back() {
            Some((newest, _)) if stamp.time_ns < newest.time_ns.saturating_sub(RESTART_NS) => {
                self.dropped.late += self.scans.len() as u64;
                self.odometry.clear();
                self.scans.clear();
                self.last = None;
            }
            // Out of order: what it would say was used already, or is never asked for.
            Some((newest, _)) if stamp <= *newest => return,
            _ => {}
        }
        self.odometry.push_back((stamp, place));
        if self.odometry.len() > MAX_ODOMETRY {
            self.odometry.pop_front();
        }
    }

    /// Takes in a scan.
    pub(super) fn add_scan(&mut self, stamp: Stamp, scan: S) {
        let behind = self.scans.partition_point(|(waiting, _)| *waiting <= stamp);
        self.scans.insert(behind, (stamp, scan));
        if self.scans.len() > MAX_SCANS {
            self.drop_oldest();
        }
    }

    /// Leaves out the oldest scan that waits.
    pub(super) fn drop_oldest(&mut self) {
        self.dropped.overflowed += u64::from(self.scans.pop_front().is_some());
    }

    /// The next scan, and where it was taken; none as long as one is not known to be the next.
    pub(super) fn pop(&mut self) -> Option<(Stamp, Place, S)> {
        loop {
            let stamp = self.scans.front()?.0;
            let after = self.odometry.partition_point(|(known, _)| *known < stamp);
            let (to, there) = *self.odometry.get(after)?;
            let (_, scan) = self.scans.pop_front()?;
            let before = after.checked_sub(1).and_then(|before| self.odometry.get(before)).copied();
            if self.last.is_some_and(|last| stamp < last) {
                self.dropped.late += 1;
                continue;
            }
            let place = match before {
                _ if to.time_ns == stamp.time_ns => there,
                Some((from, here)) if to.time_ns.saturating_sub(from.time_ns) <= self.max_gap_ns => {
                    let way_ns = (to.time_ns - from.time_ns) as f64;
                    here.interpolate(there, (stamp.time_ns - from.time_ns) as f64 / way_ns)
                }
                Some(_) => {
                    self.dropped.in_gaps += 1;
                    continue;
                }
                None => {
                    self.dropped.late += 1;
                    continue;
                }
            };
            self.last = Some(stamp);
            // Those before the one before are never asked for again.
            self.odometry.drain(..after.saturating_sub(1));
            return Some((stamp, place, scan));
        }
    }

    /// The scans that wait.
    pub(super) fn scans(&self) -> impl Iterator<Item = &S> {
        self.scans.iter().map(|(_, scan)| scan)
    }

    /// How many scans wait.
    pub(super) fn waiting(&self) -> usize {
        self.scans.len()
    }

    /// Scans that were left out so far.
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }
}

impl Dropped {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            late: self.late + other.late,
            in_gaps: self.in_gaps + other.in_gaps,
            overflowed: self.overflowed + other.overflowed,
        }
    }

    pub(super) fn total(self) -> u64 {
        self.late + self.in_gaps + self.overflowed
    }
}

/// Odometry that is so much older than what came before begins a new recording.
const RESTART_NS: i64 = 1_000_000_000;

/// So many odometry messages wait for scans, at most: some minutes.
const MAX_ODOMETRY: usize = 16_384;

/// So many scans wait for odometry, at most.
const MAX_SCANS: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Message {
        Odometry(Stamp, Place),
        Scan(Stamp, usize),
    }

    fn stamp(time_ms: i64, seq: i32) -> Stamp {
        Stamp { time_ns: time_ms * 1_000_000, seq }
    }

    fn at(x_m: f64) -> Place {
        Place::new(x_m, 0.0, 0.0)
    }

    /// What comes out when messages come in one by one.
    fn paired(messages: impl IntoIterator<Item = Message>) -> (Vec<(Stamp, Place, usize)>, Dropped) {
        let mut pairing = Pairing::new(0.5);
        let mut out = Vec::new();
        for message in messages {
            match message {
                Message::Odometry(stamp, place) => pairing.add_odometry(stamp, place),
                Message::Scan(stamp, scan) => pairing.add_scan(stamp, scan),
            }
            out.extend(std::iter::from_fn(|| pairing.pop()));
        }
        (out, pairing.dropped())
    }

    /// Stamps that never go back, some of them equal, some with a gap before them.
    fn stamps(count: usize) -> impl Strategy<Value = Vec<Stamp>> {
        let steps_ms = proptest::collection::vec(prop_oneof![8 => 0_i64..60, 1 => 400_i64..900], 0..count);
        steps_ms.prop_map(|steps_ms| {
            let times_ms = steps_ms.iter().scan(0, |time_ms, step_ms| {
                *time_ms += step_ms;
                Some(*time_ms)
            });
            (0_i32..).zip(times_ms).map(|(seq, time_ms)| stamp(time_ms, seq)).collect()
        })
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_odometry_and_scans_are_interleaved(
            odometry in stamps(40),
            scans in stamps(20),
            order in proptest::collection::vec(any::<bool>(), 60),
        ) {
            let places = (0_u32..).map(|number| at(f64::from(number)));
            let odometry: Vec<_> = odometry.into_iter().zip(places).map(|(stamp, place)| Message::Odometry(stamp, place)).collect();
            let scans: Vec<_> = scans.into_iter().enumerate().map(|(scan, stamp)| Message::Scan(stamp, scan)).collect();
            let expected = paired(odometry.iter().chain(&scans).copied());
            prop_assert_eq!(&paired(scans.iter().chain(&odometry).copied()), &expected);
            let (mut odometry_left, mut scans_left) = (odometry.iter(), scans.iter());
            let mixed: Vec<_> = order.iter().filter_map(|is_scan| if *is_scan { scans_left.next() } else { odometry_left.next() }).copied().collect();
            let mixed = mixed.into_iter().chain(odometry_left.copied()).chain(scans_left.copied());
            prop_assert_eq!(paired(mixed), expected);
        }

        #[test]
        fn scans_come_out_in_the_order_of_their_stamps(odometry in stamps(40), scans in stamps(20)) {
            let odometry = odometry.into_iter().map(|stamp| Message::Odometry(stamp, at(0.0)));
            let scans = scans.into_iter().enumerate().map(|(scan, stamp)| Message::Scan(stamp, scan));
            // Scans that wait together are put in order, whatever order they came in.
            let (out, _) = paired(scans.rev().chain(odometry));
            prop_assert!(out.is_sorted_by_key(|(stamp, ..)| *stamp));
        }
    }

    #[test]
    fn a_scan_waits_for_the_odometry_behind_it_and_lies_between() {
        let before = [Message::Odometry(stamp(100, 0), at(1.0)), Message::Scan(stamp(125, 0), 7)];
        assert!(paired(before).0.is_empty());
        let (out, _) = paired(before.into_iter().chain([Message::Odometry(stamp(200, 1), at(2.0))]));
        assert_eq!(out, [(stamp(125, 0), at(1.25), 7)]);
    }

    #[test]
    fn of_equal_stamps_the_senders_count_tells_which_belong_together() {
        let odometry = |seq: i32| Message::Odometry(stamp(100, seq), at(f64::from(seq)));
        let (out, _) = paired([odometry(4), odometry(5), odometry(6), Message::Scan(stamp(100, 5), 0)]);
        assert_eq!(out, [(stamp(100, 5), at(5.0), 0)]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let odometry = |time_ms| Message::Odometry(stamp(time_ms, 0), at(0.0));
        let scan = |time_ms| Message::Scan(stamp(time_ms, 0), 0);
        let messages =
            [scan(50), odometry(100), scan(150), odometry(1000), scan(1000), odometry(1100), scan(1050), scan(1020)];
        let (out, dropped) = paired(messages);
        assert_eq!(out.iter().map(|(stamp, ..)| stamp.time_ns / 1_000_000).collect::<Vec<_>>(), [1000, 1050]);
        assert_eq!(dropped, Dropped { late: 2, in_gaps: 1, overflowed: 0 });
        assert_eq!(dropped.total(), 3);
    }

    #[test]
    fn a_recording_that_begins_anew_is_paired_anew() {
        let (odometry, scan) = (|ms| Message::Odometry(stamp(ms, 0), at(0.0)), |ms| Message::Scan(stamp(ms, 0), 0));
        let round = [odometry(5000), scan(5000), odometry(9000), scan(9000), scan(9500)];
        let (out, dropped) = paired(round.into_iter().chain(round));
        assert_eq!((out.len(), dropped.late), (4, 1));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut pairing = Pairing::new(1.0);
        for count in 0..40_000_i32 {
            pairing.add_odometry(stamp(i64::from(count), 0), at(0.0));
            pairing.add_scan(stamp(1_000_000 + i64::from(count), 0), ());
        }
        assert_eq!((pairing.odometry.len(), pairing.waiting()), (MAX_ODOMETRY, MAX_SCANS));
        assert_eq!(pairing.dropped().overflowed, 40_000 - MAX_SCANS as u64);
        // The ends of time are no fault.
        pairing.add_odometry(Stamp { time_ns: i64::MIN, seq: i32::MIN }, at(0.0));
        pairing.add_odometry(Stamp { time_ns: i64::MAX, seq: i32::MAX }, at(0.0));
        pairing.add_scan(Stamp { time_ns: 0, seq: 0 }, ());
        assert!(pairing.pop().is_none());
    }
}
