//! Who has not been heard for too long: silence, probe, loss. It knows nothing of what was said.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::agenda::Agenda;
use super::limits::{MAX_DOUBTS, MAX_PROBES};
use super::timing::{
    BEAT, BEATS_LINGER, BEATS_MISSED, INSIST, LISTEN, LOST_KEPT, PROBE_CALLS, PROBE_GAP, REFRESH, REFRESHES_MISSED,
};
use crate::node::NodeId;

/// The signs of life of all others.
#[derive(Debug)]
pub(super) struct Vigil {
    is_watching: bool,
    followed: BTreeMap<NodeId, u32>,
    /// Beats are read until then although nobody is followed.
    lingers_until: Option<Instant>,
    known: BTreeMap<NodeId, Watched>,
    agenda: Agenda<NodeId>,
    /// When this process began to listen, again: silence before that is nobody else's.
    listening_since: Instant,
    probes: usize,
    random: fastrand::Rng,
}

/// What is to be done about a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask it.
    Ask(NodeId),
    /// It is lost.
    Lost(NodeId),
    /// It was lost long ago.
    Forget(NodeId),
}

#[derive(Debug)]
struct Watched {
    heard: Instant,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Quiet,
    Probing { calls: u32, last: Instant },
    Lost,
}

impl Vigil {
    pub(super) fn new(now: Instant, is_watching: bool, seed: u64) -> Self {
        Self {
            is_watching,
            followed: BTreeMap::new(),
            lingers_until: None,
            known: BTreeMap::new(),
            agenda: Agenda::new(),
            listening_since: now,
            probes: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    pub(super) const fn is_watching(&self) -> bool {
        self.is_watching
    }

    pub(super) fn wants_beats(&self) -> bool {
        self.is_watching || !self.followed.is_empty() || self.lingers_until.is_some()
    }

    /// Ends the time for which beats are read although nobody is followed.
    pub(super) fn linger_until(&mut self, now: Instant) {
        self.lingers_until = self.lingers_until.filter(|&until| now < until);
    }

    /// Whether the beats of this process matter.
    pub(super) fn watches(&self, node: NodeId) -> bool {
        self.is_watching || self.followed.contains_key(&node)
    }

    pub(super) fn set_watching(&mut self, now: Instant, is_watching: bool) {
        if std::mem::replace(&mut self.is_watching, is_watching) != is_watching {
            self.listen_again(now);
        }
    }

    pub(super) fn follow(&mut self, now: Instant, node: NodeId) {
        let was_watched = self.watches(node);
        *self.followed.entry(node).or_default() += 1;
        if !was_watched && let Some(watched) = self.known.get_mut(&node) {
            // Nobody listened to its beats until now.
            watched.heard = now;
            self.reconsider(now, node);
        }
    }

    pub(super) fn unfollow(&mut self, now: Instant, node: NodeId) {
        let Some(references) = self.followed.get_mut(&node) else { return };
        *references -= 1;
        if *references == 0 {
            self.followed.remove(&node);
            self.lingers_until = Some(now + BEATS_LINGER);
            self.reconsider(now, node);
        }
    }

    /// A sign of life. Of a process that is not known it matters only where `is_new`.
    pub(super) fn heard(&mut self, now: Instant, node: NodeId, is_new: bool) {
        if let Some(watched) = self.known.get_mut(&node) {
            watched.heard = now;
            if watched.phase == Phase::Quiet {
                return;
            }
        } else if !is_new {
            return;
        }
        self.set_phase(now, node, Phase::Quiet);
        self.rest(now, node);
    }

    /// Someone else asked for this process, so this one need not: the answer goes to all.
    pub(super) fn asked_by_other(&mut self, now: Instant, node: NodeId) {
        let Some(watched) = self.known.get_mut(&node) else { return };
        if let Phase::Probing { calls, last } = &mut watched.phase
            && (*calls == 0 || now.saturating_duration_since(*last) >= PROBE_GAP / 2)
            && *calls < PROBE_CALLS
        {
            *calls += 1;
            *last = now;
            // A little later than the other one, so that it goes first again.
            self.agenda.set(node, now + PROBE_GAP + PROBE_GAP.mul_f64(self.random.f64()) / 4);
        }
    }

    /// Begins a probe at once.
    pub(super) fn suspect(&mut self, now: Instant, node: NodeId) {
        if self.known.get(&node).is_some_and(|watched| watched.phase == Phase::Quiet) {
            self.set_phase(now, node, Phase::Probing { calls: 0, last: now });
            self.agenda.set(node, now);
        }
    }

    /// Somebody says that it owns the name of this process, which should have answered that. Begins a probe if it does not do so
    /// soon, unless it was heard just now or many others are being probed: anybody can say so, as often as he likes.
    pub(super) fn doubt(&mut self, now: Instant, node: NodeId) {
        let was_silent = |watched: &Watched| now.saturating_duration_since(watched.heard) >= LISTEN;
        let is_quiet = |watched: &Watched| watched.phase == Phase::Quiet;
        if self.probes >= MAX_DOUBTS || !self.known.get(&node).is_some_and(|one| is_quiet(one) && was_silent(one)) {
            return;
        }
        self.set_phase(now, node, Phase::Probing { calls: 0, last: now });
        // All others doubt it at this moment, too: who is first asks for all.
        self.agenda.set(node, now + INSIST + PROBE_GAP.mul_f64(self.random.f64()));
    }

    pub(super) fn remove(&mut self, now: Instant, node: NodeId) {
        self.set_phase(now, node, Phase::Quiet);
        self.known.remove(&node);
        self.agenda.remove(&node);
    }

    /// Gives all others a new chance, since this process did not listen until now.
    pub(super) fn listen_again(&mut self, now: Instant) {
        self.listening_since = now;
        let alive = |(&node, watched): (&NodeId, &Watched)| (watched.phase != Phase::Lost).then_some(node);
        let alive: Vec<_> = self.known.iter().filter_map(alive).collect();
        for node in alive {
            self.set_phase(now, node, Phase::Quiet);
            self.rest(now, node);
        }
    }

    /// A process is not lost after all, since nobody could have been heard: everybody's time begins anew.
    pub(super) fn spare(&mut self, now: Instant, node: NodeId) {
        self.set_phase(now, node, Phase::Quiet);
        self.listen_again(now);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// What is due next, if anything is.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Due> {
        loop {
            let node = self.agenda.take_due(now)?;
            let Some(watched) = self.known.get(&node) else { continue };
            match watched.phase {
                Phase::Lost => {
                    self.known.remove(&node);
                    return Some(Due::Forget(node));
                }
                Phase::Probing { calls, .. } if calls >= PROBE_CALLS => {
                    self.set_phase(now, node, Phase::Lost);
                    self.agenda.set(node, now + LOST_KEPT);
                    return Some(Due::Lost(node));
                }
                Phase::Probing { calls, .. } => {
                    self.set_phase(now, node, Phase::Probing { calls: calls + 1, last: now });
                    self.agenda.set(node, now + PROBE_GAP);
                    return Some(Due::Ask(node));
                }
                Phase::Quiet if now < watched.heard.max(self.listening_since) + self.patience(node) => {
                    self.rest(now, node);
                }
                Phase::Quiet if self.probes >= MAX_PROBES => self.agenda.set(node, now + PROBE_GAP),
                Phase::Quiet => {
                    // Others may see the same silence: who is first asks for all.
                    let delay = PROBE_GAP.mul_f64(self.random.f64());
                    self.set_phase(now, node, Phase::Probing { calls: 0, last: now });
                    self.agenda.set(node, now + delay);
                }
            }
        }
    }

    /// Its patience has changed.
    fn reconsider(&mut self, now: Instant, node: NodeId) {
        if self.known.get(&node).is_some_and(|watched| watched.phase == Phase::Quiet) {
            self.rest(now, node);
        }
    }

    /// Looks at the process again when its patience ends, if nothing is heard until then.
    fn rest(&mut self, now: Instant, node: NodeId) {
        let Some(watched) = self.known.get(&node) else { return };
        let mut at = watched.heard.max(self.listening_since) + self.patience(node);
        if !self.watches(node) {
            at += REFRESH.mul_f64(self.random.f64());
        }
        self.agenda.set(node, at.max(now));
    }

    /// How long the process may be silent.
    fn patience(&self, node: NodeId) -> Duration {
        // A beat may come a tenth late.
        if self.watches(node) { BEAT * BEATS_MISSED + BEAT * BEATS_MISSED / 10 } else { REFRESH * REFRESHES_MISSED }
    }

    fn set_phase(&mut self, now: Instant, node: NodeId, phase: Phase) {
        let watched = self.known.entry(node).or_insert(Watched { heard: now, phase: Phase::Quiet });
        let before = std::mem::replace(&mut watched.phase, phase);
        let is_probe = |phase: Phase| usize::from(matches!(phase, Phase::Probing { .. }));
        self.probes = self.probes + is_probe(phase) - is_probe(before);
    }
}
