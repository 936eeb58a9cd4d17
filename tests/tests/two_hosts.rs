//! Two hosts on one wire: messages cross it both ways, and what the wire loses is counted.

use std::process::Command;
use std::time::{Duration, Instant};

use mesh_tests::exchange::{self, peer_hears, we_hear};
use mesh_tests::hosts::{FarHost, lose_percent};
use mesh_tests::isolated;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::peers::{Wheel, slowed};
use mesh_tests::process::PATIENCE;
use mesh_tests::talk::{Heard, Listener, Talker};
use mesh_tests::test_name;

#[test]
fn ours_hear_each_other_across_the_wire() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    for reading in Reading::BOTH {
        let mut listener = Listener::start(far.command(&ours()), BUS, ".*");
        peer_hears(&mut listener, &Bus::open_to_publish(reading, BUS), "SIZES", &SIZES);
        drop(listener);
        let mut talker = Talker::start(far.command(&ours()), BUS);
        we_hear(&mut Bus::open_to_all(reading, BUS), &mut talker, "SIZES", &SIZES);
    }
}

#[test]
fn c_and_ours_hear_each_other_across_the_wire() {
    isolated!(NoMulticastRoute);
    let Some(program) = Wheel::find(test_name!()).and_then(|wheel| wheel.compiled(test_name!(), "peer.c")) else {
        return;
    };
    let Some(slowed) = slowed(test_name!(), &program) else { return };
    let far = FarHost::join();
    for reading in Reading::BOTH {
        let mut listener = Listener::start(far.command(&program), C, ".*");
        peer_hears(&mut listener, &Bus::open_to_publish(reading, BUS), "SIZES", &SIZES);
        drop(listener);
        let mut talker = Talker::start(far.command(&slowed), C);
        we_hear(&mut Bus::open_to_all(reading, BUS), &mut talker, "SIZES", &SIZES);
    }
}

#[test]
fn nothing_crosses_the_wire_with_ttl_0() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let mut listener = Listener::start(far.command(&ours()), BUS, ".*");
    let local = Bus::open_to_publish(Reading::Queued, LOCAL);
    (0..10).for_each(|seed| local.publish(b"LOCAL", &pattern(seed, 10)));
    let bus = Bus::open_to_publish(Reading::Queued, BUS);
    bus.publish(b"ACROSS", b"");
    listener.expect(b"ACROSS", b"");
}

#[test]
fn short_messages_are_received_or_counted_as_lost_at_5_percent_loss() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let mut talker = Talker::start(far.command(&ours()), BUS);
    if !lose_percent(test_name!(), 5) {
        return;
    }
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, BUS);
        let sender = first_heard(&mut bus, &mut talker);
        let before = bus.statistics().sender(sender).expect("the sender is listed");
        talker.begin(b"SHORT", 0, 100, MESSAGES, Duration::from_micros(100));
        let mut heard = 0;
        while let Some(message) = bus.next_on("SHORT", Duration::from_secs(1)) {
            let seed = usize::try_from(heard).expect("few");
            assert_eq!(message.payload().len(), 100, "message {seed}");
            heard += 1;
        }
        talker.finish();
        // Only a message after the last tells that the last is missing.
        let more = publish_until_heard(&mut bus, &mut talker, b"LAST");
        let after = bus.statistics().sender(sender).expect("the sender is listed");
        let lost = after.lost - before.lost;
        assert_eq!(heard + lost, MESSAGES as u64 + more, "{before:?} then {after:?}");
        assert_eq!(after.messages - before.messages, heard + 1);
        // Five of a hundred; at less than two or more than eight, of 4000, the loss is not what was asked for.
        let expected = MESSAGES as u64 / 50..MESSAGES as u64 / 12;
        assert!(expected.contains(&lost), "{lost} of {MESSAGES} lost");
    }
}

#[test]
fn large_messages_are_whole_or_counted_at_loss() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let mut talker = Talker::start(far.command(&ours()), &format!("{BUS}&frag=1472"));
    if !lose_percent(test_name!(), 1) {
        return;
    }
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, BUS);
        let sender = first_heard(&mut bus, &mut talker);
        let before = bus.statistics().sender(sender).expect("the sender is listed");
        talker.begin(b"LARGE", 0, 60_000, 200, Duration::from_millis(1));
        let mut heard = Vec::new();
        while let Some(message) = bus.next_on("LARGE", Duration::from_secs(1)) {
            heard.push(Heard::of(b"LARGE", message.payload()));
        }
        talker.finish();
        let more = publish_until_heard(&mut bus, &mut talker, b"LAST");
        let mut wanted = (0..200).map(|seed| Heard::of_pattern(b"LARGE", seed, 60_000));
        assert!(heard.iter().all(|message| wanted.any(|wanted| wanted == *message)), "a changed or repeated message");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let after = bus.statistics().sender(sender).expect("the sender is listed");
            let missing = after.lost - before.lost + after.incomplete - before.incomplete;
            if heard.len() as u64 + missing == 200 + more {
                assert!(!heard.is_empty() && after.incomplete > before.incomplete, "{heard:?}, {after:?}");
                break;
            }
            assert!(Instant::now() < deadline, "{} heard, {before:?} then {after:?}", heard.len());
            bus.next(Duration::from_millis(50));
        }
    }
}

/// Publishes until a first message is heard, and returns who sent it.
fn first_heard(bus: &mut Bus, talker: &mut Talker) -> std::net::SocketAddrV4 {
    for _ in 0..100 {
        talker.publish(b"FIRST", 1, 10);
        if let Some(message) = bus.next_on("FIRST", Duration::from_millis(100)) {
            return message.sender().expect("a UDP message has a sender");
        }
    }
    panic!("nothing crosses the wire");
}

/// Publishes until one is heard, and returns how many were lost before.
fn publish_until_heard(bus: &mut Bus, talker: &mut Talker, channel: &[u8]) -> u64 {
    for lost in 0..100 {
        talker.publish(channel, 1, 10);
        if exchange::hear(bus, Duration::from_millis(500)).is_some() {
            return lost;
        }
    }
    panic!("the wire is dead");
}

fn ours() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
    program.arg("queued");
    program
}

/// One hop, at the rate of a gigabit wire.
const BUS: &str = "udpm://239.255.76.67:7667?ttl=1&pace=100000000";
const LOCAL: &str = "udpm://239.255.76.67:7667?ttl=0";
const C: &str = "udpm://239.255.76.67:7667?ttl=1&recv_buf_size=4194304";

const SIZES: [usize; 9] = [0, 1, 1000, 1472, 1473, 65_000, 65_500, 140_000, 1_000_000];
const MESSAGES: usize = 4000;
