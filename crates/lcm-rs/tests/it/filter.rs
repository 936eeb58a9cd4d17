//! The kernel filter: in step with the subscriptions, and never at the cost of a wanted message.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lcm::{Inline, Lcm, Pattern, Publisher, Queue};

use crate::loopback::{SLOWLY, pattern, receive, url, while_publishing};

/// A handler that counts.
fn count(counter: &Arc<AtomicU64>) -> impl FnMut(&lcm::Sample) + Send + 'static {
    let counter = Arc::clone(counter);
    move |_| {
        counter.fetch_add(1, Relaxed);
    }
}

/// Publishes what nobody wants until the filter is on.
fn provoke_filter(bus: &mut Inline, publisher: &Publisher) {
    for _ in 0..2000 {
        publisher.publish("NOISE", b"x").unwrap();
        bus.handle(Some(Duration::ZERO)).unwrap();
        if bus.statistics().filtered > 0 {
            return;
        }
        // The count of what was filtered comes with the next message that passes.
        publisher.publish("WANTED", b"x").unwrap();
        bus.handle(Some(Duration::from_secs(5))).unwrap();
    }
    panic!("no filter: {:?}", bus.statistics());
}

#[test]
fn unwanted_messages_are_kept_away_and_wanted_ones_all_come() {
    let url = url("&recv_buf_size=4194304");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    let heard = Arc::new(AtomicU64::new(0));
    bus.subscribe("WANTED", count(&heard)).unwrap();
    provoke_filter(&mut bus, &other);
    heard.store(0, Relaxed);
    let before = bus.statistics();
    for n in 0..500_u64 {
        other.publish("NOISE", &pattern(100, n)).unwrap();
        other.publish("NOISE", &pattern(200_000, n)).unwrap();
        other.publish("WANTED", &pattern(100, n)).unwrap();
        assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
        if n % 10 == 0 {
            other.publish("WANTED", &pattern(200_000, n)).unwrap();
            assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
        }
    }
    assert_eq!(heard.load(Relaxed), 550);
    let after = bus.statistics();
    assert!(after.filtered >= before.filtered + 1000, "{after:?}");
    assert_eq!((after.total().lost, after.total().incomplete, after.kernel_drops), (0, 0, 0));
    assert!(after.total().lost_or_unwanted > 0);
}

#[test]
fn a_subscription_holds_from_the_moment_it_is_made() {
    let url = url("&recv_buf_size=4194304");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    bus.subscribe("WANTED", |_| {}).unwrap();
    provoke_filter(&mut bus, &other);
    // Each kind of pattern, and only the last two go without a filter.
    let patterns: [fn(u32) -> Pattern; 5] = [
        |n| Pattern::exact(format!("NEW{n}")).unwrap(),
        |n| Pattern::glob(format!("NEW{n}*")),
        |n| Pattern::glob(format!("NE?{n}")),
        |n| Pattern::regex(&format!("NEW{n}")).unwrap(),
        |_| Pattern::any(),
    ];
    for n in 0..100 {
        let kind = patterns[usize::try_from(n).unwrap() % patterns.len()];
        let heard = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&heard);
        let handle =
            bus.subscribe(kind(n), move |message| note.lock().unwrap().push(message.channel().to_string())).unwrap();
        other.publish(format!("NEW{n}"), b"x").unwrap();
        while bus.handle(Some(Duration::from_millis(if heard.lock().unwrap().is_empty() { 5000 } else { 0 }))).unwrap()
        {
        }
        assert_eq!(*heard.lock().unwrap(), [format!("NEW{n}")]);
        handle.unsubscribe();
        provoke_filter(&mut bus, &other);
    }
}

#[test]
fn own_large_messages_are_kept_away_unless_they_are_wanted() {
    let url = url(SLOWLY);
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    let heard = Arc::new(AtomicU64::new(0));
    bus.subscribe("WANTED", count(&heard)).unwrap();
    provoke_filter(&mut bus, &other);
    let own = bus.publisher();
    let before = bus.statistics().filtered;
    own.publish("IMAGE", &pattern(1_000_000, 0)).unwrap();
    other.publish("WANTED", b"x").unwrap();
    assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
    // Sixteen datagrams, and the last of the noise above if that had not been counted yet.
    let refused = bus.statistics().filtered - before;
    assert!((16..=17).contains(&refused), "{refused}");
    // The first one too, whether the subscription is older than the filter or not.
    heard.store(0, Relaxed);
    let image = pattern(1_000_000, 1);
    let publish = || own.publish("WANTED", &image).unwrap();
    assert!(while_publishing(publish, || bus.handle(Some(Duration::from_secs(5)))).unwrap());
    bus.subscribe("IMAGE", count(&heard)).unwrap();
    let publish = || own.publish("IMAGE", &image).unwrap();
    assert!(while_publishing(publish, || bus.handle(Some(Duration::from_secs(5)))).unwrap());
    assert_eq!(heard.load(Relaxed), 2);
    assert_eq!(bus.statistics().total().incomplete, 0);
}

#[test]
fn batches_that_came_before_the_filter_stay_the_messages_they_are() {
    let url = url("&recv_buf_size=4194304&pace=0");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    let heard = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&heard);
    let count = move |message: &lcm::Sample| {
        counted.fetch_add(u64::from(message.payload().len() == 64), Relaxed);
    };
    bus.subscribe("WANTED", count).unwrap();
    let batch: Vec<&[u8]> = vec![&[7; 64]; 64];
    for channel in ["NOISE", "WANTED", "NOISE", "WANTED"] {
        for _ in 0..4 {
            other.publish_batch(channel, &batch).unwrap();
        }
    }
    while bus.handle(Some(Duration::from_millis(200))).unwrap() {}
    assert_eq!(heard.load(Relaxed), 2 * 4 * 64);
    provoke_filter(&mut bus, &other);
    assert_eq!(bus.statistics().total().lost, 0);
}

#[test]
fn a_subscription_made_while_an_own_large_message_waits_for_its_pace_gets_it_whole() {
    let mut bus = Inline::open(&url("&recv_buf_size=4194304&pace=5000000")).unwrap();
    bus.subscribe("WANTED", |_| {}).unwrap();
    let own = bus.publisher();
    provoke_filter(&mut bus, &own);
    let heard = Arc::new(AtomicU64::new(0));
    let is_heard = Arc::clone(&heard);
    let publishing = std::thread::spawn(move || {
        own.publish("FILL", &pattern(200_000, 0)).unwrap();
        for _ in 0..100 {
            // Waits before its first fragment, and between them.
            own.publish("IMAGE", &pattern(500_000, 0)).unwrap();
            if is_heard.load(Relaxed) > 0 {
                return;
            }
        }
    });
    std::thread::sleep(Duration::from_millis(25));
    bus.subscribe("IMAGE", count(&heard)).unwrap();
    while heard.load(Relaxed) == 0 {
        assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
    }
    publishing.join().unwrap();
    assert_eq!(bus.statistics().total().incomplete, 0);
}

#[test]
fn what_a_filter_refused_is_not_taken_for_lost_when_it_goes() {
    let url = url("");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    bus.subscribe("WANTED", |_| {}).unwrap();
    provoke_filter(&mut bus, &other);
    for _ in 0..1000 {
        other.publish("NOISE", b"x").unwrap();
    }
    // Who wants everything goes without a filter.
    bus.subscribe(Pattern::any(), |_| {}).unwrap();
    other.publish("NOISE", b"x").unwrap();
    assert!(bus.handle(Some(Duration::from_secs(5))).unwrap());
    let statistics = bus.statistics();
    assert_eq!((statistics.total().lost, statistics.kernel_drops), (0, 0));
    assert!(statistics.filtered >= 1000 && statistics.total().lost_or_unwanted >= 1000, "{statistics:?}");
}

#[test]
fn what_a_filter_refused_between_messages_that_still_wait_is_not_taken_for_lost_either() {
    let url = url("");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    bus.subscribe("WANTED", |_| {}).unwrap();
    provoke_filter(&mut bus, &other);
    let before = bus.statistics();
    for _ in 0..100 {
        other.publish("NOISE", b"x").unwrap();
        other.publish("WANTED", b"x").unwrap();
    }
    // With the first call the filter goes, and what it refused is told message by message.
    receive(&mut bus, 100);
    other.publish("NOISE", b"x").unwrap();
    receive(&mut bus, 1);
    let statistics = bus.statistics();
    assert_eq!((statistics.total().lost, statistics.kernel_drops), (0, 0), "{statistics:?}");
    assert!(statistics.filtered >= before.filtered + 100, "{statistics:?}");
    assert!(statistics.total().lost_or_unwanted >= before.total().lost_or_unwanted + 100, "{statistics:?}");
}

#[test]
fn who_reads_everything_gets_everything() {
    let url = url("");
    let (mut bus, other) = (Inline::open(&url).unwrap(), Inline::open(&url).unwrap().publisher());
    bus.subscribe("WANTED", |_| {}).unwrap();
    provoke_filter(&mut bus, &other);
    // With the first call the filter goes.
    while bus.receive(Some(Duration::ZERO)).unwrap().is_some() {}
    other.publish("NOISE", b"x").unwrap();
    assert_eq!(*receive(&mut bus, 1)[0].channel(), "NOISE");
}

#[test]
fn subscriptions_from_many_threads_stay_in_step() {
    let url = url("&recv_buf_size=4194304");
    let (bus, other) = (Lcm::open(&url).unwrap(), Lcm::open(&url).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (bus, other) = (bus.clone(), other.clone());
            scope.spawn(move || {
                for n in 0..300 {
                    let name = format!("T{thread}/{n}");
                    let queue = bus.subscribe(&name, Queue::default()).unwrap();
                    for _ in 0..3 {
                        other.publish("NOISE", b"x").unwrap();
                    }
                    other.publish(&name, b"x").unwrap();
                    assert!(queue.recv_timeout(Duration::from_secs(5)).unwrap().is_some(), "{name} is missing");
                }
            });
        }
    });
    assert!(bus.statistics().filtered > 0);
}
