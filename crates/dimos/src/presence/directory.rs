//! All that is known of the others: who is there, and how. Who of them owns which name is decided in `owners`; when they were heard
//! last is the business of `vigil`.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::action::{Action, Event};
use super::agenda::Agenda;
use super::counts::Counts;
use super::heard::{HeardBeat, HeardClaim, Said, is_newer};
use super::limits::MAX_LEFT;
use super::owners::{Owners, Standing};
use super::participant::{Participant, State};
use super::timing::{CLAIM_GAP, LEFT_KEPT};
use crate::name::Name;
use crate::node::NodeId;

/// The others.
#[derive(Debug)]
pub(super) struct Directory {
    max_nodes: usize,
    nodes: BTreeMap<NodeId, Entry>,
    owners: Owners,
    /// Those that were heard once or are lost, and since when. If there are too many, they go first, so that a flood of forged
    /// ones displaces itself.
    dispensable: Agenda<NodeId>,
    /// Those that have left, with their last serial.
    left: BTreeMap<NodeId, i32>,
    left_order: VecDeque<(Instant, NodeId)>,
}

#[derive(Debug)]
struct Entry {
    participant: Participant,
    joined: Instant,
    is_stuck: bool,
    is_displaced: bool,
    is_lost: bool,
}

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was overtaken by another one of the same process.
    Stale,
    /// There is no room for its process.
    Refused,
    /// It was taken in.
    Known,
    /// It was taken in, and another process had to go.
    KnownInsteadOf(NodeId),
    /// It was a farewell.
    Left,
}

impl Directory {
    pub(super) const fn new(max_nodes: usize) -> Self {
        Self {
            max_nodes,
            nodes: BTreeMap::new(),
            owners: Owners::new(),
            dispensable: Agenda::new(),
            left: BTreeMap::new(),
            left_order: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains_key(&node)
    }

    pub(super) fn has_left(&self, node: NodeId) -> bool {
        self.left.contains_key(&node)
    }

    pub(super) fn participant(&self, node: NodeId) -> Option<&Participant> {
        self.nodes.get(&node).map(|entry| &entry.participant)
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.nodes.values().map(|entry| &entry.participant)
    }

    pub(super) fn owner(&self, name: &Name) -> Option<(i64, NodeId)> {
        self.owners.owner(name)
    }

    /// Who has the name that this claim is too small for.
    pub(super) fn stronger(&self, claim: &HeardClaim<'_>) -> Option<NodeId> {
        self.owner(claim.owned_name()?).map(|(_, owner)| owner).filter(|&owner| owner != claim.node)
    }

    /// The largest epoch in which anybody is known to have owned the name: who owns it, or did until it was lost.
    pub(super) fn last_epoch(&self, name: &Name) -> i64 {
        let of_name = |participant: &&Participant| {
            participant.name.as_ref() == Some(name) && participant.state != State::Claiming
        };
        self.participants().filter(of_name).map(|participant| participant.epoch).max().unwrap_or_default()
    }

    /// Takes in a claim.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        claim: &HeardClaim<'_>,
        counts: &mut Counts,
        actions: &mut VecDeque<Action>,
    ) -> Taken {
        self.forget_left(now);
        let before = self.nodes.get(&claim.node).map(|entry| entry.participant.serial);
        let before = before.or_else(|| self.left.get(&claim.node).copied());
        if before.is_some_and(|before| !is_newer(claim.serial, before)) {
            counts.stale += 1;
            return Taken::Stale;
        }
        counts.claims += 1;
        let state = match claim.said {
            Said::Here(state) => state,
            Said::Farewell { failed } => {
                self.leave(now, claim, failed, actions);
                return Taken::Left;
            }
        };
        if let Some(entry) = self.nodes.get_mut(&claim.node) {
            if now.saturating_duration_since(entry.joined) >= CLAIM_GAP || entry.is_lost {
                self.dispensable.remove(&claim.node);
            }
            let before = entry.participant.state;
            let is_new = entry.participant.describe(claim)
                | (entry.participant.name != claim.name)
                | (entry.participant.epoch != claim.epoch)
                | (entry.participant.said != state && !(entry.is_displaced && state.is_owning()));
            let was_lost = std::mem::take(&mut entry.is_lost);
            self.settle(claim.node, claim.name.clone(), claim.epoch, state, actions);
            self.tell(claim.node, before, is_new, was_lost, actions);
            return Taken::Known;
        }
        let gone = if self.nodes.len() < self.max_nodes { None } else { self.make_room(actions) };
        if self.nodes.len() >= self.max_nodes {
            counts.crowded_out += 1;
            return Taken::Refused;
        }
        counts.crowded_out += u64::from(gone.is_some());
        self.left.remove(&claim.node);
        self.dispensable.set(claim.node, now);
        self.nodes.insert(claim.node, Entry::new(now, claim, state));
        self.settle(claim.node, claim.name.clone(), claim.epoch, state, actions);
        self.tell(claim.node, state, false, true, actions);
        gone.map_or(Taken::Known, Taken::KnownInsteadOf)
    }

    /// Takes in a beat of a known process. Returns whether it contradicts what its claims said, so that it should be asked.
    pub(super) fn heard_beat(
        &mut self,
        now: Instant,
        beat: &HeardBeat<'_>,
        stuck_after: Duration,
        actions: &mut VecDeque<Action>,
    ) -> bool {
        let Some(entry) = self.nodes.get_mut(&beat.node) else { return true };
        if now.saturating_duration_since(entry.joined) >= CLAIM_GAP {
            self.dispensable.remove(&beat.node);
        }
        if entry.participant.beat.is_some_and(|before| !is_newer(beat.counter, before)) {
            return false;
        }
        let participant = &mut entry.participant;
        participant.beat = Some(beat.counter);
        participant.handler = Duration::from_millis(beat.handler_ms.into());
        participant.count(&beat.published);
        let (node, name, handler) = (beat.node, participant.name.clone(), participant.handler);
        let is_stuck = handler >= stuck_after;
        let was_stuck = std::mem::replace(&mut entry.is_stuck, is_stuck);
        if is_stuck && !was_stuck {
            actions.push_back(Action::Event(Event::Stuck { node, name, handler }));
        } else if was_stuck && !is_stuck {
            actions.push_back(Action::Event(Event::Unstuck { node, name }));
        }
        entry.update();
        entry.participant.said != beat.state || (entry.is_displaced && beat.state.is_owning())
    }

    /// A sign of life of a process that was lost. Returns whether it was.
    pub(super) fn revive(&mut self, node: NodeId, actions: &mut VecDeque<Action>) -> bool {
        let Some(entry) = self.nodes.get_mut(&node) else { return false };
        if !std::mem::take(&mut entry.is_lost) {
            return false;
        }
        self.dispensable.remove(&node);
        let participant = &entry.participant;
        let (name, epoch, said) = (participant.name.clone(), participant.epoch, participant.said);
        self.settle(node, name, epoch, said, actions);
        self.tell(node, State::Lost, false, true, actions);
        true
    }

    /// A process does not answer.
    pub(super) fn lose(&mut self, now: Instant, node: NodeId, actions: &mut VecDeque<Action>) {
        let Some(entry) = self.nodes.get_mut(&node) else { return };
        entry.is_lost = true;
        entry.is_stuck = false;
        entry.update();
        let (name, epoch) = (entry.participant.name.clone(), entry.participant.epoch);
        self.dispensable.set(node, now);
        actions.push_back(Action::Event(Event::Lost { node, name: name.clone() }));
        self.withdraw(node, name.as_ref(), epoch, actions);
    }

    /// Forgets a process without a word.
    pub(super) fn forget(&mut self, node: NodeId, actions: &mut VecDeque<Action>) {
        self.dispensable.remove(&node);
        if let Some(Entry { participant, .. }) = self.nodes.remove(&node) {
            self.withdraw(node, participant.name.as_ref(), participant.epoch, actions);
        }
    }

    /// Others depend on it, so it does not have to go if there are too many.
    pub(super) fn keep(&mut self, node: NodeId) {
        self.dispensable.remove(&node);
    }

    fn leave(&mut self, now: Instant, claim: &HeardClaim<'_>, failed: bool, actions: &mut VecDeque<Action>) {
        let node = claim.node;
        self.dispensable.remove(&node);
        if let Some(Entry { participant, .. }) = self.nodes.remove(&node) {
            let name = participant.name;
            actions.push_back(Action::Event(Event::Left { node, name: name.clone(), failed }));
            self.withdraw(node, name.as_ref(), participant.epoch, actions);
        }
        if self.left.insert(node, claim.serial).is_none() {
            self.left_order.push_back((now, node));
        }
        self.forget_left(now);
    }

    fn forget_left(&mut self, now: Instant) {
        while let Some(&(at, node)) = self.left_order.front() {
            if self.left_order.len() <= MAX_LEFT && now.saturating_duration_since(at) < LEFT_KEPT {
                break;
            }
            self.left_order.pop_front();
            self.left.remove(&node);
        }
    }

    /// Decides who owns the name that a process claims, and sets its state.
    fn settle(&mut self, node: NodeId, name: Option<Name>, epoch: i64, said: State, actions: &mut VecDeque<Action>) {
        let Some(entry) = self.nodes.get(&node) else { return };
        let (name_before, epoch_before) = (entry.participant.name.clone(), entry.participant.epoch);
        if name_before != name || !said.is_owning() {
            self.withdraw(node, name_before.as_ref(), epoch_before, actions);
        }
        let mut is_displaced = said == State::Displaced;
        let mut loser = None;
        if let Some(name) = name.as_ref().filter(|_| said.is_owning()) {
            self.owners.cease(name, epoch_before, node);
            match self.owners.claim(name, epoch, node) {
                Standing::Owner { instead_of } => loser = instead_of,
                Standing::Contender => is_displaced = true,
            }
        }
        let Some(entry) = self.nodes.get_mut(&node) else { return };
        entry.participant.name = name;
        entry.participant.epoch = epoch;
        entry.participant.said = said;
        entry.is_displaced = is_displaced;
        entry.update();
        if let Some(loser) = loser {
            self.displace(loser, node, actions);
        }
    }

    fn displace(&mut self, loser: NodeId, by: NodeId, actions: &mut VecDeque<Action>) {
        let Some(entry) = self.nodes.get_mut(&loser) else { return };
        let was_displaced = std::mem::replace(&mut entry.is_displaced, true);
        entry.update();
        if let Some(name) = entry.participant.name.clone().filter(|_| !was_displaced) {
            actions.push_back(Action::Event(Event::Displaced { node: loser, name, by: Some(by) }));
        }
    }

    /// Says what became of a process whose claim was taken in.
    fn tell(&self, node: NodeId, before: State, is_new: bool, has_joined: bool, actions: &mut VecDeque<Action>) {
        let Some(Entry { participant, .. }) = self.nodes.get(&node) else { return };
        let event = if has_joined {
            Event::Joined(participant.clone())
        } else if let (State::Displaced, Some(name), true) =
            (participant.state, &participant.name, before != State::Displaced)
        {
            let by = self.owner(name).map(|(_, by)| by).filter(|&by| by != node);
            Event::Displaced { node, name: name.clone(), by }
        } else if is_new && !(before == State::Displaced && participant.state == State::Displaced) {
            Event::Changed(participant.clone())
        } else {
            return;
        };
        actions.push_back(Action::Event(event));
    }

    /// The process does not claim the name any more, so that another one may own it.
    fn withdraw(&mut self, node: NodeId, name: Option<&Name>, epoch: i64, actions: &mut VecDeque<Action>) {
        let heir = name.and_then(|name| self.owners.withdraw(name, epoch, node));
        if let Some(entry) = heir.and_then(|heir| self.nodes.get_mut(&heir)) {
            entry.is_displaced = false;
            entry.update();
            actions.push_back(Action::Event(Event::Changed(entry.participant.clone())));
        }
    }

    fn make_room(&mut self, actions: &mut VecDeque<Action>) -> Option<NodeId> {
        let node = self.dispensable.take_first()?;
        self.forget(node, actions);
        Some(node)
    }
}

impl Entry {
    fn new(now: Instant, claim: &HeardClaim<'_>, state: State) -> Self {
        Self {
            participant: Participant::new(claim, state),
            joined: now,
            is_stuck: false,
            is_displaced: false,
            is_lost: false,
        }
    }

    fn update(&mut self) {
        let said = self.participant.said;
        self.participant.state = if self.is_lost {
            State::Lost
        } else if self.is_displaced {
            State::Displaced
        } else if self.is_stuck && said.is_owning() {
            State::Stuck
        } else {
            said
        };
    }
}
