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
        now: Instant,
        node: NodeId,
        publisher: Publisher,
        ports: impl Iterator<Item = &'a Arc<OutPort>>,
    ) -> Option<Self> {
        let latched = ports.filter(|port| port.is_latched());
        let ports: BTreeMap<_, _> = latched.map(|port| (port.channel.to_string(), Arc::clone(port))).collect();
        let (allowance, refilled) = (BYTES_A_SECOND, now);
        (!ports.is_empty()).then_some(Self { node, publisher, ports, allowance, refilled })
    }

    /// Somebody asks. Who is passed over, since others asked for too much, asks again.
    pub(super) fn heard(&mut self, now: Instant, sample: &Sample) {
        let Ok(wanted) = Wanted::view(sample.payload()) else { return };
        let Some(node) = NodeId::from_wire(wanted.node()).filter(|_| wanted.version() == VERSION) else { return };
        for channel in wanted.channels().iter().take(MAX_CHANNELS) {
            if let Some(port) = channel.to_str().ok().and_then(|channel| self.ports.get(channel)).cloned() {
                self.answer(now, node, &port);
            }
        }
    }

    fn answer(&mut self, now: Instant, node: NodeId, port: &OutPort) {
        let Some(last) = port.last() else { return };
        let elapsed = now.saturating_duration_since(self.refilled);
        let elapsed_us = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
        self.refilled = now;
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
        let mut channels: Vec<_> = silent.map(|port| port.channel.to_string()).collect();
        channels.sort();
        channels.dedup();
        let next = PAUSES
            .get(self.asked)
            .filter(|_| !channels.is_empty())
            .map(|pause| now + pause.mul_f64(0.75 + self.random.f64() / 2.0));
        self.asked += 1;
        for some in channels.chunks(MAX_CHANNELS) {
            let (node, channels) = (self.node.to_wire(), some.to_vec());
            let wanted = Wanted { version: VERSION, node, channels, ..Wanted::default() };
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

/// More channels than this are not asked for in one message, and not looked at.
const MAX_CHANNELS: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::sync::atomic::AtomicBool;

    use lcm::memory::{Fate, MemoryBus};
    use lcm::{Channel, Inline};

    use super::*;

    /// A process with latched ports and one that asks for them, on a bus and a clock of their own.
    struct Pair {
        bus: MemoryBus,
        start: Instant,
        keeper: Keeper,
        keeping: Inline,
        asker: Asker,
        asking: Inline,
        wanted: Vec<Arc<InPort>>,
        next: Option<Instant>,
    }

    impl Pair {
        /// So many ports, each of which has published its number in so many bytes.
        fn new(ports: usize, bytes: usize) -> Self {
            let (bus, start) = (MemoryBus::new(1), Instant::now());
            let (keeping, asking) = (bus.join(), bus.join());
            let channel = |number: usize| Channel::new(format!("/map{number}")).unwrap();
            let kept = (0..ports).map(|number| {
                let port = OutPort::new(channel(number), keeping.publisher(), Arc::new(AtomicBool::new(false)), true);
                let mut message = vec![0; bytes];
                message[..8].copy_from_slice(&(number as u64).to_be_bytes());
                port.publish(&[IoSlice::new(&message)]).unwrap();
                Arc::new(port)
            });
            let kept: Vec<_> = kept.collect();
            let nodes = [NodeId::from_wire(1).unwrap(), NodeId::from_wire(2).unwrap()];
            let keeper = Keeper::new(start, nodes[0], keeping.publisher(), kept.iter()).unwrap();
            let asker = Asker::new(nodes[1], asking.publisher());
            let wanted = (0..ports).map(|number| Arc::new(InPort::new("map", channel(number)))).collect();
            // What was published before anybody listened.
            let mut pair = Self { bus, start, keeper, keeping, asker, asking, wanted, next: Some(start) };
            while pair.asking.receive(None).unwrap().is_some() {}
            while pair.keeping.receive(None).unwrap().is_some() {}
            pair
        }

        /// Lets it be the time at which is asked next. How many ports have their message then; none if there is no more to ask.
        fn ask(&mut self) -> Option<usize> {
            let now = self.next?;
            self.bus.advance(now.saturating_duration_since(self.start + self.bus.now()));
            self.next = self.asker.ask(now, &self.wanted);
            while let Some(sample) = self.keeping.receive(None).unwrap() {
                if *sample.channel() == WANTED {
                    self.keeper.heard(now, sample);
                }
            }
            while let Some(sample) = self.asking.receive(None).unwrap() {
                if let Ok(latched) = Latched::view(sample.payload()) {
                    let channel = latched.channel().to_str().unwrap().to_owned();
                    let port = self.wanted.iter().find(|port| port.channel.to_string() == channel).unwrap();
                    let number = u64::from_be_bytes(latched.message()[..8].try_into().unwrap());
                    assert_eq!(channel, format!("/map{number}"));
                    port.count_received();
                }
            }
            Some(self.wanted.iter().filter(|port| port.counts().received > 0).count())
        }
    }

    #[test]
    fn who_asks_asks_until_it_has_what_it_wants() {
        let mut pair = Pair::new(1, 100);
        // The questions are lost, and then an answer.
        let mut lost = 3;
        pair.bus.set_script(move |_| {
            lost -= 1;
            if lost >= 0 { Fate::Lost } else { Fate::Usual }
        });
        let mut received = Vec::new();
        while let Some(ports) = pair.ask() {
            received.push(ports);
        }
        assert!(received.len() > 1 && received[0] == 0 && received.last() == Some(&1), "{received:?}");
        // It had its answer at the last question but one, and knows it at the last.
        assert_eq!(received.iter().filter(|&&ports| ports == 1).count(), 2, "{received:?}");
    }

    #[test]
    fn who_hears_nothing_gives_up_after_some_seconds() {
        let mut pair = Pair::new(1, 100);
        pair.bus.set_script(|_| Fate::Lost);
        let questions = std::iter::from_fn(|| pair.ask()).inspect(|&ports| assert_eq!(ports, 0)).count();
        assert_eq!(questions, PAUSES.len() + 1);
        let most: Duration = PAUSES.iter().sum();
        assert!(pair.bus.now() > most.mul_f64(0.75) && pair.bus.now() < most.mul_f64(1.25), "{:?}", pair.bus.now());
    }

    #[test]
    fn many_ports_are_asked_for_in_several_messages() {
        let mut pair = Pair::new(3 * MAX_CHANNELS / 2, 100);
        assert_eq!(pair.ask(), Some(3 * MAX_CHANNELS / 2));
    }

    #[test]
    fn who_asks_for_too_much_at_once_gets_the_rest_later() {
        let mut pair = Pair::new(5, 40_000_000);
        // Each costs as much as it is long; what is left when a message begins may be less than that.
        assert_eq!(pair.ask(), Some(3));
        while pair.ask().is_some_and(|ports| ports < 5) {}
        assert!(pair.bus.now() >= Duration::from_millis(600), "{:?}", pair.bus.now());
        assert_eq!(pair.wanted.iter().map(|port| port.counts().received).sum::<u64>(), 5);
    }
}
