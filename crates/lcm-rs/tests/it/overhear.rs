//! Being told of all messages while only those that are wanted are assembled.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lcm::memory::{Fate, Flight, MemoryBus};
use lcm::wire::{self, Datagram};
use lcm::{Inline, Sample};

use crate::loopback::{SLOWLY, pattern, url, while_publishing};

/// What was told of a message.
type Told = (String, usize, bool, Vec<u8>);

/// What is told until `count` messages came, or until nothing comes any more.
fn overhear(bus: &mut Inline, count: usize) -> Vec<Told> {
    let start = Instant::now();
    let mut told = Vec::new();
    while told.len() < count && start.elapsed() < Duration::from_secs(20) {
        match bus.overhear(Some(Duration::from_millis(100))).unwrap() {
            Some(overheard) => told.push((
                overheard.sample.channel().to_string(),
                overheard.message_bytes,
                overheard.is_whole,
                overheard.sample.payload().to_vec(),
            )),
            None if count == usize::MAX => break,
            None => {}
        }
    }
    told
}

#[test]
fn of_large_messages_that_no_handler_wants_size_and_beginning_are_told() {
    let mut bus = Inline::open(&url(SLOWLY)).unwrap();
    let wanted: Arc<Mutex<Vec<Sample>>> = Arc::default();
    let keep = Arc::clone(&wanted);
    bus.subscribe("WANTED", move |message| keep.lock().unwrap().push(message.clone())).unwrap();
    let publisher = bus.publisher();
    for (n, size) in [100, 65_499, 70_000, 200_000, 1 << 20, 0].into_iter().enumerate() {
        let payload = pattern(size, n as u64);
        for channel in ["WANTED", "CAMERA"] {
            let publish = || publisher.publish(channel, &payload).unwrap();
            let (name, message_bytes, is_whole, bytes) = while_publishing(publish, || overhear(&mut bus, 1)).remove(0);
            assert_eq!((&*name, message_bytes), (channel, size));
            assert_eq!(is_whole, channel == "WANTED" || size < 65_499, "{channel}, {size} bytes");
            assert_eq!(bytes, if is_whole { &payload[..] } else { &payload[..16] });
        }
        assert!(**wanted.lock().unwrap()[n].payload() == payload[..]);
    }
    assert_eq!(wanted.lock().unwrap().len(), 6);
    assert_eq!(bus.statistics().total().messages, 12);
}

#[test]
fn a_lost_fragment_of_a_message_that_passes_by_is_counted_and_the_message_not_told() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    let lose = |flight: &Flight<'_>| match wire::parse(flight.datagram) {
        Ok(Datagram::Fragment(fragment)) if fragment.seqno == 1 && fragment.number == 2 => Fate::Lost,
        _ => Fate::Usual,
    };
    bus.set_script(lose);
    for n in 0..3 {
        sender.publish("A", &pattern(200_000, n)).unwrap();
    }
    let told = overhear(&mut receiver, usize::MAX);
    let beginnings: Vec<_> = told.iter().map(|(_, _, _, bytes)| &bytes[..]).collect();
    assert_eq!(beginnings, [&pattern(200_000, 0)[..16], &pattern(200_000, 2)[..16]]);
    bus.advance(Duration::from_secs(3));
    overhear(&mut receiver, usize::MAX);
    let counts = receiver.statistics().total();
    assert_eq!((counts.messages, counts.incomplete, counts.lost), (2, 1, 0));
}

#[test]
fn a_message_that_stops_on_the_way_is_told_of_before_it_is_given_up() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    bus.set_script(|flight: &Flight<'_>| match wire::parse(flight.datagram) {
        Ok(Datagram::Fragment(fragment)) if fragment.seqno == 1 && fragment.number == 2 => Fate::Lost,
        // As for one who comes in the middle of a message.
        Ok(Datagram::Fragment(fragment)) if fragment.seqno == 0 && fragment.number == 0 => Fate::Lost,
        _ => Fate::Usual,
    });
    let counts = |receiver: &mut Inline, later: Duration| {
        bus.advance(later);
        overhear(receiver, usize::MAX);
        let statistics = receiver.statistics();
        let total = statistics.total();
        (total.messages, total.under_way, statistics.stalled, total.incomplete, total.lost)
    };
    for n in 0..3 {
        sender.publish("A", &pattern(200_000, n)).unwrap();
    }
    assert_eq!(counts(&mut receiver, Duration::from_millis(50)), (1, 0, 0, 0, 0));
    assert_eq!(counts(&mut receiver, Duration::from_millis(101)), (1, 0, 1, 0, 0));
    assert_eq!(counts(&mut receiver, Duration::from_secs(2)), (1, 1, 0, 1, 0));
}

#[test]
fn a_first_fragment_that_comes_last_is_told_too() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    let delay = |flight: &Flight<'_>| match wire::parse(flight.datagram) {
        Ok(Datagram::Fragment(fragment)) if fragment.number == 0 => Fate::After(Duration::from_millis(5)),
        _ => Fate::Usual,
    };
    bus.set_script(delay);
    sender.publish("A", &pattern(200_000, 7)).unwrap();
    assert_eq!(overhear(&mut receiver, usize::MAX), []);
    bus.advance(Duration::from_millis(10));
    assert_eq!(
        overhear(&mut receiver, usize::MAX),
        [("A".to_owned(), 200_000, false, pattern(200_000, 7)[..16].to_vec())]
    );
}

#[test]
fn whoever_stops_to_overhear_gets_whole_messages_and_only_those() {
    let bus = MemoryBus::new(1);
    let (sender, mut receiver) = (bus.join().publisher(), bus.join());
    for n in 0..4 {
        sender.publish("A", &pattern(200_000, n)).unwrap();
    }
    assert_eq!(overhear(&mut receiver, 1).len(), 1);
    let whole = receiver.receive(Some(Duration::ZERO)).unwrap().unwrap();
    assert!(**whole.payload() == pattern(200_000, 1)[..]);
    assert!(!receiver.handle(Some(Duration::ZERO)).unwrap());
    assert_eq!(overhear(&mut receiver, usize::MAX), []);
}
