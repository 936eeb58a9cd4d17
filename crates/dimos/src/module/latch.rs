//! The last message of a latched port, for who subscribes after it was published.
//!
//! A new subscriber asks on a channel that all latched publishers hear, some times in case that is lost, until something has come.
//! The answer goes to a channel of its own, so that nobody else gets the message twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lcm::{Message, Publisher, Sample};
use lcm_types::dimos_mesh::{Claim, Latched, Wanted};

use super::input::InPort;
use super::output::OutPort;
use crate::node::NodeId;

/// The side that keeps last messages.
#[derive(Debug)]
pub(super) struct Keeper {
    node: NodeId,
    publisher: Publisher,
    ports: BTreeMap<String, Arc<OutPort>>,
    /// How many bytes may be sent now, in all: whoever asks for much is not to fill the bus.
    allowance: i64,
    refilled: Instant,
}

/// The side that asks.
#[derive(Debug)]
pub(super) struct Asker {
    node: NodeId,
    publisher: Publisher,
    asked: usize,
    /// Those who start together do not go on asking together.
    random: fastrand::Rng,
}

impl Keeper {
    pub(super) fn new<'a>(
        node: NodeId,
        publisher: Publisher,
        ports: impl Iterator<Item = &'a Arc<OutPort>>,
    ) -> Option<Self> {
        let latched = ports.filter(|port| port.is_latched());
        let ports: BTreeMap<_, _> = latched.map(|port| (port.channel.to_string(), Arc::clone(port))).collect();
        let (allowance, refilled) = (BYTES_A_SECOND, Instant::now());
        (!ports.is_empty()).then_some(Self { node, publisher, ports, allowance, refilled })
    }

    /// Somebody asks. Who is passed over, since others asked for too much, asks again.
    pub(super) fn heard(&mut self, sample: &Sample) {
        let Ok(wanted) = Wanted::view(sample.payload()) else { return };
        let Some(node) = NodeId::from_wire(wanted.node()).filter(|_| wanted.version() == VERSION) else { return };
        for channel in wanted.channels().iter().take(MAX_CHANNELS) {
            if let Some(port) = channel.to_str().ok().and_then(|channel| self.ports.get(channel)).cloned() {
                self.answer(node, &port);
            }
        }
    }

    fn answer(&mut self, node: NodeId, port: &OutPort) {
        let Some(last) = port.last() else { return };
        let elapsed_us = i64::try_from(self.refilled.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.refilled = Instant::now();
        let refill = elapsed_us.saturating_mul(BYTES_A_SECOND / 1_000_000);
        self.allowance = self.allowance.saturating_add(refill).min(BYTES_A_SECOND);
        if self.allowance <= 0 {
            return;
        }
        self.allowance -= i64::try_from(last.len()).unwrap_or(i64::MAX);
        let channel = port.channel.to_string();
        let message = Arc::unwrap_or_clone(last);
        let latched = Latched { version: VERSION, node: self.node.to_wire(), channel, message, ..Latched::default() };
        match self.publisher.publish_message(answers(node), &latched) {
            Ok(()) => port.count_latched(),
            Err(error) => tracing::warn!(%error, "cannot send a last message again"),
        }
    }
}

impl Asker {
    pub(super) fn new(node: NodeId, publisher: Publisher) -> Self {
        Self { node, publisher, asked: 0, random: fastrand::Rng::with_seed(node.to_wire().cast_unsigned()) }
    }

    /// Asks for the last messages of these ports as far as they have heard none. Tells when to ask again.
    pub(super) fn ask(&mut self, now: Instant, ports: &[Arc<InPort>]) -> Option<Instant> {
        let silent = ports.iter().filter(|port| port.counts().received == 0);
        let channels: Vec<_> = silent.map(|port| port.channel.to_string()).take(MAX_CHANNELS).collect();
        let next = PAUSES
            .get(self.asked)
            .filter(|_| !channels.is_empty())
            .map(|pause| now + pause.mul_f64(0.75 + self.random.f64() / 2.0));
        self.asked += 1;
        if !channels.is_empty() {
            let wanted = Wanted { version: VERSION, node: self.node.to_wire(), channels, ..Wanted::default() };
            if let Err(error) = self.publisher.publish_message(WANTED, &wanted) {
                tracing::warn!(%error, "cannot ask for last messages");
            }
        }
        next
    }
}

/// Where the last messages for a process arrive.
pub(super) fn answers(node: NodeId) -> String {
    format!("/mesh/latched/{node}#dimos_mesh.Latched")
}

/// Where they are asked for.
pub(super) const WANTED: &str = "/mesh/wanted#dimos_mesh.Wanted";

const VERSION: u8 = Claim::VERSION.cast_unsigned();

/// The pauses between questions.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(3200),
    Duration::from_millis(6400),
];

/// What all answers of a process may send in a second, and at once: some maps, or many small values.
const BYTES_A_SECOND: i64 = 100_000_000;

/// More channels than this are not asked for, and not looked at.
const MAX_CHANNELS: usize = 64;
