//! The end of waiting: a process that is to end does not wait for others any more. Who says so, and who waits on, is left to others.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Whether waits are to end early. Nothing is ever sent: that the channel is closed is the sign.
#[derive(Debug)]
pub(super) struct Interruption(Mutex<(Option<Sender<Infallible>>, Interrupted)>);

/// Disconnected once waits are to end.
pub(super) type Interrupted = Receiver<Infallible>;

impl Interruption {
    pub(super) fn new() -> Self {
        Self(Mutex::new(open()))
    }

    pub(super) fn begin(&self) {
        self.lock().0 = None;
    }

    /// Waits that begin from now on are left alone.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if state.0.is_none() {
            *state = open();
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.lock().0.is_none()
    }

    /// For one wait.
    pub(super) fn signal(&self) -> Interrupted {
        self.lock().1.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (Option<Sender<Infallible>>, Interrupted)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open() -> (Option<Sender<Infallible>>, Interrupted) {
    let (sender, receiver) = bounded(0);
    (Some(sender), receiver)
}
