//! One call that is under way, as its caller sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lcm_types::dimos_mesh::{RpcRequest, RpcResponse, RpcResponseView};

use super::spec::{CallSpec, CallerCounts, CallerLimits, TimeLimit};
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::inbox::{Arrival, Inbox};
use crate::rpc::outbox::{MAX_CREDIT, Outbox};
use crate::rpc::round_trip::{RoundTrip, backed_off};
use crate::rpc::timers::earlier;
use crate::rpc::wire::{Codec, Part, Receipt, VERSION, from_micros, room, to_micros};

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) target: NodeId,
    pub(super) channel: Arc<str>,
    /// Whether the world may know of it.
    pub(super) is_sent: bool,
    pub(super) outbox: Outbox,
    /// What became of it.
    pub(super) result: Option<Result<Vec<u8>, RpcError>>,
    /// Chunks to be handed out.
    pub(super) chunks: VecDeque<Vec<u8>>,
    number: i64,
    method: String,
    codec: Codec,
    contract: String,
    chain: Vec<i64>,
    is_stream: bool,
    limit: TimeLimit,
    inbox: Inbox,
    is_acknowledged: bool,
    acknowledge_by: Instant,
    waited: Duration,
    /// When the deadline is over.
    ends: Option<Instant>,
    last_heard: Instant,
    probe: Repeated,
    cancel: Option<Cancel>,
    credit_chunks: usize,
    /// The sizes of the chunks that were handed out and not yet consumed.
    unconsumed: VecDeque<usize>,
    unconsumed_bytes: usize,
    /// The number after the last part that the other side was told it may send.
    told: i64,
    /// A receipt is to be sent, and whether it asks for an answer.
    receipt: Option<bool>,
}

/// Something that is done until there is an answer.
#[derive(Debug, Clone, Copy)]
struct Repeated {
    at: Instant,
    times: u32,
}

#[derive(Debug, Clone, Copy)]
struct Cancel {
    give_up: Instant,
    send: Repeated,
}

impl Call {
    pub(super) fn new(now: Instant, number: i64, spec: CallSpec, channel: Arc<str>, limits: &CallerLimits) -> Self {
        let CallSpec { target, name: _, method, codec, contract, body, limit, is_stream, credit_chunks, chain } = spec;
        let ends = match limit {
            TimeLimit::Deadline(after) => Some(now + after.min(MAX_DEADLINE)),
            TimeLimit::Idle(_) => None,
        };
        let mut call = Self {
            target,
            channel,
            is_sent: false,
            outbox: Outbox::new(1, UNACKNOWLEDGED_CAP),
            result: None,
            chunks: VecDeque::new(),
            number,
            method,
            codec,
            contract,
            chain: chain.into_iter().map(NodeId::to_wire).collect(),
            is_stream,
            limit,
            inbox: Inbox::new(limits.result_bytes),
            is_acknowledged: false,
            acknowledge_by: now + limits.acknowledge,
            waited: limits.acknowledge,
            ends,
            last_heard: now,
            probe: Repeated { at: now + QUIET, times: 0 },
            cancel: None,
            credit_chunks: credit_chunks.max(1),
            unconsumed: VecDeque::new(),
            unconsumed_bytes: 0,
            told: 0,
            receipt: None,
        };
        let kind = RpcRequest::CALL.cast_unsigned();
        let room = room(&call.channel, &call.header(now, target, 0, kind));
        if room < MIN_ROOM || i32::try_from(body.len()).is_err() {
            let why = format!("{} bytes, with a method and a chain that leave {room} bytes of a datagram", body.len());
            call.result = Some(Err(RpcError::BadArguments { message: why, data: None }));
        } else {
            call.outbox = Outbox::new(room, UNACKNOWLEDGED_CAP);
            call.outbox.push(kind, body);
            call.told = i64::try_from(call.credit()).unwrap_or(i64::MAX);
        }
        call
    }

    /// Takes in a response of the process that was called.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        view: &RpcResponseView<'_>,
        round_trip: &mut RoundTrip,
        rng: &mut fastrand::Rng,
        counts: &mut CallerCounts,
    ) {
        if view.version() != VERSION {
            let error = RpcError::IncompatibleVersion { caller: VERSION, callee: view.version() };
            self.result = Some(Err(error));
            return;
        }
        let kind = view.kind();
        if kind == ACCEPTED {
            let missing = view.missing().iter().take(MAX_MISSING).map(|missing| missing.get()).collect();
            let receipt = Receipt { received: view.received(), credit: view.credit(), missing };
            self.outbox.acknowledge(now, &receipt, round_trip, rng);
        } else if [RUNNING, CHUNK, RESULT, ERROR].contains(&kind) {
            self.outbox.acknowledge_all(now, round_trip, rng);
        } else {
            counts.unknown_kinds += 1;
            return;
        }
        self.is_acknowledged = true;
        self.last_heard = now;
        self.probe = Repeated { at: now + QUIET, times: 0 };
        if kind == RUNNING && matches!(self.limit, TimeLimit::Idle(_)) {
            // So that the other side knows that somebody still waits.
            self.receipt.get_or_insert(false);
        } else if [CHUNK, RESULT, ERROR].contains(&kind) {
            let part = Part {
                sequence: view.sequence(),
                kind,
                total_bytes: view.total_bytes(),
                offset: view.offset(),
                bytes: view.part(),
            };
            self.heard_part(now, &part, counts);
        }
    }

    fn heard_part(&mut self, now: Instant, part: &Part<'_>, counts: &mut CallerCounts) {
        match self.inbox.insert(now, part) {
            Arrival::New => {}
            Arrival::Repeated => counts.repeated += 1,
            Arrival::Malformed => counts.malformed += 1,
            Arrival::TooLarge(bytes) => {
                let limit = self.inbox.limit_bytes();
                self.result = Some(Err(RpcError::ResultTooLarge { bytes, limit }));
            }
        }
        while self.result.is_none()
            && let Some(body) = self.inbox.take()
        {
            match body.kind {
                CHUNK if !self.is_stream => {
                    self.result = Some(Err(RpcError::NotUnary { method: self.method.clone() }));
                }
                // Nobody waits for chunks any more.
                CHUNK if self.cancel.is_some() => {}
                CHUNK => {
                    self.unconsumed.push_back(body.bytes.len());
                    self.unconsumed_bytes += body.bytes.len();
                    self.chunks.push_back(body.bytes);
                }
                RESULT => self.result = Some(Ok(body.bytes)),
                _ => self.result = Some(Err(RpcError::from_json(&body.bytes))),
            }
        }
    }

    /// One chunk was taken.
    pub(super) fn consumed(&mut self, now: Instant, round_trip: &RoundTrip) {
        if let Some(bytes) = self.unconsumed.pop_front() {
            self.unconsumed_bytes -= bytes;
        }
        self.open_credit(now, round_trip);
    }

    pub(super) fn cancel(&mut self, now: Instant, limits: &CallerLimits) {
        if !self.is_sent {
            self.result = Some(Err(RpcError::Cancelled));
        } else if self.cancel.is_none() {
            let give_up = now + limits.cancel;
            self.cancel = Some(Cancel { give_up, send: Repeated { at: now, times: 0 } });
            if self.is_stream && self.is_acknowledged {
                // Its chunks hold nobody back any more.
                self.receipt = Some(false);
            }
        }
    }

    /// Does what the time asks for.
    pub(super) fn tick(&mut self, now: Instant, round_trip: &RoundTrip, rng: &mut fastrand::Rng) {
        self.outbox.tick(now, round_trip, rng);
        let idle = match self.limit {
            TimeLimit::Idle(limit) if self.idle_ends().is_some_and(|at| at <= now) => Some(limit),
            _ => None,
        };
        let error = if self.ends.is_some_and(|at| at <= now) {
            RpcError::Deadline { acknowledged: self.is_acknowledged }
        } else if self.cancel.is_some_and(|cancel| cancel.give_up <= now) {
            RpcError::Cancelled
        } else if !self.is_acknowledged && self.acknowledge_by <= now {
            RpcError::NoSuchProcess { waited: self.waited }
        } else if let Some(limit) = idle {
            RpcError::Idle { limit }
        } else {
            if self.is_probing() && self.probe.at <= now {
                self.receipt = Some(true);
                let cap = if self.probe.times < MANY_PROBES { PROBE_CAP } else { SLOW_PROBE };
                self.probe.at = now + backed_off(PROBE, self.probe.times, cap, rng);
                self.probe.times += 1;
            }
            return;
        };
        self.result = Some(Err(error));
    }

    /// The messages other than parts of the arguments that are to be sent now.
    pub(super) fn messages(
        &mut self,
        now: Instant,
        node: NodeId,
        done_before: i64,
        round_trip: &RoundTrip,
        rng: &mut fastrand::Rng,
    ) -> Vec<RpcRequest> {
        let mut messages = Vec::new();
        if let Some(cancel) = &mut self.cancel
            && cancel.send.at <= now
        {
            let times = cancel.send.times;
            cancel.send.at = now + backed_off(round_trip.resend_after(), times, UNACKNOWLEDGED_CAP, rng);
            cancel.send.times += 1;
            messages.push(RpcRequest {
                attempt: i32::try_from(times).unwrap_or(i32::MAX),
                ..self.bare(now, node, done_before, RpcRequest::CANCEL.cast_unsigned())
            });
        }
        if self.inbox.is_report_due(now) || self.receipt.is_some() {
            let is_question = self.receipt.take().unwrap_or(false);
            let credit = self.credit();
            let Receipt { received, credit, missing } = self.inbox.report(now, credit);
            self.told = self.told.max(received + i64::from(credit));
            let attempt = if is_question { self.probe.times.try_into().unwrap_or(i32::MAX) } else { 0 };
            let bare = self.bare(now, node, done_before, RpcRequest::RECEIVED.cast_unsigned());
            messages.push(RpcRequest { attempt, received, credit, missing, ..bare });
        }
        messages
    }

    /// The next part of the arguments that is to be sent now.
    pub(super) fn next_part(
        &mut self,
        now: Instant,
        node: NodeId,
        done_before: i64,
        share: usize,
        round_trip: &RoundTrip,
        rng: &mut fastrand::Rng,
    ) -> Option<RpcRequest> {
        if self.cancel.is_some() {
            return None;
        }
        let (part, times) = self.outbox.next(now, share, round_trip, rng)?;
        let kind = if part.sequence == 0 { RpcRequest::CALL } else { RpcRequest::PART };
        let Part { sequence, total_bytes, offset, bytes, .. } = part;
        let bytes = bytes.to_vec();
        let header = self.header(now, node, done_before, kind.cast_unsigned());
        let attempt = i32::try_from(times).unwrap_or(i32::MAX);
        Some(RpcRequest { sequence, total_bytes, offset, attempt, part: bytes, ..header })
    }

    pub(super) fn wakeup(&self) -> Option<Instant> {
        let mut at = earlier(self.ends, self.inbox.wakeup());
        at = earlier(at, (!self.is_acknowledged).then_some(self.acknowledge_by));
        at = earlier(at, self.idle_ends());
        if let Some(cancel) = self.cancel {
            return earlier(at, Some(cancel.give_up.min(cancel.send.at)));
        }
        at = earlier(at, self.outbox.wakeup());
        earlier(at, self.is_probing().then_some(self.probe.at))
    }

    /// While its own messages are not acknowledged these are question enough.
    fn is_probing(&self) -> bool {
        self.is_acknowledged && self.outbox.is_empty()
    }

    fn idle_ends(&self) -> Option<Instant> {
        match self.limit {
            TimeLimit::Idle(limit) => Some(self.last_heard + limit.min(MAX_DEADLINE)),
            TimeLimit::Deadline(_) => None,
        }
    }

    /// How many parts the other side may send beyond those that have arrived.
    fn credit(&self) -> usize {
        let most = MAX_CREDIT.unsigned_abs() as usize;
        if !self.is_stream || self.cancel.is_some() {
            return most;
        }
        // Each part may be a chunk of its own, but for those that complete the one that has begun.
        let begun = self.inbox.parts_to_go();
        let chunks = if self.unconsumed_bytes < MAX_UNCONSUMED_BYTES {
            self.credit_chunks.saturating_sub(self.unconsumed.len() + usize::from(begun > 0))
        } else {
            0
        };
        most.min(begun + chunks)
    }

    /// Says that there is more room, where that is worth a message.
    fn open_credit(&mut self, now: Instant, round_trip: &RoundTrip) {
        let allowed = self.inbox.received() + i64::try_from(self.credit()).unwrap_or_default();
        let worth = i64::try_from(self.credit_chunks / 2).unwrap_or(i64::MAX).clamp(1, 16);
        let was_closed = self.told <= self.inbox.received();
        if allowed > self.told && (was_closed || allowed - self.told >= worth) {
            self.receipt.get_or_insert(false);
            if was_closed {
                self.probe = Repeated { at: now + round_trip.resend_after(), times: 0 };
            }
        }
    }

    /// A message without the members that only parts of the arguments need.
    fn bare(&self, now: Instant, node: NodeId, done_before: i64, kind: u8) -> RpcRequest {
        let time_left = match (self.ends, self.limit) {
            (Some(ends), _) => ends.saturating_duration_since(now),
            (None, TimeLimit::Idle(limit) | TimeLimit::Deadline(limit)) => limit,
        };
        RpcRequest {
            version: VERSION,
            kind,
            codec: self.codec.to_wire(),
            is_stream: self.is_stream,
            is_long: self.ends.is_none(),
            caller: node.to_wire(),
            call: self.number,
            done_before,
            target: self.target.to_wire(),
            time_left_us: to_micros(from_micros(to_micros(time_left))),
            ..RpcRequest::default()
        }
    }

    fn header(&self, now: Instant, node: NodeId, done_before: i64, kind: u8) -> RpcRequest {
        RpcRequest {
            method: self.method.clone(),
            contract: self.contract.clone(),
            chain: self.chain.clone(),
            credit: i32::try_from(self.credit()).unwrap_or(MAX_CREDIT),
            ..self.bare(now, node, done_before, kind)
        }
    }
}

const ACCEPTED: u8 = RpcResponse::ACCEPTED.cast_unsigned();
const RUNNING: u8 = RpcResponse::RUNNING.cast_unsigned();
const CHUNK: u8 = RpcResponse::CHUNK.cast_unsigned();
const RESULT: u8 = RpcResponse::RESULT.cast_unsigned();
const ERROR: u8 = RpcResponse::ERROR.cast_unsigned();

/// The longest interval between two sendings of what nobody has acknowledged: some twenty of them fit the 2 s that a caller waits, which at
/// 30 % loss is enough for a million calls.
const UNACKNOWLEDGED_CAP: Duration = Duration::from_millis(100);

/// Longer than between two heartbeats. After that the caller asks, some twenty times within an idle limit of 3 s, so that it never ends
/// a call because of loss.
const QUIET: Duration = Duration::from_millis(1150);
const PROBE: Duration = Duration::from_millis(50);
const PROBE_CAP: Duration = Duration::from_millis(80);

/// Beyond the usual idle limit.
const MANY_PROBES: u32 = 30;
const SLOW_PROBE: Duration = Duration::from_millis(500);

/// What a method and a chain must leave of a datagram.
const MIN_ROOM: usize = 256;

const MAX_MISSING: usize = 256;

const MAX_UNCONSUMED_BYTES: usize = 16 << 20;

/// Keeps times representable.
const MAX_DEADLINE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
