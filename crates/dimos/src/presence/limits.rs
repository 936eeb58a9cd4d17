//! How much is remembered of others, whatever they send.

/// The longest class name in bytes.
pub const MAX_CLASS_BYTES: usize = 128;

/// The longest host name in bytes.
pub const MAX_HOST_BYTES: usize = 255;

/// The longest host identity in bytes.
pub const MAX_HOST_ID_BYTES: usize = 128;

/// The longest id of a run in bytes.
pub const MAX_RUN_ID_BYTES: usize = 200;

/// The longest hash of a contract in bytes.
pub const MAX_CONTRACT_BYTES: usize = 128;

/// The most capabilities of a process.
pub const MAX_CAPABILITIES: usize = 32;

/// The longest capability in bytes.
pub const MAX_CAPABILITY_BYTES: usize = 128;

/// Channels of a process whose counts are remembered; further ones are not.
pub const MAX_PUBLISHED: usize = 32;

/// Processes that are remembered, unless [`Config::max_nodes`](super::Config::max_nodes) says otherwise.
pub const MAX_NODES: usize = 4096;

/// Processes that have left and are remembered for that.
pub(super) const MAX_LEFT: usize = 1024;

/// Processes that are probed at the same time; others wait.
pub(super) const MAX_PROBES: usize = 256;

/// Processes that are probed at the same time if another one is to be, only because somebody claims its name.
pub(super) const MAX_DOUBTS: usize = MAX_PROBES / 2;

/// Names that are searched for at the same time, and processes.
pub(super) const MAX_SEARCHES: usize = 64;

/// Questions for processes of which only beats are known: so many at once,
pub(super) const MAX_UNKNOWN_ASKS: u32 = 128;

/// and so many a second.
pub(super) const UNKNOWN_ASKS_PER_SECOND: u32 = 100;

/// Others who claim the name that this process claims, as far as remembered.
pub(super) const MAX_RIVALS: usize = 32;

/// How often an owner takes its own name once more, in all.
pub(super) const MAX_DEFENCES: usize = 4;
