//! Presence and names, in networks of cores under a fake clock. Failures name their seed.
#![expect(clippy::print_stdout, reason = "tests print what they measured")]

mod chaos;
mod clocks;
mod hostile;
mod life;
mod names;
mod net;
mod obituary;
mod scale;
mod succession;

use std::time::Duration;

use dimos::Name;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
