//! The side that serves: runs no call twice, and answers each.
//!
//! Methods that are not concurrent are handed out one at a time, in the order in which their arguments were complete.

mod admission;
mod answers;
mod memory;
mod requests;
mod served;
mod spec;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use lcm_types::dimos_mesh::{RpcRequest, RpcRequestView, RpcResponse};

use self::memory::Memory;
use self::served::{Expired, State};
pub use self::spec::{CalleeCounts, CalleeLimits, CalleeOutput, ChunkError, IncomingCall, Method, ServedCall};
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::timers::{Timers, earlier};
use crate::rpc::wire::{VERSION, room};

/// All calls that one process serves. See the [module](crate::rpc) for how it is driven.
#[derive(Debug)]
pub struct Callee {
    node: NodeId,
    methods: BTreeMap<String, Method>,
    limits: CalleeLimits,
    is_displaced: bool,
    memory: Memory,
    timers: Timers<ServedCall>,
    /// Those whose arguments are arriving.
    arriving: BTreeSet<ServedCall>,
    held_argument_bytes: usize,
    turns: Turns,
    concurrent_turns: Turns,
    /// Calls in the order in which they were answered. Some are over.
    answered: VecDeque<ServedCall>,
    answer_bytes: usize,
    /// The calls with several parts to send, which share the window.
    large: BTreeSet<ServedCall>,
    outputs: VecDeque<Output>,
    /// How many bytes a part carries.
    part_bytes: usize,
    rng: fastrand::Rng,
    counts: CalleeCounts,
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turns {
    running: BTreeSet<ServedCall>,
    waiting: VecDeque<ServedCall>,
    at_a_time: usize,
}

#[derive(Debug)]
enum Output {
    Ready(CalleeOutput),
    /// It is the turn of this call, if its time is not over until it is taken.
    Run(ServedCall),
}

impl Callee {
    /// The callee of this process. The seed decides on nothing but jitter.
    #[must_use]
    pub fn new(node: NodeId, methods: BTreeMap<String, Method>, seed: u64) -> Self {
        Self::with_limits(node, methods, seed, CalleeLimits::default())
    }

    /// As [`Callee::new`], with other limits.
    #[must_use]
    pub fn with_limits(node: NodeId, methods: BTreeMap<String, Method>, seed: u64, limits: CalleeLimits) -> Self {
        Self {
            node,
            methods,
            limits,
            is_displaced: false,
            memory: Memory::new(),
            timers: Timers::new(),
            arriving: BTreeSet::new(),
            held_argument_bytes: 0,
            turns: Turns { at_a_time: 1, ..Turns::default() },
            concurrent_turns: Turns { at_a_time: limits.concurrent.max(1), ..Turns::default() },
            answered: VecDeque::new(),
            answer_bytes: 0,
            large: BTreeSet::new(),
            outputs: VecDeque::new(),
            // The channels of all nodes are of one length.
            part_bytes: room(&node.response_channel(), &RpcResponse::default()),
            rng: fastrand::Rng::with_seed(seed),
            counts: CalleeCounts::default(),
        }
    }

    /// Takes in a request. `received` is when the kernel had it, which is earlier than `now` by as long as this process was busy or
    /// suspended.
    pub fn heard(&mut self, now: Instant, received: Instant, view: &RpcRequestView<'_>) {
        if view.target() != self.node.to_wire() {
            self.counts.strays += 1;
            return;
        }
        let (Some(caller), call @ 1..) = (NodeId::from_wire(view.caller()), view.call()) else {
            self.counts.malformed += 1;
            return;
        };
        let id = ServedCall { caller, call };
        let kind = view.kind();
        if view.version() != VERSION {
            self.counts.unknown_versions += 1;
            if kind == CALL {
                self.reply(id, &RpcError::IncompatibleVersion { caller: view.version(), callee: VERSION });
            }
            return;
        }
        if kind != DONE && view.done_before() > call {
            self.counts.malformed += 1;
            return;
        }
        match kind {
            CALL | PART => self.heard_call(now, received, id, view),
            CANCEL => self.heard_cancel(now, received, id),
            RECEIVED => self.heard_received(now, received, id, view),
            DONE => {
                for call in view.missing().iter().take(MAX_LIST).map(|call| call.get()).chain([call]) {
                    self.over(now, ServedCall { caller, call });
                }
            }
            _ => {
                self.counts.unknown_kinds += 1;
                return;
            }
        }
        for call in self.memory.raise(caller, view.done_before()) {
            self.over(now, ServedCall { caller, call });
        }
        self.dispatch(now);
    }

    /// What became of a call that was handed out. It must be told of each, exactly once.
    pub fn finish(&mut self, now: Instant, id: ServedCall, outcome: Result<Vec<u8>, RpcError>) {
        if let Some(served) = self.memory.live(id) {
            match served.state {
                State::Running if served.is_cancelled && outcome.is_err() => {
                    self.answer(now, id, Err(RpcError::Cancelled));
                }
                State::Running => self.answer(now, id, outcome),
                State::Abandoned => self.end(now, id),
                State::Arriving | State::Waiting | State::Answered => return,
            }
        }
        self.release(id);
        self.dispatch(now);
    }

    /// Sends a chunk of a stream that was handed out. Returns how many more are taken now.
    ///
    /// # Errors
    /// If the stream is full, or nobody reads it, or the chunk is too large.
    pub fn chunk(&mut self, now: Instant, id: ServedCall, bytes: Vec<u8>) -> Result<usize, ChunkError> {
        let served = self.memory.live_mut(id).ok_or(ChunkError::Gone)?;
        let left = served.chunk(bytes, &self.limits)?;
        self.settle(now, id);
        Ok(left)
    }

    /// How many chunks a stream takes now; none once it has ended or nobody reads it.
    #[must_use]
    pub fn credit(&self, id: ServedCall) -> usize {
        let served = self.memory.live(id).filter(|served| served.is_stream && served.takes_chunks());
        served.map_or(0, |served| served.chunks_left(&self.limits))
    }

    /// Whether nobody wants the call any more.
    #[must_use]
    pub fn is_cancelled(&self, id: ServedCall) -> bool {
        self.memory.live(id).is_none_or(|served| served.is_cancelled || served.state == State::Abandoned)
    }

    /// The name has another owner now: calls that have not begun are refused, those that run finish.
    pub fn displaced(&mut self, now: Instant) {
        self.is_displaced = true;
        for id in self.arriving.clone() {
            self.refuse(now, id, RpcError::Displaced);
        }
        let waiting: Vec<ServedCall> = [&mut self.turns, &mut self.concurrent_turns]
            .into_iter()
            .flat_map(|turns| turns.waiting.drain(..))
            .collect();
        for id in waiting {
            self.answer(now, id, Err(RpcError::Displaced));
        }
    }

    /// A process is gone, and with it all who wait for calls of it.
    pub fn caller_lost(&mut self, now: Instant, node: NodeId) {
        for call in self.memory.live_of(node) {
            self.over(now, ServedCall { caller: node, call });
        }
        self.dispatch(now);
    }

    /// Does what the time asks for.
    pub fn tick(&mut self, now: Instant) {
        self.memory.sweep(now, &self.limits);
        while let Some(id) = self.timers.pop_due(now) {
            let Some(served) = self.memory.live(id) else { continue };
            match (served.expired(now, &self.limits), served.state) {
                (Some(Expired::Incomplete), _) => {
                    let message = format!("nothing more of them arrived for {:?}", self.limits.arriving_age);
                    self.refuse(now, id, RpcError::BadArguments { message, data: None });
                }
                (Some(_), State::Arriving) => self.refuse(now, id, LATE),
                (Some(_), State::Waiting) => {
                    self.leave_queue(id);
                    self.answer(now, id, Err(LATE));
                }
                (Some(_), State::Running) => self.abandon(id),
                (Some(_), State::Answered) => self.end(now, id),
                (Some(_), State::Abandoned) | (None, _) => {
                    if let Some((served, peer)) = self.memory.live_and_peer(id) {
                        served.tick(now, &peer.round_trip, &mut self.rng);
                    }
                    self.settle(now, id);
                }
            }
        }
        self.dispatch(now);
    }

    /// When [`Callee::tick`] is needed next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        earlier(self.timers.next(), self.memory.wakeup().map(|at| at + SWEEP))
    }

    /// The next thing to be done. A call whose time is over by now is not handed out.
    pub fn poll_output(&mut self, now: Instant) -> Option<CalleeOutput> {
        loop {
            match self.outputs.pop_front()? {
                Output::Ready(output) => return Some(output),
                Output::Run(id) => {
                    if let Some(call) = self.begin(now, id) {
                        return Some(CalleeOutput::Run(call));
                    }
                }
            }
        }
    }

    /// What was ignored, refused and executed.
    #[must_use]
    pub fn counts(&self) -> CalleeCounts {
        self.counts
    }

    /// How many callers and numbers of calls are remembered, and how many bytes of arguments and answers are held.
    #[must_use]
    pub fn held(&self) -> (usize, usize, usize) {
        let (callers, calls) = self.memory.size();
        (callers, calls, self.held_argument_bytes + self.answer_bytes)
    }

    /// Hands out the calls whose turn it is.
    fn dispatch(&mut self, now: Instant) {
        loop {
            let turns = [&mut self.turns, &mut self.concurrent_turns];
            let Some(id) = turns.into_iter().find_map(Turns::next) else { return };
            if self.memory.live(id).is_some_and(|served| served.expired(now, &self.limits).is_some()) {
                self.release(id);
                self.answer(now, id, Err(LATE));
            } else {
                self.outputs.push_back(Output::Run(id));
            }
        }
    }

    /// Begins a call whose turn it is, unless it is over by now.
    fn begin(&mut self, now: Instant, id: ServedCall) -> Option<IncomingCall> {
        if let Some(served) = self.memory.live_mut(id)
            && served.state == State::Waiting
        {
            if served.expired(now, &self.limits).is_none() {
                served.state = State::Running;
                self.held_argument_bytes -= std::mem::take(&mut served.argument_bytes);
                self.counts.executed += 1;
                let mut chain = std::mem::take(&mut served.chain);
                chain.push(self.node);
                let call = IncomingCall {
                    id,
                    method: served.method.clone(),
                    codec: served.codec,
                    body: std::mem::take(&mut served.body),
                    chain,
                    deadline: served.deadline(),
                    is_stream: served.is_stream,
                    is_concurrent: served.is_concurrent,
                };
                self.timers.set(id, served.wakeup(&self.limits));
                return Some(call);
            }
            self.answer(now, id, Err(LATE));
        }
        self.release(id);
        self.dispatch(now);
        None
    }

    fn release(&mut self, id: ServedCall) {
        self.turns.running.remove(&id);
        self.concurrent_turns.running.remove(&id);
    }

    fn leave_queue(&mut self, id: ServedCall) {
        self.turns.waiting.retain(|&waiting| waiting != id);
        self.concurrent_turns.waiting.retain(|&waiting| waiting != id);
    }
}

impl Turns {
    /// The call whose turn it is; it runs from now on.
    fn next(&mut self) -> Option<ServedCall> {
        if self.running.len() >= self.at_a_time {
            return None;
        }
        let id = self.waiting.pop_front()?;
        self.running.insert(id);
        Some(id)
    }

    /// Whether one more can neither run nor wait.
    fn is_full(&self, waiting: usize) -> bool {
        self.waiting.len() >= waiting && self.running.len() + self.waiting.len() >= self.at_a_time
    }
}

/// The most messages that one request leads to over all time, heartbeats of a call that runs excepted: the window, and what is sent
/// again to a caller that is not heard any more.
pub const MAX_RESPONSES_PER_REQUEST: usize = 128;

const LATE: RpcError = RpcError::Deadline { acknowledged: true };

const CALL: u8 = RpcRequest::CALL.cast_unsigned();
const PART: u8 = RpcRequest::PART.cast_unsigned();
const CANCEL: u8 = RpcRequest::CANCEL.cast_unsigned();
const RECEIVED: u8 = RpcRequest::RECEIVED.cast_unsigned();
const DONE: u8 = RpcRequest::DONE.cast_unsigned();

/// How much of a list of numbers is read.
const MAX_LIST: usize = 256;

/// How long numbers that may be forgotten wait for others.
const SWEEP: Duration = Duration::from_secs(1);
