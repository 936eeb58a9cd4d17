//! Which type a message has, from its channel and its first bytes.

use super::Fingerprint;
use super::catalog::{Catalog, MessageType};

/// What is known of the type of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// What the name of the channel says of it.
    pub suffix: Suffix<'a>,
    /// All types with the fingerprint of the message, the best first: those that the suffix names come before others. Empty if
    /// no type has it.
    pub candidates: Vec<MessageType<'a>>,
    /// What the message begins with; `None` if it is too short to be of any type.
    pub fingerprint: Option<Fingerprint>,
}

/// What the `#package.Type` at the end of a channel's name says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suffix<'a> {
    /// It names the first of the candidates.
    Agrees,
    /// It names these known types, and the message is of none of them, nor of their version here.
    Disagrees(Vec<MessageType<'a>>),
    /// It names no known type.
    Unknown,
    /// There is none.
    Missing,
}

impl<'a> Identity<'a> {
    /// The most likely type.
    #[must_use]
    pub fn best(&self) -> Option<MessageType<'a>> {
        self.candidates.first().copied()
    }
}

impl Catalog {
    /// Finds out which type a message has. Types may share a fingerprint, such as Twist and Accel: then the suffix of the
    /// channel decides, as in `/cmd_vel#geometry_msgs.Twist`. A suffix without a package, as in `/goal#PoseStamped`, means
    /// that type of any package.
    #[must_use]
    pub fn identify(&self, channel: &[u8], message: &[u8]) -> Identity<'_> {
        let fingerprint = message.first_chunk().map(|bytes| Fingerprint(u64::from_be_bytes(*bytes)));
        let mut candidates: Vec<_> = fingerprint.into_iter().flat_map(|it| self.of_fingerprint(it)).collect();
        let Some(hash) = channel.iter().rposition(|&byte| byte == b'#') else {
            return Identity { suffix: Suffix::Missing, candidates, fingerprint };
        };
        let named = str::from_utf8(&channel[hash + 1..]).map(|name| self.named(name)).unwrap_or_default();
        candidates.sort_by_key(|candidate| !named.contains(candidate));
        let suffix = match candidates.first() {
            _ if named.is_empty() => Suffix::Unknown,
            Some(best) if named.contains(best) => Suffix::Agrees,
            _ => Suffix::Disagrees(named),
        };
        Identity { suffix, candidates, fingerprint }
    }
}
