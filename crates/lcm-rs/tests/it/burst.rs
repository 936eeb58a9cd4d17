//! Messages that wait in the kernel and are received several at a time.

use std::time::Duration;

use lcm::{Inline, Payload};

use crate::loopback::{pattern, receive, url};

#[test]
fn messages_of_all_sizes_that_wait_together_come_in_order_and_whole_and_stay_what_they_were() {
    let url = url("&pace=0");
    let mut bus = Inline::open(&url).unwrap();
    let publisher = Inline::open(&url).unwrap().publisher();
    let mut random = fastrand::Rng::with_seed(7);
    let mut kept: Vec<(u64, Payload)> = Vec::new();
    let mut seed = 0;
    for round in 0..60 {
        // Short ones for long enough that they are received together, in lots that find room; then some that share their buffer,
        // or come in fragments.
        let mut lots: Vec<Vec<usize>> = Vec::new();
        lots.resize_with(if round % 4 == 0 { 8 } else { 2 }, || (0..50).map(|_| random.usize(0..300)).collect());
        let large = random.usize(0..4);
        let mut mixed: Vec<_> = (0..random.usize(0..50)).map(|_| random.usize(0..300)).collect();
        mixed.extend((0..large).map(|_| random.usize(15_000..100_000)));
        mixed.extend((0..5).map(|_| random.usize(0..20_000)));
        lots.push(mixed);
        for lengths in lots {
            let first = seed;
            for length in &lengths {
                publisher.publish("A", &pattern(*length, seed)).unwrap();
                seed += 1;
            }
            for (seed, message) in (first..).zip(receive(&mut bus, lengths.len())) {
                assert_eq!(message.payload().len(), lengths[usize::try_from(seed - first).unwrap()]);
                assert_eq!(**message.payload(), *pattern(message.payload().len(), seed), "message {seed}");
                if message.payload().len() > 10_000 && kept.len() < 40 {
                    kept.push((seed, message.payload().clone()));
                }
            }
        }
    }
    for (seed, payload) in kept {
        assert_eq!(*payload, *pattern(payload.len(), seed), "message {seed}, later");
    }
    let total = bus.statistics().total();
    assert_eq!((total.messages, total.lost, total.incomplete), (seed, 0, 0));
}

#[test]
fn who_does_not_wait_gets_all_that_was_there_although_the_kernel_has_nothing_more() {
    let url = url("");
    let mut bus = Inline::open(&url).unwrap();
    let publisher = Inline::open(&url).unwrap().publisher();
    let handled = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&handled);
    let add = move |_: &_| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    // No filter can tell it, so what is not wanted comes, too.
    let _handle = bus.subscribe(lcm::Pattern::regex(".*anted!").unwrap(), add).unwrap();
    for round in 0..40 {
        // About as many as are looked at before a call comes back without a message.
        for _ in 0..235 + round {
            publisher.publish("unwanted", b"x").unwrap();
        }
        publisher.publish("wanted!", b"x").unwrap();
        std::thread::sleep(Duration::from_millis(5));
        // Readable means that there is something, and what is there is taken until it says that there is not.
        while bus.poll_fd().is_some_and(is_readable) {
            while bus.handle(Some(Duration::ZERO)).unwrap() {}
        }
        assert_eq!(handled.load(std::sync::atomic::Ordering::Relaxed), round + 1);
    }
}

#[test]
fn who_takes_one_message_at_a_time_is_told_that_more_lie_here() {
    let url = url("&pace=0");
    let mut bus = Inline::open(&url).unwrap();
    let publisher = Inline::open(&url).unwrap().publisher();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hears = std::sync::Arc::clone(&heard);
    let _handle = bus.subscribe("A", move |sample| hears.lock().unwrap().push(sample.payload()[0])).unwrap();
    let mut left_by_kernel = 0;
    for _ in 0..20 {
        for number in 0..50 {
            publisher.publish("A", &[number]).unwrap();
        }
        for _ in 0..50 {
            left_by_kernel += u32::from(!bus.poll_fd().is_some_and(is_readable));
            assert!(bus.anticipate().unwrap() || bus.poll_fd().is_some_and(is_readable));
            assert!(bus.handle(Some(Duration::ZERO)).unwrap());
        }
        assert!(!bus.anticipate().unwrap());
        assert!(std::mem::take(&mut *heard.lock().unwrap()).into_iter().eq(0..50));
    }
    // Else nothing was tried.
    assert!(left_by_kernel > 0);
}

fn is_readable(fd: std::os::fd::BorrowedFd<'_>) -> bool {
    let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
}
