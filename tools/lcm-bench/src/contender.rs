//! Who is measured: which implementation sends, which receives, and what is special about them.

use crate::worker::Job;

/// An implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Ours,
    C,
    Bare,
}

/// One side of a row: the parties of an exchange and the options they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Who sends, or makes the trips.
    pub(crate) sender: Party,
    /// Who receives, or answers.
    pub(crate) receiver: Party,
    /// Whether ours sends as fast as it can, instead of at its default pace.
    pub(crate) unpaced: bool,
    /// Whether a reader of ours always sleeps until the next message, instead of looking for answers first.
    pub(crate) sleeps: bool,
    /// Whether ours publishes 64 messages in one call.
    pub(crate) batches: bool,
    /// Whether a subscription of C LCM holds any number of messages, instead of its default of 30.
    pub(crate) unlimited_queue: bool,
}

impl Contender {
    pub(crate) const OURS: Self = Self::between("ours", Party::Ours, Party::Ours);
    pub(crate) const C: Self = Self::between("C", Party::C, Party::C);
    pub(crate) const BARE: Self = Self::between("bare", Party::Bare, Party::Bare);
    pub(crate) const OURS_TO_C: Self = Self::between("ours to C", Party::Ours, Party::C);
    pub(crate) const C_TO_OURS: Self = Self::between("C to ours", Party::C, Party::Ours);
    pub(crate) const OURS_UNPACED: Self = Self { name: "ours, pace=0", unpaced: true, ..Self::OURS };
    pub(crate) const OURS_SLEEPING: Self = Self { name: "ours, spin=0", sleeps: true, ..Self::OURS };
    pub(crate) const OURS_IN_BATCHES: Self = Self { name: "ours, in batches", batches: true, ..Self::OURS };
    pub(crate) const C_UNLIMITED: Self = Self { name: "C, unlimited queue", unlimited_queue: true, ..Self::C };

    const fn between(name: &'static str, sender: Party, receiver: Party) -> Self {
        Self { name, sender, receiver, unpaced: false, sleeps: false, batches: false, unlimited_queue: false }
    }

    pub(crate) fn needs_c(self) -> bool {
        self.sender == Party::C || self.receiver == Party::C
    }

    /// The job with what is special about this contender.
    pub(crate) fn equip(self, job: &Job) -> Job {
        Job {
            pace: self.unpaced.then_some(0),
            spin: self.sleeps.then_some(0),
            batch: self.batches.then_some(64),
            queue: self.unlimited_queue.then_some(0),
            ..job.clone()
        }
    }
}
