//! Sends random and forged datagrams to a multicast group, from many ports, as fast as the kernel takes them.
//!
//! Arguments: group, port, datagrams at most, milliseconds at most. Says how many datagrams and bytes it sent, and how many of
//! the datagrams no receiver can take for LCM.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its answer goes to stdout")]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use fastrand::Rng;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [group, port, most, milliseconds] = &arguments[..] else { panic!("usage: bus-flood GROUP PORT MOST MS") };
    let group: (Ipv4Addr, u16) = (group.parse().expect("an address"), port.parse().expect("a port"));
    let most: u64 = most.parse().expect("a number");
    let end = Instant::now() + Duration::from_millis(milliseconds.parse().expect("a number"));
    let sockets: Vec<UdpSocket> = (0..SOCKETS)
        .map(|_| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
            socket.set_multicast_ttl_v4(0).expect("ttl 0 is possible");
            socket
        })
        .collect();
    let mut random = Rng::with_seed(0x9e37_79b9_7f4a_7c15);
    let (mut datagrams, mut bytes, mut senseless) = (0, 0, 0);
    while datagrams < most && Instant::now() < end {
        let (datagram, sense) = datagram(&mut random);
        // Some senders stay for the whole flood, some ports change all the time.
        let sent = if random.usize(..8) == 0 {
            let fresh = UdpSocket::bind("0.0.0.0:0").expect("a socket");
            fresh.set_multicast_ttl_v4(0).expect("ttl 0 is possible");
            fresh.send_to(&datagram, group)
        } else {
            sockets[random.usize(..SOCKETS)].send_to(&datagram, group)
        };
        if sent.is_ok() {
            datagrams += 1;
            bytes += datagram.len() as u64;
            senseless += u64::from(!sense);
        }
    }
    println!("{datagrams} {bytes} {senseless}");
}

fn bytes(random: &mut Rng, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes
}

/// One of a number of lies, and whether it can be taken for LCM.
fn datagram(random: &mut Rng) -> (Vec<u8>, bool) {
    let size = if random.usize(..50) == 0 { 60_000 } else { random.usize(..500) };
    let [seqno, offset] = [(); 2].map(|()| bytes(random, 4));
    match random.usize(..10) {
        // Noise.
        0 => (bytes(random, size).into_iter().map(|byte| byte | 0x80).collect(), false),
        // Nothing but a magic, or half of a header.
        1 => ([SHORT, &bytes(random, 3)].concat(), false),
        2 => ([FRAGMENT, &bytes(random, 15)].concat(), false),
        // A channel that does not end.
        3 => ([SHORT, &seqno, &[b'x'; 200]].concat(), false),
        // More than any message has; the largest number; a number beyond the count.
        4 => (fragment(&seqno, [0xff; 4], &offset, [0, 1], [0, 9], &bytes(random, size)), false),
        5 => (fragment(&seqno, LARGEST, &[0xff; 4], [0xff, 0xfe], [0xff, 0xff], &bytes(random, size)), false),
        6 => (fragment(&seqno, LARGEST, &[0; 4], [0, 9], [0, 9], &bytes(random, size)), false),
        // The first fragment of the largest message there is, of which no second comes.
        7 => {
            let body = [b"FORGED\0", &bytes(random, size)[..]].concat();
            (fragment(&seqno, LARGEST, &[0; 4], [0, 0], [0xff, 0xff], &body), true)
        }
        // Fragments of few messages, which contradict each other.
        8 => {
            let number = u16::try_from(1 + random.usize(..30)).expect("small").to_be_bytes();
            let offset = u32::try_from(random.usize(..1 << 20)).expect("small").to_be_bytes();
            let few = [0, 0, 0, u8::try_from(random.usize(..4)).expect("small")];
            (fragment(&few, [0, 0x20, 0, 0], &offset, number, [0, 31], &bytes(random, size)), true)
        }
        // A whole message on a channel of its own.
        _ => {
            let channel = format!("FORGED_{}\0", random.u64(..));
            ([SHORT, &seqno, channel.as_bytes(), &bytes(random, size)].concat(), true)
        }
    }
}

fn fragment(
    seqno: &[u8],
    message_bytes: [u8; 4],
    offset: &[u8],
    number: [u8; 2],
    count: [u8; 2],
    body: &[u8],
) -> Vec<u8> {
    [FRAGMENT, seqno, &message_bytes, offset, &number, &count, body].concat()
}

const SHORT: &[u8] = b"LC02";
const FRAGMENT: &[u8] = b"LC03";

/// 2^28 bytes.
const LARGEST: [u8; 4] = [0x10, 0, 0, 0];

const SOCKETS: usize = 400;
