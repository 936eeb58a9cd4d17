//! Farewells in the name of processes that could not say theirs: who saw one end, as its parent does, says so for it.

use std::time::Instant;

use lcm_types::dimos_mesh::Claim;

use super::action::Action;
use super::core::Presence;
use super::participant::Participant;
use super::timing::{FAREWELL_GAP, FAREWELLS};
use crate::node::NodeId;

/// A farewell that is said for another process.
#[derive(Debug)]
pub(super) struct Obituary {
    claim: Claim,
    left: u32,
    next: Instant,
}

impl Presence {
    /// Tells all that a process has ended without a farewell. Its name is free at once, and who waits for its answers learns that
    /// none will come; otherwise all that would take until it is missed, 4 s or so. Only who saw it end may say so. A process of
    /// which nothing was heard needs none.
    pub fn declare_dead(&mut self, now: Instant, node: NodeId) {
        let Some(participant) = self.directory.participant(node) else { return };
        let claim = farewell(participant);
        self.obituaries.push(Obituary { claim, left: FAREWELLS, next: now });
        self.tick(now);
    }

    pub(super) fn say_obituaries(&mut self, now: Instant) {
        for obituary in self.obituaries.iter_mut().filter(|obituary| obituary.next <= now) {
            obituary.next = now + FAREWELL_GAP;
            obituary.left -= 1;
            obituary.claim.serial = obituary.claim.serial.wrapping_add(1);
            self.counts.claims_sent += 1;
            // It comes back, as all that this process says, and is taken in then.
            self.actions.push_back(Action::Claim(Box::new(obituary.claim.clone())));
        }
        self.obituaries.retain(|obituary| obituary.left > 0);
    }

    pub(super) fn next_obituary(&self) -> Option<Instant> {
        self.obituaries.iter().map(|obituary| obituary.next).min()
    }
}

fn farewell(participant: &Participant) -> Claim {
    let identity = participant.identity.clone();
    Claim {
        version: Claim::VERSION.cast_unsigned(),
        state: Claim::FAILED.cast_unsigned(),
        node: identity.node.to_wire(),
        epoch: participant.epoch,
        serial: participant.serial.wrapping_add(UNHEARD),
        name: participant.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        class_name: identity.class_name,
        host: identity.host,
        host_id: identity.host_id,
        pid: identity.pid,
        run_id: identity.run_id,
        contract: identity.contract,
        capabilities: identity.capabilities,
        extension: Vec::new(),
    }
}

/// So many of its last claims may have been heard by others only, and must not count as later ones.
const UNHEARD: i32 = 1000;
