//! What is done as time passes: claims, questions and beats that are due, processes that are lost.

use std::time::Instant;

use lcm_types::dimos_mesh::{Ask, Beat, Claim};

use super::action::Action;
use super::announcing::vary;
use super::core::{Farewell, Presence};
use super::heard::Target;
use super::ownership::{Phase, Reaction, Step};
use super::participant::State;
use super::timing::{BEAT, CUT_OFF, FAREWELL_GAP, SUSPENDED};
use super::vigil::Due;

impl Presence {
    /// Does what is due. To be called at [`Presence::next_wakeup`], and harmless at any other time.
    pub fn tick(&mut self, now: Instant) {
        self.set_clock(now);
        if matches!(self.ownership.phase, Phase::Left { .. }) {
            self.say_goodbye(now);
            return;
        }
        while let Some(step) = self.ownership.step(now, self.is_wanted_name_held()) {
            match step {
                Step::Call => self.announcing.answer(now),
                Step::Taken { name, epoch, is_contested } => {
                    self.announcing.taken(now);
                    if is_contested {
                        self.announcing.insist(now);
                    }
                    self.actions.push_back(Action::Owned { name, epoch });
                }
                Step::Refused(error) => {
                    self.announcing.news(now);
                    self.actions.push_back(Action::Refused(error));
                }
            }
        }
        if self.announcing.next().is_some_and(|at| at <= now) {
            self.send_claim(self.said().to_wire());
            self.announcing.sent(now, &mut self.random);
        }
        if self.next_beat.is_some_and(|at| at <= now) {
            self.next_beat = Some(now + vary(BEAT, 0.9..1.1, &mut self.random));
            self.send_beat();
        }
        let reads_own_beats = self.vigil.wants_beats() && self.next_beat.is_some();
        self.last_heard = reads_own_beats.then(|| self.last_heard.unwrap_or(now));
        self.say_obituaries(now);
        self.vigil.linger_until(now);
        while let Some(due) = self.vigil.take_due(now) {
            match due {
                Due::Ask(node) => self.send_ask(&Target::Node(node)),
                // Who hears nothing at all, not even itself, has no bus, and cannot tell who else is gone.
                Due::Lost(node) if self.is_cut_off(now) => self.vigil.spare(now, node),
                Due::Lost(node) => {
                    self.directory.lose(now, node, &mut self.actions);
                    if let Reaction::Content = self.ownership.withdrawn(node) {
                        self.announcing.content();
                    }
                }
                Due::Forget(node) => self.directory.forget(node, &mut self.actions),
            }
        }
        while let Some(target) = self.searching.take_due(now, self.directory.len(), self.vigil.is_watching()) {
            self.send_ask(&target);
        }
    }

    /// When [`Presence::tick`] is to be called next, if nothing else happens. None if nothing ever is, such as
    /// after it has left.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        if matches!(self.ownership.phase, Phase::Left { .. }) {
            return self.goodbye.as_ref().map(|goodbye| goodbye.next);
        }
        let own = [self.ownership.next(), self.announcing.next(), self.next_beat];
        let others = [self.vigil.next(), self.searching.next(), self.next_obituary()];
        own.into_iter().chain(others).flatten().min()
    }

    /// Notices if this process was suspended: then it has missed what others said, and that is not their fault.
    pub(super) fn set_clock(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last_called);
        self.last_called = self.last_called.max(now);
        if gap < SUSPENDED || self.next_beat.is_none() && !self.vigil.is_watching() {
            return;
        }
        self.vigil.listen_again(now);
        self.last_heard = None;
        self.ownership.resume(now);
        if self.vigil.is_watching() {
            self.searching.start(now, Target::All);
        }
        if self.next_beat.is_some() {
            self.announcing.news(now);
        }
    }

    /// Whether nothing comes, not even what this process says itself, which happens where the network is down.
    fn is_cut_off(&self, now: Instant) -> bool {
        self.last_heard.is_some_and(|heard| now.saturating_duration_since(heard) > CUT_OFF)
    }

    /// Begins to beat.
    pub(super) fn arrive(&mut self, now: Instant) {
        self.set_clock(now);
        if self.next_beat.is_none() {
            self.next_beat = Some(now + vary(BEAT, 0.0..1.0, &mut self.random));
        }
    }

    /// Tells others that something has changed, if they know this process at all.
    pub(super) fn announce_change(&mut self, now: Instant) {
        if matches!(self.ownership.phase, Phase::Client | Phase::Owner(_)) {
            self.announcing.news(now);
        }
        self.tick(now);
    }

    fn is_wanted_name_held(&self) -> bool {
        match &self.ownership.phase {
            Phase::Claiming(claiming) => self.directory.owner(&claiming.name).is_some(),
            _ => false,
        }
    }

    /// The state that claims and beats tell.
    fn said(&self) -> State {
        match self.ownership.phase {
            Phase::Claiming(_) => State::Claiming,
            Phase::Displaced { .. } => State::Displaced,
            _ => self.stage.into(),
        }
    }

    fn say_goodbye(&mut self, now: Instant) {
        let Some(goodbye) = self.goodbye.as_mut().filter(|goodbye| goodbye.next <= now) else { return };
        let state = match goodbye.farewell {
            Farewell::Gone => Claim::GONE,
            Farewell::Failed => Claim::FAILED,
        };
        goodbye.next = now + FAREWELL_GAP;
        goodbye.left -= 1;
        if goodbye.left == 0 {
            self.goodbye = None;
        }
        self.send_claim(state.cast_unsigned());
    }

    fn send_claim(&mut self, state: u8) {
        self.serial = self.serial.wrapping_add(1);
        self.counts.claims_sent += 1;
        let identity = &self.identity;
        let claim = Claim {
            version: Claim::VERSION.cast_unsigned(),
            state,
            node: identity.node.to_wire(),
            epoch: self.ownership.epoch(),
            serial: self.serial,
            name: self.ownership.name().map(|name| name.as_str().to_owned()).unwrap_or_default(),
            class_name: identity.class_name.clone(),
            host: identity.host.clone(),
            host_id: identity.host_id.clone(),
            pid: identity.pid,
            run_id: identity.run_id.clone(),
            contract: identity.contract.clone(),
            capabilities: identity.capabilities.clone(),
            extension: Vec::new(),
        };
        self.actions.push_back(Action::Claim(Box::new(claim)));
    }

    fn send_beat(&mut self) {
        self.beats = self.beats.wrapping_add(1);
        self.counts.beats_sent += 1;
        self.actions.push_back(Action::Beat(Beat {
            version: Claim::VERSION.cast_unsigned(),
            state: self.said().to_wire(),
            node: self.node().to_wire(),
            counter: self.beats,
            ..Beat::default()
        }));
    }

    fn send_ask(&mut self, target: &Target) {
        self.counts.asks_sent += 1;
        let (node, name) = match target {
            Target::All => (0, String::new()),
            Target::Node(node) => (node.to_wire(), String::new()),
            Target::Owner(name) => (0, name.as_str().to_owned()),
        };
        let (version, asker) = (Claim::VERSION.cast_unsigned(), self.node().to_wire());
        self.actions.push_back(Action::Ask(Ask { version, asker, node, name, extension: Vec::new() }));
    }
}
