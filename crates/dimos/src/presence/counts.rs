//! What happened, in numbers.

/// How many messages came, went and were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Claims of others that were taken in.
    pub claims: u64,
    /// Claims that an earlier one of the same process had overtaken.
    pub stale: u64,
    /// Questions of others that were taken in.
    pub asks: u64,
    /// Beats of others that were taken in.
    pub beats: u64,
    /// Claims, questions and beats that make no sense: no node, no such state, no name, not UTF-8, too long, an epoch that no
    /// owner has.
    pub refused: u64,
    /// Claims, questions and beats of another version of the protocol.
    pub other_version: u64,
    /// Claims that somebody else made in the name of this process.
    pub impersonated: u64,
    /// Processes that were not remembered, or forgotten again, since there were too many.
    pub crowded_out: u64,
    /// Beats of unknown processes that were not followed up, since there were too many.
    pub beats_ignored: u64,
    /// Claims that this process sent.
    pub claims_sent: u64,
    /// Questions that this process sent.
    pub asks_sent: u64,
    /// Beats that this process sent.
    pub beats_sent: u64,
}
