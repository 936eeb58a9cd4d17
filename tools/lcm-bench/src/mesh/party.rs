//! Who calls and is called.

use crate::contender::Contender;

/// An implementation of calls, or what they are measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// The mesh.
    Ours,
    /// The mesh on a bus whose readers sleep at once.
    OursSleeping,
    /// The bus: a message and its answer, without calls.
    Bus,
    /// The bus with readers that sleep at once.
    BusSleeping,
    /// gRPC, with a thread of the runtime for each core.
    Grpc,
    /// gRPC with a runtime of one thread.
    GrpcOneThread,
    /// Python DimOS over LCM.
    Python,
}

impl Party {
    /// What stands in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursSleeping => "ours, spin=0",
            Self::Bus => "bus, round trip of 64 B",
            Self::BusSleeping => "bus, round trip of 64 B, spin=0",
            Self::Grpc => "gRPC",
            Self::GrpcOneThread => "gRPC, one thread",
            Self::Python => "Python DimOS",
        }
    }

    /// The contender of the bus benchmark that this is, if it is one.
    pub(super) fn on_the_bus(self) -> Option<Contender> {
        match self {
            Self::Bus => Some(Contender::OURS),
            Self::BusSleeping => Some(Contender::OURS_SLEEPING),
            _ => None,
        }
    }
}
