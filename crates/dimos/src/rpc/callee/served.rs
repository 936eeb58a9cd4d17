//! One call, as the side that serves it sees it, from its first part until its caller has the answer.

use std::time::{Duration, Instant};

use lcm_types::dimos_mesh::{RpcRequestView, RpcResponse};

use super::spec::{CalleeLimits, ChunkError, Finished};
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::inbox::Inbox;
use crate::rpc::outbox::{MAX_CREDIT, Outbox};
use crate::rpc::round_trip::RoundTrip;
use crate::rpc::timers::earlier;
use crate::rpc::wire::{Codec, Part, Receipt, VERSION, from_micros};

/// A call that is not over.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) state: State,
    pub(super) method: String,
    pub(super) codec: Codec,
    pub(super) is_stream: bool,
    pub(super) is_concurrent: bool,
    pub(super) chain: Vec<NodeId>,
    /// The arguments, as they arrive.
    pub(super) inbox: Inbox,
    /// The arguments, when they have.
    pub(super) body: Vec<u8>,
    pub(super) outbox: Outbox,
    /// Its handler was told to stop.
    pub(super) is_cancelled: bool,
    /// What its answer holds, once there is one.
    pub(super) answer_bytes: usize,
    /// What was counted of its arguments.
    pub(super) argument_bytes: usize,
    /// The handler was told that the stream is full.
    is_full: bool,
    limit: Limit,
    last_heard: Instant,
    last_part: Instant,
    last_said: Option<Instant>,
    accept_at: Option<Instant>,
    must_say_running: bool,
    heartbeat_at: Instant,
    keep_until: Option<Instant>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Parts of its arguments are missing.
    Arriving,
    /// It waits for its turn.
    Waiting,
    /// Its handler runs.
    Running,
    /// Its handler runs, and nobody wants the answer.
    Abandoned,
    /// Its answer is kept until the caller has it.
    Answered,
}

/// What became of the time that a call has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// Its arguments stopped arriving.
    Incomplete,
    /// Nobody waits for it any more.
    Unwanted,
    /// The answer has been kept for long enough.
    Kept,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Deadline(Instant),
    Idle(Duration),
}

impl Served {
    pub(super) fn new(
        now: Instant,
        received: Instant,
        view: &RpcRequestView<'_>,
        codec: Codec,
        is_concurrent: bool,
        part_bytes: usize,
        limits: &CalleeLimits,
    ) -> Self {
        let time_left = from_micros(view.time_left_us());
        let limit = if view.is_long() { Limit::Idle(time_left) } else { Limit::Deadline(received + time_left) };
        let mut outbox = Outbox::new(part_bytes, RESEND_CAP);
        outbox.allow(i64::from(view.credit()));
        Self {
            state: State::Arriving,
            method: view.method().to_string(),
            codec,
            is_stream: view.is_stream(),
            is_concurrent,
            chain: view.chain().iter().filter_map(|node| NodeId::from_wire(node.get())).collect(),
            inbox: Inbox::new(limits.argument_bytes),
            body: Vec::new(),
            outbox,
            is_cancelled: false,
            answer_bytes: 0,
            argument_bytes: 0,
            is_full: false,
            limit,
            last_heard: received,
            last_part: now,
            last_said: None,
            accept_at: None,
            must_say_running: false,
            heartbeat_at: now + HEARTBEAT,
            keep_until: None,
        }
    }

    /// A sign of life of the caller. What a call says of its time is right whichever of its messages came first.
    pub(super) fn heard(&mut self, received: Instant, time_left_us: Option<i64>) {
        self.last_heard = self.last_heard.max(received);
        if let Some(said) = self.last_said {
            self.heartbeat_at = self.heartbeat_at.max(said + HEARTBEAT);
        }
        if let (Limit::Deadline(ends), Some(micros)) = (&mut self.limit, time_left_us) {
            *ends = (*ends).min(received + from_micros(micros));
        }
    }

    pub(super) fn got_part(&mut self, now: Instant) {
        self.last_part = now;
    }

    /// The caller asks by sending the call again.
    pub(super) fn repeated(&mut self, now: Instant, round_trip: &RoundTrip) {
        if self.state == State::Answered {
            self.outbox.repeat(now, round_trip);
        } else {
            self.accept_at = Some(now);
        }
    }

    pub(super) fn arrived(&mut self, now: Instant, body: Vec<u8>, limits: &CalleeLimits) {
        self.body = body;
        self.state = State::Waiting;
        self.accept_at = Some(now + limits.accept_after);
    }

    /// A report of the caller on what it has of the answer; perhaps a question whether the call still runs.
    pub(super) fn reported(
        &mut self,
        now: Instant,
        receipt: &Receipt,
        is_question: bool,
        round_trip: &mut RoundTrip,
        rng: &mut fastrand::Rng,
    ) {
        self.outbox.acknowledge(now, receipt, round_trip, rng);
        if !is_question {
        } else if self.outbox.is_waiting() {
            self.outbox.repeat(now, round_trip);
        } else if self.last_said.is_none_or(|at| now.saturating_duration_since(at) >= MIN_SAID) {
            self.must_say_running = true;
        }
    }

    pub(super) fn answer(&mut self, now: Instant, outcome: Finished, limits: &CalleeLimits) {
        let outcome = match outcome {
            Ok(bytes) if bytes.len() > limits.result_bytes => {
                Err(RpcError::ResultTooLarge { bytes: bytes.len(), limit: limits.result_bytes })
            }
            outcome => outcome,
        };
        let (kind, body) = match outcome {
            Ok(bytes) => (RpcResponse::RESULT, bytes),
            Err(error) => (RpcResponse::ERROR, error.to_json()),
        };
        self.outbox.push(kind.cast_unsigned(), body);
        self.answer_bytes = self.outbox.held_bytes();
        self.state = State::Answered;
        self.keep_until = match self.limit {
            Limit::Deadline(ends) => Some(ends.max(now + MIN_KEPT).min(now + MAX_KEPT)),
            // As long as its caller is there: a reader of a stream may pause before the end.
            Limit::Idle(_) => None,
        };
        self.body = Vec::new();
    }

    pub(super) fn chunk(&mut self, bytes: Vec<u8>, limits: &CalleeLimits) -> Result<usize, ChunkError> {
        if !self.is_stream {
            return Err(ChunkError::NotStreaming { method: self.method.clone() });
        }
        if !self.takes_chunks() {
            return Err(ChunkError::Gone);
        }
        if bytes.len() > limits.result_bytes {
            return Err(ChunkError::TooLarge { bytes: bytes.len(), limit: limits.result_bytes });
        }
        if self.chunks_left(limits) == 0 {
            self.is_full = true;
            return Err(ChunkError::Full { bytes });
        }
        self.outbox.push(RpcResponse::CHUNK.cast_unsigned(), bytes);
        let left = self.chunks_left(limits);
        // While others wait for room it stays full, whoever finds some: they are told when there is enough.
        self.is_full |= left == 0;
        Ok(left)
    }

    /// Whether its handler runs and somebody reads what it sends.
    pub(super) fn takes_chunks(&self) -> bool {
        self.state == State::Running && !self.is_cancelled
    }

    /// How many more chunks there is room for.
    pub(super) fn chunks_left(&self, limits: &CalleeLimits) -> usize {
        let bodies = self.outbox.bodies();
        if bodies > 0 && self.outbox.held_bytes() >= limits.stream_bytes {
            return 0;
        }
        limits.stream_chunks.max(1).saturating_sub(bodies)
    }

    /// How many chunks there is room for again, once.
    pub(super) fn reopened(&mut self, limits: &CalleeLimits) -> Option<usize> {
        if !self.is_full || self.state != State::Running {
            return None;
        }
        let left = self.chunks_left(limits);
        // Not for each single one.
        if left < limits.stream_chunks.div_ceil(2) {
            return None;
        }
        self.is_full = false;
        Some(left)
    }

    /// The deadline of the handler.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::Deadline(ends) => Some(ends),
            Limit::Idle(_) => None,
        }
    }

    /// Whether its time is up, and in which way.
    pub(super) fn expired(&self, now: Instant, limits: &CalleeLimits) -> Option<Expired> {
        let (at, expired) = self.expiry(limits)?;
        (at <= now).then_some(expired)
    }

    fn expiry(&self, limits: &CalleeLimits) -> Option<(Instant, Expired)> {
        let wanted_until = match (self.state, self.limit) {
            (_, Limit::Deadline(ends)) => ends,
            // Its caller gives up after the limit; but a call that runs is not stopped because some messages were lost.
            (State::Waiting | State::Arriving, Limit::Idle(limit)) => self.last_heard + limit,
            (_, Limit::Idle(_)) => self.last_heard + limits.caller_gone,
        };
        match self.state {
            State::Arriving if self.last_part + limits.arriving_age < wanted_until => {
                Some((self.last_part + limits.arriving_age, Expired::Incomplete))
            }
            State::Arriving | State::Waiting | State::Running => Some((wanted_until, Expired::Unwanted)),
            State::Abandoned => None,
            State::Answered => {
                let gone = matches!(self.limit, Limit::Idle(_)).then_some(self.last_heard + limits.caller_gone);
                earlier(self.keep_until, gone).map(|at| (at, Expired::Kept))
            }
        }
    }

    pub(super) fn tick(&mut self, now: Instant, round_trip: &RoundTrip, rng: &mut fastrand::Rng) {
        if self.is_resending() {
            self.outbox.tick(now, round_trip, rng);
        }
        if self.has_heartbeat() && self.heartbeat_at <= now {
            self.must_say_running = true;
        }
    }

    pub(super) fn wakeup(&self, limits: &CalleeLimits) -> Option<Instant> {
        let mut at = self.expiry(limits).map(|(at, _)| at);
        at = earlier(at, self.accept_at);
        at = earlier(at, self.is_resending().then(|| self.outbox.wakeup()).flatten());
        at = earlier(at, self.has_heartbeat().then_some(self.heartbeat_at));
        earlier(at, (self.state == State::Arriving).then(|| self.inbox.wakeup()).flatten())
    }

    /// The messages other than parts of the answer that are to be sent now.
    pub(super) fn message(&mut self, now: Instant) -> Option<RpcResponse> {
        let is_report_due = self.state == State::Arriving && self.inbox.is_report_due(now);
        if is_report_due || self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            self.said(now);
            let Receipt { received, credit, missing } = self.inbox.report(now, MAX_CREDIT.unsigned_abs() as usize);
            let kind = RpcResponse::ACCEPTED.cast_unsigned();
            return Some(RpcResponse { kind, received, credit, missing, ..RpcResponse::default() });
        }
        if self.must_say_running {
            self.must_say_running = false;
            self.said(now);
            return Some(RpcResponse { kind: RpcResponse::RUNNING.cast_unsigned(), ..RpcResponse::default() });
        }
        None
    }

    /// The next part of the answer that is to be sent now.
    pub(super) fn next_part(
        &mut self,
        now: Instant,
        share: usize,
        round_trip: &RoundTrip,
        rng: &mut fastrand::Rng,
    ) -> Option<RpcResponse> {
        if self.state == State::Abandoned {
            return None;
        }
        let (part, _) = self.outbox.next(now, share, round_trip, rng)?;
        let Part { sequence, kind, total_bytes, offset, bytes } = part;
        let codec = if kind == RpcResponse::ERROR.cast_unsigned() { Codec::Json } else { self.codec };
        let response = RpcResponse {
            kind,
            codec: codec.to_wire(),
            sequence,
            total_bytes,
            offset,
            part: bytes.to_vec(),
            ..RpcResponse::default()
        };
        self.accept_at = None;
        self.must_say_running = false;
        self.said(now);
        Some(response)
    }

    fn said(&mut self, now: Instant) {
        self.last_said = Some(now);
        // Its caller answers the heartbeats of a long call. If he does not, they may be lost, and he must not be taken for gone.
        let silence = match self.limit {
            Limit::Idle(_) => now.saturating_duration_since(self.last_heard),
            Limit::Deadline(_) => Duration::ZERO,
        };
        self.heartbeat_at = now
            + if silence < QUIET {
                HEARTBEAT
            } else if silence < VERY_QUIET {
                QUICK_HEARTBEAT
            } else {
                HEARTBEAT / 2
            };
    }

    fn has_heartbeat(&self) -> bool {
        matches!(self.state, State::Waiting | State::Running)
    }

    /// A caller that answers nothing for long is not sent more until it is heard again.
    fn is_resending(&self) -> bool {
        self.outbox.timeouts() < MAX_TIMEOUTS && self.state != State::Abandoned
    }
}

/// Fills in who talks to whom.
pub(super) fn addressed(response: RpcResponse, callee: NodeId, caller: NodeId, call: i64) -> RpcResponse {
    RpcResponse { version: VERSION, callee: callee.to_wire(), caller: caller.to_wire(), call, ..response }
}

const HEARTBEAT: Duration = Duration::from_secs(1);

/// Without a word of the caller of a long call for so long, heartbeats come at [`QUICK_HEARTBEAT`], until [`VERY_QUIET`].
const QUIET: Duration = Duration::from_millis(900);
const VERY_QUIET: Duration = Duration::from_secs(4);
const QUICK_HEARTBEAT: Duration = Duration::from_millis(100);

/// Short, because ten answers in a row that are lost happen to one call of many at 30 % loss.
const RESEND_CAP: Duration = Duration::from_millis(150);

/// How often a caller that is not heard is sent the same.
const MAX_TIMEOUTS: u32 = 24;

/// How often a question whether a call still runs is answered.
const MIN_SAID: Duration = Duration::from_millis(20);

/// For an answer that comes with the deadline.
const MIN_KEPT: Duration = Duration::from_secs(1);

const MAX_KEPT: Duration = Duration::from_secs(60);
