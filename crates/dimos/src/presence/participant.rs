//! A process as others know it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lcm_types::dimos_mesh::Claim;

use super::config::Identity;
use super::heard::HeardClaim;
use crate::name::Name;

/// A process of the mesh, as its claims and beats describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// What it says about itself, its [`NodeId`](crate::NodeId) first of all.
    pub identity: Identity,
    /// The name that it owns, claims or has lost; none if it only calls others.
    pub name: Option<Name>,
    /// How often the name had been taken when it took it; 0 before that.
    pub epoch: i64,
    /// How it is.
    pub state: State,
    /// How long its handler had been running at its last beat, as far as beats are read.
    pub handler: Duration,
    /// How many messages it had published on each channel at its last beat, as far as beats are read: what a subscriber got less of
    /// was lost, if it has listened since the process started. [`MAX_PUBLISHED`](super::limits::MAX_PUBLISHED) channels at most.
    pub published: BTreeMap<String, u64>,
    /// What it said last about its state, which stands again when it is no longer stuck or lost.
    pub(super) said: State,
    pub(super) serial: i32,
    pub(super) beat: Option<i32>,
}

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// It waits to hear whether somebody else has the name.
    Claiming,
    /// It starts up.
    Starting,
    /// It works.
    Running,
    /// It stops.
    Stopping,
    /// Its handler has been running for too long.
    Stuck,
    /// Somebody else has its name.
    Displaced,
    /// It does not answer any more.
    Lost,
}

/// How far a process is, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It starts up.
    Starting,
    /// It works.
    Running,
    /// It stops.
    Stopping,
}

impl State {
    /// Whether a process that says so owns its name.
    #[must_use]
    pub const fn is_owning(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping | Self::Stuck)
    }

    /// The state that a claim or beat tells; none for a farewell and for what is no state.
    pub(super) const fn from_wire(wire: u8) -> Option<Self> {
        const CLAIMING: u8 = Claim::CLAIMING.cast_unsigned();
        const STARTING: u8 = Claim::STARTING.cast_unsigned();
        const RUNNING: u8 = Claim::RUNNING.cast_unsigned();
        const STOPPING: u8 = Claim::STOPPING.cast_unsigned();
        const DISPLACED: u8 = Claim::DISPLACED.cast_unsigned();
        match wire {
            CLAIMING => Some(Self::Claiming),
            STARTING => Some(Self::Starting),
            RUNNING => Some(Self::Running),
            STOPPING => Some(Self::Stopping),
            DISPLACED => Some(Self::Displaced),
            _ => None,
        }
    }

    pub(super) const fn to_wire(self) -> u8 {
        let state = match self {
            Self::Claiming => Claim::CLAIMING,
            Self::Starting => Claim::STARTING,
            Self::Running | Self::Stuck => Claim::RUNNING,
            Self::Stopping => Claim::STOPPING,
            Self::Displaced => Claim::DISPLACED,
            Self::Lost => Claim::GONE,
        };
        state.cast_unsigned()
    }
}

impl Participant {
    pub(super) fn new(claim: &HeardClaim<'_>, state: State) -> Self {
        let mut participant = Self {
            identity: Identity::new(claim.node),
            name: None,
            epoch: 0,
            state,
            handler: Duration::ZERO,
            published: BTreeMap::new(),
            said: state,
            serial: claim.serial,
            beat: None,
        };
        participant.describe(claim);
        participant
    }

    /// Takes over how much was published. Names of channels, which mostly stay the same, are kept.
    pub(super) fn count(&mut self, published: &[(&str, u64)]) {
        let mut before = std::mem::take(&mut self.published);
        let kept = published.iter().map(|&(channel, count)| {
            let channel = before.remove_entry(channel).map_or_else(|| channel.to_owned(), |(channel, _)| channel);
            (channel, count)
        });
        self.published = kept.collect();
    }

    /// Takes over what the claim says, but for name, epoch and state. Returns whether that was new.
    pub(super) fn describe(&mut self, claim: &HeardClaim<'_>) -> bool {
        self.serial = claim.serial;
        let identity = &mut self.identity;
        let mut is_new = std::mem::replace(&mut identity.pid, claim.pid) != claim.pid;
        for (text, said) in [
            (&mut identity.class_name, claim.class_name),
            (&mut identity.host, claim.host),
            (&mut identity.host_id, claim.host_id),
            (&mut identity.run_id, claim.run_id),
            (&mut identity.contract, claim.contract),
        ] {
            if text != said {
                said.clone_into(text);
                is_new = true;
            }
        }
        let capabilities = || claim.capabilities.iter().filter_map(|capability| capability.to_str().ok());
        if !capabilities().eq(identity.capabilities.iter().map(String::as_str)) {
            identity.capabilities = capabilities().map(str::to_owned).collect();
            is_new = true;
        }
        is_new
    }
}

/// In a word, as people and programs read it: `running`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claiming => "claiming",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stuck => "stuck",
            Self::Displaced => "displaced",
            Self::Lost => "lost",
        })
    }
}

impl From<Stage> for State {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Starting => Self::Starting,
            Stage::Running => Self::Running,
            Stage::Stopping => Self::Stopping,
        }
    }
}
