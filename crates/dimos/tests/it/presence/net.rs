//! A network of presence cores under a fake clock: loss, duplication, delay and reordering by seed, suspension and death.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dimos::presence::{Action, Config, Event, Identity, Presence};
use dimos::{Name, NodeId};
use lcm::Message;
use lcm_types::dimos_mesh::{Ask, Beat, Claim};

/// What the network does to messages, to each receiver independently.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    pub(crate) delay_us: RangeInclusive<u64>,
}

/// Cores that hear each other.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) weather: Weather,
    pub(crate) peers: Vec<Peer>,
    /// Messages sent, by kind.
    pub(crate) sent: Sent,
    /// Messages that reached a core.
    pub(crate) received: u64,
    random: fastrand::Rng,
    flights: BTreeMap<(Instant, u64), Flight>,
    wakeups: BTreeSet<(Instant, usize)>,
    number: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) claims: u64,
    pub(crate) asks: u64,
    pub(crate) beats: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Peer {
    pub(crate) core: Presence,
    pub(crate) handler_ms: i32,
    /// What it was told, but for messages to send.
    pub(crate) told: Vec<(Instant, Action)>,
    pub(crate) life: Life,
    /// Messages that it sent, and that reached it.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// How much its clock is ahead of that of the network.
    ahead: Duration,
    missed: VecDeque<Packet>,
    wakeup: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Running,
    /// Its messages wait for it, as many as fit.
    Suspended,
    Dead,
}

#[derive(Clone)]
enum Packet {
    Claim(Rc<[u8]>),
    Ask(Rc<[u8]>),
    Beat(Rc<[u8]>),
}

struct Flight {
    to: usize,
    packet: Packet,
}

impl Weather {
    pub(crate) fn fair() -> Self {
        Self { loss: 0.0, duplication: 0.0, delay_us: 200..=200 }
    }

    pub(crate) fn foul(loss: f64) -> Self {
        Self { loss, duplication: 0.1, delay_us: 50..=20_000 }
    }
}

impl Net {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self::beginning(Instant::now(), seed, weather)
    }

    pub(crate) fn beginning(start: Instant, seed: u64, weather: Weather) -> Self {
        Self {
            now: start,
            start,
            weather,
            peers: Vec::new(),
            sent: Sent::default(),
            received: 0,
            random: fastrand::Rng::with_seed(seed),
            flights: BTreeMap::new(),
            wakeups: BTreeSet::new(),
            number: 0,
        }
    }

    /// Adds a process, which says nothing yet.
    pub(crate) fn add(&mut self, configure: impl FnOnce(&mut Config)) -> usize {
        let node = loop {
            if let Some(node) = NodeId::from_wire(self.random.i64(..)) {
                break node;
            }
        };
        self.add_node(node, configure)
    }

    pub(crate) fn add_node(&mut self, node: NodeId, configure: impl FnOnce(&mut Config)) -> usize {
        let mut identity = Identity::new(node);
        identity.host = "robot".into();
        identity.host_id = "0123456789abcdef0123456789abcdef".into();
        identity.pid = 1000 + i32::try_from(self.peers.len()).unwrap();
        identity.class_name = "GridMapper".into();
        let mut config = Config::new(identity);
        configure(&mut config);
        let core = Presence::new(self.now, config).unwrap();
        self.peers.push(Peer {
            core,
            handler_ms: 0,
            told: Vec::new(),
            life: Life::Running,
            sent: 0,
            received: 0,
            ahead: Duration::ZERO,
            missed: VecDeque::new(),
            wakeup: None,
        });
        let index = self.peers.len() - 1;
        self.settle(index);
        index
    }

    /// Calls a core.
    pub(crate) fn with<R>(&mut self, index: usize, call: impl FnOnce(&mut Presence, Instant) -> R) -> R {
        let peer = &mut self.peers[index];
        let result = call(&mut peer.core, self.now + peer.ahead);
        self.settle(index);
        result
    }

    pub(crate) fn core(&self, index: usize) -> &Presence {
        &self.peers[index].core
    }

    pub(crate) fn node(&self, index: usize) -> NodeId {
        self.core(index).node()
    }

    pub(crate) fn suspend(&mut self, index: usize) {
        self.peers[index].life = Life::Suspended;
    }

    /// Lets it go on: it reads what waits for it first, or looks at the clock first.
    pub(crate) fn resume(&mut self, index: usize, reads_first: bool) {
        self.peers[index].life = Life::Running;
        if !reads_first {
            self.with(index, Presence::tick);
        }
        while let Some(packet) = self.peers[index].missed.pop_front() {
            self.deliver(index, &packet);
        }
        self.with(index, Presence::tick);
    }

    /// Sets its clock forward, with all that this makes due.
    pub(crate) fn jump(&mut self, index: usize, by: Duration) {
        self.peers[index].ahead += by;
        if self.peers[index].life == Life::Running {
            self.with(index, Presence::tick);
        }
    }

    pub(crate) fn kill(&mut self, index: usize) {
        self.peers[index].life = Life::Dead;
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(end, |_| false);
    }

    /// Runs until something holds, or to the end. Returns how long it took, if it did.
    pub(crate) fn run_until(&mut self, end: Instant, is_done: impl Fn(&Self) -> bool) -> Option<Duration> {
        let begin = self.now;
        loop {
            if is_done(self) {
                return Some(self.now - begin);
            }
            let flight = self.flights.keys().next().map(|&(at, _)| at);
            let wakeup = self.wakeups.first().map(|&(at, _)| at);
            let Some(next) = flight.into_iter().chain(wakeup).min().filter(|&next| next <= end) else {
                self.now = end;
                return is_done(self).then(|| end - begin);
            };
            self.now = self.now.max(next);
            if flight == Some(next) {
                let (_, flight) = self.flights.pop_first().unwrap();
                self.deliver(flight.to, &flight.packet);
            } else {
                let (_, index) = self.wakeups.pop_first().unwrap();
                self.peers[index].wakeup = None;
                if self.peers[index].life == Life::Running {
                    self.with(index, Presence::tick);
                    let (core, now) = (self.core(index), self.now + self.peers[index].ahead);
                    assert!(core.next_wakeup().is_none_or(|at| at > now), "a core that never sleeps: {core:?}");
                }
            }
        }
    }

    /// Sends to all what anybody could send.
    pub(crate) fn forge_claim(&mut self, claim: &Claim) {
        let bytes = claim.encode().unwrap().into();
        self.broadcast(Packet::Claim(bytes));
    }

    /// The events a core was told, with their times since the start.
    pub(crate) fn events(&self, index: usize) -> Vec<(Duration, Event)> {
        let event = |(at, action): &(Instant, Action)| match action {
            Action::Event(event) => Some((*at - self.start, event.clone())),
            _ => None,
        };
        self.peers[index].told.iter().filter_map(event).collect()
    }

    /// Those processes that think they own the name, of the living.
    pub(crate) fn holders(&self, name: &Name) -> Vec<usize> {
        let is_holder = |&index: &usize| {
            self.peers[index].life == Life::Running && self.core(index).owned().is_some_and(|(owned, _)| owned == name)
        };
        (0..self.peers.len()).filter(is_holder).collect()
    }

    /// The owner that all the living agree on.
    pub(crate) fn agreed(&self, name: &Name) -> Option<NodeId> {
        let [holder] = self.holders(name)[..] else { return None };
        let node = self.node(holder);
        let mut living = self.peers.iter().filter(|peer| peer.life == Life::Running);
        living.all(|peer| peer.core.owner(name).is_some_and(|(owner, _)| owner == node)).then_some(node)
    }

    pub(crate) fn displacements(&self, index: usize) -> usize {
        self.peers[index].told.iter().filter(|(_, action)| matches!(action, Action::Displaced { .. })).count()
    }

    pub(crate) fn refusals(&self, index: usize) -> usize {
        self.peers[index].told.iter().filter(|(_, action)| matches!(action, Action::Refused(_))).count()
    }

    fn settle(&mut self, index: usize) {
        while let Some(action) = self.peers[index].core.poll_action() {
            let is_message = matches!(action, Action::Claim(_) | Action::Ask(_) | Action::Beat(_));
            self.peers[index].sent += u64::from(is_message);
            match action {
                Action::Claim(claim) => {
                    self.sent.claims += 1;
                    self.broadcast(Packet::Claim(claim.encode().unwrap().into()));
                }
                Action::Ask(ask) => {
                    self.sent.asks += 1;
                    self.broadcast(Packet::Ask(ask.encode().unwrap().into()));
                }
                Action::Beat(mut beat) => {
                    self.sent.beats += 1;
                    beat.handler_ms = self.peers[index].handler_ms;
                    self.broadcast(Packet::Beat(beat.encode().unwrap().into()));
                }
                told => self.peers[index].told.push((self.now, told)),
            }
        }
        let peer = &mut self.peers[index];
        let wakeup = peer.core.next_wakeup().filter(|_| peer.life == Life::Running).map(|at| at - peer.ahead);
        if let Some(before) = std::mem::replace(&mut peer.wakeup, wakeup) {
            self.wakeups.remove(&(before, index));
        }
        if let Some(wakeup) = wakeup {
            self.wakeups.insert((wakeup, index));
        }
    }

    fn broadcast(&mut self, packet: Packet) {
        let (Packet::Claim(bytes) | Packet::Ask(bytes) | Packet::Beat(bytes)) = &packet;
        self.sent.bytes += bytes.len() as u64;
        for to in 0..self.peers.len() {
            let peer = &self.peers[to];
            if matches!(packet, Packet::Beat(_)) && !peer.core.wants_beats() || peer.life == Life::Dead {
                continue;
            }
            let copies = if self.random.f64() < self.weather.duplication { 2 } else { 1 };
            for _ in 0..copies {
                if self.random.f64() < self.weather.loss {
                    continue;
                }
                let delay = Duration::from_micros(self.random.u64(self.weather.delay_us.clone()));
                self.number += 1;
                self.flights.insert((self.now + delay, self.number), Flight { to, packet: packet.clone() });
            }
        }
    }

    fn deliver(&mut self, to: usize, packet: &Packet) {
        let peer = &mut self.peers[to];
        match peer.life {
            Life::Dead => return,
            Life::Suspended => {
                if peer.missed.len() < 300 {
                    peer.missed.push_back(packet.clone());
                }
                return;
            }
            Life::Running => {}
        }
        self.received += 1;
        peer.received += 1;
        let now = self.now + peer.ahead;
        match packet {
            Packet::Claim(bytes) => peer.core.heard_claim(now, &Claim::view(bytes).unwrap()),
            Packet::Ask(bytes) => peer.core.heard_ask(now, &Ask::view(bytes).unwrap()),
            Packet::Beat(bytes) => peer.core.heard_beat(now, &Beat::view(bytes).unwrap()),
        }
        self.settle(to);
    }
}
