//! What is remembered of callers and their calls, so that none runs twice: bounded in number and time.
//!
//! Of each caller there are two floors. Calls below `over` are over by its own word: their duplicates are ignored. Calls up to
//! `forgotten` are older than one that had to be forgotten: whether they ran nobody knows, so they do not run now.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::served::Served;
use super::spec::{CalleeLimits, ServedCall};
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::round_trip::RoundTrip;

/// All callers.
#[derive(Debug)]
pub(super) struct Memory {
    callers: BTreeMap<NodeId, Record>,
    /// Callers without calls, by the time when they may be forgotten.
    unused: BTreeSet<(Instant, NodeId)>,
    /// Calls that ended, in that order.
    ended: VecDeque<(Instant, ServedCall)>,
}

/// One caller.
#[derive(Debug)]
struct Record {
    peer: Peer,
    calls: BTreeMap<i64, Entry>,
    over: i64,
    forgotten: i64,
    live: usize,
    /// Until then duplicates of what ran may arrive.
    keep_until: Instant,
}

/// How one caller is reached.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) channel: Arc<str>,
    pub(super) round_trip: RoundTrip,
}

/// One call.
#[derive(Debug)]
enum Entry {
    /// It is not over.
    Live(Box<Served>),
    /// It was answered with this, and did not run.
    Refused(Box<RpcError>),
    /// It is over.
    Over,
}

/// What a number of a call means.
#[derive(Debug)]
pub(super) enum Known {
    New,
    Live,
    Refused(RpcError),
    Over,
    Forgotten,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { callers: BTreeMap::new(), unused: BTreeSet::new(), ended: VecDeque::new() }
    }

    pub(super) fn known(&self, id: ServedCall) -> Known {
        let Some(record) = self.callers.get(&id.caller) else { return Known::New };
        match record.calls.get(&id.call) {
            Some(Entry::Live(_)) => Known::Live,
            Some(Entry::Refused(error)) => Known::Refused((**error).clone()),
            Some(Entry::Over) => Known::Over,
            None if id.call < record.over => Known::Over,
            None if id.call <= record.forgotten => Known::Forgotten,
            None => Known::New,
        }
    }

    pub(super) fn live(&self, id: ServedCall) -> Option<&Served> {
        match self.callers.get(&id.caller)?.calls.get(&id.call)? {
            Entry::Live(served) => Some(served),
            Entry::Refused(_) | Entry::Over => None,
        }
    }

    pub(super) fn live_mut(&mut self, id: ServedCall) -> Option<&mut Served> {
        match self.callers.get_mut(&id.caller)?.calls.get_mut(&id.call)? {
            Entry::Live(served) => Some(served),
            Entry::Refused(_) | Entry::Over => None,
        }
    }

    /// A call that is not over, and its caller.
    pub(super) fn live_and_peer(&mut self, id: ServedCall) -> Option<(&mut Served, &mut Peer)> {
        let record = self.callers.get_mut(&id.caller)?;
        match record.calls.get_mut(&id.call)? {
            Entry::Live(served) => Some((served, &mut record.peer)),
            Entry::Refused(_) | Entry::Over => None,
        }
    }

    /// The calls of a caller that are not over.
    pub(super) fn live_of(&self, node: NodeId) -> Vec<i64> {
        let Some(record) = self.callers.get(&node) else { return Vec::new() };
        record.calls.iter().filter(|(_, entry)| matches!(entry, Entry::Live(_))).map(|(&call, _)| call).collect()
    }

    /// How a caller is reached.
    pub(super) fn channel(&self, node: NodeId) -> Option<&Arc<str>> {
        self.callers.get(&node).map(|record| &record.peer.channel)
    }

    /// Remembers why a call that has ended has no answer.
    pub(super) fn explain(&mut self, id: ServedCall, error: RpcError) {
        if let Some(record) = self.callers.get_mut(&id.caller)
            && let Some(entry @ Entry::Over) = record.calls.get_mut(&id.call)
        {
            *entry = Entry::Refused(Box::new(error));
        }
    }

    /// A caller that is known, or for whom there is room.
    pub(super) fn make_room(&mut self, now: Instant, node: NodeId, limits: &CalleeLimits) -> bool {
        if !self.callers.contains_key(&node) {
            if self.callers.len() >= limits.callers {
                let Some(&(at, oldest)) = self.unused.first().filter(|&&(at, _)| at <= now) else { return false };
                self.unused.remove(&(at, oldest));
                self.callers.remove(&oldest);
            }
            let record = Record {
                peer: Peer { channel: node.response_channel().into(), round_trip: RoundTrip::default() },
                calls: BTreeMap::new(),
                over: 0,
                forgotten: 0,
                live: 0,
                keep_until: now,
            };
            self.callers.insert(node, record);
            self.unused.insert((now, node));
        }
        true
    }

    /// Adds a new call of a caller that has a record.
    pub(super) fn begin(&mut self, id: ServedCall, served: Served) {
        if let Some(record) = self.callers.get_mut(&id.caller) {
            if record.live == 0 {
                self.unused.remove(&(record.keep_until, id.caller));
            }
            record.live += 1;
            record.calls.insert(id.call, Entry::Live(Box::new(served)));
        }
    }

    /// Remembers of a new call that it was refused.
    pub(super) fn refuse(&mut self, now: Instant, id: ServedCall, error: RpcError, limits: &CalleeLimits) {
        if self.make_room(now, id.caller, limits)
            && let Some(record) = self.callers.get_mut(&id.caller)
        {
            record.calls.insert(id.call, Entry::Refused(Box::new(error)));
            self.ended.push_back((now + limits.remember, id));
            self.sweep(now, limits);
        }
    }

    /// Forgets all of a call but that it was there.
    pub(super) fn end(&mut self, now: Instant, id: ServedCall, limits: &CalleeLimits) -> Option<Box<Served>> {
        let record = self.callers.get_mut(&id.caller)?;
        let Some(Entry::Live(served)) = record.calls.remove(&id.call) else { return None };
        record.live -= 1;
        record.keep_until = now + limits.remember;
        if record.live == 0 {
            self.unused.insert((record.keep_until, id.caller));
        }
        if id.call >= record.over {
            record.calls.insert(id.call, Entry::Over);
            self.ended.push_back((now + limits.remember, id));
            self.sweep(now, limits);
        }
        Some(served)
    }

    /// All calls of a caller below `floor` are over by its own word. Returns those that were not.
    pub(super) fn raise(&mut self, node: NodeId, floor: i64) -> Vec<i64> {
        let Some(record) = self.callers.get_mut(&node).filter(|record| record.over < floor) else { return Vec::new() };
        record.over = floor;
        let above = record.calls.split_off(&floor);
        let below = std::mem::replace(&mut record.calls, above);
        let live: Vec<i64> =
            below.iter().filter(|(_, entry)| matches!(entry, Entry::Live(_))).map(|(&call, _)| call).collect();
        // Those are ended one by one.
        record.calls.extend(below.into_iter().filter(|(_, entry)| matches!(entry, Entry::Live(_))));
        live
    }

    /// Forgets calls that ended long ago, and the oldest if they are too many.
    pub(super) fn sweep(&mut self, now: Instant, limits: &CalleeLimits) {
        while let Some(&(until, id)) = self.ended.front() {
            if until > now && self.ended.len() <= limits.remembered {
                break;
            }
            self.ended.pop_front();
            if let Some(record) = self.callers.get_mut(&id.caller)
                && matches!(record.calls.get(&id.call), Some(Entry::Refused(_) | Entry::Over))
            {
                record.calls.remove(&id.call);
                record.forgotten = record.forgotten.max(id.call);
            }
        }
    }

    /// When there is something to forget.
    pub(super) fn wakeup(&self) -> Option<Instant> {
        self.ended.front().map(|&(until, _)| until)
    }

    /// How many callers, and how many calls of them.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.callers.len(), self.callers.values().map(|record| record.calls.len()).sum::<usize>() + self.ended.len())
    }
}
