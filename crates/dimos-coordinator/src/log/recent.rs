//! The last lines of each module, for whoever asks why it failed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use dimos::coordinator::LogLine;

/// The last lines of each module.
#[derive(Debug, Default)]
pub(super) struct Recent(HashMap<String, VecDeque<Arc<LogLine>>>);

impl Recent {
    pub(super) fn add(&mut self, line: &Arc<LogLine>) {
        // Short ones: what is kept for 100 modules shall not be what the coordinator's memory goes to.
        if line.logger == super::record::COORDINATOR || line.event.len() > MAX_EVENT_BYTES {
            return;
        }
        if !self.0.contains_key(&line.logger) {
            self.0.insert(line.logger.clone(), VecDeque::new());
        }
        if let Some(lines) = self.0.get_mut(&line.logger) {
            if lines.len() == KEPT {
                lines.pop_front();
            }
            lines.push_back(Arc::clone(line));
        }
    }

    pub(super) fn of(&self, module: &str) -> Vec<Arc<LogLine>> {
        self.0.get(module).into_iter().flatten().cloned().collect()
    }

    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|module, _| is_there(module));
    }
}

/// How many lines of a module are kept.
const KEPT: usize = 8;

/// Longer ones are not.
const MAX_EVENT_BYTES: usize = 1024;
