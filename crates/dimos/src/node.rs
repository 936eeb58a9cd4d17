//! What tells one process from another.

use std::fmt;

use rustix::rand::GetRandomFlags;

/// A process of the mesh: a random number that it chose when it started. A process that starts again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u64);

impl NodeId {
    /// The node of this number, which on the wire is an `int64_t` of the same bits; `None` for 0, which stands for all.
    #[must_use]
    pub const fn from_wire(wire: i64) -> Option<Self> {
        match wire {
            0 => None,
            number => Some(Self(number.cast_unsigned())),
        }
    }

    /// As it goes on the wire.
    #[must_use]
    pub const fn to_wire(self) -> i64 {
        self.0.cast_signed()
    }

    /// A new one, from the kernel's entropy.
    #[must_use]
    pub fn random() -> Self {
        loop {
            let mut bytes = [0; 8];
            // It fails only on kernels older than 3.17, where the fallback is what other programs have, too.
            if rustix::rand::getrandom(&mut bytes[..], GetRandomFlags::empty()).is_err() {
                bytes = fastrand::u64(..).to_ne_bytes();
            }
            if let Some(node) = Self::from_wire(i64::from_ne_bytes(bytes)) {
                return node;
            }
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
