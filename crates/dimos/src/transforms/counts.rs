//! What happened, in numbers.

/// How many transforms came, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Samples that were taken in, in whatever way.
    pub inserted: u64,
    /// Of these, the ones that were older than the newest sample of their edge.
    pub out_of_order: u64,
    /// Of these, the ones that replaced a sample with the same stamp.
    pub replaced: u64,
    /// Of these, the ones that were older than the newest sample of their edge by more than the window, so that its
    /// history began anew. If that goes on, two publishers have different clocks.
    pub restarted: u64,
    /// Of these, the ones that gave their child another parent, and dropped its history. If that goes on, two publishers do not
    /// agree on a parent.
    pub reparented: u64,
    /// Transforms that were refused, for whatever reason.
    pub refused: u64,
    /// Of these, the ones that would have made a frame its own ancestor.
    pub cycles: u64,
    /// Of these, the ones that contradict a static transform of this process.
    pub contradicted: u64,
    /// Edges that fell silent and were dropped since they stood in the way of a new one, which would have closed a cycle.
    pub cycles_broken: u64,
    /// Frames that were forgotten to make room for new ones.
    pub forgotten: u64,
    /// Samples that were dropped before their time, since there were too many.
    pub crowded_out: u64,
}
