//! Counting what one sender lost, from the sequence numbers that arrived. Pure: time is passed in.

use std::time::{Duration, Instant};

/// Follows the sequence numbers of one sender (one address and port).
///
/// LCM numbers the messages of a sending instance from 0, plus one each, wrapping at 2^32. A number that is passed over is a
/// lost message, until it arrives late after all. What was sent before the first message heard is not counted.
#[derive(Debug, Clone)]
pub struct SequenceTracker {
    /// The largest number heard so far.
    newest: u32,
    /// Bit `n` tells whether `newest - n` was heard.
    heard: u64,
    last_heard: Instant,
}

/// What a sequence number tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next message, after `lost` that were passed over.
    Next {
        /// How many numbers were passed over.
        lost: u32,
    },
    /// A message that had been counted as lost.
    Late,
    /// A number that was heard already.
    Repeated,
    /// The sender started anew on the same port, or was silent so long that the numbers between tell nothing.
    Restarted,
}

impl SequenceTracker {
    /// Starts with the first message heard of a sender.
    #[must_use]
    pub fn new(seqno: u32, now: Instant) -> Self {
        Self { newest: seqno, heard: ALL, last_heard: now }
    }

    /// Takes in the number of one message.
    pub fn observe(&mut self, seqno: u32, now: Instant) -> Arrival {
        let silence = now.saturating_duration_since(self.last_heard);
        self.last_heard = now;
        let ahead = seqno.wrapping_sub(self.newest);
        if (1..=MAX_GAP).contains(&ahead) {
            self.heard = self.heard.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = seqno;
            return Arrival::Next { lost: ahead - 1 };
        }
        let behind = self.newest.wrapping_sub(seqno);
        if behind < u64::BITS {
            let bit = 1 << behind;
            if self.heard & bit == 0 {
                self.heard |= bit;
                return Arrival::Late;
            }
            // A new process on the same port takes longer than a network's duplicate.
            if silence < RESTART_SILENCE {
                return Arrival::Repeated;
            }
        }
        self.newest = seqno;
        self.heard = ALL;
        Arrival::Restarted
    }
}

/// What was before the first message is none of ours to miss.
const ALL: u64 = u64::MAX;

/// A larger jump is taken for a restart: at 100,000 messages per second it is ten seconds of silence.
const MAX_GAP: u32 = 1_000_000;

const RESTART_SILENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    struct Sender {
        tracker: SequenceTracker,
        now: Instant,
    }

    impl Sender {
        fn new(seqno: u32) -> Self {
            let now = Instant::now();
            Self { tracker: SequenceTracker::new(seqno, now), now }
        }

        fn observe(&mut self, seqno: u32) -> Arrival {
            self.now += Duration::from_millis(1);
            self.tracker.observe(seqno, self.now)
        }
    }

    #[test]
    fn a_gap_is_that_many_lost_messages() {
        let mut sender = Sender::new(5);
        assert_eq!(sender.observe(6), Arrival::Next { lost: 0 });
        assert_eq!(sender.observe(10), Arrival::Next { lost: 3 });
        assert_eq!(sender.observe(210), Arrival::Next { lost: 199 });
    }

    #[test]
    fn the_counter_wraps() {
        let mut sender = Sender::new(u32::MAX - 1);
        assert_eq!(sender.observe(u32::MAX), Arrival::Next { lost: 0 });
        assert_eq!(sender.observe(0), Arrival::Next { lost: 0 });
        assert_eq!(sender.observe(2), Arrival::Next { lost: 1 });
        assert_eq!(sender.observe(1), Arrival::Late);
    }

    #[test]
    fn a_late_message_was_not_lost_and_is_late_only_once() {
        let mut sender = Sender::new(0);
        assert_eq!(sender.observe(3), Arrival::Next { lost: 2 });
        assert_eq!(sender.observe(1), Arrival::Late);
        assert_eq!(sender.observe(1), Arrival::Repeated);
        assert_eq!(sender.observe(2), Arrival::Late);
        assert_eq!(sender.observe(4), Arrival::Next { lost: 0 });
    }

    #[test]
    fn numbers_before_the_first_one_heard_are_not_late() {
        let mut sender = Sender::new(40);
        assert_eq!(sender.observe(42), Arrival::Next { lost: 1 });
        assert_eq!(sender.observe(39), Arrival::Repeated);
        sender.now += Duration::from_secs(10);
        assert_eq!(sender.observe(0), Arrival::Restarted);
        assert_eq!(sender.observe(1), Arrival::Next { lost: 0 });
    }

    #[test]
    fn a_restarted_sender_has_lost_nothing() {
        let mut sender = Sender::new(0);
        assert_eq!(sender.observe(90_000), Arrival::Next { lost: 89_999 });
        assert_eq!(sender.observe(0), Arrival::Restarted);
        assert_eq!(sender.observe(1), Arrival::Next { lost: 0 });
        // Soon after its start, and back at the same number only after a while.
        sender.now += Duration::from_secs(1);
        assert_eq!(sender.observe(0), Arrival::Restarted);
        assert_eq!(sender.observe(1), Arrival::Next { lost: 0 });
    }

    #[test]
    fn any_order_of_a_window_ends_with_nothing_lost() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            let first = random.u32(..);
            let mut sender = Sender::new(first);
            let mut order: Vec<u32> = (1..60).map(|n| first.wrapping_add(n)).collect();
            random.shuffle(&mut order);
            let mut lost = 0;
            for seqno in order {
                match sender.observe(seqno) {
                    Arrival::Next { lost: passed } => lost += i64::from(passed),
                    Arrival::Late => lost -= 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(lost, 0);
        }
    }
}
