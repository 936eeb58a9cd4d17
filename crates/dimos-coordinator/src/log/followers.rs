//! Whoever reads the log as it grows.

use std::sync::Arc;
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use dimos::coordinator::LogLine;

use super::level::Level;
use super::record::own;

/// Whoever reads the log as it grows. None of them holds it up.
#[derive(Debug, Default)]
pub(super) struct Followers(Vec<Follower>);

#[derive(Debug)]
struct Follower {
    lines: Sender<Arc<LogLine>>,
    missed: u64,
}

impl Followers {
    pub(super) fn add(&mut self) -> Receiver<Arc<LogLine>> {
        let (lines, receiver) = bounded(WAITING);
        self.0.push(Follower { lines, missed: 0 });
        receiver
    }

    /// There are none any more.
    pub(super) fn close(&mut self) {
        self.0.clear();
    }

    pub(super) fn tell(&mut self, line: &Arc<LogLine>) {
        self.0.retain_mut(|follower| follower.tell(line));
    }
}

impl Follower {
    /// Tells whether it still follows.
    fn tell(&mut self, line: &Arc<LogLine>) -> bool {
        if self.missed > 0 {
            let event = format!("{} lines came too fast and are not shown", self.missed);
            match self.lines.try_send(Arc::new(own(Level::Warning, &event, [], SystemTime::now()))) {
                Ok(()) => self.missed = 0,
                Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        match self.lines.try_send(Arc::clone(line)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.missed += 1;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

/// How many lines wait for a reader.
const WAITING: usize = 1024;
