//! What is measured: each scenario is a file, runs its exchanges and returns its rows.
//!
//! A new one gets a variant here and a file beside the others.

mod burst;
mod bystanders;
mod camera;
mod channels;
mod flood;
mod large_round_trip;
mod one_way;
mod round_trip;

pub(crate) use round_trip::Trips;

use anyhow::Result;
use clap::ValueEnum;

use crate::bench::Bench;
use crate::process::Figures;
use crate::report::{Lost, Row};

/// A scenario, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// 64 B and 1 KiB there and back.
    RoundTrip,
    /// 64 KiB, 1 MiB and 6 MiB there and back.
    LargeRoundTrip,
    /// 64 B and 1 KiB one way, as fast as they go.
    Flood,
    /// 50 messages of 1 MB and of 4 MB at once, with default URLs.
    Burst,
    /// 2.8 MB at 30 Hz, with default URLs.
    Camera,
    /// 32 receivers that want one of 32 channels each.
    Channels,
    /// Images to one receiver beside 31 that do not want them.
    Bystanders,
}

impl Scenario {
    pub(crate) fn run(self, bench: &mut Bench) -> Result<Vec<Row>> {
        match self {
            Self::RoundTrip => round_trip::run(bench),
            Self::LargeRoundTrip => large_round_trip::run(bench),
            Self::Flood => flood::run(bench),
            Self::Burst => burst::run(bench),
            Self::Camera => camera::run(bench),
            Self::Channels => channels::run(bench),
            Self::Bystanders => bystanders::run(bench),
        }
    }
}

/// What the aims say both LCMs are to ask for, and what `rmem_max` is to allow.
pub(crate) const RECV_BUF_SIZE: u32 = 4 << 20;

/// The default `rmem_max` of Linux.
const DEFAULT_RMEM_MAX: u32 = 212_992;

const NANOSECONDS_PER_MICROSECOND: f64 = 1e3;
const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;
const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// What did not arrive of what was sent; fails where something arrived that has no place in it.
fn lost(sent: f64, received: f64, odd: f64) -> Result<Lost> {
    anyhow::ensure!(odd == 0.0, "{odd} messages came twice, late or in another size");
    anyhow::ensure!(received <= sent, "{received} messages came of {sent}");
    Ok(Lost { lost: sent - received, of: sent })
}

/// What a sender sent; fails where sending failed.
fn sent(sender: &Figures) -> Result<f64> {
    let errors = sender.of("errors")?;
    anyhow::ensure!(errors == 0.0, "sending failed {errors} times");
    sender.of("sent")
}
