//! The name of this process: claiming, owning, losing it. Which claims others made for the same name, and what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::config::Policy;
use super::core::ClaimError;
use super::heard::{HeardClaim, Said};
use super::limits::{MAX_DEFENCES, MAX_RIVALS};
use super::participant::State;
use super::timing::{DEFERENCE, DEFERENCE_LIMIT, FIRST_HOLDER_CALLS, FRESH, LISTEN, TAKEOVER_CALLS};
use crate::name::Name;
use crate::node::NodeId;

/// What this process is to the mesh.
#[derive(Debug)]
pub(super) struct Ownership {
    pub(super) phase: Phase,
    me: NodeId,
    /// Others that claim the same name, since this process began to.
    rivals: BTreeMap<NodeId, Rival>,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// It has said nothing yet.
    Absent,
    /// It takes part without a name.
    Client,
    /// It listens whether somebody else has the name.
    Claiming(Claiming),
    /// It owns the name.
    Owner(Owner),
    /// Somebody else has taken the name.
    Displaced { name: Name, epoch: i64 },
    /// It has left.
    Left { name: Option<Name>, epoch: i64 },
}

#[derive(Debug)]
pub(super) struct Claiming {
    pub(super) name: Name,
    policy: Policy,
    began: Instant,
    until: Instant,
    next_call: Instant,
    /// The strongest claim of an owner that was heard.
    strongest: Option<(i64, NodeId)>,
    /// An epoch in which somebody had the name.
    floor: i64,
}

#[derive(Debug)]
pub(super) struct Owner {
    pub(super) name: Name,
    pub(super) epoch: i64,
    policy: Policy,
    since: Instant,
    /// It was suspended since, and cannot know what it missed.
    was_suspended: bool,
    defended_against: BTreeSet<NodeId>,
}

#[derive(Debug)]
struct Rival {
    first: Instant,
    last: Instant,
    /// It was heard to ask for the name.
    has_asked: bool,
    /// It says that it owns the name, and has not taken that back.
    is_owning: bool,
}

/// What follows from another process's claim for the same name.
#[derive(Debug, PartialEq)]
pub(super) enum Reaction {
    /// Nothing.
    None,
    /// It asked: answer.
    Answer,
    /// It does not know that this process owns the name: say so until it does.
    Insist,
    /// No one else says that it owns the name.
    Content,
    /// The name is taken.
    Refused(ClaimError),
    /// The name was taken away.
    Displaced { name: Name },
    /// The name was taken once more.
    Retaken,
}

/// What is due while claiming.
#[derive(Debug)]
pub(super) enum Step {
    /// Say that this process claims the name.
    Call,
    /// The name is its own. Whether others still think it theirs.
    Taken { name: Name, epoch: i64, is_contested: bool },
    /// The name is not to be had.
    Refused(ClaimError),
}

impl Ownership {
    pub(super) const fn new(me: NodeId) -> Self {
        Self { phase: Phase::Absent, me, rivals: BTreeMap::new() }
    }

    pub(super) const fn name(&self) -> Option<&Name> {
        match &self.phase {
            Phase::Absent | Phase::Client => None,
            Phase::Claiming(Claiming { name, .. })
            | Phase::Owner(Owner { name, .. })
            | Phase::Displaced { name, .. } => Some(name),
            Phase::Left { name, .. } => name.as_ref(),
        }
    }

    pub(super) const fn epoch(&self) -> i64 {
        match &self.phase {
            Phase::Absent | Phase::Client | Phase::Claiming(_) => 0,
            Phase::Owner(Owner { epoch, .. }) | Phase::Displaced { epoch, .. } | Phase::Left { epoch, .. } => *epoch,
        }
    }

    pub(super) fn claim(&mut self, now: Instant, name: Name, policy: Policy, floor: i64) {
        self.rivals.clear();
        let until = now + LISTEN;
        self.phase =
            Phase::Claiming(Claiming { name, policy, began: now, until, next_call: now, strongest: None, floor });
    }

    /// This process was suspended until now.
    pub(super) fn resume(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Claiming(claiming) => {
                (claiming.began, claiming.until, claiming.next_call) = (now, now + LISTEN, now);
            }
            Phase::Owner(owner) => owner.was_suspended = true,
            _ => {}
        }
    }

    /// When [`Ownership::step`] is due.
    pub(super) fn next(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Claiming(claiming) => Some(claiming.until.min(claiming.next_call)),
            _ => None,
        }
    }

    /// What is due next, if anything is. `is_held` tells whether the name has an owner as far as is known, heard lately or not.
    pub(super) fn step(&mut self, now: Instant, is_held: bool) -> Option<Step> {
        let Phase::Claiming(claiming) = &mut self.phase else { return None };
        if now >= claiming.until && claiming.defers(now, is_held, self.me, &self.rivals) {
            claiming.until = now + DEFERENCE;
        }
        if now < claiming.until {
            if now < claiming.next_call {
                return None;
            }
            claiming.next_call = now + claiming.call_gap();
            return Some(Step::Call);
        }
        let name = claiming.name.clone();
        let strongest = claiming.strongest.unwrap_or((0, self.me));
        let epoch = strongest.0.max(claiming.floor).saturating_add(1);
        if (epoch, self.me) < strongest {
            self.phase = Phase::Client;
            return Some(Step::Refused(ClaimError::EpochsExhausted { name }));
        }
        let policy = claiming.policy;
        let (since, was_suspended, defended_against) = (now, false, BTreeSet::new());
        self.phase = Phase::Owner(Owner { name: name.clone(), epoch, policy, since, was_suspended, defended_against });
        Some(Step::Taken { name, epoch, is_contested: self.is_contested() })
    }

    /// Takes in a claim of another process, of whatever name.
    pub(super) fn heard(&mut self, now: Instant, claim: &HeardClaim<'_>) -> Reaction {
        let is_for = |name: &Name| claim.name.as_ref() == Some(name);
        let state = match claim.said {
            Said::Here(state) if self.name().is_some_and(is_for) => state,
            _ => return self.withdrawn(claim.node),
        };
        if state != State::Claiming && !state.is_owning() {
            return self.withdrawn(claim.node);
        }
        match &mut self.phase {
            Phase::Claiming(claiming) => {
                note_rival(&mut self.rivals, now, claim.node, state);
                if !state.is_owning() {
                    return Reaction::None;
                }
                if claiming.policy == Policy::FirstHolder {
                    let name = claiming.name.clone();
                    self.phase = Phase::Client;
                    let host = claim.host.to_owned();
                    return Reaction::Refused(ClaimError::Held { name, node: claim.node, host, pid: claim.pid });
                }
                claiming.strongest = claiming.strongest.max(Some((claim.epoch, claim.node)));
                Reaction::None
            }
            Phase::Owner(owner) => {
                note_rival(&mut self.rivals, now, claim.node, state);
                if !state.is_owning() {
                    return Reaction::Answer;
                }
                if (claim.epoch, claim.node) < (owner.epoch, self.me) {
                    return Reaction::Insist;
                }
                let rival = self.rivals.get(&claim.node);
                match claim.epoch.checked_add(1) {
                    Some(epoch) if owner.may_defend(now, claim, rival) => {
                        owner.defended_against.insert(claim.node);
                        owner.epoch = epoch;
                        Reaction::Retaken
                    }
                    _ => {
                        let (name, epoch) = (owner.name.clone(), owner.epoch);
                        self.phase = Phase::Displaced { name: name.clone(), epoch };
                        Reaction::Displaced { name }
                    }
                }
            }
            _ => Reaction::None,
        }
    }

    /// The process does not claim the name, or not any more.
    pub(super) fn withdrawn(&mut self, node: NodeId) -> Reaction {
        if self.rivals.remove(&node).is_some_and(|rival| rival.is_owning) && !self.is_contested() {
            Reaction::Content
        } else {
            Reaction::None
        }
    }

    fn is_contested(&self) -> bool {
        self.rivals.values().any(|rival| rival.is_owning)
    }
}

impl Claiming {
    /// Whether it goes on listening: for an owner that it knows, or for a stronger one of those that claim at the same time, to be
    /// refused by it.
    fn defers(&self, now: Instant, is_held: bool, me: NodeId, rivals: &BTreeMap<NodeId, Rival>) -> bool {
        let is_active = |rival: &Rival| now.saturating_duration_since(rival.last) <= DEFERENCE;
        self.policy == Policy::FirstHolder
            && now.saturating_duration_since(self.began) < DEFERENCE_LIMIT
            && (is_held || rivals.iter().any(|(&node, rival)| node > me && is_active(rival)))
    }

    fn call_gap(&self) -> std::time::Duration {
        match self.policy {
            Policy::TakeOver => LISTEN / TAKEOVER_CALLS,
            Policy::FirstHolder => LISTEN / FIRST_HOLDER_CALLS,
        }
    }
}

impl Owner {
    /// Whether a stronger claim was made without regard to this owner, by somebody who was suspended or did not hear it, so that
    /// it should be told once more. At most once for each process, and a few times in all.
    fn may_defend(&self, now: Instant, claim: &HeardClaim<'_>, rival: Option<&Rival>) -> bool {
        if self.was_suspended
            || self.defended_against.contains(&claim.node)
            || self.defended_against.len() >= MAX_DEFENCES
        {
            return false;
        }
        let asked = rival.filter(|rival| rival.has_asked);
        match self.policy {
            // Who asked while or after this process did is the newer one.
            Policy::TakeOver => asked.is_none(),
            // Who asked first has it. Who asked later did not hear the answers. If it means to take over, it will do so.
            Policy::FirstHolder => {
                now.saturating_duration_since(self.since) >= FRESH
                    && asked.is_none_or(|rival| rival.first >= self.since)
            }
        }
    }
}

fn note_rival(rivals: &mut BTreeMap<NodeId, Rival>, now: Instant, node: NodeId, state: State) {
    if rivals.len() >= MAX_RIVALS && !rivals.contains_key(&node) {
        let oldest = rivals.iter().min_by_key(|(_, rival)| rival.last).map(|(&node, _)| node);
        oldest.map(|node| rivals.remove(&node));
    }
    let rival = rivals.entry(node).or_insert(Rival { first: now, last: now, has_asked: false, is_owning: false });
    rival.last = now;
    rival.is_owning = state.is_owning();
    rival.has_asked |= state == State::Claiming;
}
