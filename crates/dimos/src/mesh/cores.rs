//! The cores of presence and RPC, and what follows from what they say.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use lcm::codec::DecodeError;
use lcm::{Message, Publisher, Sample};
use lcm_types::dimos_mesh::{Ask, Beat, ChannelCount, Claim, RpcRequest, RpcResponse};

use super::busy::Busy;
use super::reader::{ASKS, BEATS, CLAIMS};
use crate::contract::Contract;
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
    events: Vec<Sender<Event>>,
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
    /// Handlers that wait for their stream to take chunks again.
    full: HashMap<ServedCall, Vec<Sender<()>>>,
    busy: Arc<Busy>,
    chores: Vec<Chore>,
    /// See [`MeshCounts::malformed`].
    malformed: u64,
    /// See [`MeshCounts::events_dropped`].
    events_dropped: u64,
    had_beats: bool,
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
    /// Events that were not kept for who reads them too slowly.
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

/// Who waits for a call.
#[derive(Debug)]
struct Waiting {
    target: NodeId,
    replies: Sender<Reply>,
}

/// What comes of a call.
#[derive(Debug)]
pub(crate) enum Reply {
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
            methods
                .insert(DESCRIBE.to_owned(), Method { is_concurrent: true, is_reentrant: true, ..Method::default() });
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
            events: Vec::new(),
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
            had_beats: false,
            is_stopped: false,
        })
    }

    /// Begins a call. The other process is watched until it is over.
    pub(crate) fn call(&mut self, now: Instant, spec: CallSpec) -> (CallId, Receiver<Reply>) {
        let target = spec.target;
        let (replies, receiver) = unbounded();
        let call = self.caller.call(now, spec);
        self.calls.insert(call, Waiting { target, replies });
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
        let (sender, receiver) = bounded(EVENTS);
        self.events.push(sender);
        receiver
    }

    /// For data, beside the messages of the mesh.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
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
        self.full.remove(&call);
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
        let (room, has_room) = bounded(1);
        self.callee.chunk(now, call, bytes).map(drop).map_err(|error| {
            if matches!(error, ChunkError::Full { .. }) {
                self.full.entry(call).or_default().push(room);
            }
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
        // How long it lay in the kernel tells the system's clock, if that was not set meanwhile.
        let age = SystemTime::now().duration_since(sample.receive_time()).unwrap_or_default();
        let received = now.checked_sub(age.min(MAX_AGE)).unwrap_or(now);
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
                self.events.retain(|events| match events.try_send(event.clone()) {
                    Ok(()) => true,
                    Err(TrySendError::Full(_)) => {
                        *dropped += 1;
                        true
                    }
                    Err(TrySendError::Disconnected(_)) => false,
                });
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
                    let _ = waiting.replies.send(Reply::Chunk(bytes));
                }
            }
            CallerOutput::Outcome { call, result } => {
                self.has_news = true;
                if let Some(waiting) = self.calls.remove(&call) {
                    self.presence.unfollow(Instant::now(), waiting.target);
                    let _ = waiting.replies.send(Reply::Outcome(result));
                }
            }
        }
    }

    fn carry_out_service(&mut self, output: CalleeOutput) {
        match output {
            CalleeOutput::Send { channel, response } => self.publish(&channel, &response),
            CalleeOutput::Run(call) => {
                let id = call.id;
                if call.method == DESCRIBE
                    && let Some(description) = &self.description
                {
                    self.callee.finish(Instant::now(), id, Ok(description.clone()));
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
                for room in self.full.remove(&call).into_iter().flatten() {
                    let _ = room.try_send(());
                }
            }
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

/// How many events wait for who reads them.
const EVENTS: usize = 16_384;

/// A message does not lie in the kernel longer than this; the clock was set.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Most results are ready sooner, and then need no acknowledgement of the call before them.
const ACCEPT_AFTER: Duration = Duration::from_millis(3);
