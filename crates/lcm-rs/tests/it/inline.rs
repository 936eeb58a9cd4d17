//! Reading with the calling thread, on loopback multicast.

use std::io::IoSlice;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use lcm::{Inline, Pattern, PublishError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::loopback::{SLOWLY, pattern, receive, url, while_publishing};

#[test]
fn messages_of_every_size_arrive_as_they_were_sent() {
    let url = url(SLOWLY);
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    let boundaries = [0, 1, 65_490, 65_497, 65_498, 65_499, 65_486, 65_487, 130_971, 130_972, 130_973];
    for (n, size) in boundaries.into_iter().chain([1 << 20, 3 << 20]).enumerate() {
        let payload = pattern(size, n as u64);
        let publish = || other.publish("A", &payload).unwrap();
        let message = while_publishing(publish, || receive(&mut bus, 1)).remove(0);
        assert!(**message.payload() == payload[..], "{size} bytes");
        assert!(message.sender().is_some_and(|sender| sender.port() != 0));
    }
    assert_eq!(bus.statistics().total().messages, 13);
    assert_eq!(bus.statistics().total().lost, 0);
}

#[test]
fn a_batch_arrives_as_the_messages_it_was_made_of() {
    for options in ["", "&frag=400"] {
        let mut bus = Inline::open(&url(&[options, SLOWLY].concat())).unwrap();
        let mut random = fastrand::Rng::with_seed(2);
        let mut sizes = Vec::new();
        while sizes.len() < 600 {
            let size = random.choice([0, 1, 64, 64, 64, 1000, 1390, 3000]).unwrap();
            sizes.extend(std::iter::repeat_n(size, random.usize(1..150)));
        }
        let payloads: Vec<_> = (0..).zip(&sizes).map(|(n, &size)| pattern(size, n)).collect();
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let publisher = bus.publisher();
        let publish = || {
            publisher.publish("A", b"before").unwrap();
            publisher.publish_batch("A", &slices).unwrap();
            publisher.publish("A", b"after").unwrap();
        };
        let messages = while_publishing(publish, || receive(&mut bus, slices.len() + 2));
        assert_eq!(
            (&**messages[0].payload(), &**messages[slices.len() + 1].payload()),
            (&b"before"[..], &b"after"[..])
        );
        for (message, payload) in messages[1..].iter().zip(&payloads) {
            assert!(**message.payload() == payload[..]);
        }
        let statistics = bus.statistics();
        assert_eq!((statistics.total().lost, statistics.published_messages), (0, slices.len() as u64 + 2));
    }
}

#[test]
fn small_datagrams_carry_large_messages() {
    let mut bus = Inline::open(&url(&["&frag=1400", SLOWLY].concat())).unwrap();
    let payload = pattern(300_000, 1);
    let publisher = bus.publisher();
    let messages = while_publishing(|| publisher.publish("A", &payload).unwrap(), || receive(&mut bus, 1));
    assert!(**messages[0].payload() == payload[..]);
}

#[test]
fn a_gathered_payload_arrives_in_one_piece_however_many_slices_it_has() {
    let mut bus = Inline::open(&url("")).unwrap();
    for slices in [0, 1, 6, 7, 8, 100, 1022, 1023, 1024, 3000] {
        let payload = pattern(slices * 100, 3);
        let gathered: Vec<_> = payload.chunks(100).map(IoSlice::new).collect();
        bus.publisher().publish_gathered("A", &gathered).unwrap();
        assert!(**receive(&mut bus, 1)[0].payload() == payload[..], "{slices} slices");
    }
}

#[test]
fn own_messages_are_heard_once() {
    let mut bus = Inline::open(&url("")).unwrap();
    bus.publisher().publish("A", b"x").unwrap();
    receive(&mut bus, 1);
    assert!(bus.receive(Some(Duration::from_millis(100))).unwrap().is_none());
}

#[test]
fn handlers_get_their_channels_and_may_take_themselves_off() {
    let mut bus = Inline::open(&url("")).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = |label: &'static str| {
        let heard = Arc::clone(&heard);
        move |message: &lcm::Sample| heard.lock().unwrap().push((label, message.channel().to_string()))
    };
    let exact = bus.subscribe("A", note("exact")).unwrap();
    bus.subscribe(Pattern::glob("*B*"), note("glob")).unwrap();
    let once: Arc<Mutex<Option<lcm::Handle>>> = Arc::default();
    let slot = Arc::clone(&once);
    let note_once = note("once");
    let handle = bus
        .subscribe(Pattern::any(), move |message| {
            note_once(message);
            slot.lock().unwrap().take().unwrap().unsubscribe();
        })
        .unwrap();
    *once.lock().unwrap() = Some(handle);
    let publisher = bus.publisher();
    for channel in ["A", "C", "ABC"] {
        publisher.publish(channel, b"").unwrap();
    }
    // Nobody wants C any more.
    for _ in ["A", "ABC"] {
        assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
    }
    exact.unsubscribe();
    publisher.publish("A", b"").unwrap();
    assert!(!bus.handle(Some(Duration::from_millis(100))).unwrap());
    let heard: Vec<_> = heard.lock().unwrap().clone();
    assert_eq!(heard, [("exact", "A".into()), ("once", "A".into()), ("glob", "ABC".into())]);
}

#[test]
fn a_connection_that_is_dropped_leaves_nothing_behind() {
    let descriptors = || {
        // Only sockets: other tests of this process open and close what they need meanwhile.
        let inodes = std::fs::read_to_string("/proc/self/net/udp").unwrap();
        inodes.lines().filter(|line| line.contains(&format!(":{:04X} ", 19_999))).count()
    };
    let url = "udpm://239.77.1.1:19999?ttl=0&iface=lo";
    for _ in 0..5 {
        let mut bus = Inline::open(url).unwrap();
        // The handler owns a publisher, its own handle, and what unsubscribes another when it goes.
        let publisher = bus.publisher();
        let other = Unsubscribes(bus.subscribe("B", |_| {}).unwrap());
        let own: Arc<OnceLock<lcm::Handle>> = Arc::default();
        let inside = Arc::clone(&own);
        let handler = move |message: &lcm::Sample| {
            let _ = &other;
            publisher.publish("ANSWER", message.payload()).unwrap();
            inside.get().unwrap().unsubscribe();
        };
        own.set(bus.subscribe("A", handler).unwrap()).unwrap();
        let publisher = bus.publisher();
        for _ in 0..3 {
            publisher.publish("A", b"x").unwrap();
            bus.handle(Some(Duration::from_millis(100))).unwrap();
        }
    }
    assert_eq!(descriptors(), 0);
}

struct Unsubscribes(lcm::Handle);

impl Drop for Unsubscribes {
    fn drop(&mut self) {
        self.0.unsubscribe();
    }
}

#[test]
fn every_message_has_the_kernels_receive_time() {
    let mut bus = Inline::open(&url("")).unwrap();
    let publisher = bus.publisher();
    let before = SystemTime::now();
    // C LCM stops at 2000.
    for _ in 0..2500 {
        publisher.publish("A", b"x").unwrap();
        receive(&mut bus, 1);
    }
    std::thread::sleep(Duration::from_millis(200));
    publisher.publish("A", b"last").unwrap();
    let sent = SystemTime::now();
    std::thread::sleep(Duration::from_millis(300));
    let message = receive(&mut bus, 1).remove(0);
    let lag = message.receive_time().duration_since(sent).unwrap_or_default();
    assert!(message.receive_time() >= before && lag < Duration::from_millis(250), "{lag:?} after it was sent");
}

#[test]
fn the_file_descriptor_tells_when_to_handle() {
    let mut bus = Inline::open(&url("")).unwrap();
    let readable = |bus: &Inline| {
        let fd = bus.poll_fd().unwrap();
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
    };
    bus.subscribe("A", |_| {}).unwrap();
    assert!(!readable(&bus));
    assert!(!bus.handle(Some(Duration::ZERO)).unwrap());
    bus.publisher().publish("A", &pattern(200_000, 0)).unwrap();
    assert!(readable(&bus));
    assert!(bus.handle(Some(Duration::ZERO)).unwrap());
    assert!(!readable(&bus));
}

#[test]
fn a_kept_message_is_not_overwritten_by_the_next() {
    let mut bus = Inline::open(&url("&recv_buf_size=4194304")).unwrap();
    let publisher = bus.publisher();
    let mut kept = Vec::new();
    for n in 0..60 {
        // Short ones that share the receive buffer, short ones that are copied, and fragmented ones.
        publisher.publish("A", &pattern([100, 40_000, 150_000][n % 3], n as u64)).unwrap();
        kept.push(bus.receive(Some(Duration::from_secs(5))).unwrap().unwrap().clone());
    }
    for (n, message) in kept.iter().enumerate() {
        assert!(**message.payload() == pattern([100, 40_000, 150_000][n % 3], n as u64)[..], "message {n}");
    }
}

#[test]
fn waiting_ends_when_it_should() {
    for options in ["", "&spin=2000"] {
        let mut bus = Inline::open(&url(options)).unwrap();
        for timeout in [0, 1, 30, 60, 600] {
            let timeout = Duration::from_millis(timeout);
            let start = std::time::Instant::now();
            assert!(bus.receive(Some(timeout)).unwrap().is_none());
            assert!(start.elapsed() >= timeout, "{timeout:?}");
            bus.publisher().publish("A", &pattern(200_000, 0)).unwrap();
            receive(&mut bus, 1);
        }
    }
}

#[test]
fn what_cannot_be_published_is_refused_before_anything_is_sent() {
    let mut bus = Inline::open(&url("&frag=128")).unwrap();
    let publisher = bus.publisher();
    assert!(matches!(publisher.publish("x".repeat(64), b""), Err(PublishError::Channel(_))));
    assert!(matches!(publisher.publish("a\0b", b""), Err(PublishError::Channel(_))));
    let too_large = vec![0; 108 * 65_535];
    assert!(matches!(publisher.publish("A", &too_large), Err(PublishError::MessageTooLarge(_))));
    publisher.publish("A", b"good").unwrap();
    assert_eq!(**receive(&mut bus, 1)[0].payload(), b"good"[..]);
    let statistics = bus.statistics();
    assert_eq!((statistics.published_messages, statistics.published_bytes), (1, 4));
    assert_eq!(statistics.total().lost, 0);
}

#[test]
fn the_self_test_of_starting_c_programs_is_passed_over() {
    let mut bus = Inline::open(&url("")).unwrap();
    bus.publisher().publish("LCM_SELF_TEST", b"lcm self test").unwrap();
    bus.publisher().publish("A", b"x").unwrap();
    assert_eq!(*receive(&mut bus, 1)[0].channel(), "A");
}
