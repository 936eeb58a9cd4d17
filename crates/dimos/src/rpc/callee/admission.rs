//! Which calls are taken in: all that a request must fulfil before its handler runs.

use std::time::Instant;

use lcm_types::dimos_mesh::RpcRequestView;

use super::memory::Known;
use super::served::{Served, State};
use super::spec::ServedCall;
use super::{Callee, LATE, Turns};
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::inbox::Arrival;
use crate::rpc::wire::{ACKNOWLEDGE, Codec, Part, from_micros};

/// Why a call is not taken in.
enum Refusal {
    /// It will never be, so it need not be remembered.
    Always(RpcError),
    /// It might be another time, when its caller thinks that it is over.
    Now(RpcError),
}

impl Callee {
    /// A call, or another part of its arguments.
    pub(super) fn heard_call(&mut self, now: Instant, received: Instant, id: ServedCall, view: &RpcRequestView<'_>) {
        match self.memory.known(id) {
            Known::Over => {
                self.counts.repeated += 1;
                return;
            }
            Known::Refused(error) => {
                self.counts.repeated += 1;
                self.reply(id, &error);
                return;
            }
            Known::Forgotten => {
                self.reply(id, &RpcError::OutcomeUnknown);
                return;
            }
            Known::New => match self.admit(now, received, id, view) {
                Ok(()) => {}
                Err(Refusal::Always(error)) => {
                    self.reply(id, &error);
                    return;
                }
                Err(Refusal::Now(error)) => {
                    self.reply(id, &error);
                    self.memory.refuse(now, id, error, &self.limits);
                    return;
                }
            },
            Known::Live => {}
        }
        let Some((served, peer)) = self.memory.live_and_peer(id) else { return };
        served.heard(received, Some(view.time_left_us()));
        if served.state == State::Arriving {
            self.take_part(now, id, view);
        } else {
            self.counts.repeated += 1;
            served.repeated(now, &peer.round_trip);
        }
        self.settle(now, id);
    }

    fn admit(
        &mut self,
        now: Instant,
        received: Instant,
        id: ServedCall,
        view: &RpcRequestView<'_>,
    ) -> Result<(), Refusal> {
        let bad = |message: &str| Refusal::Always(RpcError::BadArguments { message: message.to_owned(), data: None });
        let name = view.method().to_str_lossy();
        let shown = || shortened(&name);
        let Some(method) = self.methods.get(&*name) else {
            return Err(Refusal::Always(RpcError::UnknownMethod { method: shown() }));
        };
        if view.is_stream() && !method.is_stream {
            return Err(Refusal::Always(RpcError::NotStreaming { method: shown() }));
        }
        if method.is_stream && !view.is_stream() {
            return Err(Refusal::Always(RpcError::NotUnary { method: shown() }));
        }
        let codec = Codec::from_wire(view.codec()).ok_or_else(|| bad("an unknown codec"))?;
        let contract = method.contract.as_deref().unwrap_or_default();
        if codec == Codec::Bincode && (contract.is_empty() || view.contract() != contract) {
            let caller = shortened(&view.contract().to_str_lossy());
            return Err(Refusal::Always(RpcError::ContractMismatch { caller, callee: contract.to_owned() }));
        }
        if view.chain().len() > MAX_CHAIN {
            return Err(bad("a chain of too many calls"));
        }
        let is_here = |node: &_| NodeId::from_wire(*node) == Some(self.node);
        if !method.is_reentrant && view.chain().iter().map(|node| node.get()).any(|node| is_here(&node)) {
            return Err(Refusal::Always(RpcError::Reentrant { method: shown() }));
        }
        let bytes = usize::try_from(view.total_bytes()).map_err(|_| bad("their length is negative"))?;
        if bytes > self.limits.argument_bytes {
            let limit = self.limits.argument_bytes;
            return Err(Refusal::Always(RpcError::ArgumentsTooLarge { bytes, limit }));
        }
        if self.is_displaced {
            return Err(Refusal::Always(RpcError::Displaced));
        }
        // Whoever waits this long for an acknowledgement has given up.
        let is_given_up = now.saturating_duration_since(received) >= ACKNOWLEDGE;
        if is_given_up || received + from_micros(view.time_left_us()) <= now {
            return Err(Refusal::Now(LATE));
        }
        let is_concurrent = method.is_concurrent;
        let waiting = self.turns_of(is_concurrent).waiting.len();
        let overloaded = || Refusal::Now(RpcError::Overloaded { waiting });
        if self.turns_of(is_concurrent).is_full(self.limits.waiting) || self.arriving.len() >= self.limits.arriving {
            return Err(overloaded());
        }
        if !self.memory.make_room(now, id.caller, &self.limits) {
            return Err(overloaded());
        }
        let served = Served::new(now, received, view, codec, is_concurrent, self.part_bytes, &self.limits);
        self.memory.begin(id, served);
        self.arriving.insert(id);
        Ok(())
    }

    /// Takes in a part of the arguments, and queues the call when they are complete.
    fn take_part(&mut self, now: Instant, id: ServedCall, view: &RpcRequestView<'_>) {
        let Some(served) = self.memory.live_mut(id) else { return };
        let part = Part {
            sequence: view.sequence(),
            kind: super::CALL,
            total_bytes: view.total_bytes(),
            offset: view.offset(),
            bytes: view.part(),
        };
        match served.inbox.insert(now, &part) {
            Arrival::New => served.got_part(now),
            Arrival::Repeated => self.counts.repeated += 1,
            Arrival::Malformed => self.counts.malformed += 1,
            Arrival::TooLarge(bytes) => {
                let limit = self.limits.argument_bytes;
                self.refuse(now, id, RpcError::ArgumentsTooLarge { bytes, limit });
                return;
            }
        }
        let complete = served.inbox.take();
        let held_bytes = complete.as_ref().map_or_else(|| served.inbox.held_bytes(), |body| body.bytes.capacity());
        self.held_argument_bytes = self.held_argument_bytes - served.argument_bytes + held_bytes;
        served.argument_bytes = held_bytes;
        let is_concurrent = served.is_concurrent;
        if let Some(body) = &complete
            && body.kind == super::CALL
        {
            self.arriving.remove(&id);
        }
        let waiting = self.turns_of(is_concurrent).waiting.len();
        if self.held_argument_bytes > self.limits.held_argument_bytes
            || (complete.is_some() && self.turns_of(is_concurrent).is_full(self.limits.waiting))
        {
            self.refuse(now, id, RpcError::Overloaded { waiting });
        } else if let Some(body) = complete {
            if let Some(served) = self.memory.live_mut(id) {
                served.arrived(now, body.bytes, &self.limits);
            }
            let turns = if is_concurrent { &mut self.concurrent_turns } else { &mut self.turns };
            turns.waiting.push_back(id);
        }
    }

    fn turns_of(&self, is_concurrent: bool) -> &Turns {
        if is_concurrent { &self.concurrent_turns } else { &self.turns }
    }
}

/// The beginning of a text of another process, for an error.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Longer chains are no honest ones.
const MAX_CHAIN: usize = 64;
