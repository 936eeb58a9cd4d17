//! Which processes wait for what this thread does: the chain that its calls carry.
//!
//! It belongs to the thread and not to the handle that is called with, so that a call cannot forget where it comes from.

use std::cell::RefCell;

use crate::node::NodeId;

thread_local! {
    static CHAIN: RefCell<Vec<NodeId>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, calls of this thread carry a chain.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Vec<NodeId>,
}

/// Calls of this thread carry this chain from now on.
pub(crate) fn enter(chain: Vec<NodeId>) -> Entered {
    Entered { before: CHAIN.replace(chain) }
}

/// The chain of this thread's calls.
pub(crate) fn current() -> Vec<NodeId> {
    CHAIN.with_borrow(Clone::clone)
}

impl Drop for Entered {
    fn drop(&mut self) {
        CHAIN.set(std::mem::take(&mut self.before));
    }
}
