//! Who wants which channel, and handing each message to them.
//!
//! The table may change at any time from any thread, inside a handler too: the reading thread works on its own copy of the
//! list and takes a new one when the version has moved, so it neither waits for nor trips over a change.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};

use crate::channel::Channel;
use crate::message::Message;
use crate::pattern::Pattern;
use crate::queue::QueueInput;

/// The table of one connection.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    entries: Mutex<Vec<Arc<Entry>>>,
    version: AtomicU64,
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Entry {
    pattern: Pattern,
    /// False from the moment it is removed, which the reading thread's copy of the list does not show.
    active: AtomicBool,
    /// Only the reading thread delivers, so this is never waited for.
    sink: Mutex<Sink>,
}

/// Where messages go.
pub(crate) enum Sink {
    Handler(Box<dyn FnMut(&Message) + Send>),
    Queue(QueueInput),
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(_) => f.write_str("Handler"),
            Self::Queue(input) => input.fmt(f),
        }
    }
}

impl Subscriptions {
    pub(crate) fn add(&self, pattern: Pattern, sink: Sink) -> Arc<Entry> {
        let entry = Arc::new(Entry { pattern, active: AtomicBool::new(true), sink: Mutex::new(sink) });
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&entry));
        self.version.fetch_add(1, Release);
        entry
    }

    pub(crate) fn remove(&self, entry: &Arc<Entry>) {
        entry.active.store(false, Release);
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, entry));
        self.version.fetch_add(1, Release);
    }
}

/// The reading thread's side of the table.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    subscriptions: Arc<Subscriptions>,
    version: u64,
    entries: Vec<Arc<Entry>>,
    /// Which entries want a channel, for channels that were heard.
    routes: HashMap<Channel, Box<[usize]>>,
}

/// What became of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// How many subscriptions it went to.
    pub(crate) delivered: usize,
    /// How many messages full queues dropped for it.
    pub(crate) dropped: u64,
}

impl Dispatcher {
    pub(crate) fn new(subscriptions: Arc<Subscriptions>) -> Self {
        Self { subscriptions, version: 0, entries: Vec::new(), routes: HashMap::new() }
    }

    /// Hands a message to everyone who wants its channel.
    pub(crate) fn dispatch(&mut self, message: &Message) -> Delivery {
        let version = self.subscriptions.version.load(Acquire);
        if version != self.version {
            self.version = version;
            self.entries.clone_from(&self.subscriptions.entries.lock().unwrap_or_else(PoisonError::into_inner));
            self.routes.clear();
        }
        if !self.routes.contains_key(&message.channel) {
            self.learn_route(message.channel);
        }
        let mut delivery = Delivery::default();
        for &index in self.routes.get(&message.channel).map_or(&[][..], |route| route) {
            let entry = &self.entries[index];
            if !entry.active.load(Acquire) {
                continue;
            }
            delivery.delivered += 1;
            match &mut *entry.sink.lock().unwrap_or_else(PoisonError::into_inner) {
                Sink::Handler(handler) => handler(message),
                Sink::Queue(input) => delivery.dropped += input.put(message),
            }
        }
        delivery
    }

    fn learn_route(&mut self, channel: Channel) {
        // Anyone may send on any number of channels: forget them all rather than remember without bound.
        if self.routes.len() >= MAX_ROUTES {
            self.routes.clear();
        }
        let wanted = |(index, entry): (usize, &Arc<Entry>)| entry.pattern.matches(&channel).then_some(index);
        self.routes.insert(channel, self.entries.iter().enumerate().filter_map(wanted).collect());
    }
}

const MAX_ROUTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Queue;

    fn message(channel: &str) -> Message {
        Message { channel: Channel::new(channel).unwrap(), ..Message::default() }
    }

    #[test]
    fn a_handler_may_remove_itself_and_others_while_it_runs() {
        let subscriptions = Arc::new(Subscriptions::default());
        let victims: Arc<Mutex<Vec<Arc<Entry>>>> = Arc::default();
        let calls = Arc::new(AtomicU64::new(0));
        for _ in 0..3 {
            let (table, victims_inside, calls) = (Arc::clone(&subscriptions), Arc::clone(&victims), Arc::clone(&calls));
            let handler = move |_: &Message| {
                calls.fetch_add(1, Release);
                for victim in victims_inside.lock().unwrap().drain(..) {
                    table.remove(&victim);
                }
            };
            let entry = subscriptions.add(Pattern::any(), Sink::Handler(Box::new(handler)));
            victims.lock().unwrap().push(entry);
        }
        let mut dispatcher = Dispatcher::new(subscriptions);
        assert_eq!(dispatcher.dispatch(&message("A")).delivered, 1);
        assert_eq!(dispatcher.dispatch(&message("A")).delivered, 0);
        assert_eq!(calls.load(Acquire), 1);
    }

    #[test]
    fn each_subscription_gets_a_message_once_and_only_its_channels() {
        let subscriptions = Arc::new(Subscriptions::default());
        let queues: Vec<_> = ["A", "B"]
            .into_iter()
            .map(|name| {
                let (input, output, _) = QueueInput::new(Queue::default());
                subscriptions.add(Pattern::exact(name).unwrap(), Sink::Queue(input));
                output
            })
            .collect();
        let mut dispatcher = Dispatcher::new(subscriptions);
        for name in ["A", "B", "A", "C"] {
            dispatcher.dispatch(&message(name));
        }
        assert_eq!(queues.iter().map(crossbeam_channel::Receiver::len).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_flood_of_channel_names_is_not_remembered_without_bound() {
        let mut dispatcher = Dispatcher::new(Arc::default());
        for n in 0..3 * MAX_ROUTES {
            dispatcher.dispatch(&message(&n.to_string()));
        }
        assert!(dispatcher.routes.len() <= MAX_ROUTES);
    }
}
