//! What a process says about itself, and how it takes part.

use std::time::Duration;

use super::limits::{
    MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_CLASS_BYTES, MAX_CONTRACT_BYTES, MAX_HOST_BYTES, MAX_HOST_ID_BYTES,
    MAX_NODES, MAX_RUN_ID_BYTES,
};
use crate::node::NodeId;

/// How a process takes part in a mesh.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it says about itself.
    pub identity: Identity,
    /// Where its random delays come from. Processes need different ones; [`NodeId`] is as good as any.
    pub seed: u64,
    /// Whether it watches all others from the beginning.
    pub watching: bool,
    /// A process whose handler has been running this long is stuck.
    pub stuck_after: Duration,
    /// How many processes it remembers.
    pub max_nodes: usize,
}

/// What a process says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The process.
    pub node: NodeId,
    /// What kind of module it is, such as `GridMapper`.
    pub class_name: String,
    /// Name of the host.
    pub host: String,
    /// Identity of the host, the same for all of its processes and different from that of any other host.
    pub host_id: String,
    /// Process number on its host.
    pub pid: i32,
    /// The run of a coordinator that it belongs to; empty if nobody started it.
    pub run_id: String,
    /// Hash over the contract that the method `describe` answers with.
    pub contract: String,
    /// What it offers to others: the names of its skills.
    pub capabilities: Vec<String>,
}

/// What becomes of a live owner when somebody else wants its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It is displaced: the claimant stands in its place, as a module does that is started again.
    TakeOver,
    /// It stays, and the claimant is refused, as a second coordinator is.
    FirstHolder,
}

/// Why a process cannot say that about itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A text is too long for others to remember.
    #[error("{what} of {bytes} bytes: at most {limit}")]
    TooLong {
        /// Which.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A text contains a NUL, which no LCM string can.
    #[error("{what} contains a NUL")]
    Nul {
        /// Which.
        what: &'static str,
    },
    /// There are too many capabilities.
    #[error("{count} capabilities: at most {MAX_CAPABILITIES}")]
    TooManyCapabilities {
        /// How many.
        count: usize,
    },
}

impl Config {
    /// The usual for this process: not watching, stuck after 1 s, the node as seed.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let seed = identity.node.to_wire().cast_unsigned();
        Self { identity, seed, watching: false, stuck_after: Duration::from_secs(1), max_nodes: MAX_NODES }
    }
}

impl Identity {
    /// A process of which nothing else is said.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            class_name: String::new(),
            host: String::new(),
            host_id: String::new(),
            pid: 0,
            run_id: String::new(),
            contract: String::new(),
            capabilities: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_text("a class name", &self.class_name, MAX_CLASS_BYTES)?;
        check_text("a host name", &self.host, MAX_HOST_BYTES)?;
        check_text("a host identity", &self.host_id, MAX_HOST_ID_BYTES)?;
        check_text("an id of a run", &self.run_id, MAX_RUN_ID_BYTES)?;
        check_text("a hash of a contract", &self.contract, MAX_CONTRACT_BYTES)?;
        if self.capabilities.len() > MAX_CAPABILITIES {
            return Err(ConfigError::TooManyCapabilities { count: self.capabilities.len() });
        }
        self.capabilities.iter().try_for_each(|capability| check_text("a capability", capability, MAX_CAPABILITY_BYTES))
    }
}

fn check_text(what: &'static str, text: &str, limit: usize) -> Result<(), ConfigError> {
    if text.len() > limit {
        return Err(ConfigError::TooLong { what, bytes: text.len(), limit });
    }
    if text.contains('\0') { Err(ConfigError::Nul { what }) } else { Ok(()) }
}
