//! A bus of its own for each test, on the loopback interface.

use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, Instant};

use lcm::{Inline, Sample};

/// A URL that no other test and no other run of the tests uses at the same time.
pub(crate) fn url(options: &str) -> String {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("udpm://239.77.{high}.{low}:{}?ttl=0&iface=lo{options}", PORT.fetch_add(1, Relaxed))
}

/// Receives until `count` messages came, and fails if that takes unreasonably long.
pub(crate) fn receive(bus: &mut Inline, count: usize) -> Vec<Sample> {
    let start = Instant::now();
    let mut messages = Vec::new();
    while messages.len() < count {
        assert!(start.elapsed() < Duration::from_secs(20), "{} of {count} messages came", messages.len());
        if let Some(message) = bus.receive(Some(Duration::from_millis(100))).unwrap() {
            messages.push(message.clone());
        }
    }
    messages
}

/// Publishes while `receive` takes what comes: more than the receive buffer of an untuned system holds. At [`SLOWLY`] a reader that is
/// held up for some milliseconds loses nothing.
pub(crate) fn while_publishing<T>(publish: impl FnOnce() + Send, receive: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        scope.spawn(publish);
        receive()
    })
}

/// An option for URLs.
pub(crate) const SLOWLY: &str = "&pace=10000000";

/// Bytes that tell where they belong.
pub(crate) fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}
