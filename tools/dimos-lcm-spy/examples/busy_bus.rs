//! Publishes small messages on many channels at a steady rate, to measure what looking at them costs.
//!
//! Arguments: messages a second, channels, seconds; the bus is that of `LCM_DEFAULT_URL`.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use anyhow::Context;
use lcm::Lcm;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<u32> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [rate_hz, channels, seconds] = arguments[..] else { anyhow::bail!("usage: busy_bus RATE_HZ CHANNELS SECONDS") };
    let bus = Lcm::from_env().context("no bus")?;
    let names: Vec<_> = (0..channels).map(|number| format!("/busy/{}/channel{number}", number % 5)).collect();
    let payload = [0x5a; 200];
    let start = Instant::now();
    for number in 0..rate_hz * seconds {
        // As many at once as a scheduler's tick makes natural.
        if number % 20 == 0 {
            let due = Duration::from_secs_f64(f64::from(number) / f64::from(rate_hz));
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        let name = &names[usize::try_from(number % channels)?];
        bus.publish(name, &payload[..usize::try_from(64 + number % 137)?])?;
    }
    Ok(())
}
