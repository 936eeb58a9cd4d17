//! How calls end, and all that they have to say until then.

use std::sync::Arc;
use std::time::Instant;

use lcm_types::dimos_mesh::{RpcRequest, RpcResponse};

use super::memory::Peer;
use super::served::{State, addressed};
use super::spec::{CalleeOutput, Finished, ServedCall};
use super::{Callee, Output};
use crate::rpc::error::RpcError;
use crate::rpc::outbox::MAX_WINDOW;

impl Callee {
    pub(super) fn answer(&mut self, now: Instant, id: ServedCall, outcome: Finished) {
        let Some(served) = self.memory.live_mut(id) else { return };
        self.held_argument_bytes -= std::mem::take(&mut served.argument_bytes);
        served.answer(now, outcome, &self.limits);
        self.answer_bytes += served.answer_bytes;
        self.answered.push_back(id);
        self.settle(now, id);
        while self.answered.len() > self.limits.answers || self.answer_bytes > self.limits.answer_bytes {
            let Some(oldest) = self.answered.pop_front() else { break };
            // A single answer is never too many.
            if oldest == id {
                self.answered.push_front(id);
                break;
            }
            if self.memory.live(oldest).is_some_and(|served| served.state == State::Answered) {
                self.counts.answers_dropped += 1;
                self.refuse(now, oldest, RpcError::OutcomeUnknown);
            }
        }
    }

    /// Takes all of a call away, and tells its caller why once. Again whenever he asks.
    pub(super) fn refuse(&mut self, now: Instant, id: ServedCall, error: RpcError) {
        self.end(now, id);
        self.reply(id, &error);
        self.memory.explain(id, error);
    }

    pub(super) fn end(&mut self, now: Instant, id: ServedCall) {
        if let Some(served) = self.memory.end(now, id, &self.limits) {
            self.held_argument_bytes -= served.argument_bytes;
            self.answer_bytes -= served.answer_bytes;
            self.arriving.remove(&id);
            self.large.remove(&id);
            self.timers.set(id, None);
        }
    }

    /// Answers without remembering it.
    pub(super) fn reply(&mut self, id: ServedCall, error: &RpcError) {
        self.counts.refused += 1;
        let mut json = error.to_json();
        if json.len() > self.part_bytes {
            json = RpcError::Other { code: error.code().to_owned(), message: String::new(), data: None }.to_json();
        }
        let response = RpcResponse {
            kind: RpcResponse::ERROR.cast_unsigned(),
            codec: RpcRequest::JSON.cast_unsigned(),
            total_bytes: i32::try_from(json.len()).unwrap_or_default(),
            part: json,
            ..RpcResponse::default()
        };
        let channel = match self.memory.channel(id.caller) {
            Some(channel) => Arc::clone(channel),
            None => id.caller.response_channel().into(),
        };
        let response = addressed(response, self.node, id.caller, id.call);
        self.outputs.push_back(Output::Ready(CalleeOutput::Send { channel, response }));
    }

    /// Emits all that a call has to say, after something happened to it.
    pub(super) fn settle(&mut self, now: Instant, id: ServedCall) {
        let share = MAX_WINDOW / self.large.len().max(1);
        let Some((served, peer)) = self.memory.live_and_peer(id) else { return };
        let Peer { channel, round_trip } = peer;
        let mut send = |response| {
            let response = addressed(response, self.node, id.caller, id.call);
            self.outputs.push_back(Output::Ready(CalleeOutput::Send { channel: Arc::clone(channel), response }));
        };
        if let Some(response) = served.message(now) {
            send(response);
        }
        while let Some(response) = served.next_part(now, share.max(2), round_trip, &mut self.rng) {
            send(response);
        }
        if let Some(chunks) = served.reopened(&self.limits) {
            self.outputs.push_back(Output::Ready(CalleeOutput::Credit { call: id, chunks }));
        }
        if served.outbox.is_large() {
            self.large.insert(id);
        } else {
            self.large.remove(&id);
        }
        self.timers.set(id, served.wakeup(&self.limits));
    }
}
