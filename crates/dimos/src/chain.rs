//! Which processes wait for what this thread does: the chain that its calls carry.
//!
//! It belongs to the thread and not to the handle that is called with, so that a call cannot forget where it comes from.

use std::cell::RefCell;

use crate::node::NodeId;
use crate::rpc::ServedCall;

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current { chain: Vec::new(), call: None }) };
}

#[derive(Debug, Default)]
struct Current {
    chain: Vec<NodeId>,
    /// The call whose handler runs.
    call: Option<ServedCall>,
}

/// While it lives, calls of this thread carry a chain.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Current,
}

/// Calls of this thread carry this chain from now on; `call` is what they are made for, if it is a call.
pub(crate) fn enter(chain: Vec<NodeId>, call: Option<ServedCall>) -> Entered {
    Entered { before: CURRENT.replace(Current { chain, call }) }
}

/// The chain of this thread's calls.
pub(crate) fn current() -> Vec<NodeId> {
    CURRENT.with_borrow(|current| current.chain.clone())
}

/// Whether this thread runs the handler of a call.
pub(crate) fn is_current(call: ServedCall) -> bool {
    CURRENT.with_borrow(|current| current.call == Some(call))
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.before));
    }
}
