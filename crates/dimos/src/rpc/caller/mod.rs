//! The side that calls: makes exactly one outcome of every call.

mod call;
mod spec;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lcm_types::dimos_mesh::{RpcRequest, RpcResponse, RpcResponseView};

use self::call::Call;
pub use self::spec::{CallId, CallSpec, CallerCounts, CallerLimits, CallerOutput, TimeLimit};
use crate::name::Name;
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::outbox::MAX_WINDOW;
use crate::rpc::round_trip::RoundTrip;
use crate::rpc::timers::Timers;
use crate::rpc::wire::VERSION;

/// All calls that one process makes. See the [module](crate::rpc) for how it is driven.
#[derive(Debug)]
pub struct Caller {
    node: NodeId,
    limits: CallerLimits,
    last_call: i64,
    calls: BTreeMap<i64, Call>,
    peers: BTreeMap<NodeId, Peer>,
    timers: Timers<Alarm>,
    /// The calls with several parts to send, which share the window.
    large: BTreeSet<i64>,
    outputs: VecDeque<CallerOutput>,
    rng: fastrand::Rng,
    counts: CallerCounts,
}

/// A process that was called.
#[derive(Debug)]
struct Peer {
    name: Name,
    channel: Arc<str>,
    round_trip: RoundTrip,
    /// Calls under way.
    calls: usize,
    /// Calls that are over, which it was not told yet.
    over: Vec<i64>,
    last_used: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Call(i64),
    /// Calls that are over are to be told.
    Over(NodeId),
}

impl Caller {
    /// The caller of this process. The seed decides on nothing but jitter.
    #[must_use]
    pub fn new(node: NodeId, seed: u64) -> Self {
        Self::with_limits(node, seed, CallerLimits::default())
    }

    /// As [`Caller::new`], with other limits.
    #[must_use]
    pub fn with_limits(node: NodeId, seed: u64, limits: CallerLimits) -> Self {
        Self {
            node,
            limits,
            last_call: 0,
            calls: BTreeMap::new(),
            peers: BTreeMap::new(),
            timers: Timers::new(),
            large: BTreeSet::new(),
            outputs: VecDeque::new(),
            rng: fastrand::Rng::with_seed(seed),
            counts: CallerCounts::default(),
        }
    }

    /// Starts a call. Whatever is wrong with it comes as its outcome.
    pub fn call(&mut self, now: Instant, spec: CallSpec) -> CallId {
        self.last_call += 1;
        let number = self.last_call;
        let target = spec.target;
        let channel = self.peer(now, target, &spec.name);
        self.calls.insert(number, Call::new(now, number, spec, channel, &self.limits));
        self.settle(now, number);
        CallId(number)
    }

    /// Asks the other side to stop. The outcome follows when it has, or after [`CallerLimits::cancel`]: mostly
    /// [`RpcError::Cancelled`], or the result if that was faster. There are no chunks after this.
    pub fn cancel(&mut self, now: Instant, call: CallId) {
        if let Some(active) = self.calls.get_mut(&call.0) {
            active.cancel(now, &self.limits);
            self.settle(now, call.0);
        }
    }

    /// The user has taken one more chunk of a stream, so there is room for another one.
    pub fn consumed(&mut self, now: Instant, call: CallId) {
        if let Some(active) = self.calls.get_mut(&call.0)
            && let Some(peer) = self.peers.get(&active.target)
        {
            active.consumed(now, &peer.round_trip);
            self.settle(now, call.0);
        }
    }

    /// A process is gone: its calls end with [`RpcError::OutcomeUnknown`], or [`RpcError::NotSent`] where no message of the call has been
    /// taken from [`Caller::poll_output`].
    pub fn target_lost(&mut self, now: Instant, node: NodeId) {
        let numbers: Vec<i64> =
            self.calls.iter().filter(|(_, call)| call.target == node).map(|(&number, _)| number).collect();
        for number in numbers {
            if let Some(call) = self.calls.get_mut(&number) {
                let error = if call.is_sent { RpcError::OutcomeUnknown } else { RpcError::NotSent };
                call.result.get_or_insert(Err(error));
            }
            self.settle(now, number);
        }
        self.timers.set(Alarm::Over(node), None);
        self.peers.remove(&node);
    }

    /// Takes in a response.
    pub fn heard(&mut self, now: Instant, view: &RpcResponseView<'_>) {
        let callee = NodeId::from_wire(view.callee());
        let number = view.call();
        let (Some(callee), true) = (callee, view.caller() == self.node.to_wire()) else {
            self.counts.strays += 1;
            return;
        };
        let Some(call) = self.calls.get_mut(&number) else {
            self.heard_after_end(now, callee, view);
            return;
        };
        let (Some(peer), true) = (self.peers.get_mut(&callee), call.target == callee) else {
            self.counts.strays += 1;
            return;
        };
        call.heard(now, view, &mut peer.round_trip, &mut self.rng, &mut self.counts);
        self.settle(now, number);
    }

    /// Does what the time asks for.
    pub fn tick(&mut self, now: Instant) {
        while let Some(alarm) = self.timers.pop_due(now) {
            match alarm {
                Alarm::Call(number) => {
                    if let Some(call) = self.calls.get_mut(&number)
                        && let Some(peer) = self.peers.get(&call.target)
                    {
                        call.tick(now, &peer.round_trip, &mut self.rng);
                        self.settle(now, number);
                    }
                }
                Alarm::Over(node) => self.tell_over(node),
            }
        }
    }

    /// When [`Caller::tick`] is needed next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<CallerOutput> {
        loop {
            let output = self.outputs.pop_front()?;
            if let CallerOutput::Send { request, .. } = &output
                && [RpcRequest::CALL, RpcRequest::PART].contains(&request.kind.cast_signed())
            {
                let Some(call) = self.calls.get_mut(&request.call) else { continue };
                call.is_sent = true;
            }
            return Some(output);
        }
    }

    /// How many calls are under way.
    #[must_use]
    pub fn active(&self) -> usize {
        self.calls.len()
    }

    /// What was ignored.
    #[must_use]
    pub fn counts(&self) -> CallerCounts {
        self.counts
    }

    /// Emits all that a call has to say, after something happened to it.
    fn settle(&mut self, now: Instant, number: i64) {
        let done_before = self.done_before();
        let share = MAX_WINDOW / self.large.len().max(1);
        let Some(call) = self.calls.get_mut(&number) else { return };
        let Some(peer) = self.peers.get_mut(&call.target) else { return };
        let id = CallId(number);
        self.outputs.extend(call.chunks.drain(..).map(|bytes| CallerOutput::Chunk { call: id, bytes }));
        if let Some(result) = call.result.take() {
            self.end(now, number, result);
            return;
        }
        let messages = call.messages(now, self.node, done_before, &peer.round_trip, &mut self.rng);
        let send = |request| CallerOutput::Send { channel: Arc::clone(&call.channel), request };
        self.outputs.extend(messages.into_iter().map(send));
        while let Some(request) =
            call.next_part(now, self.node, done_before, share.max(2), &peer.round_trip, &mut self.rng)
        {
            self.outputs.push_back(CallerOutput::Send { channel: Arc::clone(&call.channel), request });
            // That says it as well.
            peer.over.retain(|&over| over >= done_before);
        }
        if call.outbox.is_large() {
            self.large.insert(number);
        } else {
            self.large.remove(&number);
        }
        self.timers.set(Alarm::Call(number), call.wakeup());
    }

    fn end(&mut self, now: Instant, number: i64, result: Result<Vec<u8>, RpcError>) {
        let Some(call) = self.calls.remove(&number) else { return };
        self.large.remove(&number);
        self.timers.set(Alarm::Call(number), None);
        let is_small = result.as_ref().is_ok_and(|bytes| bytes.len() < SMALL_BYTES);
        self.outputs.push_back(CallerOutput::Outcome { call: CallId(number), result });
        if let Some(peer) = self.peers.get_mut(&call.target) {
            peer.calls -= 1;
            peer.last_used = now;
            if call.is_sent {
                self.is_over(now, call.target, number, is_small);
            }
        }
    }

    /// A response to a call that is over, or that never was.
    fn heard_after_end(&mut self, now: Instant, callee: NodeId, view: &RpcResponseView<'_>) {
        let number = view.call();
        if number <= 0 || number > self.last_call || !self.peers.contains_key(&callee) {
            self.counts.strays += 1;
            return;
        }
        self.counts.repeated += 1;
        if view.kind() != RpcResponse::ACCEPTED.cast_unsigned() {
            self.is_over(now, callee, number, true);
        }
    }

    /// Notes that the other side is to be told, soon or at once.
    fn is_over(&mut self, now: Instant, node: NodeId, number: i64, may_wait: bool) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if !peer.over.contains(&number) {
            peer.over.push(number);
        }
        if may_wait && peer.over.len() < MAX_OVER {
            if peer.over.len() == 1 {
                self.timers.set(Alarm::Over(node), Some(now + OVER_DELAY));
            }
        } else {
            self.tell_over(node);
        }
    }

    fn tell_over(&mut self, node: NodeId) {
        self.timers.set(Alarm::Over(node), None);
        let done_before = self.done_before();
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let mut over = std::mem::take(&mut peer.over);
        if let Some(call) = over.pop() {
            let request = RpcRequest {
                version: VERSION,
                kind: RpcRequest::DONE.cast_unsigned(),
                caller: self.node.to_wire(),
                target: node.to_wire(),
                call,
                done_before,
                missing: over,
                ..RpcRequest::default()
            };
            self.outputs.push_back(CallerOutput::Send { channel: Arc::clone(&peer.channel), request });
        }
    }

    /// No call with a smaller number is under way.
    fn done_before(&self) -> i64 {
        self.calls.first_key_value().map_or(self.last_call + 1, |(&first, _)| first)
    }

    /// Counts one more call of a peer, and returns its channel.
    fn peer(&mut self, now: Instant, node: NodeId, name: &Name) -> Arc<str> {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&node) {
            let unused = self.peers.iter().filter(|(_, peer)| peer.calls == 0);
            if let Some(oldest) = unused.min_by_key(|(_, peer)| peer.last_used).map(|(&node, _)| node) {
                self.tell_over(oldest);
                self.peers.remove(&oldest);
            }
        }
        let peer = self.peers.entry(node).or_insert_with(|| Peer {
            name: name.clone(),
            channel: name.request_channel().into(),
            round_trip: RoundTrip::default(),
            calls: 0,
            over: Vec::new(),
            last_used: now,
        });
        if peer.name != *name {
            peer.name = name.clone();
            peer.channel = name.request_channel().into();
        }
        peer.calls += 1;
        peer.last_used = now;
        Arc::clone(&peer.channel)
    }
}

/// A result of one part: losing the word that it arrived costs little.
const SMALL_BYTES: usize = 1000;

/// How long that word may wait for company, or for a later call that says as much. Shorter than the other side's patience.
const OVER_DELAY: Duration = Duration::from_millis(5);

/// How many calls that are over one message tells.
const MAX_OVER: usize = 100;

/// Processes that are remembered when no call to them is under way.
const MAX_PEERS: usize = 1024;
