//! A bus and processes that are simulated: callers, callees, and what their users do.
//!
//! Methods of the simulated processes: `echo` returns its arguments, `bytes` as many bytes as they say, `fail` an error, `hang` runs
//! until it is cancelled, `sleep` for as many ms as its arguments say, `count` streams as many chunks as they say, of as many bytes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use dimos::rpc::{
    CallId, CallSpec, Callee, CalleeLimits, CalleeOutput, Caller, CallerLimits, CallerOutput, ChunkError, IncomingCall,
    Method, RpcError, ServedCall,
};
use dimos::{Name, NodeId};
use lcm::Message;
use lcm_types::dimos_mesh::{RpcRequest, RpcResponse};

/// What the bus does to datagrams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) loss: f64,
    pub(crate) duplicated: f64,
    pub(crate) delay_us: (u64, u64),
}

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) link: Link,
    pub(crate) callers: Vec<CallerProcess>,
    pub(crate) callees: Vec<CalleeProcess>,
    pub(crate) datagrams: usize,
    pub(crate) datagram_bytes: usize,
    /// The most datagrams that were on their way at a time.
    pub(crate) peak_on_the_way: usize,
    pub(crate) rng: fastrand::Rng,
    on_the_way: usize,
    events: BinaryHeap<Reverse<(Instant, u64)>>,
    event_data: BTreeMap<u64, Event>,
    last_event: u64,
}

#[derive(Debug)]
pub(crate) struct CallerProcess {
    pub(crate) node: NodeId,
    pub(crate) core: Caller,
    pub(crate) outcomes: BTreeMap<CallId, Result<Vec<u8>, RpcError>>,
    pub(crate) chunks: BTreeMap<CallId, Vec<Vec<u8>>>,
    pub(crate) started: BTreeMap<CallId, Instant>,
    pub(crate) latencies: Vec<Duration>,
    /// How long a user takes for a chunk; none are consumed without it.
    pub(crate) consumes_in: Option<Duration>,
    pub(crate) unconsumed: BTreeMap<CallId, usize>,
    pub(crate) peak_unconsumed: usize,
    pub(crate) is_deaf: bool,
}

#[derive(Debug)]
pub(crate) struct CalleeProcess {
    pub(crate) node: NodeId,
    pub(crate) name: Name,
    pub(crate) core: Callee,
    pub(crate) executed: BTreeMap<ServedCall, u32>,
    pub(crate) begun: Vec<IncomingCall>,
    pub(crate) cancelled: BTreeSet<ServedCall>,
    pub(crate) is_dead: bool,
    /// While suspended it receives and does nothing.
    pub(crate) is_suspended: bool,
    handler_us: (u64, u64),
    inbox: VecDeque<(Instant, Vec<u8>)>,
    /// What handlers will have done when it goes on.
    finished: Vec<(ServedCall, Result<Vec<u8>, RpcError>)>,
    streams: BTreeMap<ServedCall, Producer>,
    hanging: BTreeSet<ServedCall>,
}

#[derive(Debug)]
struct Producer {
    next: usize,
    count: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Event {
    Arrive { channel: String, bytes: Vec<u8> },
    Finish { callee: usize, call: ServedCall, outcome: Result<Vec<u8>, RpcError> },
    Consume { caller: usize, call: CallId },
}

impl Link {
    pub(crate) const PERFECT: Self = Self { loss: 0.0, duplicated: 0.0, delay_us: (100, 101) };

    pub(crate) const fn lossy(loss: f64) -> Self {
        Self { loss, duplicated: 0.05, delay_us: (100, 3000) }
    }
}

impl Sim {
    pub(crate) fn new(seed: u64, link: Link) -> Self {
        eprintln!("seed {seed}, {link:?}");
        let now = Instant::now() + Duration::from_secs(1000);
        Self {
            now,
            start: now,
            link,
            callers: Vec::new(),
            callees: Vec::new(),
            datagrams: 0,
            datagram_bytes: 0,
            peak_on_the_way: 0,
            rng: fastrand::Rng::with_seed(seed),
            on_the_way: 0,
            events: BinaryHeap::new(),
            event_data: BTreeMap::new(),
            last_event: 0,
        }
    }

    pub(crate) fn node(&mut self) -> NodeId {
        NodeId::from_wire(self.rng.i64(1..)).unwrap()
    }

    pub(crate) fn add_caller(&mut self) -> usize {
        self.add_caller_with(CallerLimits::default())
    }

    pub(crate) fn add_caller_with(&mut self, limits: CallerLimits) -> usize {
        let node = self.node();
        let core = Caller::with_limits(node, self.rng.u64(..), limits);
        self.callers.push(CallerProcess {
            node,
            core,
            outcomes: BTreeMap::new(),
            chunks: BTreeMap::new(),
            started: BTreeMap::new(),
            latencies: Vec::new(),
            consumes_in: Some(Duration::ZERO),
            unconsumed: BTreeMap::new(),
            peak_unconsumed: 0,
            is_deaf: false,
        });
        self.callers.len() - 1
    }

    pub(crate) fn add_callee(&mut self, limits: CalleeLimits) -> usize {
        let node = self.node();
        let core = Callee::with_limits(node, methods(), self.rng.u64(..), limits);
        self.callees.push(CalleeProcess {
            node,
            name: "server".parse().unwrap(),
            core,
            executed: BTreeMap::new(),
            begun: Vec::new(),
            cancelled: BTreeSet::new(),
            is_dead: false,
            is_suspended: false,
            handler_us: (0, 200),
            inbox: VecDeque::new(),
            finished: Vec::new(),
            streams: BTreeMap::new(),
            hanging: BTreeSet::new(),
        });
        self.callees.len() - 1
    }

    /// One caller and one callee.
    pub(crate) fn pair(seed: u64, link: Link) -> Self {
        let mut sim = Self::new(seed, link);
        sim.add_caller();
        sim.add_callee(CalleeLimits::default());
        sim
    }

    pub(crate) fn spec(&self, callee: usize, method: &str, body: &[u8]) -> CallSpec {
        let CalleeProcess { node, name, .. } = &self.callees[callee];
        CallSpec::new(*node, name.clone(), method, body.to_vec())
    }

    pub(crate) fn call(&mut self, caller: usize, spec: CallSpec) -> CallId {
        let process = &mut self.callers[caller];
        let call = process.core.call(self.now, spec);
        process.started.insert(call, self.now);
        self.poll_caller(caller);
        call
    }

    /// A unary call of the first pair.
    pub(crate) fn simple_call(&mut self, method: &str, body: &[u8]) -> CallId {
        let spec = self.spec(0, method, body);
        self.call(0, spec)
    }

    pub(crate) fn cancel(&mut self, caller: usize, call: CallId) {
        self.callers[caller].core.cancel(self.now, call);
        self.poll_caller(caller);
    }

    pub(crate) fn outcome(&self, call: CallId) -> Option<&Result<Vec<u8>, RpcError>> {
        self.callers[0].outcomes.get(&call)
    }

    pub(crate) fn error_code(&self, call: CallId) -> String {
        self.outcome(call).unwrap().as_ref().unwrap_err().code().to_owned()
    }

    /// Runs until nothing is left to do or the time has passed.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.run_while(end, |_| true);
        self.now = end;
    }

    pub(crate) fn run_until_answered(&mut self, call: CallId) {
        let end = self.now + Duration::from_secs(600);
        self.run_while(end, |sim| sim.outcome(call).is_none());
        assert!(self.outcome(call).is_some(), "no outcome after {:?}", self.now - self.start);
    }

    /// Runs until the first callee has begun so many calls.
    pub(crate) fn run_until_begun(&mut self, calls: usize) {
        let end = self.now + Duration::from_secs(10);
        self.run_while(end, |sim| sim.callees[0].begun.len() < calls);
        assert_eq!(self.callees[0].begun.len(), calls);
    }

    pub(crate) fn run_until_idle(&mut self) {
        let end = self.now + Duration::from_secs(3600);
        self.run_while(end, |sim| sim.callers.iter().any(|caller| caller.core.active() > 0));
        for caller in &self.callers {
            assert_eq!(caller.core.active(), 0);
            assert_eq!(caller.outcomes.len(), caller.started.len(), "a call without an outcome");
        }
    }

    pub(crate) fn run_while(&mut self, end: Instant, mut go_on: impl FnMut(&Self) -> bool) {
        while go_on(self) {
            let event_at = self.events.peek().map(|Reverse((at, _))| *at);
            let callers = self.callers.iter().filter_map(|caller| caller.core.next_wakeup());
            let is_awake = |callee: &&CalleeProcess| !callee.is_dead && !callee.is_suspended;
            let callees = self.callees.iter().filter(is_awake).filter_map(|callee| callee.core.next_wakeup());
            let Some(at) = event_at.into_iter().chain(callers).chain(callees).min().filter(|&at| at <= end) else {
                return;
            };
            assert!(event_at.is_none_or(|event_at| event_at >= self.now));
            self.now = self.now.max(at);
            if event_at.is_some_and(|event_at| event_at <= self.now) {
                let Some(Reverse((_, id))) = self.events.pop() else { return };
                let event = self.event_data.remove(&id).unwrap();
                self.happen(event);
                continue;
            }
            for index in 0..self.callers.len() {
                if self.callers[index].core.next_wakeup().is_some_and(|at| at <= self.now) {
                    self.callers[index].core.tick(self.now);
                    self.poll_caller(index);
                    let next = self.callers[index].core.next_wakeup();
                    assert!(next.is_none_or(|next| next > self.now), "a tick did not do what it was called for");
                }
            }
            for index in 0..self.callees.len() {
                if is_awake(&&self.callees[index])
                    && self.callees[index].core.next_wakeup().is_some_and(|at| at <= self.now)
                {
                    self.callees[index].core.tick(self.now);
                    self.poll_callee(index);
                    let next = self.callees[index].core.next_wakeup();
                    assert!(next.is_none_or(|next| next > self.now), "a tick did not do what it was called for");
                }
            }
        }
    }

    /// A suspended callee goes on, with all that arrived.
    pub(crate) fn resume(&mut self, callee: usize) {
        self.callees[callee].is_suspended = false;
        while let Some((received, bytes)) = self.callees[callee].inbox.pop_front() {
            let view = RpcRequest::view(&bytes).unwrap();
            self.callees[callee].core.heard(self.now, received, &view);
            self.poll_callee(callee);
        }
        for (call, outcome) in std::mem::take(&mut self.callees[callee].finished) {
            self.callees[callee].core.finish(self.now, call, outcome);
            self.poll_callee(callee);
        }
    }

    pub(crate) fn send(&mut self, channel: &str, bytes: Vec<u8>) {
        let datagram_bytes = 8 + channel.len() + 1 + bytes.len();
        assert!(datagram_bytes < 1400, "a datagram of {datagram_bytes} bytes");
        self.datagrams += 1;
        self.datagram_bytes += datagram_bytes;
        let copies = 1 + usize::from(self.rng.f64() < self.link.duplicated);
        for _ in 0..copies {
            if self.rng.f64() >= self.link.loss {
                let (min, max) = self.link.delay_us;
                let at = self.now + Duration::from_micros(self.rng.u64(min..max));
                self.on_the_way += 1;
                self.peak_on_the_way = self.peak_on_the_way.max(self.on_the_way);
                self.schedule(at, Event::Arrive { channel: channel.to_owned(), bytes: bytes.clone() });
            }
        }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.last_event += 1;
        self.events.push(Reverse((at, self.last_event)));
        self.event_data.insert(self.last_event, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { channel, bytes } => self.arrive(&channel, bytes),
            Event::Finish { callee, call, outcome } => {
                if self.callees[callee].is_suspended {
                    self.callees[callee].finished.push((call, outcome));
                } else if !self.callees[callee].is_dead {
                    self.callees[callee].core.finish(self.now, call, outcome);
                    self.poll_callee(callee);
                }
            }
            Event::Consume { caller, call } => self.consume(caller, call),
        }
    }

    pub(crate) fn consume(&mut self, caller: usize, call: CallId) {
        let process = &mut self.callers[caller];
        *process.unconsumed.get_mut(&call).unwrap() -= 1;
        process.core.consumed(self.now, call);
        self.poll_caller(caller);
    }

    fn arrive(&mut self, channel: &str, bytes: Vec<u8>) {
        self.on_the_way -= 1;
        for index in 0..self.callees.len() {
            let callee = &mut self.callees[index];
            if callee.is_dead || callee.name.request_channel() != channel {
                continue;
            }
            if callee.is_suspended {
                callee.inbox.push_back((self.now, bytes.clone()));
            } else {
                let view = RpcRequest::view(&bytes).unwrap();
                callee.core.heard(self.now, self.now, &view);
                self.poll_callee(index);
            }
        }
        for index in 0..self.callers.len() {
            let caller = &mut self.callers[index];
            if !caller.is_deaf && caller.node.response_channel() == channel {
                let view = RpcResponse::view(&bytes).unwrap();
                caller.core.heard(self.now, &view);
                self.poll_caller(index);
            }
        }
    }

    pub(crate) fn poll_caller(&mut self, index: usize) {
        while let Some(output) = self.callers[index].core.poll_output() {
            let process = &mut self.callers[index];
            match output {
                CallerOutput::Send { channel, request } => self.send(&channel, request.encode().unwrap()),
                CallerOutput::Chunk { call, bytes } => {
                    assert!(!process.outcomes.contains_key(&call), "a chunk behind the end");
                    process.chunks.entry(call).or_default().push(bytes);
                    let unconsumed = process.unconsumed.entry(call).or_default();
                    *unconsumed += 1;
                    process.peak_unconsumed = process.peak_unconsumed.max(*unconsumed);
                    if let Some(after) = process.consumes_in {
                        self.schedule(self.now + after, Event::Consume { caller: index, call });
                    }
                }
                CallerOutput::Outcome { call, result } => {
                    process.latencies.push(self.now - process.started[&call]);
                    let before = process.outcomes.insert(call, result);
                    assert!(before.is_none(), "two outcomes of {call:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn poll_callee(&mut self, index: usize) {
        while let Some(output) = self.callees[index].core.poll_output(self.now) {
            match output {
                CalleeOutput::Send { channel, response } => self.send(&channel, response.encode().unwrap()),
                CalleeOutput::Run(call) => self.run(index, call),
                CalleeOutput::Cancel(call) => {
                    let callee = &mut self.callees[index];
                    assert!(callee.cancelled.insert(call), "cancelled twice");
                    assert!(callee.core.is_cancelled(call));
                    if callee.hanging.remove(&call) || callee.streams.remove(&call).is_some() {
                        let outcome = Err(RpcError::Cancelled);
                        self.schedule(self.now, Event::Finish { callee: index, call, outcome });
                    }
                }
                CalleeOutput::Credit { call, chunks } => {
                    assert!(chunks > 0);
                    self.produce(index, call);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn run(&mut self, index: usize, call: IncomingCall) {
        let callee = &mut self.callees[index];
        *callee.executed.entry(call.id).or_default() += 1;
        assert_eq!(callee.executed[&call.id], 1, "executed twice");
        callee.begun.push(call.clone());
        let (min, max) = callee.handler_us;
        let mut after = Duration::from_micros(self.rng.u64(min..max));
        let text = String::from_utf8_lossy(&call.body).into_owned();
        let outcome = match call.method.as_str() {
            "echo" | "beside" | "binary" => Ok(call.body),
            "bytes" => Ok(pattern(text.parse().unwrap())),
            "fail" => Err(RpcError::Handler { message: "no film".to_owned(), data: None }),
            "sleep" => {
                after = Duration::from_millis(text.parse().unwrap());
                Ok(Vec::new())
            }
            "hang" => {
                callee.hanging.insert(call.id);
                return;
            }
            "count" => {
                let (count, bytes) = text.split_once(' ').unwrap();
                let producer = Producer { next: 0, count: count.parse().unwrap(), bytes: bytes.parse().unwrap() };
                callee.streams.insert(call.id, producer);
                self.produce(index, call.id);
                return;
            }
            other => panic!("{other}"),
        };
        self.schedule(self.now + after, Event::Finish { callee: index, call: call.id, outcome });
    }

    fn produce(&mut self, index: usize, call: ServedCall) {
        let callee = &mut self.callees[index];
        let Some(producer) = callee.streams.get_mut(&call) else { return };
        while producer.next < producer.count {
            match callee.core.chunk(self.now, call, chunk(producer.next, producer.bytes)) {
                Ok(_) => producer.next += 1,
                Err(ChunkError::Full { bytes }) => {
                    assert_eq!(bytes, chunk(producer.next, producer.bytes));
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
        callee.streams.remove(&call);
        self.schedule(self.now, Event::Finish { callee: index, call, outcome: Ok(b"end".to_vec()) });
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        for callee in &self.callees {
            assert!(callee.executed.values().all(|&times| times == 1) || std::thread::panicking());
        }
    }
}

fn methods() -> BTreeMap<String, Method> {
    let unary = Method::default;
    let mut methods: BTreeMap<String, Method> =
        ["echo", "bytes", "fail", "hang", "sleep"].map(|name| (name.to_owned(), unary())).into();
    methods.insert("count".to_owned(), Method { is_stream: true, is_concurrent: true, ..unary() });
    methods.insert("beside".to_owned(), Method { is_concurrent: true, is_reentrant: true, ..unary() });
    methods.insert("binary".to_owned(), Method { contract: Some("abc".to_owned()), ..unary() });
    methods
}

/// Bytes that show when any are out of place.
pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index ^ index >> 8 ^ index >> 16).to_le_bytes()[0]).collect()
}

/// A chunk that shows its number.
pub(crate) fn chunk(number: usize, bytes: usize) -> Vec<u8> {
    let mut chunk = pattern(bytes);
    for (byte, number) in chunk.iter_mut().zip(number.to_le_bytes()) {
        *byte ^= number;
    }
    chunk
}
