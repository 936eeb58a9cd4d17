//! C LCM 1.5 and ours hear each other: every size, every channel name, several senders at once.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddrV4;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lcm::Statistics;
use mesh_tests::exchange::{self, BOUNDARY_CHANNELS, LARGE_SIZES, SIZES, boundary_sizes, peer_hears, we_hear};
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::peers::{Wheel, same, slowed};
use mesh_tests::process::PATIENCE;
use mesh_tests::talk::{Heard, Listener, Talker};
use mesh_tests::{isolated, test_name};

#[test]
fn c_hears_payloads_from_nothing_to_16_mib() {
    isolated!(MulticastOnLo);
    let Some(mut listener) = c_listener(test_name!()) else { return };
    for reading in Reading::BOTH {
        peer_hears(&mut listener, &Bus::open_to_publish(reading, OURS), "SIZES", &SIZES);
        peer_hears(&mut listener, &Bus::open_to_publish(reading, OURS_SLOW), "SIZES", &LARGE_SIZES);
    }
}

#[test]
fn we_hear_payloads_from_nothing_to_16_mib_of_c() {
    isolated!(MulticastOnLo);
    let Some(program) = c_program(test_name!()) else { return };
    let Some(slowed) = slowed(test_name!(), &program) else { return };
    let mut talker = Talker::start(program, C);
    let mut slow_talker = Talker::start(slowed, C);
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        we_hear(&mut bus, &mut talker, "SIZES", &SIZES);
        we_hear(&mut bus, &mut slow_talker, "SIZES", &LARGE_SIZES);
    }
}

#[test]
fn we_hear_every_message_of_c_at_full_speed_that_fits_the_receive_buffer() {
    isolated!(MulticastOnLo);
    let Some(mut talker) = c_talker(test_name!()) else { return };
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        let buffer_bytes = usize::try_from(bus.statistics().receive_buffer_bytes).expect("it fits this host");
        for seed in 0..20 {
            talker.publish(b"FITS", seed, buffer_bytes / 4 * 3);
            assert_eq!(
                exchange::hear(&mut bus, PATIENCE),
                Some(Heard::of_pattern(b"FITS", seed, buffer_bytes / 4 * 3))
            );
        }
        assert_eq!(bus.statistics().kernel_drops, 0);
    }
}

#[test]
fn c_hears_every_size_around_a_datagram_and_a_fragment() {
    isolated!(MulticastOnLo);
    let Some(mut listener) = c_listener(test_name!()) else { return };
    for reading in Reading::BOTH {
        let bus = Bus::open_to_publish(reading, OURS);
        for channel in BOUNDARY_CHANNELS {
            peer_hears(&mut listener, &bus, channel, &boundary_sizes(channel));
        }
    }
}

#[test]
fn we_hear_every_size_around_a_datagram_and_a_fragment_of_c() {
    isolated!(MulticastOnLo);
    let Some(mut talker) = c_talker(test_name!()) else { return };
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        for channel in BOUNDARY_CHANNELS {
            we_hear(&mut bus, &mut talker, channel, &boundary_sizes(channel));
        }
    }
}

#[test]
fn channels_that_are_empty_or_63_bytes_long_pass_both_ways() {
    isolated!(MulticastOnLo);
    let Some(mut listener) = c_listener(test_name!()) else { return };
    let Some(mut talker) = c_talker(test_name!()) else { return };
    let long = [b'x'; 63];
    let channels = [b"", &b"A"[..], &long, "/grüße".as_bytes()];
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        for channel in channels {
            for size in [0, 1, 100, 70_000] {
                let wanted = Heard::of_pattern(channel, 5, size);
                talker.publish(channel, 5, size);
                assert_eq!(exchange::hear(&mut bus, PATIENCE).as_ref(), Some(&wanted));
                assert_eq!(listener.next(PATIENCE).as_ref(), Some(&wanted));
                bus.publish(channel, &pattern(5, size));
                assert_eq!(listener.next(PATIENCE).as_ref(), Some(&wanted));
                assert_eq!(exchange::hear(&mut bus, PATIENCE).as_ref(), Some(&wanted), "our own message");
            }
        }
    }
}

/// Only from C: its own subscriptions are expressions on UTF-8, which match no other name.
#[test]
fn we_hear_channels_of_c_that_are_no_text() {
    isolated!(MulticastOnLo);
    let Some(mut talker) = c_talker(test_name!()) else { return };
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        for channel in [&b"\xff\xfe/caf\xe9\x80"[..], &[0x80; 63], b"\x01\n\t "] {
            for size in [0, 1, 100, 70_000] {
                talker.publish(channel, 5, size);
                assert_eq!(exchange::hear(&mut bus, PATIENCE), Some(Heard::of_pattern(channel, 5, size)));
            }
        }
    }
}

#[test]
fn the_environment_names_the_same_bus_to_c_and_to_us() {
    isolated!(MulticastOnLo);
    let Some(c) = c_program(test_name!()) else { return };
    for url in [Some("udpm://239.255.76.68:7700?ttl=0"), Some(""), None] {
        let in_environment = |program: &Command| {
            let mut program = same(program);
            match url {
                Some(url) => program.env("LCM_DEFAULT_URL", url),
                None => program.env_remove("LCM_DEFAULT_URL"),
            };
            program
        };
        for reading in ["queued", "inline"] {
            let mut ours = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
            ours.arg(reading);
            for (talker, listener) in [(&ours, &c), (&c, &ours)] {
                let mut listener = Listener::start(in_environment(listener), "", ".*");
                let mut talker = Talker::start(in_environment(talker), "");
                talker.publish(b"CHANNEL", 1, 100);
                listener.expect(b"CHANNEL", &pattern(1, 100));
            }
        }
    }
}

#[test]
fn senders_that_interleave_fragments_corrupt_nothing_and_we_count_what_is_lost() {
    isolated!(MulticastOnLo);
    let Some(program) = c_program(test_name!()) else { return };
    let mut c_listener = Listener::start(same(&program), C, ".*");
    let mut listeners = Reading::BOTH.map(|reading| Bus::open_to_all(reading, OURS));
    let ours = Reading::BOTH.map(|reading| Bus::open_to_publish(reading, OURS));
    let mut talkers = [(); 3].map(|()| Talker::start(same(&program), C));

    // From its first small message to its last, a sender's sequence numbers tell what came of it.
    let all_say = |talkers: &mut [Talker], text: &str| {
        talkers.iter_mut().for_each(|talker| talker.publish(text.as_bytes(), 1, 10));
        ours.iter().for_each(|bus| bus.publish(text.as_bytes(), &pattern(1, 10)));
    };
    all_say(&mut talkers, "FIRST");
    for listener in &mut listeners {
        for _ in 0..SENDERS {
            assert!(listener.next_on("FIRST", PATIENCE).is_some(), "a sender is not heard at all");
        }
    }

    let mut wanted = HashSet::new();
    for (sender, talker) in (1..).zip(&mut talkers) {
        wanted.extend((0..MESSAGES).map(|number| Heard::of_pattern(b"BURST", sender * 1000 + number, MESSAGE_BYTES)));
        talker.begin(b"BURST", sender * 1000, MESSAGE_BYTES, MESSAGES.try_into().expect("few"), Duration::ZERO);
    }
    let mut heard: [HashMap<SocketAddrV4, Vec<Heard>>; 2] = Default::default();
    thread::scope(|scope| {
        for (sender, bus) in (8..).zip(&ours) {
            let seeds = sender * 1000..sender * 1000 + MESSAGES;
            wanted.extend(seeds.clone().map(|seed| Heard::of_pattern(b"BURST", seed, MESSAGE_BYTES)));
            scope.spawn(move || {
                seeds.for_each(|seed| bus.publish(b"BURST", &pattern(seed, MESSAGE_BYTES)));
            });
        }
        for (listener, heard) in listeners.iter_mut().zip(&mut heard) {
            scope.spawn(move || {
                while let Some(message) = listener.next_on("BURST", Duration::from_secs(2)) {
                    let sender = message.sender().expect("a UDP message has a sender");
                    heard.entry(sender).or_default().push(Heard::of(b"BURST", message.payload()));
                }
            });
        }
    });
    talkers.iter_mut().for_each(Talker::finish);
    all_say(&mut talkers, "LAST");

    for (listener, heard) in listeners.iter_mut().zip(heard) {
        for _ in 0..SENDERS {
            assert!(listener.next_on("LAST", PATIENCE).is_some(), "a sender fell silent");
        }
        let all: Vec<_> = heard.values().flatten().collect();
        assert!(all.iter().all(|&message| wanted.contains(message)), "a message that nobody sent");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "a message came twice");
        let statistics = settled(listener);
        for (sender, messages) in &heard {
            let counts = statistics.sender(*sender).expect("a sender we heard is listed");
            assert_eq!(counts.messages, 2 + messages.len() as u64, "{counts:?}");
        }
        assert!(!all.is_empty(), "nothing of the burst was heard: {statistics:?}");
    }
    let mut by_c = Vec::new();
    while let Some(message) = c_listener.next(Duration::from_millis(500)) {
        by_c.push(message);
    }
    by_c.retain(|message| message.channel == b"BURST");
    let stray = by_c.iter().filter(|message| !wanted.contains(message)).count();
    assert_eq!(stray, 0, "C heard messages that nobody sent");
    assert!(!by_c.is_empty(), "C heard nothing of the burst");
}

/// The statistics once every message of every sender is accounted for: heard, lost or given up.
fn settled(bus: &mut Bus) -> Statistics {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let statistics = bus.statistics();
        let accounted = |counts: lcm::SenderCounts| counts.messages + counts.lost + counts.incomplete;
        let senders = statistics.senders.iter().filter(|sender| sender.counts.messages > 1);
        if senders.clone().count() == SENDERS
            && senders.clone().all(|sender| accounted(sender.counts) == 2 + u64::from(MESSAGES))
        {
            return statistics;
        }
        assert!(Instant::now() < deadline, "2 + {MESSAGES} messages of each sender, but {statistics:#?}");
        // Reading on lets an inline connection give up what waited too long.
        bus.next(Duration::from_millis(50));
    }
}

fn c_program(test: &str) -> Option<Command> {
    Wheel::find(test)?.compiled(test, "peer.c")
}

fn c_listener(test: &str) -> Option<Listener> {
    Some(Listener::start(c_program(test)?, C, ".*"))
}

fn c_talker(test: &str) -> Option<Talker> {
    Some(Talker::start(c_program(test)?, C))
}

/// The default bus of ours, and of C with the receive buffer that large messages need.
const OURS: &str = "udpm://239.255.76.67:7667?ttl=0";
const OURS_SLOW: &str = "udpm://239.255.76.67:7667?ttl=0&pace=100000000";
const C: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";

const SENDERS: usize = 5;
const MESSAGES: u32 = 40;
const MESSAGE_BYTES: usize = 300_000;
