//! A bus in memory, for tests: many instances in one process, scripted loss, reordering, duplication and delay, a fake clock.
//!
//! It carries real datagrams, so everything above the sockets runs as on a network. Time moves only by
//! [`MemoryBus::advance`]; waiting does not pass it. The same seed gives the same run.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::channel::Channel;
use crate::fragment::Parts;
use crate::inbound::{Arrived, Inbound};
use crate::inline::Inline;
use crate::payload::Payload;
use crate::publisher::{PublishError, Publisher, Transport};
use crate::receiver::Receipt;
use crate::sample::Sample;
use crate::statistics::Counters;
use crate::subscriptions::{Dispatcher, Reads};
use crate::wire::MAX_DATAGRAM_BYTES;

/// A bus in memory. Clones are the same bus.
///
/// ```
/// use std::time::Duration;
/// use lcm::memory::{Conditions, MemoryBus};
///
/// let bus = MemoryBus::new(7);
/// let (robot, mut station) = (bus.join(), bus.join());
/// bus.set_conditions(Conditions { delay: Duration::from_millis(5)..=Duration::from_millis(5), ..Conditions::default() });
///
/// robot.publisher().publish("POSE", b"x")?;
/// assert!(station.receive(Some(Duration::ZERO))?.is_none());
/// bus.advance(Duration::from_millis(5));
/// assert!(station.receive(Some(Duration::ZERO))?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBus {
    state: Arc<Mutex<State>>,
}

/// What happens to datagrams on their way, each to each receiver independently.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// The share of datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// The share that arrives twice, 0 to 1.
    pub duplication: f64,
    /// How long they take, evenly distributed; unequal delays reorder.
    pub delay: RangeInclusive<Duration>,
    /// The largest datagram, in bytes, at least 128; larger messages are fragmented.
    pub datagram_bytes: usize,
}

/// A datagram on its way to one receiver.
#[derive(Debug, Clone, Copy)]
pub struct Flight<'a> {
    /// Who sent it.
    pub from: SocketAddrV4,
    /// Who is to receive it.
    pub to: SocketAddrV4,
    /// Its bytes; [`crate::wire::parse`] reads them.
    pub datagram: &'a [u8],
    /// How many were sent on the bus before it, copies to several receivers counted as one.
    pub number: u64,
}

/// What a script decides for a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// What the conditions say.
    Usual,
    /// It is lost.
    Lost,
    /// It arrives after this delay.
    After(Duration),
    /// It arrives after each of these delays.
    Twice(Duration, Duration),
}

type Script = Box<dyn FnMut(&Flight<'_>) -> Fate + Send>;

struct State {
    start: Instant,
    now: Duration,
    random: fastrand::Rng,
    conditions: Conditions,
    script: Option<Script>,
    nodes: HashMap<SocketAddrV4, Node>,
    joined: u32,
    sent: u64,
}

/// What is on its way to one instance, by due time and then by order of sending.
#[derive(Debug, Default)]
struct Node {
    underway: BTreeMap<(Duration, u64), Underway>,
    serial: u64,
}

#[derive(Debug)]
struct Underway {
    from: SocketAddrV4,
    datagram: Arc<[u8]>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("now", &self.now).field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Default for Conditions {
    /// A perfect network.
    fn default() -> Self {
        Self { loss: 0.0, duplication: 0.0, delay: Duration::ZERO..=Duration::ZERO, datagram_bytes: MAX_DATAGRAM_BYTES }
    }
}

impl MemoryBus {
    /// A perfect bus without anyone on it, at time zero.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            start: Instant::now(),
            now: Duration::ZERO,
            random: fastrand::Rng::with_seed(seed),
            conditions: Conditions::default(),
            script: None,
            nodes: HashMap::new(),
            joined: 0,
            sent: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Joins with an address of its own. The instance hears the others, and itself as on a real bus. Its receive calls return
    /// at once, also where they were to wait: only [`MemoryBus::advance`] lets time pass.
    #[must_use]
    pub fn join(&self) -> Inline {
        let address = {
            let mut state = self.lock();
            state.joined += 1;
            let address = SocketAddrV4::new(Ipv4Addr::from(FIRST_ADDRESS + state.joined), 10_000);
            state.nodes.insert(address, Node::default());
            address
        };
        let counters = Arc::new(Counters::default());
        let sender = Sender { bus: self.clone(), address, seqno: Arc::default() };
        let receiver = Receiver { bus: self.clone(), address, inbound: Inbound::new(Arc::clone(&counters)) };
        let publisher = Publisher::new(Transport::Memory(sender), Arc::clone(&counters));
        Inline::from_parts(publisher, crate::receiver::Receiver::Memory(receiver), counters, Arc::default())
    }

    /// Changes the conditions for what is sent from now on.
    ///
    /// # Panics
    /// If `datagram_bytes` is below 128.
    pub fn set_conditions(&self, conditions: Conditions) {
        assert!(conditions.datagram_bytes >= 128, "datagrams of {} bytes", conditions.datagram_bytes);
        self.lock().conditions = conditions;
    }

    /// Lets `script` decide about each datagram from now on. It must not use the bus.
    pub fn set_script(&self, script: impl FnMut(&Flight<'_>) -> Fate + Send + 'static) {
        self.lock().script = Some(Box::new(script));
    }

    /// The time since the bus was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.lock().now
    }

    /// Moves time on.
    ///
    /// # Panics
    /// If time would run over, after some hundred years.
    pub fn advance(&self, by: Duration) {
        self.lock().now += by;
    }

    /// When the next datagram is due for anyone, if one is on its way.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Duration> {
        let state = self.lock();
        state.nodes.values().filter_map(|node| node.underway.keys().next().map(|(due, _)| *due)).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, from: SocketAddrV4, datagram: &[u8]) {
        let number = self.sent;
        self.sent += 1;
        let datagram: Arc<[u8]> = datagram.into();
        let mut addresses: Vec<_> = self.nodes.keys().copied().collect();
        // The order of a hash map would make runs differ.
        addresses.sort_unstable();
        for to in addresses {
            let flight = Flight { from, to, datagram: &datagram, number };
            let fate = self.script.as_mut().map_or(Fate::Usual, |script| script(&flight));
            match fate {
                Fate::Lost => {}
                Fate::After(delay) => self.deliver(from, to, &datagram, delay),
                Fate::Twice(first, second) => {
                    self.deliver(from, to, &datagram, first);
                    self.deliver(from, to, &datagram, second);
                }
                Fate::Usual => {
                    let copies = 1 + u32::from(self.random.f64() < self.conditions.duplication);
                    for _ in 0..copies {
                        let delay = self.random_delay();
                        if self.random.f64() >= self.conditions.loss {
                            self.deliver(from, to, &datagram, delay);
                        }
                    }
                }
            }
        }
    }

    fn deliver(&mut self, from: SocketAddrV4, to: SocketAddrV4, datagram: &Arc<[u8]>, delay: Duration) {
        let due = self.now + delay;
        if let Some(node) = self.nodes.get_mut(&to) {
            node.serial += 1;
            node.underway.insert((due, node.serial), Underway { from, datagram: Arc::clone(datagram) });
        }
    }

    fn random_delay(&mut self) -> Duration {
        let (least, most) = (*self.conditions.delay.start(), *self.conditions.delay.end());
        least + most.saturating_sub(least).mul_f64(self.random.f64())
    }
}

/// The publishing end of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    bus: MemoryBus,
    address: SocketAddrV4,
    seqno: Arc<Mutex<u32>>,
}

impl Sender {
    pub(crate) fn publish(&self, channel: Channel, payload: &[IoSlice<'_>]) -> Result<usize, PublishError> {
        let payload: Vec<u8> = payload.iter().flat_map(|slice| slice.iter().copied()).collect();
        let mut seqno = self.seqno.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.bus.lock();
        let parts = Parts::new(channel, *seqno, payload.len(), state.conditions.datagram_bytes)?;
        *seqno = seqno.wrapping_add(1);
        for part in parts {
            state.send(self.address, &[part.header(), &payload[part.payload.clone()]].concat());
        }
        Ok(payload.len())
    }
}

/// The receiving end of an instance, which leaves the bus with it.
#[derive(Debug)]
pub(crate) struct Receiver {
    bus: MemoryBus,
    address: SocketAddrV4,
    inbound: Inbound,
}

impl Receiver {
    /// The next message that is due and wanted. Waits for nothing: the clock stands still meanwhile.
    pub(crate) fn receive(&mut self, dispatcher: &mut Dispatcher, message: &mut Sample) -> Receipt {
        self.inbound.set_overheard(dispatcher.reads() == Reads::Overhears);
        loop {
            let (now, arrival) = {
                let mut state = self.bus.lock();
                let (start, now) = (state.start, state.now);
                let first = state.nodes.get_mut(&self.address).and_then(|node| node.underway.first_entry());
                let due = first.filter(|underway| underway.key().0 <= now);
                (start + now, due.map(|underway| underway.remove_entry()))
            };
            let Some(((due, _), Underway { from, datagram })) = arrival else {
                self.inbound.expire(now);
                return Receipt::Nothing;
            };
            let interest = |channel: &Channel| dispatcher.interest(channel);
            let (channel, payload, receipt) = match self.inbound.accept(from, &datagram, now, interest) {
                Arrived::Nothing | Arrived::Unwanted => continue,
                Arrived::Short { channel, payload } => (channel, Payload::from(payload.to_vec()), Receipt::Message),
                Arrived::Assembled { channel, payload } => (channel, payload, Receipt::Message),
                Arrived::Passed { channel, message_bytes, beginning } => {
                    (channel, beginning.as_bytes().to_vec().into(), Receipt::Beginning { message_bytes })
                }
            };
            let receive_time_ns = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            *message = Sample { channel, payload, receive_time_ns, sender: Some(from) };
            return receipt;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.bus.lock().nodes.remove(&self.address);
    }
}

/// 10.0.0.0, whose successors the instances get.
const FIRST_ADDRESS: u32 = 0x0a00_0000;
