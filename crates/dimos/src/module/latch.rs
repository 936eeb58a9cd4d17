//! The last message of a latched port, for who subscribes after it was published.
//!
//! A new subscriber asks on a channel that all latched publishers hear, some times in case that is lost, until something has come.
//! The answer goes to a channel of its own, so that nobody else gets the message twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
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
    ports: BTreeMap<String, Kept>,
}

#[derive(Debug)]
struct Kept {
    port: Arc<OutPort>,
    answered: Mutex<Option<Instant>>,
}

/// The side that asks.
#[derive(Debug)]
pub(super) struct Asker {
    node: NodeId,
    publisher: Publisher,
    asked: usize,
}

impl Keeper {
    pub(super) fn new<'a>(
        node: NodeId,
        publisher: Publisher,
        ports: impl Iterator<Item = &'a Arc<OutPort>>,
    ) -> Option<Self> {
        let kept = |port: &Arc<OutPort>| {
            let kept = Kept { port: Arc::clone(port), answered: Mutex::new(None) };
            (port.channel.to_string(), kept)
        };
        let ports: BTreeMap<_, _> = ports.filter(|port| port.is_latched()).map(kept).collect();
        (!ports.is_empty()).then_some(Self { node, publisher, ports })
    }

    /// Somebody asks. Each port answers once in [`ANSWER_EVERY`] at most; who is passed over asks again.
    pub(super) fn heard(&self, sample: &Sample) {
        let Ok(wanted) = Wanted::view(sample.payload()) else { return };
        let Some(node) = NodeId::from_wire(wanted.node()).filter(|_| wanted.version() == VERSION) else { return };
        for channel in wanted.channels().iter().take(MAX_CHANNELS) {
            if let Some(kept) = channel.to_str().ok().and_then(|channel| self.ports.get(channel)) {
                self.answer(node, kept);
            }
        }
    }

    fn answer(&self, node: NodeId, kept: &Kept) {
        let Some(last) = kept.port.last() else { return };
        {
            let mut answered = kept.answered.lock().unwrap_or_else(PoisonError::into_inner);
            if answered.is_some_and(|answered| answered.elapsed() < ANSWER_EVERY) {
                return;
            }
            *answered = Some(Instant::now());
        }
        let channel = kept.port.channel.to_string();
        let message = Arc::unwrap_or_clone(last);
        let latched = Latched { version: VERSION, node: self.node.to_wire(), channel, message, ..Latched::default() };
        match self.publisher.publish_message(answers(node), &latched) {
            Ok(()) => kept.port.count_latched(),
            Err(error) => tracing::warn!(%error, "cannot send a last message again"),
        }
    }
}

impl Asker {
    pub(super) fn new(node: NodeId, publisher: Publisher) -> Self {
        Self { node, publisher, asked: 0 }
    }

    /// Asks for the last messages of these ports as far as they have heard none. Tells when to ask again.
    pub(super) fn ask(&mut self, now: Instant, ports: &[Arc<InPort>]) -> Option<Instant> {
        let silent = ports.iter().filter(|port| port.counts().received == 0);
        let channels: Vec<_> = silent.map(|port| port.channel.to_string()).take(MAX_CHANNELS).collect();
        let next = PAUSES.get(self.asked).filter(|_| !channels.is_empty()).map(|pause| now + *pause);
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
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1600)];

const ANSWER_EVERY: Duration = Duration::from_millis(50);

/// More channels than this are not asked for, and not looked at.
const MAX_CHANNELS: usize = 64;
