//! The bus in memory: what a script or the conditions ask for is what happens, and it happens the same way again.

use std::time::Duration;

use lcm::Inline;
use lcm::memory::{Conditions, Fate, MemoryBus};
use lcm::wire::{self, Datagram};

use crate::loopback::pattern;

const MS: Duration = Duration::from_millis(1);

fn drain(bus: &mut Inline) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let Some(message) = bus.receive(Some(Duration::ZERO)).unwrap() {
        payloads.push(message.payload().to_vec());
    }
    payloads
}

#[test]
fn everyone_hears_everyone_once_themselves_too() {
    let bus = MemoryBus::new(1);
    let mut nodes = [bus.join(), bus.join(), bus.join()];
    for node in &nodes {
        node.publisher().publish("A", &pattern(200_000, 5)).unwrap();
    }
    for node in &mut nodes {
        assert!(drain(node) == vec![pattern(200_000, 5); 3]);
        assert_eq!(node.statistics().senders.len(), 3);
    }
}

#[test]
fn a_lost_fragment_drops_only_that_message() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    let lose = |flight: &lcm::memory::Flight<'_>| match wire::parse(flight.datagram) {
        Ok(Datagram::Fragment(fragment)) if fragment.seqno == 1 && fragment.number == 2 => Fate::Lost,
        _ => Fate::Usual,
    };
    bus.set_script(lose);
    for n in 0..3 {
        sender.publish("A", &pattern(200_000, n)).unwrap();
    }
    assert!(drain(&mut receiver) == [pattern(200_000, 0), pattern(200_000, 2)]);
    bus.advance(3000 * MS);
    drain(&mut receiver);
    let counts = receiver.statistics().total();
    assert_eq!((counts.messages, counts.incomplete, counts.lost), (2, 1, 0));
}

#[test]
fn lost_messages_are_counted_exactly() {
    let bus = MemoryBus::new(42);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    sender.publish("A", b"first").unwrap();
    bus.set_conditions(Conditions { loss: 0.3, delay: Duration::ZERO..=3 * MS, ..Conditions::default() });
    for n in 0..5000_u32 {
        sender.publish("A", &n.to_be_bytes()).unwrap();
        bus.advance(MS);
        drain(&mut receiver);
    }
    bus.set_conditions(Conditions::default());
    bus.advance(10 * MS);
    sender.publish("A", b"last").unwrap();
    drain(&mut receiver);
    let counts = receiver.statistics().total();
    assert_eq!(counts.messages + counts.lost, 5002);
    assert!((1000..2000).contains(&counts.lost), "{counts:?}");
}

#[test]
fn reordered_and_doubled_fragments_still_make_each_message_once() {
    let bus = MemoryBus::new(9);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    bus.set_conditions(Conditions {
        duplication: 0.5,
        delay: Duration::ZERO..=20 * MS,
        datagram_bytes: 1400,
        ..Conditions::default()
    });
    let mut heard = Vec::new();
    for n in 0..50 {
        sender.publish("A", &pattern(20_000, n)).unwrap();
        bus.advance(5 * MS);
        heard.extend(drain(&mut receiver));
    }
    bus.advance(100 * MS);
    heard.extend(drain(&mut receiver));
    let mut expected: Vec<_> = (0..50).map(|n| pattern(20_000, n)).collect();
    heard.sort_unstable();
    expected.sort_unstable();
    assert!(heard == expected);
    assert!(receiver.statistics().repeated_fragments > 0);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let bus = MemoryBus::new(seed);
        let (sender, mut receiver) = (bus.join().publisher(), bus.join());
        bus.set_conditions(Conditions { loss: 0.2, duplication: 0.2, delay: MS..=9 * MS, ..Conditions::default() });
        for n in 0..200_u32 {
            sender.publish("A", &n.to_be_bytes()).unwrap();
            bus.advance(MS);
        }
        bus.advance(20 * MS);
        drain(&mut receiver)
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}

#[test]
fn time_stands_still_until_it_is_moved() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    bus.set_script(|_| Fate::Twice(2 * MS, 4 * MS));
    sender.publish("A", b"x").unwrap();
    assert!(drain(&mut receiver).is_empty());
    assert_eq!(bus.next_arrival(), Some(2 * MS));
    bus.advance(3 * MS);
    assert_eq!(drain(&mut receiver).len(), 1);
    assert_eq!((bus.next_arrival(), bus.now()), (Some(4 * MS), 3 * MS));
}
