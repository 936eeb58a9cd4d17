//! Logs in place of a bus: `file://` to play one and to record one.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use lcm::{Inline, Lcm, OpenError, Pattern, PublishError, Queue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Event, concat, event, read, scratch};

fn url(path: &Path, options: &str) -> String {
    format!("file://{}?{options}", path.display())
}

/// A log of events 100 ms apart, from a second on.
fn log(name: &str, count: i64) -> (std::path::PathBuf, Vec<Event>) {
    let events: Vec<_> =
        (0..count).map(|number| event(number, 1_000_000 + 100_000 * number, "A", &number.to_be_bytes())).collect();
    let path = scratch(name);
    std::fs::write(&path, concat(&events)).unwrap();
    (path, events)
}

/// The numbers in the payloads, until the log ends.
fn play(bus: &mut Inline) -> Vec<i64> {
    let mut numbers = Vec::new();
    while let Some(message) = bus.receive(None).unwrap() {
        numbers.push(i64::from_be_bytes(**message.payload().first_chunk::<8>().as_ref().unwrap()));
    }
    numbers
}

#[test]
fn a_log_is_played_whole_and_says_when_it_has_ended() {
    let (path, events) = log("whole", 1000);
    let mut bus = Inline::open(&url(&path, "speed=0")).unwrap();
    assert!(!bus.ended());
    let first = bus.receive(Some(Duration::ZERO)).unwrap().unwrap();
    assert_eq!((first.channel().to_string(), &**first.payload()), ("A".to_owned(), &events[0].data[..]));
    assert_eq!((first.receive_time_ns(), first.sender()), (1_000_000_000, None));
    assert_eq!(play(&mut bus), (1..1000).collect::<Vec<_>>());
    assert!(bus.ended());
    // At once, however long it may wait.
    assert!(!bus.handle(Some(Duration::from_secs(3600))).unwrap());
    assert!(!bus.handle(None).unwrap());
}

#[test]
fn messages_come_when_they_are_due() {
    let (path, _) = log("due", 4);
    let mut bus = Inline::open(&url(&path, "speed=2")).unwrap();
    // The clock starts with the first message, not with opening.
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    let mut times = Vec::new();
    while bus.receive(None).unwrap().is_some() {
        times.push(start.elapsed());
    }
    assert_eq!(times.len(), 4);
    for (n, time) in (0..).zip(&times) {
        assert!(*time >= Duration::from_millis(50 * n), "{times:?}");
        assert!(*time < Duration::from_millis(50 * n + 5000), "{times:?}");
    }
}

#[test]
fn a_wait_ends_in_time_without_the_next_message() {
    let path = scratch("far");
    std::fs::write(&path, concat(&[event(0, 0, "A", b""), event(1, 3_600_000_000, "A", b"")])).unwrap();
    let mut bus = Inline::open(&url(&path, "")).unwrap();
    assert!(bus.receive(None).unwrap().is_some());
    let start = Instant::now();
    assert!(bus.receive(Some(Duration::from_millis(30))).unwrap().is_none());
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(bus.receive(Some(Duration::ZERO)).unwrap().is_none());
    assert!(!bus.ended());
}

#[test]
fn a_log_of_which_nothing_is_wanted_is_passed_over_without_holding_the_caller() {
    let (path, _) = log("unwanted", 1000);
    let mut bus = Inline::open(&url(&path, "speed=0")).unwrap();
    let mut calls = 0;
    while !bus.ended() {
        assert!(!bus.handle(Some(Duration::ZERO)).unwrap());
        calls += 1;
    }
    assert!((2..=1000).contains(&calls), "{calls} calls");
}

#[test]
fn playing_begins_at_the_start_timestamp() {
    let (path, _) = log("started", 10);
    for (start, first) in [(0, 0), (1_000_001, 1), (1_500_000, 5), (1_900_000, 9), (1_900_001, 10)] {
        let mut bus = Inline::open(&url(&path, &format!("speed=0&start_timestamp={start}"))).unwrap();
        assert_eq!(play(&mut bus), (first..10).collect::<Vec<_>>());
    }
    // What was passed over takes no time.
    let mut bus = Inline::open(&url(&path, "start_timestamp=1900000")).unwrap();
    assert!(bus.receive(Some(Duration::ZERO)).unwrap().is_some());
}

#[test]
fn it_is_readable_exactly_when_a_message_is_due_or_the_log_has_ended() {
    let (path, _) = log("polled", 2);
    let mut bus = Inline::open(&url(&path, "speed=0.2")).unwrap();
    let readable = |bus: &Inline, seconds| {
        let fd = bus.poll_fd().unwrap();
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).unwrap() == 1
    };
    assert!(readable(&bus, 10));
    assert!(bus.receive(Some(Duration::ZERO)).unwrap().is_some());
    assert!(!readable(&bus, 0));
    assert!(readable(&bus, 10));
    assert!(bus.receive(Some(Duration::ZERO)).unwrap().is_some());
    assert!(readable(&bus, 10));
    assert!(bus.receive(Some(Duration::ZERO)).unwrap().is_none());
    assert!(bus.ended());
}

#[test]
fn queues_get_everything_at_full_speed_and_close_at_the_end() {
    let (path, _) = log("queued", 2000);
    for queue in [Queue::keep_last(1), Queue::keep_last(30), Queue::keep_all(1000)] {
        let bus = Lcm::open(&url(&path, "speed=0")).unwrap();
        let messages = bus.subscribe(Pattern::any(), queue).unwrap();
        assert_eq!(messages.iter().count(), 2000);
        assert_eq!((messages.dropped(), bus.statistics().queue_drops), (0, 0));
        assert!(messages.recv().is_err());
        // Nobody waits for ever who comes late.
        assert!(bus.subscribe("A", queue).unwrap().recv().is_err());
    }
}

#[test]
fn a_connection_closes_while_its_log_waits() {
    let path = scratch("closing");
    std::fs::write(&path, concat(&[event(0, 0, "A", b""), event(1, 3_600_000_000, "A", b"")])).unwrap();
    for (options, queue) in [("speed=1", Queue::default()), ("speed=0", Queue::keep_last(1))] {
        let bus = Lcm::open(&url(&path, options)).unwrap();
        let messages = bus.subscribe("A", queue).unwrap();
        while messages.receiver().is_empty() {
            std::thread::yield_now();
        }
        drop((bus, messages));
    }
}

#[test]
fn events_that_no_bus_could_have_carried_are_passed_over_and_counted() {
    let path = scratch("foreign");
    let events = [
        event(0, -5, &"x".repeat(63), b"1"),
        event(1, 10, &"x".repeat(64), b"2"),
        event(2, 20, "with\0NUL", b"3"),
        event(3, 30, "", b"4"),
    ];
    std::fs::write(&path, [concat(&events[..3]), b"garbage".to_vec(), concat(&events[3..])].concat()).unwrap();
    let mut bus = Inline::open(&url(&path, "speed=0")).unwrap();
    let mut heard = Vec::new();
    while let Some(message) = bus.receive(None).unwrap() {
        heard.push((message.payload().to_vec(), message.receive_time_ns()));
    }
    assert_eq!(heard, [(b"1".to_vec(), 0), (b"4".to_vec(), 30_000)]);
    assert_eq!(bus.statistics().malformed, 3);
}

#[test]
fn what_is_published_is_written_with_the_present_time() {
    let path = scratch("recorded");
    let now_us = || i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    let start_us = now_us();
    for (mode, count) in [("w", 2), ("a", 4), ("w", 2)] {
        let bus = Lcm::open(&url(&path, &format!("mode={mode}"))).unwrap();
        bus.publish("A", b"first").unwrap();
        let slices = [&b"sec"[..], b"", b"ond"].map(std::io::IoSlice::new);
        bus.publish_gathered("B", &slices).unwrap();
        // Already there, though the connection is open.
        let (events, gaps) = read(&std::fs::read(&path).unwrap()[..]);
        assert_eq!((events.len(), gaps.len()), (count, 0));
        let last = &events[count - 2..];
        assert_eq!((&last[0].channel[..], &last[0].data[..], last[0].number), (&b"A"[..], &b"first"[..], 0));
        assert_eq!((&last[1].channel[..], &last[1].data[..], last[1].number), (&b"B"[..], &b"second"[..], 1));
        assert!(events.iter().all(|event| (start_us..=now_us()).contains(&event.timestamp_us)));
        assert_eq!((bus.statistics().published_messages, bus.statistics().published_bytes), (2, 11));
    }
}

#[test]
fn a_log_that_is_written_has_nothing_to_hear() {
    let path = scratch("unheard");
    let mut bus = Inline::open(&url(&path, "mode=w")).unwrap();
    bus.publisher().publish("A", b"").unwrap();
    assert!(!bus.handle(None).unwrap());
    assert!(bus.ended());
}

#[test]
fn each_fault_is_told() {
    let (path, _) = log("read", 1);
    let bus = Inline::open(&url(&path, "")).unwrap();
    let error = bus.publisher().publish("A", b"").unwrap_err();
    assert!(matches!(error, PublishError::LogIsRead { .. }), "{error}");
    for wrong in ["file:///nonexistent/log", "file:///nonexistent/log?mode=w", "file:///tmp"] {
        let error = Inline::open(wrong).map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenError::EventLog { .. }), "{error}");
        assert!(error.to_string().starts_with("cannot open the event log of file:///"), "{error}");
    }
    let full = Lcm::open("file:///dev/full?mode=a").unwrap();
    for size in [10, 100_000] {
        let error = full.publish("A", &vec![0; size]).unwrap_err();
        assert!(error.to_string().contains("No space left"), "{error}");
    }
    assert_eq!(full.statistics().published_messages, 0);
}
