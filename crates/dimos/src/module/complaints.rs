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
    by_handler: Mutex<BTreeMap<&'static str, Faults>>,
    ending: Arc<Ending>,
    ends_on_panic: bool,
}

#[derive(Debug, Default)]
struct Faults {
    count: u64,
    /// Of those, how many were not told.
    untold: u64,
    told: Option<Instant>,
}

impl Complaints {
    pub(super) fn new(ending: Arc<Ending>, ends_on_panic: bool) -> Self {
        Self { by_handler: Mutex::default(), ending, ends_on_panic }
    }

    /// Counts and tells what a handler did wrong, if it did.
    pub(super) fn judge(&self, name: &'static str, outcome: std::thread::Result<Result<(), HandlerError>>) {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(name, &error),
            Err(panic) => self.panicked(name, &panic_message(&*panic)),
        }
    }

    /// Tells what was not told yet.
    pub(super) fn finish(&self) {
        for (handler, faults) in self.lock().iter().filter(|(_, faults)| faults.untold > 0) {
            tracing::error!(handler, count = faults.count, untold = faults.untold, "a handler failed more often");
        }
    }

    fn failed(&self, name: &'static str, error: &HandlerError) {
        let mut by_handler = self.lock();
        let faults = by_handler.entry(name).or_default();
        faults.count += 1;
        let is_time = faults.told.is_none_or(|told| told.elapsed() >= EVERY);
        if !is_time {
            faults.untold += 1;
            return;
        }
        faults.told = Some(Instant::now());
        let (count, untold) = (faults.count, std::mem::take(&mut faults.untold));
        match error {
            HandlerError::Undecodable(source) => {
                tracing::warn!(handler = name, error = %source, count, untold, "a message is not of the port's type");
            }
            error => tracing::error!(handler = name, %error, count, untold, "a handler failed"),
        }
    }

    /// The panic itself is in the log already.
    fn panicked(&self, name: &'static str, message: &str) {
        let count = {
            let mut by_handler = self.lock();
            let faults = by_handler.entry(name).or_default();
            faults.count += 1;
            faults.count
        };
        if self.ends_on_panic {
            tracing::error!(handler = name, count, "a handler panicked");
            self.ending.ask(End::Failed(format!("{name} panicked: {message}")));
        } else {
            tracing::error!(handler = name, count, "a handler panicked; the module goes on");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Faults>> {
        self.by_handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One handler's errors are told this often.
const EVERY: Duration = Duration::from_secs(1);
