//! What follows from the messages of others.

use std::time::Instant;

use lcm_types::dimos_mesh::{AskView, BeatView, ClaimView};

use super::action::Action;
use super::core::Presence;
use super::directory::Taken;
use super::heard::{HeardAsk, HeardBeat, HeardClaim, Target, is_newer};
use super::ownership::{Phase, Reaction};
use crate::node::NodeId;

impl Presence {
    /// Takes in a claim, one of its own included.
    pub fn heard_claim(&mut self, now: Instant, view: &ClaimView<'_>) {
        self.set_clock(now);
        self.note_heard(now);
        let Some(claim) = HeardClaim::check(view, &mut self.counts) else { return };
        if claim.node == self.node() {
            self.heard_own_claim(now, claim.serial);
            return;
        }
        let is_new = !self.directory.contains(claim.node);
        let taken = self.directory.heard(now, &claim, &mut self.counts, &mut self.actions);
        match taken {
            Taken::Stale => return,
            Taken::Refused => {}
            Taken::Left => self.vigil.remove(now, claim.node),
            Taken::Known => self.vigil.heard(now, claim.node, true),
            Taken::KnownInsteadOf(other) => {
                self.vigil.remove(now, other);
                self.vigil.heard(now, claim.node, true);
            }
        }
        if let Some(owner) = self.directory.stronger(&claim) {
            self.vigil.doubt(now, owner);
        }
        self.searching.heard(claim.node, claim.owned_name(), is_new);
        let reaction = self.ownership.heard(now, &claim);
        self.react(now, claim.node, reaction);
    }

    /// Takes in a question.
    pub fn heard_ask(&mut self, now: Instant, view: &AskView<'_>) {
        self.set_clock(now);
        self.note_heard(now);
        let Some(ask) = HeardAsk::check(view, &mut self.counts) else { return };
        if ask.asker == self.node().to_wire() {
            return;
        }
        self.counts.asks += 1;
        if matches!(self.ownership.phase, Phase::Absent | Phase::Left { .. }) {
            return;
        }
        match ask.target {
            Target::All => self.announcing.answer_among(now, self.directory.len(), &mut self.random),
            Target::Node(node) if node == self.node() => self.announcing.reassure(now),
            Target::Node(node) => self.vigil.asked_by_other(now, node),
            Target::Owner(name) => {
                if self.owned().is_some_and(|(own, _)| *own == name) {
                    self.announcing.answer(now);
                }
            }
        }
        self.tick(now);
    }

    /// Takes in a beat. While beats are not of interest it costs next to nothing.
    pub fn heard_beat(&mut self, now: Instant, view: &BeatView<'_>) {
        self.set_clock(now);
        self.note_heard(now);
        let Some(beat) = HeardBeat::check(view, &mut self.counts) else { return };
        let node = beat.node;
        if node == self.node() || self.directory.has_left(node) {
            return;
        }
        self.heard(now, node);
        if !self.vigil.watches(node) {
            return;
        }
        self.counts.beats += 1;
        if self.directory.heard_beat(now, &beat, self.stuck_after, &mut self.actions) {
            if !self.searching.start_unknown(now, node) {
                self.counts.beats_ignored += 1;
            }
            self.tick(now);
        }
    }

    /// Takes in a sign of life of another process: any message it sent.
    pub fn heard(&mut self, now: Instant, node: NodeId) {
        self.set_clock(now);
        if self.directory.revive(node, &mut self.actions) {
            // Much may have changed meanwhile.
            self.searching.start_unknown(now, node);
        }
        self.vigil.heard(now, node, false);
    }

    /// The bus works.
    fn note_heard(&mut self, now: Instant) {
        self.last_heard = self.last_heard.map(|_| now);
    }

    /// What this process said comes back. If it did not say it, somebody uses its number, and what it says itself counts for
    /// nothing until its serial is the newer one again.
    fn heard_own_claim(&mut self, now: Instant, serial: i32) {
        if is_newer(serial, self.serial) && self.announcing.next().is_some() {
            self.counts.impersonated += 1;
            self.serial = serial;
            self.announcing.later(now);
        }
    }

    fn react(&mut self, now: Instant, other: NodeId, reaction: Reaction) {
        match reaction {
            Reaction::None => return,
            Reaction::Answer => self.announcing.answer(now),
            Reaction::Insist => self.announcing.insist(now),
            Reaction::Content => self.announcing.content(),
            Reaction::Retaken => {
                self.announcing.taken(now);
                self.announcing.insist(now);
            }
            Reaction::Refused(error) => {
                self.announcing.news(now);
                self.actions.push_back(Action::Refused(error));
            }
            Reaction::Displaced { name } => {
                self.announcing.content();
                self.announcing.news(now);
                self.actions.push_back(Action::Displaced { name, by: other });
            }
        }
        self.tick(now);
    }
}
