//! What the core wants done, and what it has noticed.

use std::time::Duration;

use lcm_types::dimos_mesh::{Ask, Beat, Claim};

use super::core::ClaimError;
use super::participant::Participant;
use crate::name::Name;
use crate::node::NodeId;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Publish this claim.
    Claim(Box<Claim>),
    /// Publish this question.
    Ask(Ask),
    /// Publish this beat, after entering `handler_ms` and `channels`.
    Beat(Beat),
    /// The name is this process's own now: begin to answer and to publish.
    Owned {
        /// The name.
        name: Name,
        /// How often it was taken, this time included.
        epoch: i64,
    },
    /// The name is not to be had. The process has none, as before it claimed.
    Refused(ClaimError),
    /// Another process has taken the name: stop publishing and answering. It comes once.
    Displaced {
        /// The name.
        name: Name,
        /// Who owns it now.
        by: NodeId,
    },
    /// Tell those who follow events.
    Event(Event),
}

/// What became of another process.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It is there, for the first time or again after it was lost.
    Joined(Participant),
    /// It says something else about itself: state, name, contract. Or it owns its name after all, since the owner is gone that had
    /// the larger claim.
    Changed(Participant),
    /// It said farewell, which frees its name.
    Left {
        /// The process.
        node: NodeId,
        /// Its name.
        name: Option<Name>,
        /// Whether it said that it had failed.
        failed: bool,
    },
    /// Its handler has been running for too long.
    Stuck {
        /// The process.
        node: NodeId,
        /// Its name.
        name: Option<Name>,
        /// How long.
        handler: Duration,
    },
    /// It is no longer stuck.
    Unstuck {
        /// The process.
        node: NodeId,
        /// Its name.
        name: Option<Name>,
    },
    /// It does not answer: its name has no owner.
    Lost {
        /// The process.
        node: NodeId,
        /// Its name.
        name: Option<Name>,
    },
    /// Another process has its name: it took it, or has had it all along.
    Displaced {
        /// The process.
        node: NodeId,
        /// The name.
        name: Name,
        /// Who owns it now, unless only the loser has been heard.
        by: Option<NodeId>,
    },
    /// Events were not kept for who reads them too slowly. To be told by whoever hands them on; the core itself keeps all.
    Missed {
        /// How many.
        count: u64,
    },
}
