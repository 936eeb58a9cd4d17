//! The supervisor with simulated processes and a simulated clock.

mod chaos;
mod life;
mod world;

use std::time::Duration;

use dimos::Name;

fn name(text: &str) -> Name {
    text.parse().expect("it is a name")
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
