//! How many messages of a topic were lost: what its publishers say in their beats that they published, less what came of it.
//!
//! A beat and the messages before it come in the order in which they were sent, so both are counted at each beat, and what counts is
//! the difference from the first beat of a publisher to its last one. Pure: messages and beats are passed in, in their order, and
//! with their times: who is gone makes room for others, and what was lost of it still counts.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use dimos::NodeId;
use serde::Serialize;

/// What is counted. Publishers beyond those that there is room for are not.
#[derive(Debug)]
pub struct Ledger {
    /// Publishers, and addresses that messages come from, as many as are remembered.
    room: usize,
    /// By where it came from.
    received: Received,
    /// When the last message came, by where from.
    heard_ns: BTreeMap<SocketAddrV4, u64>,
    publishers: BTreeMap<NodeId, Publisher>,
    /// Of publishers that are gone.
    gone: Loss,
    /// When there were last more senders or publishers than are remembered.
    full_ns: Option<u64>,
    /// When the last message or beat came.
    now_ns: u64,
}

/// What the beats tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Messages that were published from first to last beat.
    pub published: u64,
    /// Those of them that did not come.
    pub lost: u64,
}

type Received = BTreeMap<SocketAddrV4, u64>;

#[derive(Debug)]
struct Publisher {
    /// Where its beats come from.
    address: SocketAddrV4,
    /// When the last one came.
    beat_ns: u64,
    first: Mark,
    last: Mark,
}

/// The counts at a beat.
#[derive(Debug, Clone)]
struct Mark {
    published: u64,
    received: Received,
}

impl Default for Ledger {
    /// With room for [`MAX_PUBLISHERS`].
    fn default() -> Self {
        Self::new(MAX_PUBLISHERS)
    }
}

impl Ledger {
    /// With room for so many publishers.
    #[must_use]
    pub fn new(room: usize) -> Self {
        let (received, heard_ns, publishers) = (Received::new(), BTreeMap::new(), BTreeMap::new());
        let gone = Loss { published: 0, lost: 0 };
        Self { room, received, heard_ns, publishers, gone, full_ns: None, now_ns: 0 }
    }

    /// A message of the topic came, at this time: nanoseconds since the epoch.
    pub fn received(&mut self, from: SocketAddrV4, time_ns: u64) {
        self.now_ns = time_ns;
        if self.received.len() >= self.room && !self.received.contains_key(&from) {
            self.make_room();
        }
        if self.received.len() < self.room || self.received.contains_key(&from) {
            *self.received.entry(from).or_default() += 1;
            self.heard_ns.insert(from, time_ns);
        } else {
            self.full_ns = Some(time_ns);
        }
    }

    /// A beat came at this time that says how many messages of the topic its process has published.
    pub fn beat(&mut self, node: NodeId, from: SocketAddrV4, published: u64, time_ns: u64) {
        self.now_ns = time_ns;
        if self.publishers.len() >= self.room && !self.publishers.contains_key(&node) {
            self.make_room();
        }
        let mark = Mark { published, received: self.received.clone() };
        let has_room = self.publishers.len() < self.room;
        match self.publishers.get_mut(&node) {
            // Counts do not go back: who says so is not believed, and begins anew.
            Some(publisher) if published >= publisher.last.published => {
                (publisher.last, publisher.beat_ns) = (mark, time_ns);
            }
            None if !has_room => self.full_ns = Some(time_ns),
            _ => {
                let publisher = Publisher { address: from, beat_ns: time_ns, first: mark.clone(), last: mark };
                self.publishers.insert(node, publisher);
            }
        }
    }

    /// Forgets publishers whose beats have ended, after what was lost of them is put down, and addresses that nothing comes from and
    /// that are no publisher's.
    fn make_room(&mut self) {
        let is_gone = |time_ns: u64| self.now_ns.saturating_sub(time_ns) >= GONE_NS;
        if self.publishers.values().any(|publisher| is_gone(publisher.beat_ns)) {
            let of_gone = self.count(|publisher| is_gone(publisher.beat_ns));
            if let Some(of_gone) = of_gone {
                self.gone.add(of_gone.published, of_gone.lost);
            }
            self.publishers.retain(|_, publisher| !is_gone(publisher.beat_ns));
        }
        let Self { received, heard_ns, publishers, .. } = self;
        let is_needed = |address: &SocketAddrV4| {
            publishers.values().any(|publisher| publisher.address == *address)
                || heard_ns.get(address).is_some_and(|time_ns| !is_gone(*time_ns))
        };
        received.retain(|address, _| is_needed(address));
        heard_ns.retain(|address, _| received.contains_key(address));
    }

    /// What was lost of all publishers; none if not all who publish are known, as programs that send no beats are not.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        let is_full = self.full_ns.is_some_and(|full_ns| self.now_ns.saturating_sub(full_ns) < GONE_NS);
        if is_full {
            return None;
        }
        let mut total = self.count(|_| true)?;
        total.add(self.gone.published, self.gone.lost);
        Some(total)
    }

    /// What was lost of some of the publishers.
    fn count(&self, is_counted: impl Fn(&Publisher) -> bool) -> Option<Loss> {
        // Who has not published anything yet is none.
        let publishers: Vec<_> = self.publishers.values().filter(|one| one.last.published > 0).collect();
        if publishers.is_empty() {
            return None;
        }
        let is_heard = |publisher: &&Publisher| self.received.contains_key(&publisher.address);
        let unheard = publishers.iter().filter(|publisher| !is_heard(publisher)).count();
        // A program may publish from another port than it sends its beats from.
        let is_stranger = |address: &&SocketAddrV4| publishers.iter().all(|publisher| publisher.address != **address);
        let mut strangers = self.received.keys().filter(is_stranger);
        let elsewhere = match (strangers.next(), strangers.next()) {
            (None, _) => None,
            (Some(address), None) if unheard == 1 => Some(*address),
            _ => return None,
        };
        let mut total = Loss { published: 0, lost: 0 };
        for publisher in publishers.iter().copied().filter(|publisher| is_counted(publisher)) {
            let address = elsewhere.filter(|_| !is_heard(&publisher)).unwrap_or(publisher.address);
            let count = |mark: &Mark| mark.received.get(&address).copied().unwrap_or_default();
            let published = publisher.last.published - publisher.first.published;
            // The address may have made room and be heard again.
            let received = count(&publisher.last).saturating_sub(count(&publisher.first));
            total.add(published, published.saturating_sub(received));
        }
        Some(total)
    }
}

impl Loss {
    fn add(&mut self, published: u64, lost: u64) {
        self.published = self.published.saturating_add(published);
        self.lost = self.lost.saturating_add(lost);
    }
}

/// Who has sent nothing for so long, beats included, is gone where others need the room.
const GONE_NS: u64 = 10_000_000_000;

/// Publishers of one topic, and addresses that it comes from.
pub const MAX_PUBLISHERS: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    fn node(number: i64) -> NodeId {
        NodeId::from_wire(number).unwrap()
    }

    fn receive(ledger: &mut Ledger, from: u16, count: u64) {
        (0..count).for_each(|_| ledger.received(address(from), 0));
    }

    #[test]
    fn what_was_published_between_two_beats_and_did_not_come_is_lost() {
        let mut ledger = Ledger::default();
        receive(&mut ledger, 1, 7);
        assert_eq!(ledger.loss(), None);
        ledger.beat(node(1), address(1), 1000, 0);
        assert_eq!(ledger.loss(), Some(Loss { published: 0, lost: 0 }));
        receive(&mut ledger, 1, 45);
        assert_eq!(ledger.loss(), Some(Loss { published: 0, lost: 0 }));
        ledger.beat(node(1), address(1), 1050, 0);
        receive(&mut ledger, 1, 30);
        assert_eq!(ledger.loss(), Some(Loss { published: 50, lost: 5 }));
    }

    #[test]
    fn losses_of_several_publishers_add_up_and_one_cannot_make_up_for_another() {
        let mut ledger = Ledger::default();
        for publisher in [1, 2, 3] {
            ledger.beat(node(publisher.into()), address(publisher), 0, 0);
        }
        receive(&mut ledger, 1, 12);
        receive(&mut ledger, 2, 8);
        for publisher in [1, 2, 3] {
            ledger.beat(node(publisher.into()), address(publisher), 10, 0);
        }
        // Of the third nothing at all came.
        assert_eq!(ledger.loss(), Some(Loss { published: 30, lost: 12 }));
    }

    #[test]
    fn a_publisher_that_sends_its_beats_from_another_port_is_recognised_if_it_is_the_only_one() {
        let mut ledger = Ledger::default();
        ledger.beat(node(1), address(1), 0, 0);
        receive(&mut ledger, 2, 9);
        ledger.beat(node(1), address(1), 10, 0);
        assert_eq!(ledger.loss(), Some(Loss { published: 10, lost: 1 }));
        // A third one could publish, but does not.
        ledger.beat(node(2), address(4), 0, 0);
        assert_eq!(ledger.loss(), Some(Loss { published: 10, lost: 1 }));
        // And one does that sends no beats.
        receive(&mut ledger, 3, 9);
        assert_eq!(ledger.loss(), None);
    }

    #[test]
    fn counts_that_go_back_begin_anew_and_a_flood_of_publishers_is_told_as_not_known() {
        let mut ledger = Ledger::default();
        ledger.beat(node(1), address(1), 100, 0);
        ledger.beat(node(1), address(1), 3, 0);
        receive(&mut ledger, 1, 1);
        ledger.beat(node(1), address(1), 5, 0);
        assert_eq!(ledger.loss(), Some(Loss { published: 2, lost: 1 }));
        for number in 2..100_000 {
            ledger.beat(node(number), address(1), u64::MAX, 0);
        }
        assert_eq!((ledger.loss(), ledger.publishers.len()), (None, MAX_PUBLISHERS));
        (0..u16::MAX).for_each(|port| ledger.received(address(port), 0));
        assert_eq!(ledger.received.len(), MAX_PUBLISHERS);
    }

    #[test]
    fn publishers_that_are_gone_make_room_and_what_was_lost_of_them_counts() {
        let mut ledger = Ledger::new(2);
        for run in 0..20_u16 {
            let at = |second: u64| (u64::from(run) * 20 + second) * 1_000_000_000;
            let one = node(i64::from(run) + 1);
            ledger.beat(one, address(run), 0, at(0));
            (0..9).for_each(|_| ledger.received(address(run), at(1)));
            ledger.beat(one, address(run), 10, at(2));
            let runs = u64::from(run) + 1;
            assert_eq!(ledger.loss(), Some(Loss { published: 10 * runs, lost: runs }), "{run}");
        }
        assert!(ledger.received.len() <= 2 && ledger.publishers.len() <= 2 && ledger.heard_ns.len() <= 2);
    }
}
