//! What handlers did wrong: counted, told without flooding the log, and the end of the process if it is to end on a panic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ending::{End, Ending};
use super::outcome::HandlerError;
use crate::service::panic_message;

/// What each handler did wrong, on whatever thread it ran.
#[derive(Debug)]
pub(super) struct Complaints {
    by_handler: Mutex<BTreeMap<&'static str, OfHandler>>,
    ending: Arc<Ending>,
    ends_on_panic: bool,
}

#[derive(Debug, Default)]
struct OfHandler {
    failed: Faults,
    panicked: Faults,
}

/// What comes again and again, and is told now and then.
#[derive(Debug, Default)]
pub(super) struct Faults {
    count: u64,
    /// Of those, how many were not told.
    untold: u64,
    told: Option<Instant>,
}

/// What is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) count: u64,
    /// How many were not told since one was.
    pub(super) untold: u64,
}

impl Complaints {
    pub(super) fn new(ending: Arc<Ending>, ends_on_panic: bool) -> Self {
        Self { by_handler: Mutex::default(), ending, ends_on_panic }
    }

    /// Counts and tells what a handler did wrong, if it did.
    pub(super) fn judge(&self, name: &'static str, outcome: std::thread::Result<Result<(), HandlerError>>) {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(name, &error, Instant::now()),
            Err(panic) => self.panicked(name, &panic_message(&*panic), Instant::now()),
        }
    }

    /// How often each handler did something wrong.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().iter().map(|(&handler, of)| (handler, of.failed.count + of.panicked.count)).collect()
    }

    /// Whether the process is about to end.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_asked()
    }

    /// Tells what was not told yet.
    pub(super) fn finish(&self) {
        for (handler, OfHandler { failed, panicked }) in self.lock().iter() {
            if failed.untold > 0 {
                tracing::error!(handler, count = failed.count, untold = failed.untold, "a handler failed more often");
            }
            if panicked.untold > 0 {
                let (count, untold) = (panicked.count, panicked.untold);
                tracing::error!(handler, count, untold, "a handler panicked more often");
            }
        }
    }

    fn failed(&self, name: &'static str, error: &HandlerError, now: Instant) {
        let told = self.lock().entry(name).or_default().failed.count(now);
        let Some(Told { count, untold }) = told else { return };
        match error {
            HandlerError::Undecodable(source) => {
                tracing::warn!(handler = name, error = %source, count, untold, "a message is not of the port's type");
            }
            error => tracing::error!(handler = name, %error, count, untold, "a handler failed"),
        }
    }

    /// Where it panicked is in the log already.
    fn panicked(&self, name: &'static str, message: &str, now: Instant) {
        let told = self.lock().entry(name).or_default().panicked.count(now);
        if self.ends_on_panic {
            tracing::error!(handler = name, "a handler panicked");
            self.ending.ask(End::Failed(format!("{name} panicked: {message}")));
        } else if let Some(Told { count, untold }) = told {
            tracing::error!(handler = name, count, untold, "a handler panicked; the module goes on");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, OfHandler>> {
        self.by_handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    /// One more. What is to be told of it, if it is time.
    pub(super) fn count(&mut self, now: Instant) -> Option<Told> {
        self.count += 1;
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < EVERY) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(Told { count: self.count, untold: std::mem::take(&mut self.untold) })
    }
}

/// One handler's faults are told this often.
const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_come_often_are_all_counted_and_some_of_them_told() {
        let (start, mut faults) = (Instant::now(), Faults::default());
        let mut told = (0..25).filter_map(|tenth| faults.count(start + EVERY / 10 * tenth));
        assert_eq!(told.next(), Some(Told { count: 1, untold: 0 }));
        assert_eq!(told.next(), Some(Told { count: 11, untold: 9 }));
        assert_eq!(told.next(), Some(Told { count: 21, untold: 9 }));
        assert_eq!(told.next(), None);
        // After a pause the next one is told at once, with what was not.
        assert_eq!(faults.count(start + 10 * EVERY), Some(Told { count: 26, untold: 4 }));
    }
}
