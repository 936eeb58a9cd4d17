//! What is under way: requests, streams and subscriptions, each on a thread of its own, so many at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dimos::{Dimos, RpcError};
use lcm::Lcm;
use lcm::schema::Catalog;
use serde_json::{Value, json};

use super::outbox::{Answer, Outbox};
use super::protocol::{Cancel, Item, Line, Refusal, Request};
use super::work;
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Trigger};

/// A program that talks to the mesh.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) mesh: Dimos,
    /// For messages.
    pub(super) bus: Lcm,
    pub(super) catalog: Catalog,
    pub(super) outbox: Outbox,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    last: u64,
    threads: BTreeMap<u64, Thread>,
}

#[derive(Debug)]
struct Thread {
    kind: Kind,
    /// Taken when it is to end.
    trigger: Option<Trigger>,
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// With its id.
    Request(Option<Value>),
    /// A stream or a subscription.
    Flow,
}

/// The place of a thread among those under way, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    session: Arc<Session>,
    /// By which a stream or subscription is known to the program.
    pub(super) number: u64,
    /// Comes when it is to end.
    pub(super) interrupt: Interrupt,
}

impl Session {
    pub(super) fn new(mesh: Dimos, bus: Lcm, catalog: Catalog, outbox: Outbox) -> Arc<Self> {
        Arc::new(Self { mesh, bus, catalog, outbox, under_way: Mutex::default() })
    }

    /// Does what a line asks for, or begins to.
    pub(super) fn take(self: &Arc<Self>, line: Line) {
        match line {
            Line::Nothing => {}
            Line::One(item) => {
                let answer = self.outbox.answer(item.id.clone());
                self.begin(item, answer);
            }
            Line::Batch(items) => {
                let answers = self.outbox.answers(items.iter().map(|item| item.id.clone()));
                for (item, answer) in items.into_iter().zip(answers) {
                    self.begin(item, answer);
                }
            }
        }
    }

    /// Whether anything is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way().threads.is_empty()
    }

    /// Ends streams and subscriptions.
    pub(super) fn end_flows(&self) {
        for thread in self.under_way().threads.values_mut().filter(|thread| thread.kind == Kind::Flow) {
            thread.trigger = None;
        }
    }

    /// Ends everything.
    pub(super) fn end_all(&self) {
        for thread in self.under_way().threads.values_mut() {
            thread.trigger = None;
        }
    }

    fn begin(self: &Arc<Self>, Item { id, request }: Item, answer: Answer) {
        let request = match request {
            Err(refusal) => return answer.give(Err(refusal)),
            // What takes no time.
            Ok(Request::Cancel(what)) => {
                let triggers = self.triggers(&what);
                answer.give(Ok(json!({ "cancelled": !triggers.is_empty() })));
                // The end is told behind that.
                return drop(triggers);
            }
            Ok(Request::Publish(message)) => return answer.give(work::publish(self, &message).map_err(Refusal::from)),
            Ok(Request::Stream(_) | Request::Subscribe(_)) if !answer.is_wanted() => {
                // Nobody would know what belongs to it.
                return;
            }
            Ok(request) => request,
        };
        let kind = match &request {
            Request::Stream(_) | Request::Subscribe(_) => Kind::Flow,
            _ => Kind::Request(id),
        };
        let Some(place) = self.place(kind) else {
            return answer.give(Err(Failure::from(RpcError::Overloaded { waiting: MAX_UNDER_WAY }).into()));
        };
        let session = Arc::clone(self);
        let work: Box<dyn FnOnce() + Send> = match request {
            // Before the next line is taken: it may publish what is to be heard.
            Request::Subscribe(params) => match work::listen(self, &params) {
                Ok(listening) => Box::new(move || work::follow(&session, &listening, answer, &place)),
                Err(failure) => return answer.give(Err(failure.into())),
            },
            request => Box::new(move || work::carry_out(&session, request, answer, &place)),
        };
        // Without a thread, the answer is dropped, which says so.
        let _ = std::thread::Builder::new().name("dimos-request".to_owned()).spawn(work);
    }

    /// A place, if there is one; requests have theirs apart from what may go on for ever.
    fn place(self: &Arc<Self>, kind: Kind) -> Option<Place> {
        let mut under_way = self.under_way();
        let is_flow = kind == Kind::Flow;
        let taken = under_way.threads.values().filter(|thread| (thread.kind == Kind::Flow) == is_flow).count();
        if taken >= MAX_UNDER_WAY {
            return None;
        }
        let (trigger, interrupt) = Interrupt::new();
        under_way.last += 1;
        let number = under_way.last;
        under_way.threads.insert(number, Thread { kind, trigger: Some(trigger) });
        Some(Place { session: Arc::clone(self), number, interrupt })
    }

    /// What ends a stream, a subscription or a request, if it is not to end already.
    fn triggers(&self, what: &Cancel) -> Vec<Trigger> {
        let mut under_way = self.under_way();
        let is_meant = |number: u64, kind: &Kind| match (what, kind) {
            (Cancel::Id(id), Kind::Flow) => number == *id,
            (Cancel::Request(id), Kind::Request(Some(of_request))) => id == of_request,
            _ => false,
        };
        let meant = under_way.threads.iter_mut().filter(|(number, thread)| is_meant(**number, &thread.kind));
        // Two of the same id are both meant.
        meant.filter_map(|(_, thread)| thread.trigger.take()).collect()
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.session.under_way().threads.remove(&self.number);
    }
}

/// Waits until nothing is under way any more, but no longer than until `deadline`.
pub(super) fn wait_until_idle(session: &Session, deadline: Instant, interrupt: &Interrupt) -> Result<(), Failure> {
    while !session.is_idle() && Instant::now() < deadline {
        interrupt.wait_until(Instant::now() + Duration::from_millis(5))?;
    }
    Ok(())
}

/// Requests at a time, and as many streams and subscriptions.
pub(super) const MAX_UNDER_WAY: usize = 64;
