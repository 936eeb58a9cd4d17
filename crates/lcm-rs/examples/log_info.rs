//! Prints what an event log contains: for each channel how many events, how often and how large, and what is damaged.
//!
//! `cargo run --release --example log_info -- run.lcmlog`
#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use lcm::log::LogReader;

#[derive(Default)]
struct ChannelSummary {
    events: u64,
    bytes: u64,
    first_us: i64,
    last_us: i64,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else { bail!("usage: log_info FILE") };
    let mut log = LogReader::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut channels = BTreeMap::<Vec<u8>, ChannelSummary>::new();
    while let Some(event) = log.next_event()? {
        if !channels.contains_key(event.channel) {
            let first = ChannelSummary { first_us: event.timestamp_us, ..ChannelSummary::default() };
            channels.insert(event.channel.to_vec(), first);
        }
        if let Some(channel) = channels.get_mut(event.channel) {
            channel.events += 1;
            channel.bytes += event.data.len() as u64;
            channel.last_us = event.timestamp_us;
        }
    }
    println!("{:<50} {:>9} {:>9} {:>12} {:>9}", "channel", "events", "Hz", "bytes", "mean");
    for (name, channel) in &channels {
        let mean = channel.bytes / channel.events;
        let name = String::from_utf8_lossy(name);
        println!("{name:<50} {:>9} {:>9.1} {:>12} {mean:>9}", channel.events, rate_hz(channel), channel.bytes);
    }
    let skipped = log.skipped();
    println!("{} bytes in all, {} of them belong to no event", log.position(), skipped.bytes);
    for gap in log.gaps() {
        println!("{} bytes skipped at {}", gap.bytes, gap.offset);
    }
    if skipped.gaps > log.gaps().len() as u64 {
        println!("and in {} more places", skipped.gaps - log.gaps().len() as u64);
    }
    Ok(())
}

/// Intervals, not events, so that two events a second apart are 1 Hz.
fn rate_hz(channel: &ChannelSummary) -> f64 {
    let seconds = channel.last_us.abs_diff(channel.first_us) as f64 / 1e6;
    if seconds > 0.0 { (channel.events - 1) as f64 / seconds } else { 0.0 }
}
