//! Receiving with a thread and queues, on loopback multicast.

use std::time::{Duration, Instant};

use lcm::{Lcm, Pattern, Queue};

use crate::loopback::{SLOWLY, pattern, url};

#[test]
fn a_slow_subscriber_harms_only_itself_and_its_losses_are_counted() {
    let bus = Lcm::open(&url("")).unwrap();
    let slow = bus.subscribe("A", Queue::keep_last(10)).unwrap();
    let quick = bus.subscribe("A", Queue::keep_all(1 << 20)).unwrap();
    for n in 0..1000_u32 {
        bus.publish("A", &n.to_be_bytes()).unwrap();
        let message = quick.recv_timeout(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(**message.payload(), n.to_be_bytes());
    }
    let newest: Vec<_> = std::iter::from_fn(|| slow.try_recv().unwrap()).map(|m| m.payload().to_vec()).collect();
    assert_eq!(newest, (990..1000_u32).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
    assert_eq!((slow.dropped(), quick.dropped(), bus.statistics().queue_drops), (990, 0, 990));
}

#[test]
fn publishers_on_many_threads_neither_mix_nor_lose_messages() {
    let url = url(SLOWLY);
    let (bus, receiver) = (Lcm::open(&url).unwrap(), Lcm::open(&url).unwrap());
    let all = receiver.subscribe(Pattern::glob("T*"), Queue::keep_all(1 << 30)).unwrap();
    const EACH: u64 = 40;
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let bus = bus.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    let size = [10, 70_000, 200_000][usize::try_from(n % 3).unwrap()];
                    bus.publish(format!("T{thread}"), &pattern(size, thread * EACH + n)).unwrap();
                }
            });
        }
        let mut next = [0; 4];
        for _ in 0..4 * EACH {
            let message = all.recv_timeout(Duration::from_secs(20)).unwrap().expect("a message is missing");
            let thread = u64::from(message.channel().as_bytes()[1] - b'0');
            let n = &mut next[usize::try_from(thread).unwrap()];
            let size = [10, 70_000, 200_000][usize::try_from(*n % 3).unwrap()];
            assert!(**message.payload() == pattern(size, thread * EACH + *n)[..], "message {n} of thread {thread}");
            *n += 1;
        }
    });
    assert_eq!(receiver.statistics().total().lost, 0);
}

#[test]
fn dropping_a_subscription_ends_it_and_dropping_everything_ends_the_thread() {
    let bus = Lcm::open(&url("")).unwrap();
    let one = bus.subscribe("A", Queue::default()).unwrap();
    let other = bus.subscribe("A", Queue::default()).unwrap();
    let output = one.receiver().clone();
    drop(one);
    bus.publish("A", b"x").unwrap();
    assert!(other.recv_timeout(Duration::from_secs(5)).unwrap().is_some());
    assert!(output.try_recv().is_err());
    let output = other.receiver().clone();
    drop((bus, other));
    // Nobody holds the connection, so the thread ended and let go of the queue.
    assert_eq!(output.recv(), Err(crossbeam_channel::RecvError));
}

#[test]
fn subscribing_and_unsubscribing_from_many_threads_disturbs_nobody() {
    let bus = Lcm::open(&url("&recv_buf_size=4194304")).unwrap();
    let steady = bus.subscribe("A", Queue::keep_all(1 << 20)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let bus = bus.clone();
            scope.spawn(move || {
                for n in 0..200 {
                    let pattern = if n % 2 == 0 { Pattern::any() } else { Pattern::glob(format!("A{thread}*")) };
                    drop(bus.subscribe(pattern, Queue::keep_last(2)).unwrap());
                }
            });
        }
        for n in 0..500_u32 {
            bus.publish("A", &n.to_be_bytes()).unwrap();
            let message = steady.recv_timeout(Duration::from_secs(5)).unwrap().expect("a message is missing");
            assert_eq!(**message.payload(), n.to_be_bytes());
        }
    });
}

#[test]
fn closing_does_not_wait_for_traffic() {
    let start = Instant::now();
    for _ in 0..20 {
        let bus = Lcm::open(&url("")).unwrap();
        drop(bus.subscribe("A", Queue::default()).unwrap());
    }
    // Twenty waits for the housekeeping tick would be ten seconds.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
