//! Messages of many sizes from one side to the other, one after the other, each compared with what was sent.

use std::time::Duration;

use crate::listening::Bus;
use crate::payload::pattern;
use crate::process::PATIENCE;
use crate::talk::{Heard, Listener, Talker};

/// From the empty payload to two datagrams: what every receive buffer holds.
pub const SIZES: [usize; 12] = [0, 1, 2, 7, 8, 1000, 1472, 1473, 9000, 65000, 100_000, 130_000];

/// From there to 16 MiB, for slow senders.
pub const LARGE_SIZES: [usize; 4] = [300_000, 1_000_000, 4 << 20, 16 << 20];

/// The shortest channel of a boundary and the longest there is.
pub const BOUNDARY_CHANNELS: [&str; 2] = ["B", "/the/longest/channel/name/in/LCM/has/63/bytes#mesh_test.Payload"];

/// Every payload size at which a message on `channel` goes from one datagram to two, or nearly fills one or two fragments.
#[must_use]
pub fn boundary_sizes(channel: &str) -> Vec<usize> {
    let datagram = 65498..=65501;
    let one_fragment = FRAGMENT_BODY - 2..=FRAGMENT_BODY + 2;
    let two_fragments = 2 * FRAGMENT_BODY - 2..=2 * FRAGMENT_BODY + 2;
    let with_channel = one_fragment.chain(datagram).chain(two_fragments);
    with_channel.map(|bytes| bytes - channel.len() - 1).collect()
}

/// Publishes patterned payloads of these sizes; the peer has to hear each.
pub fn peer_hears(peer: &mut Listener, bus: &Bus, channel: &str, sizes: &[usize]) {
    for (&size, seed) in sizes.iter().zip(1..) {
        let payload = pattern(seed, size);
        let wanted = Heard::of(channel.as_bytes(), &payload);
        deliver(&wanted, |within| {
            bus.publish(channel.as_bytes(), &payload);
            peer.next(within)
        });
    }
    assert_eq!(peer.next(SILENCE), None, "the peer heard more than was sent");
}

/// Has the peer publish patterned payloads of these sizes; we have to hear each.
pub fn we_hear(bus: &mut Bus, peer: &mut Talker, channel: &str, sizes: &[usize]) {
    for (&size, seed) in sizes.iter().zip(1..) {
        let wanted = Heard::of_pattern(channel.as_bytes(), seed, size);
        deliver(&wanted, |within| {
            // Not to its end: a message may be larger than the buffer that we empty meanwhile.
            peer.begin(channel.as_bytes(), seed, size, 1, Duration::ZERO);
            let heard = hear(bus, within);
            peer.finish();
            heard
        });
    }
    assert_eq!(hear(bus, SILENCE), None, "we heard more than was sent");
}

/// What a listener would tell of the next message we hear.
pub fn hear(bus: &mut Bus, within: Duration) -> Option<Heard> {
    bus.next(within).map(|message| Heard::of(message.channel().as_bytes(), message.payload()))
}

/// Publishes until the message is heard: once, if it fits the smallest kernel receive buffers. A larger one may be lost to
/// them now and then, where a system has not raised `net.core.rmem_max`, but never arrives changed.
fn deliver(wanted: &Heard, mut publish_and_hear: impl FnMut(Duration) -> Option<Heard>) {
    let (attempts, within) = if wanted.size <= SURE_BYTES { (1, PATIENCE) } else { (5, Duration::from_secs(5)) };
    for _ in 0..attempts {
        if let Some(heard) = publish_and_hear(within) {
            assert_eq!(heard, *wanted);
            return;
        }
    }
    panic!("{} bytes were sent {attempts} times and never heard", wanted.size);
}

const FRAGMENT_BODY: usize = 65487;

/// Three datagrams of full size fit the default receive buffer of 212,992 bytes.
const SURE_BYTES: usize = 150_000;

/// How long nothing more has to come.
const SILENCE: Duration = Duration::from_millis(200);
