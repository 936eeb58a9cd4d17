//! LCM 1.3.1, which tells partial messages apart by sender only and keeps the default receive buffer, hears ours.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mesh_tests::exchange::{BOUNDARY_CHANNELS, LARGE_SIZES, SIZES, boundary_sizes, peer_hears, we_hear};
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::peers::{OldLcm, Wheel, slowed};
use mesh_tests::talk::{Heard, Listener, Talker};
use mesh_tests::{isolated, logger, test_name};

#[test]
fn lcm_1_3_hears_short_and_fragmented_messages() {
    isolated!(MulticastOnLo);
    let Some(mut listener) = listener(test_name!(), LARGE_BUFFER) else { return };
    for reading in Reading::BOTH {
        let bus = Bus::open_to_publish(reading, BUS);
        peer_hears(&mut listener, &bus, "SIZES", &SIZES);
        peer_hears(&mut listener, &Bus::open_to_publish(reading, BUS_SLOW), "SIZES", &LARGE_SIZES);
        for channel in BOUNDARY_CHANNELS {
            peer_hears(&mut listener, &bus, channel, &boundary_sizes(channel));
        }
    }
}

#[test]
fn we_hear_lcm_1_3() {
    isolated!(MulticastOnLo);
    let Some(program) = c_program(test_name!()) else { return };
    let Some(slowed) = slowed(test_name!(), &program) else { return };
    let mut talker = Talker::start(program, BUS);
    let mut slow_talker = Talker::start(slowed, BUS);
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, BUS);
        we_hear(&mut bus, &mut talker, "SIZES", &SIZES);
        we_hear(&mut bus, &mut slow_talker, "SIZES", &LARGE_SIZES);
        for channel in BOUNDARY_CHANNELS {
            we_hear(&mut bus, &mut talker, channel, &boundary_sizes(channel));
        }
    }
}

#[test]
fn lcm_1_3_hears_most_megabyte_messages_even_with_its_default_buffer() {
    isolated!(MulticastOnLo);
    let Some(mut listener) = listener(test_name!(), DEFAULT_BUFFER) else { return };
    for reading in Reading::BOTH {
        let bus = Bus::open_to_publish(reading, BUS);
        let mut heard = 0;
        for seed in 0..MEGABYTES {
            bus.publish(b"LARGE", &pattern(seed, 1_000_000));
            match listener.next(Duration::from_millis(500)) {
                Some(message) => {
                    assert_eq!(message, Heard::of_pattern(b"LARGE", seed, 1_000_000));
                    heard += 1;
                }
                None => continue,
            }
        }
        // Unpaced it is about one in fifteen.
        assert!(heard * 2 > MEGABYTES, "{reading:?}: only {heard} of {MEGABYTES}");
    }
}

#[test]
fn lcm_logger_1_3_records_us() {
    isolated!(MulticastOnLo);
    let Some(old) = OldLcm::find(test_name!()) else { return };
    // Its own Python reads the log.
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded_by_1_3.lcmlog");
    logger::records_us(&mut old.program("lcm-logger"), &wheel, &log);
}

fn c_program(test: &str) -> Option<Command> {
    OldLcm::find(test)?.compiled(test, "peer.c")
}

fn listener(test: &str, url: &str) -> Option<Listener> {
    Some(Listener::start(c_program(test)?, url, ".*"))
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
const BUS_SLOW: &str = "udpm://239.255.76.67:7667?ttl=0&pace=100000000";
const LARGE_BUFFER: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";

/// What Linux gives without asking.
const DEFAULT_BUFFER: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=212992";

const MEGABYTES: u32 = 30;
