//! What stands in our datagrams, byte by byte, as every deployed receiver needs it.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use mesh_tests::isolated;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::process::PATIENCE;

#[test]
fn short_messages_and_fragments_are_laid_out_as_the_protocol_says() {
    isolated!(MulticastOnLo);
    let socket = group_socket();
    let bus = Bus::open_to_publish(Reading::Queued, &url(""));
    let mut senders = HashSet::new();
    let mut received = || {
        let (datagram, sender) = receive(&socket);
        senders.insert(sender);
        datagram
    };

    bus.publish(b"CHANNEL", b"payload");
    assert_eq!(received(), b"LC02\0\0\0\0CHANNEL\0payload");
    bus.publish(b"", b"");
    assert_eq!(received(), b"LC02\0\0\0\x01\0");

    // The largest datagram, and one byte more.
    let payload = pattern(1, 65499 - 2);
    bus.publish(b"C", &payload);
    assert!(received() == [b"LC02\0\0\0\x02C\0", &payload[..]].concat());
    let payload = pattern(2, 65500 - 2);
    bus.publish(b"C", &payload);
    // Header: number of the message, bytes of payload, offset, fragment, of how many.
    let size = 65498_u32.to_be_bytes();
    let first = [b"LC03\0\0\0\x03", &size[..], &[0; 4], &[0, 0, 0, 2], b"C\0", &payload[..65485]].concat();
    assert_eq!(first.len(), 65507);
    assert!(received() == first);
    let offset = 65485_u32.to_be_bytes();
    assert!(received() == [b"LC03\0\0\0\x03", &size[..], &offset[..], &[0, 1, 0, 2], &payload[65485..]].concat());

    bus.publish(b"C", b"next");
    assert_eq!(received(), b"LC02\0\0\0\x04C\0next");
    assert_eq!(senders.len(), 1, "one connection sends from one port");
    assert!(senders.iter().all(|sender| sender.port() != GROUP.1), "C LCM mixes up senders on the bus's own port");
}

#[test]
fn the_largest_datagram_can_be_chosen() {
    isolated!(MulticastOnLo);
    let socket = group_socket();
    let bus = Bus::open_to_publish(Reading::Queued, &url("&frag=1472"));
    let payload = pattern(1, 10_000);
    bus.publish(b"CHANNEL", &payload);
    let mut assembled = Vec::new();
    for number in 0..7_u8 {
        let (datagram, _) = receive(&socket);
        assert!(datagram.len() <= 1472, "{} bytes", datagram.len());
        assert_eq!(datagram[..4], *b"LC03");
        let offset = u32::try_from(assembled.len()).expect("small").to_be_bytes();
        assert_eq!(datagram[12..20], [&offset[..], &[0, number, 0, 7]].concat());
        let body = if number == 0 { datagram[20..].strip_prefix(b"CHANNEL\0") } else { Some(&datagram[20..]) };
        assembled.extend_from_slice(body.expect("the first fragment names the channel"));
    }
    assert!(assembled == payload);
}

#[test]
fn threads_that_share_a_connection_do_not_mix_their_fragments() {
    isolated!(MulticastOnLo);
    let socket = group_socket();
    // Slow enough for this socket, whose buffer is the smallest there is.
    let lcm = lcm::Lcm::open(&url("&pace=2000000")).expect("the bus opens");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let lcm = lcm.clone();
            scope.spawn(move || {
                for size in [150_000, 10, 70_000, 140_000, 1000] {
                    lcm.publish("CHANNEL", &pattern(1, size)).expect("the message can be published");
                }
            });
        }
        for message in 0..20_u32 {
            let (first, _) = receive(&socket);
            assert_eq!(first[4..8], message.to_be_bytes());
            if first.starts_with(b"LC03") {
                let count = first[19];
                for number in 0..count {
                    let next = if number == 0 { first.clone() } else { receive(&socket).0 };
                    assert_eq!(next[4..8], message.to_be_bytes(), "another message between the fragments");
                    assert_eq!(next[16..20], [0, number, 0, count], "fragments out of order");
                }
            }
        }
    });
}

/// A plain socket in the group. It shares its port with nobody, so no listener of ours may be there.
fn group_socket() -> UdpSocket {
    let socket = UdpSocket::bind(GROUP).expect("the port is free");
    socket.join_multicast_v4(&GROUP.0, &Ipv4Addr::UNSPECIFIED).expect("the group can be joined");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut datagram = vec![0; 1 << 16];
    let (bytes, sender) = socket.recv_from(&mut datagram).expect("a datagram comes");
    datagram.truncate(bytes);
    (datagram, sender)
}

fn url(options: &str) -> String {
    format!("udpm://{}:{}?ttl=0{options}", GROUP.0, GROUP.1)
}

const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 76, 67), 7667);
