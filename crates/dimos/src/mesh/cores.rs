//! The cores of presence and RPC, and what follows from what they say.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lcm::codec::DecodeError;
use lcm::{Message, Publisher, Sample};
use lcm_types::dimos_mesh::{Ask, Beat, ChannelCount, Claim, RpcRequest, RpcResponse};

use super::age::Clocks;
use super::busy::Busy;
use super::reader::{ASKS, BEATS, CLAIMS};
use crate::about::About;
use crate::contract::Contract;
use crate::description::Description;
use crate::name::Name;
use crate::node::NodeId;
use crate::presence::{Action, ClaimError, Config, ConfigError, Event, Presence, State};
use crate::rpc::{
    CallId, CallSpec, Callee, CalleeCounts, CalleeLimits, CalleeOutput, Caller, CallerCounts, CallerOutput, ChunkError,
    IncomingCall, Method, RpcError, ServedCall,
};

/// Presence and RPC of this process.
pub(crate) struct Cores {
    pub(crate) presence: Presence,
    caller: Caller,
    callee: Callee,
    publisher: Publisher,
    calls: HashMap<CallId, Waiting>,
    followers: Vec<Follower>,
    /// What became of the claim of a name, once.
    claimed: Option<Sender<Result<(Name, i64), ClaimError>>>,
    /// Who owns the name of this process now, once.
    displaced: Sender<NodeId>,
    /// What is to be done then at once.
    when_displaced: Option<Box<dyn Fn() + Send>>,
    was_displaced: Receiver<NodeId>,
    hand_out: HandOut,
    /// Whether something came about since this was asked last that another thread may wait for.
    has_news: bool,
    /// What `describe` answers.
    description: Option<Vec<u8>>,
    published: Vec<Published>,
    /// Streams that take no chunks at present. Whoever waits for one to take them again is woken when its entry goes.
    full: HashMap<ServedCall, Room>,
    busy: Arc<Busy>,
    chores: Vec<Chore>,
    /// See [`MeshCounts::malformed`].
    malformed: u64,
    /// See [`MeshCounts::events_dropped`].
    events_dropped: u64,
    /// When the bus was last found empty.
    emptied: Clocks,
    had_beats: bool,
    /// Whether this process makes no calls any more.
    has_ended_calls: bool,
    is_stopped: bool,
}

/// What this process heard, said, ignored and refused of the mesh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MeshCounts {
    /// Claims, questions and beats.
    pub presence: crate::presence::Counts,
    /// Answers to the calls of this process.
    pub caller: CallerCounts,
    /// Calls of others to this process.
    pub callee: CalleeCounts,
    /// Messages on the channels of the mesh that are of another type, or damaged.
    pub malformed: u64,
    /// Events that were not kept for who reads them too slowly; [`Event::Missed`] told them so.
    pub events_dropped: u64,
}

/// What is to be done now and then by whoever reads, even while the module's own thread is busy.
struct Chore {
    due: Option<Instant>,
    run: Box<RunChore>,
}

/// Does it, and tells when it is due again.
pub(crate) type RunChore = dyn FnMut(Instant) -> Option<Instant> + Send;

/// Takes calls to be executed, or tells why not. It is called while the mesh is locked, and must not come back to it.
pub(crate) type HandOut = Box<dyn Fn(IncomingCall) -> Result<(), RpcError> + Send>;

/// How many messages this process has published on a channel.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) channel: String,
    pub(crate) count: Arc<AtomicU64>,
}

/// What is waited for until a full stream takes chunks again: nothing is ever sent, and it ends then.
#[derive(Debug)]
struct Room {
    _full: Sender<()>,
    has_room: Receiver<()>,
}

/// Who follows events.
#[derive(Debug)]
struct Follower {
    events: Sender<Event>,
    /// How many were not kept since there was room.
    missed: u64,
}

/// Who waits for a call.
#[derive(Debug)]
struct Waiting {
    target: NodeId,
    answers: Sender<Answer>,
}

/// What comes of a call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The next chunk of a stream.
    Chunk(Vec<u8>),
    /// The end. Nothing follows.
    Outcome(Result<Vec<u8>, RpcError>),
}

impl Cores {
    pub(super) fn new(
        now: Instant,
        config: Config,
        publisher: Publisher,
        mut methods: BTreeMap<String, Method>,
        contract: Option<&Contract>,
        hand_out: HandOut,
        published: Vec<Published>,
    ) -> Result<Self, ConfigError> {
        let (node, seed) = (config.identity.node, config.seed);
        let (displaced, was_displaced) = bounded(1);
        let description = contract.map(|contract| {
            for built_in in BUILT_IN {
                let method = Method { is_concurrent: true, is_reentrant: true, ..Method::default() };
                methods.insert(built_in.to_owned(), method);
            }
            // Contracts are made of what JSON has.
            serde_json::to_vec(contract).unwrap_or_default()
        });
        let limits = CalleeLimits { accept_after: ACCEPT_AFTER, ..CalleeLimits::default() };
        Ok(Self {
            presence: Presence::new(now, config)?,
            caller: Caller::new(node, seed),
            callee: Callee::with_limits(node, methods, seed, limits),
            publisher,
            calls: HashMap::new(),
            followers: Vec::new(),
            claimed: None,
            displaced,
            when_displaced: None,
            was_displaced,
            hand_out,
            has_news: false,
            description,
            published,
            full: HashMap::new(),
            busy: Arc::new(Busy::new()),
            chores: Vec::new(),
            malformed: 0,
            events_dropped: 0,
            emptied: Clocks::now(),
            had_beats: false,
            has_ended_calls: false,
            is_stopped: false,
        })
    }

    /// What `describe` answers with from now on.
    pub(crate) fn describe(&mut self, description: &Description) {
        self.description = Some(serde_json::to_vec(description).unwrap_or_default());
    }

    /// Begins a call. The other process is watched until it is over.
    pub(crate) fn call(&mut self, now: Instant, spec: CallSpec) -> (CallId, Receiver<Answer>) {
        let target = spec.target;
        let (answers, receiver) = unbounded();
        if self.has_ended_calls {
            // There is room, and somebody who receives.
            let _ = answers.send(Answer::Outcome(Err(RpcError::Left { sent: false })));
            return (CallId::NONE, receiver);
        }
        let call = self.caller.call(now, spec);
        self.calls.insert(call, Waiting { target, answers });
        self.presence.follow(now, target);
        if self.presence.participant(target).is_some_and(|other| other.state == State::Lost) {
            self.caller.target_lost(now, target);
        }
        (call, receiver)
    }

    pub(crate) fn cancel(&mut self, now: Instant, call: CallId) {
        self.caller.cancel(now, call);
    }

    pub(crate) fn consumed(&mut self, now: Instant, call: CallId) {
        self.caller.consumed(now, call);
    }

    /// What becomes of other processes from now on.
    pub(crate) fn events(&mut self) -> Receiver<Event> {
        let (events, receiver) = unbounded();
        if !self.has_ended_calls {
            self.followers.push(Follower { events, missed: 0 });
        }
        receiver
    }

    /// For data, beside the messages of the mesh.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Ends all calls of this process, which makes no more, and tells no events any more.
    pub(super) fn end_calls(&mut self, now: Instant) {
        (self.has_ended_calls, self.has_news) = (true, true);
        for (call, Waiting { target, answers }) in std::mem::take(&mut self.calls) {
            self.caller.cancel(now, call);
            self.presence.unfollow(now, target);
            let _ = answers.send(Answer::Outcome(Err(RpcError::Left { sent: true })));
        }
        self.followers.clear();
    }

    /// Whether this process makes no calls any more, since it leaves.
    pub(crate) fn has_ended_calls(&self) -> bool {
        self.has_ended_calls
    }

    /// Enters one more channel whose messages are counted.
    pub(crate) fn add_published(&mut self, published: Published) {
        self.published.push(published);
    }

    /// The bus has been found empty.
    pub(super) fn note_emptied(&mut self, emptied: Clocks) {
        self.emptied = emptied;
    }

    /// What will become of the claim that is made next.
    pub(crate) fn expect_name(&mut self) -> Receiver<Result<(Name, i64), ClaimError>> {
        let (sender, receiver) = unbounded();
        self.claimed = Some(sender);
        receiver
    }

    /// Has this done when another process takes the name of this one. It must not come back to the mesh, which is locked.
    pub(crate) fn when_displaced(&mut self, work: impl Fn() + Send + 'static) {
        self.when_displaced = Some(Box::new(work));
    }

    /// Receives once, when another process has taken the name of this one: who.
    pub(crate) fn was_displaced(&self) -> Receiver<NodeId> {
        self.was_displaced.clone()
    }

    pub(super) fn busy(&self) -> Arc<Busy> {
        Arc::clone(&self.busy)
    }

    pub(crate) fn finish(&mut self, now: Instant, call: ServedCall, outcome: Result<Vec<u8>, RpcError>) {
        self.has_news |= self.full.remove(&call).is_some();
        self.callee.finish(now, call, outcome);
    }

    pub(crate) fn is_cancelled(&self, call: ServedCall) -> bool {
        self.callee.is_cancelled(call)
    }

    /// Sends a chunk of a stream; a full stream gives what to wait for before the next attempt.
    pub(crate) fn chunk(
        &mut self,
        now: Instant,
        call: ServedCall,
        bytes: Vec<u8>,
    ) -> Result<(), (ChunkError, Receiver<()>)> {
        self.callee.chunk(now, call, bytes).map(drop).map_err(|error| {
            let has_room = match error {
                ChunkError::Full { .. } => self.full.entry(call).or_insert_with(Room::none).has_room.clone(),
                // There is nothing to wait for.
                _ => crossbeam_channel::never(),
            };
            (error, has_room)
        })
    }

    pub(crate) fn counts(&self) -> MeshCounts {
        let (presence, caller, callee) = (self.presence.counts(), self.caller.counts(), self.callee.counts());
        MeshCounts { presence, caller, callee, malformed: self.malformed, events_dropped: self.events_dropped }
    }

    /// Whether all callers have their answers.
    pub(super) fn has_delivered(&self) -> bool {
        let (_, _, bytes) = self.callee.held();
        bytes == 0
    }

    /// Whether something came about since this was asked last that another thread may wait for.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Calls are refused from now on.
    pub(super) fn close(&mut self) {
        self.hand_out = Box::new(|_| Err(super::stopping()));
    }

    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.presence.tick(now);
        self.caller.tick(now);
        self.callee.tick(now);
        // Who missed events learns it as soon as there is room.
        self.followers.retain_mut(|follower| follower.missed == 0 || follower.tell_missed());
        for chore in self.chores.iter_mut().filter(|chore| chore.due.is_some_and(|due| due <= now)) {
            chore.due = (chore.run)(now);
        }
    }

    /// Has something done at once, and again whenever it says. It must not come back to the mesh, which is locked.
    pub(crate) fn add_chore(&mut self, now: Instant, run: Box<RunChore>) {
        self.chores.push(Chore { due: Some(now), run });
    }

    pub(super) fn next_wakeup(&self) -> Option<Instant> {
        let chores = self.chores.iter().filter_map(|chore| chore.due);
        let cores = [self.presence.next_wakeup(), self.caller.next_wakeup(), self.callee.next_wakeup()];
        cores.into_iter().flatten().chain(chores).min()
    }

    /// Whether beats are wanted, for the reading thread, which then reads them or not.
    pub(super) fn note_beats(&mut self) -> bool {
        self.had_beats = self.presence.wants_beats();
        self.had_beats
    }

    pub(super) fn wants_beats_changed(&self) -> bool {
        self.had_beats != self.presence.wants_beats()
    }

    pub(super) fn heard_claim(&mut self, now: Instant, sample: &Sample) {
        if let Some(claim) = self.understood(Claim::view(sample.payload())) {
            self.presence.heard_claim(now, &claim);
        }
    }

    pub(super) fn heard_ask(&mut self, now: Instant, sample: &Sample) {
        if let Some(ask) = self.understood(Ask::view(sample.payload())) {
            self.presence.heard_ask(now, &ask);
        }
    }

    pub(super) fn heard_beat(&mut self, now: Instant, sample: &Sample) {
        if let Some(beat) = self.understood(Beat::view(sample.payload())) {
            self.presence.heard_beat(now, &beat);
        }
    }

    pub(super) fn heard_response(&mut self, now: Instant, sample: &Sample) {
        let Some(response) = self.understood(RpcResponse::view(sample.payload())) else { return };
        if let Some(callee) = NodeId::from_wire(response.callee()) {
            self.presence.heard(now, callee);
        }
        self.caller.heard(now, &response);
    }

    pub(super) fn heard_request(&mut self, now: Instant, sample: &Sample) {
        let Some(request) = self.understood(RpcRequest::view(sample.payload())) else { return };
        if let Some(caller) = NodeId::from_wire(request.caller()) {
            self.presence.heard(now, caller);
        }
        let age = Clocks::now().age(self.emptied, sample.receive_time());
        let received = now.checked_sub(age).unwrap_or(now);
        self.callee.heard(now, received, &request);
    }

    fn understood<T>(&mut self, view: Result<T, DecodeError>) -> Option<T> {
        view.inspect_err(|error| {
            self.malformed += 1;
            tracing::debug!(%error, "not a message of the mesh");
        })
        .ok()
    }

    /// Does what the cores want done.
    pub(super) fn act(&mut self) {
        loop {
            if let Some(action) = self.presence.poll_action() {
                self.carry_out(action);
            } else if let Some(output) = self.caller.poll_output() {
                self.carry_out_call(output);
            } else if let Some(output) = self.callee.poll_output(Instant::now()) {
                self.carry_out_service(output);
            } else {
                return;
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Claim(claim) => self.publish(CLAIMS, &*claim),
            Action::Ask(ask) => self.publish(ASKS, &ask),
            Action::Beat(mut beat) => {
                let running = self.busy.age().unwrap_or_default();
                beat.handler_ms = i32::try_from(running.as_millis()).unwrap_or(i32::MAX);
                beat.channels = self.published.iter().map(Published::count).collect();
                self.publish(BEATS, &beat);
            }
            Action::Owned { name, epoch } => self.tell_claimed(Ok((name, epoch))),
            Action::Refused(error) => self.tell_claimed(Err(error)),
            Action::Displaced { name, by } => {
                tracing::error!(%name, %by, "another process has taken this one's name");
                self.callee.displaced(Instant::now());
                if let Some(when_displaced) = &self.when_displaced {
                    when_displaced();
                }
                self.has_news = true;
                // It comes once, and there is room for one.
                let _ = self.displaced.try_send(by);
            }
            Action::Event(event) => {
                if let Event::Lost { node, .. } | Event::Left { node, .. } = event {
                    self.caller.target_lost(Instant::now(), node);
                    self.callee.caller_lost(Instant::now(), node);
                }
                let dropped = &mut self.events_dropped;
                self.followers.retain_mut(|follower| follower.tell(&event, dropped));
            }
        }
    }

    fn carry_out_call(&mut self, output: CallerOutput) {
        match output {
            CallerOutput::Send { channel, request } => self.publish(&channel, &request),
            CallerOutput::Chunk { call, bytes } => {
                self.has_news = true;
                if let Some(waiting) = self.calls.get(&call) {
                    // Who waits no longer has dropped the call, which cancels it.
                    let _ = waiting.answers.send(Answer::Chunk(bytes));
                }
            }
            CallerOutput::Outcome { call, result } => {
                self.has_news = true;
                if let Some(waiting) = self.calls.remove(&call) {
                    self.presence.unfollow(Instant::now(), waiting.target);
                    let _ = waiting.answers.send(Answer::Outcome(result));
                }
            }
        }
    }

    fn carry_out_service(&mut self, output: CalleeOutput) {
        match output {
            CalleeOutput::Send { channel, response } => self.publish(&channel, &response),
            CalleeOutput::Run(call) => {
                let id = call.id;
                if let Some(answer) = self.built_in_answer(&call.method) {
                    self.callee.finish(Instant::now(), id, Ok(answer));
                    return;
                }
                self.has_news = true;
                if let Err(error) = (self.hand_out)(call) {
                    self.callee.finish(Instant::now(), id, Err(error));
                }
            }
            // Handlers ask whether they are cancelled; one that waits is to ask now.
            CalleeOutput::Cancel(call) | CalleeOutput::Credit { call, .. } => {
                self.has_news = true;
                self.full.remove(&call);
            }
        }
    }

    /// What is answered without asking anybody.
    fn built_in_answer(&self, method: &str) -> Option<Vec<u8>> {
        let description = self.description.as_ref()?;
        match method {
            DESCRIBE => Some(description.clone()),
            // It is made of what JSON has.
            About::METHOD => Some(serde_json::to_vec(&About::this_process()).unwrap_or_default()),
            _ => None,
        }
    }

    fn tell_claimed(&mut self, result: Result<(Name, i64), ClaimError>) {
        self.has_news = true;
        if let Some(claimed) = self.claimed.take() {
            let _ = claimed.send(result);
        }
    }

    fn publish(&self, channel: &str, message: &impl Message) {
        // What is lost is sent again, as it is when the network loses it.
        if let Err(error) = self.publisher.publish_message(channel, message) {
            tracing::warn!(%error, "cannot publish");
        }
    }
}

impl Follower {
    /// Tells an event, or counts it as missed. False if nobody listens any more.
    fn tell(&mut self, event: &Event, dropped: &mut u64) -> bool {
        if self.events.len() >= EVENTS {
            self.missed += 1;
            *dropped += 1;
            return true;
        }
        self.tell_missed() && self.events.send(event.clone()).is_ok()
    }

    /// Tells how many events were missed, if there is room for that. False if nobody listens any more.
    fn tell_missed(&mut self) -> bool {
        if self.missed == 0 || self.events.len() >= EVENTS {
            return true;
        }
        self.events.send(Event::Missed { count: std::mem::take(&mut self.missed) }).is_ok()
    }
}

impl Room {
    fn none() -> Self {
        let (full, has_room) = bounded(0);
        Self { _full: full, has_room }
    }
}

impl Published {
    fn count(&self) -> ChannelCount {
        let published = i64::try_from(self.count.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        ChannelCount { channel: self.channel.clone(), published }
    }
}

impl fmt::Debug for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cores").field("presence", &self.presence).finish_non_exhaustive()
    }
}

/// The method that every module has: its contract, in JSON.
pub(crate) const DESCRIBE: &str = "describe";

/// The methods that every process with a name has.
pub(crate) const BUILT_IN: [&str; 2] = [DESCRIBE, About::METHOD];

/// How many events wait for who reads them. They take memory only where they wait.
const EVENTS: usize = 16_384;

/// Most results are ready sooner, and then need no acknowledgement of the call before them.
const ACCEPT_AFTER: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_events_too_slowly_is_told_how_many_it_missed() {
        let (events, receiver) = unbounded();
        let (mut follower, mut dropped) = (Follower { events, missed: 0 }, 0);
        let event = Event::Unstuck { node: NodeId::random(), name: None };
        for _ in 0..EVENTS + 7 {
            assert!(follower.tell(&event, &mut dropped));
        }
        assert_eq!((receiver.len(), dropped), (EVENTS, 7));
        assert!(follower.tell_missed(), "there is no room to tell it");
        assert!(receiver.try_iter().all(|told| told == event));
        assert!(follower.tell(&event, &mut dropped));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Event::Missed { count: 7 }, event.clone()]);
        // Who listens no longer is forgotten, even if it had not read all.
        for _ in 0..EVENTS + 1 {
            assert!(follower.tell(&event, &mut dropped));
        }
        drop(receiver);
        assert!(!follower.tell(&event, &mut dropped));
    }
}
