//! Python LCM and ours hear each other.

use mesh_tests::exchange::{BOUNDARY_CHANNELS, LARGE_SIZES, SIZES, boundary_sizes, peer_hears, we_hear};
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::peers::{Wheel, slowed};
use mesh_tests::talk::{Listener, Talker};
use mesh_tests::{isolated, test_name};

#[test]
fn python_hears_us() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut listener = Listener::start(wheel.script("peer.py"), PYTHON, ".*");
    for reading in Reading::BOTH {
        let bus = Bus::open_to_publish(reading, OURS);
        peer_hears(&mut listener, &bus, "SIZES", &SIZES);
        peer_hears(&mut listener, &Bus::open_to_publish(reading, OURS_SLOW), "SIZES", &LARGE_SIZES);
        for channel in BOUNDARY_CHANNELS {
            peer_hears(&mut listener, &bus, channel, &boundary_sizes(channel));
        }
    }
}

#[test]
fn we_hear_python() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let Some(slowed) = slowed(test_name!(), &wheel.script("peer.py")) else { return };
    let mut talker = Talker::start(wheel.script("peer.py"), PYTHON);
    let mut slow_talker = Talker::start(slowed, PYTHON);
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, OURS);
        we_hear(&mut bus, &mut talker, "SIZES", &SIZES);
        we_hear(&mut bus, &mut slow_talker, "SIZES", &LARGE_SIZES);
        for channel in BOUNDARY_CHANNELS {
            we_hear(&mut bus, &mut talker, channel, &boundary_sizes(channel));
        }
    }
}

/// The default bus of ours, and of Python with the receive buffer that large messages need.
const OURS: &str = "udpm://239.255.76.67:7667?ttl=0";
const OURS_SLOW: &str = "udpm://239.255.76.67:7667?ttl=0&pace=100000000";
const PYTHON: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";
