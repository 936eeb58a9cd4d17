//! What is due when, one entry for each key: the next one and any change in logarithmic time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Entries by time and by key.
#[derive(Debug)]
pub(super) struct Agenda<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Agenda<K> {
    pub(super) const fn new() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }

    /// Sets the time of an entry, new or not.
    pub(super) fn set(&mut self, key: K, at: Instant) {
        if let Some(before) = self.by_key.insert(key.clone(), at) {
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest entry that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now { None } else { self.take_first() }
    }

    /// Takes out the earliest entry.
    pub(super) fn take_first(&mut self) -> Option<K> {
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}
