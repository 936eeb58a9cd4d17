//! `lcm-logger`, whichever version of it, recording us.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::listening::{Bus, Reading};
use crate::payload::pattern;
use crate::peers::Wheel;
use crate::process::{Process, run};
use crate::talk::Heard;

/// Has `logger` record what both kinds of our connections publish, and the wheel's Python read that back.
pub fn records_us(logger: &mut Command, wheel: &Wheel, log: &Path) {
    let listens_on = format!("{BUS}&recv_buf_size=4194304");
    let mut logger = Process::start(logger.args(["--quiet", "--force", "--lcm-url", &listens_on]).arg(log));
    let buses = Reading::BOTH.map(|reading| Bus::open_to_publish(reading, BUS));
    // It does not say when it listens: the log shows from where on it did.
    let mut published = Vec::new();
    for round in 0..200_u32 {
        let size = [0, 1, 1000, 65485, 65486, 140_000][round as usize % 6];
        for (bus, seed) in buses.iter().zip(2 * round..) {
            bus.publish(b"/logged#pkg.Type", &pattern(seed, size));
            published.push(Heard::of_pattern(b"/logged#pkg.Type", seed, size));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Time to write what it heard.
    std::thread::sleep(Duration::from_millis(500));
    assert!(logger.terminate().success(), "{}", logger.stderr());
    let recorded: Vec<_> = run(wheel.script("read_log.py").arg(log)).lines().map(Heard::parse).collect();
    let recorded: Vec<_> = recorded.into_iter().filter(|event| event.channel != b"LCM_SELF_TEST").collect();
    assert!(recorded.len() >= published.len() / 2, "the log has only {} events", recorded.len());
    assert_eq!(recorded[..], published[published.len() - recorded.len()..], "the log is not what was published");
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
