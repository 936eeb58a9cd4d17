//! A bus for each test.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use dimos::{Dimos, Name, Options};

/// A bus of its own for each test, on the loopback interface.
pub(crate) fn options() -> Options {
    Options::default().url(url().parse().unwrap())
}

/// The URL of such a bus.
pub(crate) fn url() -> String {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    // Two runs of these tests at once are told apart by their process numbers.
    let [.., high, low] = std::process::id().to_be_bytes();
    let port = PORT.fetch_add(1, Ordering::Relaxed);
    format!("udpm://239.78.{high}.{low}:{port}?ttl=0&iface=lo")
}

pub(crate) fn client(options: &Options) -> Dimos {
    options.clone().join().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
