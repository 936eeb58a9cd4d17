//! The part of one process in the mesh: what its owner tells it and asks it. What it hears stands in `hearing`, what it does in
//! `ticking`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::Action;
use super::announcing::Announcing;
use super::config::{Config, ConfigError, Identity, Policy};
use super::counts::Counts;
use super::directory::Directory;
use super::heard::Target;
use super::obituary::Obituary;
use super::ownership::{Owner, Ownership, Phase};
use super::participant::{Participant, Stage};
use super::searching::Searching;
use super::timing::FAREWELLS;
use super::vigil::Vigil;
use crate::name::Name;
use crate::node::NodeId;

/// The part of one process in the mesh.
///
/// ```
/// use std::time::{Duration, Instant};
/// use dimos::NodeId;
/// use dimos::presence::{Action, Config, Identity, Policy, Presence};
///
/// let mut now = Instant::now();
/// let mut presence = Presence::new(now, Config::new(Identity::new(NodeId::random())))?;
/// presence.claim(now, "planner".parse()?, Policy::TakeOver, 0)?;
/// let owned = loop {
///     match presence.poll_action() {
///         Some(Action::Owned { name, epoch }) => break (name, epoch),
///         // Here claims, questions and beats would be published.
///         Some(_) => {}
///         None => {
///             now = presence.next_wakeup().ok_or("nothing is due")?;
///             presence.tick(now);
///         }
///     }
/// };
/// assert_eq!(owned, ("planner".parse()?, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Presence {
    pub(super) identity: Identity,
    pub(super) stage: Stage,
    pub(super) stuck_after: Duration,
    pub(super) ownership: Ownership,
    pub(super) announcing: Announcing,
    pub(super) directory: Directory,
    pub(super) vigil: Vigil,
    pub(super) searching: Searching,
    pub(super) next_beat: Option<Instant>,
    pub(super) beats: i32,
    pub(super) serial: i32,
    pub(super) goodbye: Option<Goodbye>,
    pub(super) obituaries: Vec<Obituary>,
    pub(super) counts: Counts,
    pub(super) random: fastrand::Rng,
    pub(super) actions: VecDeque<Action>,
    /// When it was called last.
    pub(super) last_called: Instant,
    /// When anything was heard last, its own beats included, or should have begun to; none while beats are not of interest.
    pub(super) last_heard: Option<Instant>,
}

/// How a process leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Farewell {
    /// Its work is done, or it was told to.
    Gone,
    /// It has failed and will not recover.
    Failed,
}

/// Why a name is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// It has an owner that lives.
    #[error("{name} is taken: process {pid} on {host} owns it (node {node})")]
    Held {
        /// The name.
        name: Name,
        /// Who owns it.
        node: NodeId,
        /// Where that runs.
        host: String,
        /// Its process number there.
        pid: i32,
    },
    /// Somebody claims it with an epoch that cannot be exceeded, which no honest process reaches.
    #[error("{name} is not to be had: another process claims it with the largest epoch there is")]
    EpochsExhausted {
        /// The name.
        name: Name,
    },
}

/// Why a process cannot take part as it was told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It has a name, or claims one.
    #[error("this process has the name {name} already, and it can have only one")]
    Named {
        /// The name.
        name: Name,
    },
    /// It lost its name.
    #[error("this process was displaced from {name}, and should end")]
    Displaced {
        /// The name.
        name: Name,
    },
    /// It has left.
    #[error("this process has left the mesh")]
    Left,
}

#[derive(Debug)]
pub(super) struct Goodbye {
    pub(super) farewell: Farewell,
    pub(super) left: u32,
    pub(super) next: Instant,
}

impl Presence {
    /// A process that has not said anything yet, but hears.
    ///
    /// # Errors
    /// If what it says about itself is too long for others.
    pub fn new(now: Instant, config: Config) -> Result<Self, ConfigError> {
        config.identity.check()?;
        let mut random = fastrand::Rng::with_seed(config.seed);
        let mut searching = Searching::new(now);
        if config.watching {
            searching.start(now, Target::All);
        }
        Ok(Self {
            stage: Stage::Starting,
            stuck_after: config.stuck_after,
            ownership: Ownership::new(config.identity.node),
            announcing: Announcing::default(),
            directory: Directory::new(config.max_nodes),
            vigil: Vigil::new(now, config.watching, random.u64(..)),
            searching,
            next_beat: None,
            beats: 0,
            serial: 0,
            goodbye: None,
            obituaries: Vec::new(),
            counts: Counts::default(),
            random,
            actions: VecDeque::new(),
            last_called: now,
            last_heard: None,
            identity: config.identity,
        })
    }

    /// Takes part without a name: as one that only calls others.
    ///
    /// # Errors
    /// If it takes part already, or does not any more.
    pub fn join(&mut self, now: Instant) -> Result<(), JoinError> {
        self.check_nameless()?;
        self.arrive(now);
        self.stage = Stage::Running;
        self.ownership.phase = Phase::Client;
        self.announcing.news(now);
        self.tick(now);
        Ok(())
    }

    /// Claims a name. [`Action::Owned`] or [`Action::Refused`] tells what came of it, after
    /// [`timing::LISTEN`](super::timing::LISTEN) at least. `after` is an epoch in which somebody else had the name, as far as the
    /// caller knows (whoever starts a process again does), otherwise 0.
    ///
    /// # Errors
    /// If the process has a name already, or had one.
    pub fn claim(&mut self, now: Instant, name: Name, policy: Policy, after: i64) -> Result<(), JoinError> {
        self.check_nameless()?;
        self.arrive(now);
        // What is remembered may be forged. An epoch that cannot be exceeded counts only if it is heard now.
        let remembered = Some(self.directory.last_epoch(&name)).filter(|&epoch| epoch < i64::MAX);
        self.ownership.claim(now, name, policy, after.max(remembered.unwrap_or_default()));
        self.tick(now);
        Ok(())
    }

    /// Says how far the process is. It is [`Stage::Starting`] in the beginning, and [`Stage::Running`] if it has no name.
    pub fn set_stage(&mut self, now: Instant, stage: Stage) {
        if std::mem::replace(&mut self.stage, stage) != stage {
            self.announce_change(now);
        }
    }

    /// Says what the process offers.
    ///
    /// # Errors
    /// If that is too long for others. Then nothing has changed.
    pub fn describe(&mut self, now: Instant, contract: String, capabilities: Vec<String>) -> Result<(), ConfigError> {
        let identity = Identity { contract, capabilities, ..self.identity.clone() };
        identity.check()?;
        if identity != self.identity {
            self.identity = identity;
            self.announce_change(now);
        }
        Ok(())
    }

    /// Leaves, which frees the name. The first farewell is sent at once, two more follow: whoever can wait a little ticks until
    /// [`Presence::has_left`].
    pub fn leave(&mut self, now: Instant, farewell: Farewell) {
        if matches!(self.ownership.phase, Phase::Left { .. }) {
            return;
        }
        let has_spoken = !matches!(self.ownership.phase, Phase::Absent);
        let (name, epoch) = (self.ownership.name().cloned(), self.ownership.epoch());
        self.ownership.phase = Phase::Left { name, epoch };
        if has_spoken {
            self.goodbye = Some(Goodbye { farewell, left: FAREWELLS, next: now });
        }
        self.tick(now);
    }

    /// Whether it has left, and said so as often as it does.
    #[must_use]
    pub fn has_left(&self) -> bool {
        matches!(self.ownership.phase, Phase::Left { .. }) && self.goodbye.is_none()
    }

    /// Watches all others from now on, or no longer.
    pub fn set_watching(&mut self, now: Instant, is_watching: bool) {
        if is_watching && !self.vigil.is_watching() {
            self.searching.start(now, Target::All);
        }
        self.vigil.set_watching(now, is_watching);
        self.tick(now);
    }

    /// Watches one other process, until [`Presence::unfollow`] is called as often as this. The process itself need not be watched.
    pub fn follow(&mut self, now: Instant, node: NodeId) {
        if node == self.node() {
            return;
        }
        self.directory.keep(node);
        self.vigil.follow(now, node);
        if !self.directory.contains(node) {
            self.searching.start(now, Target::Node(node));
        }
        self.tick(now);
    }

    /// Watches it no longer.
    pub fn unfollow(&mut self, now: Instant, node: NodeId) {
        self.vigil.unfollow(now, node);
    }

    /// Asks a process whether it lives, since it does not answer otherwise. [`Event::Lost`](super::Event::Lost) tells after about
    /// 1 s if it does not.
    pub fn suspect(&mut self, now: Instant, node: NodeId) {
        self.vigil.suspect(now, node);
        self.tick(now);
    }

    /// Asks all others who they are, until that brings nobody new. [`Presence::is_surveying`] tells when that is.
    pub fn survey(&mut self, now: Instant) {
        self.searching.start(now, Target::All);
        self.tick(now);
    }

    /// Asks who owns a name, for at most 2 s. [`Presence::owner`] tells who as soon as that is known.
    pub fn find(&mut self, now: Instant, name: &Name) {
        self.searching.start(now, Target::Owner(name.clone()));
        self.tick(now);
    }

    /// Whether answers to [`Presence::survey`] or [`Presence::find`] may still come.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.searching.is_open()
    }

    /// Whether answers to [`Presence::survey`] may still come: 0.1 s after the last one.
    #[must_use]
    pub const fn is_surveying(&self) -> bool {
        self.searching.is_surveying()
    }

    /// Whether answers to [`Presence::find`] for this name may still come.
    #[must_use]
    pub fn is_finding(&self, name: &Name) -> bool {
        self.searching.is_finding(name)
    }

    /// Whether beats are of interest at present. If not, they need not even be received.
    #[must_use]
    pub fn wants_beats(&self) -> bool {
        self.vigil.wants_beats()
    }

    /// What the process says about itself.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The process itself.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.identity.node
    }

    /// The name that the process owns, and the epoch in which it took it.
    #[must_use]
    pub const fn owned(&self) -> Option<(&Name, i64)> {
        match &self.ownership.phase {
            Phase::Owner(Owner { name, epoch, .. }) => Some((name, *epoch)),
            _ => None,
        }
    }

    /// Who owns a name: another process or this one.
    #[must_use]
    pub fn owner(&self, name: &Name) -> Option<(NodeId, i64)> {
        match self.owned() {
            Some((own, epoch)) if own == name => Some((self.node(), epoch)),
            _ => self.directory.owner(name).map(|(epoch, node)| (node, epoch)),
        }
    }

    /// All others that are known, by node.
    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.directory.participants()
    }

    /// Another process.
    #[must_use]
    pub fn participant(&self, node: NodeId) -> Option<&Participant> {
        self.directory.participant(node)
    }

    /// The other processes that own a name.
    pub fn owners(&self) -> impl Iterator<Item = &Participant> {
        let is_owner = |other: &&Participant| {
            let name = other.name.as_ref();
            name.and_then(|name| self.directory.owner(name)).is_some_and(|(_, node)| node == other.identity.node)
        };
        self.participants().filter(is_owner)
    }

    /// The other owners of this class.
    pub fn of_class(&self, class_name: &str) -> impl Iterator<Item = &Participant> {
        self.owners().filter(move |other| other.identity.class_name == class_name)
    }

    /// The other owners that offer this capability.
    pub fn with_capability(&self, capability: &str) -> impl Iterator<Item = &Participant> {
        self.owners().filter(move |other| other.identity.capabilities.iter().any(|offered| offered == capability))
    }

    /// The other owners whose name ends in this part, within a namespace and those below it if there is one.
    pub fn with_last_part(&self, last: &str, namespace: Option<&str>) -> impl Iterator<Item = &Participant> {
        let is_within = move |name: &Name| match namespace {
            None => true,
            Some(namespace) => name.as_str().strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/')),
        };
        self.owners()
            .filter(move |other| other.name.as_ref().is_some_and(|name| name.last() == last && is_within(name)))
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The next thing to do. To be called until there is none, after any other call.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn check_nameless(&self) -> Result<(), JoinError> {
        match &self.ownership.phase {
            Phase::Absent | Phase::Client => Ok(()),
            Phase::Displaced { name, .. } => Err(JoinError::Displaced { name: name.clone() }),
            Phase::Left { .. } => Err(JoinError::Left),
            Phase::Claiming(_) | Phase::Owner(_) => {
                let name = self.ownership.name().cloned();
                name.map_or(Ok(()), |name| Err(JoinError::Named { name }))
            }
        }
    }
}
