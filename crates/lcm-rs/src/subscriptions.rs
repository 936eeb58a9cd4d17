//! Who wants which channel, and handing each message to them.
//!
//! The table may change at any time from any thread, inside a handler too: the reading thread works on its own copy of the
//! list and takes a new one when the version has moved, so it neither waits for nor trips over a change.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::channel::Channel;
use crate::pattern::Pattern;
use crate::queue::QueueInput;
use crate::sample::Sample;
use crate::udpm::FilteredSocket;

/// The table of one connection.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    table: Mutex<Table>,
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    entries: Vec<Arc<Entry>>,
    /// The socket whose kernel filter is kept in step with the entries, where there is one.
    filtered: Option<FilteredSocket>,
    /// Where this connection sends from, on a bus with addresses.
    own_address: Option<SocketAddrV4>,
    /// The channels of this connection's own large messages so far, up to [`MAX_OWN_CHANNELS`].
    own_large_channels: Vec<Channel>,
    /// No message will come any more.
    ended: bool,
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
    Handler(Box<dyn FnMut(&Sample) + Send>),
    Queue(QueueInput),
    /// Nowhere: no message will come any more.
    Ended,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(_) => f.write_str("Handler"),
            Self::Queue(input) => input.fmt(f),
            Self::Ended => f.write_str("Ended"),
        }
    }
}

impl Subscriptions {
    pub(crate) fn add(&self, pattern: Pattern, sink: Sink) -> Arc<Entry> {
        let entry = Arc::new(Entry { pattern, active: AtomicBool::new(true), sink: Mutex::new(sink) });
        self.change(|table| {
            if table.ended {
                *entry.sink.lock().unwrap_or_else(PoisonError::into_inner) = Sink::Ended;
            }
            table.entries.push(Arc::clone(&entry));
            // Before this returns, so that nothing that is published from now on is kept away.
            table.update_filter();
        });
        entry
    }

    pub(crate) fn remove(&self, entry: &Arc<Entry>) {
        entry.active.store(false, Release);
        self.change(|table| {
            table.entries.retain(|other| !Arc::ptr_eq(other, entry));
            table.update_filter();
        });
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        change(&mut self.lock());
        self.version.fetch_add(1, Release);
    }

    /// Says where this connection sends from.
    pub(crate) fn set_own_address(&self, address: SocketAddrV4) {
        self.change(|table| {
            table.own_address = Some(address);
            table.update_filter();
        });
    }

    /// To be called before this connection sends a fragmented message: if anyone here wants its channel, now or later, its
    /// fragments must come back.
    pub(crate) fn before_own_fragments(&self, channel: &Channel) {
        let is_new = |table: &Table| {
            table.own_large_channels.len() <= MAX_OWN_CHANNELS && !table.own_large_channels.contains(channel)
        };
        // Most messages are not the first of their channel, and change nothing that the reading thread would have to follow.
        if !is_new(&self.lock()) {
            return;
        }
        self.change(|table| {
            if is_new(table) {
                table.own_large_channels.push(*channel);
                table.update_filter();
            }
        });
    }

    /// Closes the queues of all subscriptions, present and future: what is in them can still be taken out.
    fn end(&self) {
        let mut table = self.lock();
        table.ended = true;
        for entry in &table.entries {
            *entry.sink.lock().unwrap_or_else(PoisonError::into_inner) = Sink::Ended;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Puts the kernel filter in step with the entries, or takes it off where they are more than it can express.
    fn update_filter(&mut self) {
        if let Some(socket) = self.filtered.take() {
            let wanted: Option<Vec<_>> = self.entries.iter().map(|entry| entry.pattern.beginning()).collect();
            let wanted_here = |channel| self.entries.iter().any(|entry| entry.pattern.matches(channel));
            let own_wanted =
                self.own_large_channels.len() > MAX_OWN_CHANNELS || self.own_large_channels.iter().any(wanted_here);
            let unwanted_sender = self.own_address.filter(|_| !own_wanted);
            self.filtered = socket.filter(wanted.as_deref(), unwanted_sender);
        }
    }
}

/// The reading thread's side of the table.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    subscriptions: Arc<Subscriptions>,
    version: u64,
    entries: Vec<Arc<Entry>>,
    /// Which entries want a channel, for channels that were heard.
    routes: HashMap<Channel, Route>,
    /// The route that was looked up last: the next message is often of the same channel, and a message is looked up twice.
    last: (Channel, Route),
    /// Whether a kernel filter is on.
    filtered: bool,
    /// The version of the table that made no filter, if any did not.
    unfilterable: Option<u64>,
    /// What the reading thread takes for itself.
    reads: Reads,
}

/// What the thread that reads takes, whatever is subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing more.
    Subscribed,
    /// Every message, though only the beginning of large ones that are not subscribed.
    Overhears,
    /// Every message.
    Everything,
}

/// What is wanted of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Nothing.
    None,
    /// That a message came, how large it is and how it begins.
    Beginning,
    /// Whole messages.
    Whole,
}

/// Which entries want a channel.
type Route = Arc<[usize]>;

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
        let last = (Channel::EMPTY, Route::default());
        Self {
            subscriptions,
            version: 0,
            entries: Vec::new(),
            routes: HashMap::new(),
            last,
            filtered: false,
            unfilterable: None,
            reads: Reads::Subscribed,
        }
    }

    /// Whether anyone wants a channel.
    pub(crate) fn wants(&mut self, channel: &Channel) -> bool {
        self.interest(channel) != Interest::None
    }

    /// What is wanted of a channel.
    pub(crate) fn interest(&mut self, channel: &Channel) -> Interest {
        if self.reads == Reads::Everything {
            return Interest::Whole;
        }
        self.find_route(channel);
        match self.reads {
            _ if !self.last.1.is_empty() => Interest::Whole,
            Reads::Overhears => Interest::Beginning,
            _ => Interest::None,
        }
    }

    /// What the reading thread takes for itself.
    pub(crate) fn reads(&self) -> Reads {
        self.reads
    }

    /// Says what the reading thread takes for itself from now on.
    pub(crate) fn set_reads(&mut self, reads: Reads) {
        self.reads = reads;
        if reads != Reads::Subscribed && self.filtered() {
            self.stop_filtering();
        }
    }

    /// Whether a kernel filter can express what is wanted.
    pub(crate) fn can_filter(&self) -> bool {
        self.reads == Reads::Subscribed
            && self.unfilterable != Some(self.version)
            && self.entries.iter().all(|entry| entry.pattern.beginning().is_some())
    }

    /// Whether a kernel filter keeps unwanted messages away.
    pub(crate) fn filtered(&mut self) -> bool {
        self.follow_changes();
        self.filtered
    }

    /// Has the kernel keep away from `socket` what nobody wants, from now on and in step with the subscriptions; nothing
    /// happens where they are more than a filter can express.
    pub(crate) fn filter(&mut self, socket: FilteredSocket) {
        self.subscriptions.change(|table| {
            table.filtered = Some(socket);
            table.update_filter();
        });
        if !self.filtered() {
            // Not again before the subscriptions change.
            self.unfilterable = Some(self.version);
        }
    }

    /// Has the kernel deliver everything.
    fn stop_filtering(&mut self) {
        self.subscriptions.change(|table| {
            if let Some(socket) = table.filtered.take() {
                socket.filter(None, None);
            }
        });
    }

    /// Hands a message to everyone who wants its channel.
    pub(crate) fn dispatch(&mut self, message: &Sample) -> Delivery {
        self.find_route(&message.channel);
        let mut delivery = Delivery::default();
        for &index in &*self.last.1 {
            let entry = &self.entries[index];
            let mut sink = entry.sink.lock().unwrap_or_else(PoisonError::into_inner);
            // Looked at last, so that who was told that it is removed is right.
            if !entry.active.load(Acquire) {
                continue;
            }
            match &mut *sink {
                Sink::Handler(handler) => handler(message),
                Sink::Queue(input) => delivery.dropped += input.put(message),
                Sink::Ended => continue,
            }
            delivery.delivered += 1;
        }
        delivery
    }

    /// Whether every queue can take the message without dropping one.
    pub(crate) fn has_room(&mut self, message: &Sample) -> bool {
        self.find_route(&message.channel);
        self.last.1.iter().map(|&index| &self.entries[index]).filter(|entry| entry.active.load(Acquire)).all(|entry| {
            match &mut *entry.sink.lock().unwrap_or_else(PoisonError::into_inner) {
                Sink::Queue(input) => input.has_room(message),
                Sink::Handler(_) | Sink::Ended => true,
            }
        })
    }

    /// Says that no message will come any more.
    pub(crate) fn end(&self) {
        self.subscriptions.end();
    }

    /// Looks up who wants a channel, which is then in `last`.
    fn find_route(&mut self, channel: &Channel) {
        self.follow_changes();
        if self.last.0 != *channel {
            let route = match self.routes.get(channel) {
                Some(route) => Arc::clone(route),
                None => self.learn_route(channel),
            };
            self.last = (*channel, route);
        }
    }

    fn learn_route(&mut self, channel: &Channel) -> Route {
        // Anyone may send on any number of channels: forget them all rather than remember without bound.
        if self.routes.len() >= MAX_ROUTES {
            self.routes.clear();
        }
        let wanted = |(index, entry): (usize, &Arc<Entry>)| entry.pattern.matches(channel).then_some(index);
        let route: Route = self.entries.iter().enumerate().filter_map(wanted).collect();
        self.routes.insert(*channel, Arc::clone(&route));
        route
    }

    fn follow_changes(&mut self) {
        let version = self.subscriptions.version.load(Acquire);
        if version != self.version {
            let table = self.subscriptions.lock();
            self.version = version;
            let removed = std::mem::replace(&mut self.entries, table.entries.clone());
            self.filtered = table.filtered.is_some();
            drop(table);
            // Not under the lock: what a handler owns may unsubscribe when it is dropped.
            drop(removed);
            self.routes.clear();
            self.last = (Channel::EMPTY, Route::default());
            self.last.1 = self.learn_route(&Channel::EMPTY);
        }
    }
}

const MAX_ROUTES: usize = 4096;

/// With more, own large messages are taken for wanted.
const MAX_OWN_CHANNELS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Queue;

    fn message(channel: &str) -> Sample {
        Sample { channel: Channel::new(channel).unwrap(), ..Sample::default() }
    }

    #[test]
    fn a_handler_may_remove_itself_and_others_while_it_runs() {
        let subscriptions = Arc::new(Subscriptions::default());
        let victims: Arc<Mutex<Vec<Arc<Entry>>>> = Arc::default();
        let calls = Arc::new(AtomicU64::new(0));
        for _ in 0..3 {
            let (table, victims_inside, calls) = (Arc::clone(&subscriptions), Arc::clone(&victims), Arc::clone(&calls));
            let handler = move |_: &Sample| {
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
