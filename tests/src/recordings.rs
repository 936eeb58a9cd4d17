//! Event logs of robots: that of a real one where it lies beside this workspace, and small ones of our own simulated one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lcm::log::LogWriter;
use lcm::{Lcm, Pattern, Queue};

use crate::process::PATIENCE;

/// The Intel Research Lab's run: 2726 scans on `/scan` and the odometry on `/odom`, of 194 s. None where it is not there.
#[must_use]
pub fn intel_lab() -> Option<PathBuf> {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/intel_lab.lcmlog");
    log.exists().then_some(log)
}

/// Records what is published on `/scan` and `/odom` of a bus until so many scans have come.
pub fn record(url: &str, log: &Path, scans: usize) {
    let bus = Lcm::open(url).expect("the bus can be joined");
    let heard = bus.subscribe(Pattern::regex("/(scan|odom)#.*").expect("a pattern"), Queue::keep_last(10_000));
    let heard = heard.expect("the bus can be listened to");
    let mut writer = LogWriter::create(log).expect("the log can be written");
    let mut recorded = 0;
    let (began, deadline) = (Instant::now(), Instant::now() + PATIENCE);
    while recorded < scans {
        assert!(Instant::now() < deadline, "{recorded} scans in {PATIENCE:?}");
        let heard = heard.recv_timeout(Duration::from_millis(100)).expect("the bus is open");
        let Some(message) = heard else { continue };
        let time_us = i64::try_from(began.elapsed().as_micros()).expect("not long ago");
        writer.write(time_us, message.channel().as_bytes(), message.payload()).expect("the log can be written");
        recorded += usize::from(message.channel().as_bytes().starts_with(b"/scan"));
    }
    writer.flush().expect("the log can be written");
}
