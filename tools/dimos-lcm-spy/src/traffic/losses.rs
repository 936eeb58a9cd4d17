//! How many messages of a topic were lost: what its publishers say in their beats that they published, less what came of it.
//!
//! A beat and the messages before it come in the order in which they were sent, so both are counted at each beat, and what counts is
//! the difference from the first beat of a publisher to its last one. Pure: messages and beats are passed in, in their order.

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
    publishers: BTreeMap<NodeId, Publisher>,
    /// Whether there were more senders or publishers than are remembered.
    is_full: bool,
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
        Self { room, received: Received::new(), publishers: BTreeMap::new(), is_full: false }
    }

    /// A message of the topic came.
    pub fn received(&mut self, from: SocketAddrV4) {
        if let Some(count) = self.received.get_mut(&from) {
            *count += 1;
        } else if self.received.len() < self.room {
            self.received.insert(from, 1);
        } else {
            self.is_full = true;
        }
    }

    /// A beat came that says how many messages of the topic its process has published.
    pub fn beat(&mut self, node: NodeId, from: SocketAddrV4, published: u64) {
        let mark = Mark { published, received: self.received.clone() };
        let has_room = self.publishers.len() < self.room;
        match self.publishers.get_mut(&node) {
            // Counts do not go back: who says so is not believed, and begins anew.
            Some(publisher) if published >= publisher.last.published => publisher.last = mark,
            Some(publisher) => *publisher = Publisher { address: from, first: mark.clone(), last: mark },
            None if has_room => {
                self.publishers.insert(node, Publisher { address: from, first: mark.clone(), last: mark });
            }
            None => self.is_full = true,
        }
    }

    /// What was lost of all publishers; none if not all who publish are known, as programs that send no beats are not.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        // Who has not published anything yet is none.
        let publishers: Vec<_> = self.publishers.values().filter(|one| one.last.published > 0).collect();
        if self.is_full || publishers.is_empty() {
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
        for publisher in publishers {
            let address = elsewhere.filter(|_| !is_heard(&publisher)).unwrap_or(publisher.address);
            let count = |mark: &Mark| mark.received.get(&address).copied().unwrap_or_default();
            let published = publisher.last.published - publisher.first.published;
            let received = count(&publisher.last) - count(&publisher.first);
            total.published = total.published.saturating_add(published);
            total.lost = total.lost.saturating_add(published.saturating_sub(received));
        }
        Some(total)
    }
}

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
        (0..count).for_each(|_| ledger.received(address(from)));
    }

    #[test]
    fn what_was_published_between_two_beats_and_did_not_come_is_lost() {
        let mut ledger = Ledger::default();
        receive(&mut ledger, 1, 7);
        assert_eq!(ledger.loss(), None);
        ledger.beat(node(1), address(1), 1000);
        assert_eq!(ledger.loss(), Some(Loss { published: 0, lost: 0 }));
        receive(&mut ledger, 1, 45);
        assert_eq!(ledger.loss(), Some(Loss { published: 0, lost: 0 }));
        ledger.beat(node(1), address(1), 1050);
        receive(&mut ledger, 1, 30);
        assert_eq!(ledger.loss(), Some(Loss { published: 50, lost: 5 }));
    }

    #[test]
    fn losses_of_several_publishers_add_up_and_one_cannot_make_up_for_another() {
        let mut ledger = Ledger::default();
        for publisher in [1, 2, 3] {
            ledger.beat(node(publisher.into()), address(publisher), 0);
        }
        receive(&mut ledger, 1, 12);
        receive(&mut ledger, 2, 8);
        for publisher in [1, 2, 3] {
            ledger.beat(node(publisher.into()), address(publisher), 10);
        }
        // Of the third nothing at all came.
        assert_eq!(ledger.loss(), Some(Loss { published: 30, lost: 12 }));
    }

    #[test]
    fn a_publisher_that_sends_its_beats_from_another_port_is_recognised_if_it_is_the_only_one() {
        let mut ledger = Ledger::default();
        ledger.beat(node(1), address(1), 0);
        receive(&mut ledger, 2, 9);
        ledger.beat(node(1), address(1), 10);
        assert_eq!(ledger.loss(), Some(Loss { published: 10, lost: 1 }));
        // A third one could publish, but does not.
        ledger.beat(node(2), address(4), 0);
        assert_eq!(ledger.loss(), Some(Loss { published: 10, lost: 1 }));
        // And one does that sends no beats.
        receive(&mut ledger, 3, 9);
        assert_eq!(ledger.loss(), None);
    }

    #[test]
    fn counts_that_go_back_begin_anew_and_a_flood_of_publishers_is_told_as_not_known() {
        let mut ledger = Ledger::default();
        ledger.beat(node(1), address(1), 100);
        ledger.beat(node(1), address(1), 3);
        receive(&mut ledger, 1, 1);
        ledger.beat(node(1), address(1), 5);
        assert_eq!(ledger.loss(), Some(Loss { published: 2, lost: 1 }));
        for number in 2..100_000 {
            ledger.beat(node(number), address(1), u64::MAX);
        }
        assert_eq!((ledger.loss(), ledger.publishers.len()), (None, MAX_PUBLISHERS));
        (0..u16::MAX).for_each(|port| ledger.received(address(port)));
        assert_eq!(ledger.received.len(), MAX_PUBLISHERS);
    }
}
