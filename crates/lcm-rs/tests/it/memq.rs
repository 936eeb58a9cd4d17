//! `memq://`: what an instance publishes, it alone receives.

use std::time::Duration;

use lcm::{Inline, Lcm, Queue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[test]
fn an_instance_hears_itself_and_nobody_else() {
    let (mut one, mut other) = (Inline::open("memq://").unwrap(), Inline::open("memq://").unwrap());
    one.publisher().publish("A", b"1").unwrap();
    let message = one.receive(Some(Duration::ZERO)).unwrap().unwrap();
    assert_eq!((message.channel().to_string(), &**message.payload(), message.sender()), ("A".into(), &b"1"[..], None));
    assert!(message.receive_time().elapsed().unwrap() < Duration::from_secs(60));
    assert!(one.receive(Some(Duration::ZERO)).unwrap().is_none());
    assert!(other.receive(Some(Duration::from_millis(10))).unwrap().is_none());
}

#[test]
fn it_is_readable_exactly_while_messages_wait() {
    let mut bus = Inline::open("memq://").unwrap();
    let readable = |bus: &Inline| {
        let fd = bus.poll_fd().unwrap();
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
    };
    bus.subscribe("A", |_| {}).unwrap();
    assert!(!readable(&bus));
    for _ in 0..2 {
        bus.publisher().publish("A", b"").unwrap();
    }
    for _ in 0..2 {
        assert!(readable(&bus));
        assert!(bus.handle(Some(Duration::ZERO)).unwrap());
    }
    assert!(!readable(&bus));
}

#[test]
fn queues_work_and_end_with_the_connection() {
    let bus = Lcm::open("memq://").unwrap();
    let queue = bus.subscribe("A", Queue::keep_last(5)).unwrap();
    bus.publish("A", b"x").unwrap();
    bus.publish("B", b"y").unwrap();
    drop(bus);
    // The subscription holds the connection open, so its message still comes.
    assert_eq!(**queue.recv().unwrap().payload(), b"x"[..]);
    assert!(queue.recv_timeout(Duration::from_millis(20)).unwrap().is_none());
}
