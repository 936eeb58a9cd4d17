//! What handlers did wrong: counted, and told without flooding the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::outcome::HandlerError;

/// What each handler did wrong.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    by_handler: BTreeMap<&'static str, Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    count: u64,
    /// Of those, how many were not told.
    untold: u64,
    told: Option<Instant>,
}

impl Complaints {
    /// A handler returned an error.
    pub(super) fn failed(&mut self, name: &'static str, error: &HandlerError) {
        let faults = self.by_handler.entry(name).or_default();
        faults.count += 1;
        let is_time = faults.told.is_none_or(|told| told.elapsed() >= EVERY);
        if !is_time {
            faults.untold += 1;
            return;
        }
        faults.told = Some(Instant::now());
        let more = std::mem::take(&mut faults.untold);
        match error {
            HandlerError::Undecodable(source) => {
                tracing::warn!(handler = name, error = %source, untold = more, "a message is not of the port's type");
            }
            error => tracing::error!(handler = name, %error, untold = more, "a handler failed"),
        }
    }

    /// A handler panicked. The panic itself is in the log already.
    pub(super) fn panicked(&mut self, name: &'static str) {
        let faults = self.by_handler.entry(name).or_default();
        faults.count += 1;
        tracing::error!(handler = name, count = faults.count, "a handler panicked; the module goes on");
    }

    /// Tells what was not told yet.
    pub(super) fn finish(&self) {
        for (handler, faults) in self.by_handler.iter().filter(|(_, faults)| faults.untold > 0) {
            tracing::error!(handler, count = faults.count, untold = faults.untold, "a handler failed more often");
        }
    }
}

/// One handler's errors are told this often.
const EVERY: Duration = Duration::from_secs(1);
