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
            self.scans.pop_front();
            self.dropped.overflowed += 1;
        }
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
