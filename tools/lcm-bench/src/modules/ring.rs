//! A pipeline of three processes that ends where it begins: a source, two relays, and the source again.
//!
//! The source is of the same kind as the relays, so that a trip is three hops of that kind, measured by one clock.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::Placement;
use crate::process::Worker;

use super::bench::{Bench, PATIENCE};
use super::observed;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    pub(super) message: Message,
    pub(super) placement: Placement,
    /// Trips at most.
    pub(super) limit: u64,
    pub(super) warm_up: u64,
    /// How long to measure at most.
    pub(super) seconds: f64,
    /// Trips a second; with 0 the next begins when the last has ended.
    pub(super) hz: f64,
    /// Whether senders send as fast as they can, instead of at their default pace.
    pub(super) is_unpaced: bool,
}

/// What goes around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// 56 bytes.
    Twist,
    /// Pixels of so many bytes.
    Image { bytes: u32 },
}

/// Who passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hops {
    /// Modules that decode it.
    Modules,
    /// Modules that look at it where it lies. Of images only.
    ViewingModules,
    /// Processes that use the bus alone.
    Bare,
}

/// What the trips of one round took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trips {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// CPU time of a relay for each message.
    pub(super) relay_us: f64,
}

impl Ring {
    pub(super) fn measure(&self, bench: &mut Bench, hops: Hops) -> Result<Trips> {
        let relays = [self.relay(bench, hops, "0", "1")?, self.relay(bench, hops, "1", "2")?];
        let pids = relays.each_ref().map(|(_, pid)| *pid);
        std::thread::sleep(SETTLING);
        let before = pids.map(observed::cpu_time).into_iter().sum::<Result<Duration>>()?;
        let source = self.source(bench, hops)?;
        let figures = source.figures(Duration::from_secs_f64(2.0 * self.seconds) + PATIENCE)?;
        let after = pids.map(observed::cpu_time).into_iter().sum::<Result<Duration>>()?;
        let (trips, lost, seen) = (figures.of("trips")?, figures.of("lost")?, figures.of("seen")?);
        ensure!(trips > 0.0, "not a single message came round");
        ensure!(lost <= trips * MOST_LOST, "{lost} messages did not come round in time, {trips} did");
        let relay_us = after.saturating_sub(before).as_secs_f64() * 1e6 / 2.0 / seen;
        Ok(Trips { p50_us: figures.of("p50_ns")? / 1e3, p99_us: figures.of("p99_ns")? / 1e3, relay_us })
    }

    fn relay(&self, bench: &mut Bench, hops: Hops, from: &str, to: &str) -> Result<(Worker, u32)> {
        let (name, mut command) = match (hops, self.message) {
            (Hops::Bare, _) => ("bare relay".to_owned(), bench.bare("relay", self.placement)),
            (_, message) => {
                let name = bench.new_name("relay");
                let class = match (hops, message) {
                    (_, Message::Twist) => "TwistRelay",
                    (Hops::ViewingModules, Message::Image { .. }) => "ImageViewRelay",
                    (_, Message::Image { .. }) => "ImageRelay",
                };
                let command = bench.module(class, &name, self.placement);
                (name, command)
            }
        };
        self.choose_bus(&mut command);
        bench.ready(&name, command.args(self.connections(hops, from, to)))
    }

    fn source(&self, bench: &mut Bench, hops: Hops) -> Result<Worker> {
        let (class, role, bytes) = match self.message {
            Message::Twist => ("TwistSource", "twist-source", 0),
            Message::Image { bytes } => ("ImageSource", "image-source", bytes),
        };
        let mut command = match hops {
            Hops::Bare => bench.bare(role, self.placement),
            Hops::Modules | Hops::ViewingModules => {
                let name = bench.new_name("source");
                bench.module(class, &name, self.placement)
            }
        };
        let Self { limit, warm_up, seconds, hz, .. } = self;
        self.choose_bus(&mut command);
        command.args(self.connections(hops, "2", "0"));
        command.args([format!("--limit={limit}"), format!("--warm_up={warm_up}"), format!("--seconds={seconds}")]);
        Worker::start("source", command.args([format!("--hz={hz}"), format!("--bytes={bytes}")]))
    }

    fn choose_bus(&self, command: &mut Command) {
        if self.is_unpaced {
            command.env(lcm::DEFAULT_URL_VARIABLE, "udpm://239.255.76.67:7667?ttl=0&pace=0");
        }
    }

    /// The arguments that connect a process to two of the ring's topics, which are the same channels for all.
    fn connections(&self, hops: Hops, from: &str, to: &str) -> Vec<String> {
        let type_name = match self.message {
            Message::Twist => "geometry_msgs.Twist",
            Message::Image { .. } => "sensor_msgs.Image",
        };
        let connect = |port: &str, topic: &str| match hops {
            Hops::Bare => format!("--{port}=/ring{topic}#{type_name}"),
            Hops::Modules | Hops::ViewingModules => format!("--remap={port}=/ring{topic}"),
        };
        vec![connect("input", from), connect("output", to)]
    }
}

/// Until what a start causes is over.
const SETTLING: Duration = Duration::from_millis(600);

/// More losses than this, as a share, are no measurement.
const MOST_LOST: f64 = 0.05;
