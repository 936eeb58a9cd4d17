//! What is lost is counted, on real sockets.

use std::net::UdpSocket;
use std::time::Duration;

use lcm::Inline;

use crate::loopback::{pattern, receive, url};

#[test]
fn a_full_receive_buffer_shows_as_kernel_drops_and_lost_messages() {
    let url = url("&recv_buf_size=20000");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    other.publish("A", b"first").unwrap();
    receive(&mut bus, 1);
    for _ in 0..500 {
        other.publish("A", &pattern(1000, 0)).unwrap();
    }
    while bus.receive(Some(Duration::ZERO)).unwrap().is_some() {}
    other.publish("A", b"last").unwrap();
    receive(&mut bus, 1);
    let statistics = bus.statistics();
    let counts = statistics.total();
    assert!(statistics.kernel_drops > 0);
    assert_eq!(statistics.kernel_drops, counts.lost);
    assert_eq!(counts.messages + counts.lost, 502);
}

#[test]
fn datagrams_that_are_not_lcm_are_counted_and_harm_nobody() {
    let url = url("");
    let mut bus = Inline::open(&url).unwrap();
    let target = url.trim_start_matches("udpm://").split('?').next().unwrap().to_owned();
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    for junk in [&b""[..], b"x", b"LC02", b"LC03 and more", &[0xff; 1000], b"LC02\0\0\0\0without an end"] {
        noise.send_to(junk, &target).unwrap();
    }
    bus.publisher().publish("A", b"good").unwrap();
    assert_eq!(**receive(&mut bus, 1)[0].payload(), b"good"[..]);
    assert_eq!(bus.statistics().malformed, 6);
}

#[test]
fn each_sender_is_counted_by_itself() {
    let url = url("");
    let mut bus = Inline::open(&url).unwrap();
    let others: Vec<_> = (0..3).map(|_| Inline::open(&url).unwrap().publisher()).collect();
    for (n, other) in others.iter().enumerate() {
        for _ in 0..=n {
            other.publish("A", &[0; 10]).unwrap();
        }
    }
    receive(&mut bus, 6);
    let mut counts: Vec<_> =
        bus.statistics().senders.iter().map(|sender| (sender.counts.messages, sender.counts.bytes)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(1, 10), (2, 20), (3, 30)]);
}

#[test]
fn more_receive_buffer_is_had_by_asking() {
    let small = Inline::open(&url("&recv_buf_size=8192")).unwrap().statistics().receive_buffer_bytes;
    let large = Inline::open(&url("")).unwrap().statistics().receive_buffer_bytes;
    assert!(small < 64 << 10 && large > small, "{small} and {large} bytes");
}
