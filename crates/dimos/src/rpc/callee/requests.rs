//! What a caller says of a call that it made: that it has parts of the answer, that the handler shall stop, that it is over.

use std::time::Instant;

use lcm_types::dimos_mesh::RpcRequestView;

use super::memory::Known;
use super::served::State;
use super::spec::{CalleeOutput, ServedCall};
use super::{Callee, MAX_LIST, Output};
use crate::rpc::error::RpcError;
use crate::rpc::wire::Receipt;

impl Callee {
    pub(super) fn heard_cancel(&mut self, now: Instant, received: Instant, id: ServedCall) {
        match self.memory.known(id) {
            // Cancelled before it came: it shall not run when it does.
            Known::New => {
                self.memory.refuse(now, id, RpcError::Cancelled, &self.limits);
                self.reply(id, &RpcError::Cancelled);
            }
            Known::Refused(error) => self.reply(id, &error),
            Known::Over | Known::Forgotten => self.counts.repeated += 1,
            Known::Live => {
                let Some((served, peer)) = self.memory.live_and_peer(id) else { return };
                served.heard(received, None);
                match served.state {
                    State::Arriving => self.refuse(now, id, RpcError::Cancelled),
                    State::Waiting => {
                        self.leave_queue(id);
                        self.answer(now, id, Err(RpcError::Cancelled));
                    }
                    State::Running if !served.is_cancelled => {
                        served.is_cancelled = true;
                        self.outputs.push_back(Output::Ready(CalleeOutput::Cancel(id)));
                    }
                    State::Running | State::Abandoned => {}
                    State::Answered => {
                        served.repeated(now, &peer.round_trip);
                        self.settle(now, id);
                    }
                }
            }
        }
    }

    pub(super) fn heard_received(
        &mut self,
        now: Instant,
        received: Instant,
        id: ServedCall,
        view: &RpcRequestView<'_>,
    ) {
        match self.memory.known(id) {
            Known::New | Known::Forgotten => self.reply(id, &RpcError::OutcomeUnknown),
            Known::Refused(error) => self.reply(id, &error),
            Known::Over => self.counts.repeated += 1,
            Known::Live => {
                let Some((served, peer)) = self.memory.live_and_peer(id) else { return };
                served.heard(received, None);
                if served.state != State::Arriving {
                    let missing = view.missing().iter().take(MAX_LIST).map(|missing| missing.get()).collect();
                    let receipt = Receipt { received: view.received(), credit: view.credit(), missing };
                    served.reported(now, &receipt, view.attempt() > 0, &mut peer.round_trip, &mut self.rng);
                    if served.state == State::Answered && served.outbox.is_empty() {
                        self.end(now, id);
                        return;
                    }
                }
                self.settle(now, id);
            }
        }
    }

    /// The caller wants nothing of this call any more.
    pub(super) fn over(&mut self, now: Instant, id: ServedCall) {
        let Some((served, peer)) = self.memory.live_and_peer(id) else { return };
        match served.state {
            State::Arriving => self.end(now, id),
            State::Answered => {
                served.outbox.acknowledge_all(now, &mut peer.round_trip, &mut self.rng);
                self.end(now, id);
            }
            State::Waiting => {
                self.leave_queue(id);
                self.end(now, id);
            }
            State::Running => self.abandon(id),
            State::Abandoned => {}
        }
    }

    pub(super) fn abandon(&mut self, id: ServedCall) {
        let Some(served) = self.memory.live_mut(id) else { return };
        served.state = State::Abandoned;
        if !served.is_cancelled {
            served.is_cancelled = true;
            self.outputs.push_back(Output::Ready(CalleeOutput::Cancel(id)));
        }
        self.large.remove(&id);
        self.timers.set(id, None);
    }
}
