//! A module as others see it: what can be called.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::{decode_result, encode_arguments};
use crate::chain;
use crate::client::POLL;
use crate::mesh::{Answer, Cores, Mesh};
use crate::name::Name;
use crate::node::NodeId;
use crate::presence::State;
use crate::rpc::{CallId, CallSpec, Codec, RpcError, TimeLimit};
use crate::wire::{Shape, Wire};

/// A module of the mesh: the process that owned its name when it was found. Calls go to that process and to no other, not even to
/// one that takes its name.
///
/// A call from within a handler that would come back to a process that waits for this handler is refused at once, since it could
/// never end.
///
/// Arguments are an object with a member for each: `json!({ "ms": 8 })`, or a struct that serializes to such; `()` and
/// `json!({})` where there are none.
///
/// ```no_run
/// use dimos::{Dimos, PendingCall};
/// use serde_json::json;
///
/// let dimos = Dimos::connect()?;
/// let camera = dimos.module("robot0/camera")?;
/// let exposure_ms: f64 = camera.call_as("set_exposure", &json!({ "ms": 8 }))?;
///
/// // Side by side; the results are in the order of the calls.
/// let calls = ["left", "right"].map(|side| camera.start("capture", &json!({ "side": side })));
/// let images = PendingCall::wait_all(calls.into_iter().collect::<Result<Vec<_>, _>>()?);
/// # let _ = (exposure_ms, images);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RemoteModule {
    mesh: Arc<Mesh>,
    name: Name,
    node: NodeId,
    limit: Option<TimeLimit>,
}

/// A call under way. Dropping it cancels it.
#[derive(Debug)]
pub struct PendingCall<R = Value> {
    mesh: Arc<Mesh>,
    call: CallId,
    codec: Codec,
    answers: Receiver<Answer>,
    is_over: bool,
    result: PhantomData<fn() -> R>,
}

/// The chunks of a stream, as they come. After the last one the iterator ends; an error is its last item, also where a chunk is not
/// of the type. Dropping it cancels
/// the call.
#[derive(Debug)]
pub struct Stream<R = Value>(PendingCall<R>);

impl RemoteModule {
    pub(crate) fn new(mesh: Arc<Mesh>, name: Name, node: NodeId) -> Self {
        Self { mesh, name, node, limit: None }
    }

    /// The owner of a name; it is waited for up to 2 s.
    pub(crate) fn find(mesh: &Arc<Mesh>, name: &Name) -> Result<Self, RpcError> {
        let start = Instant::now();
        let mut is_asked = false;
        loop {
            if mesh.is_interrupted() {
                return Err(RpcError::Stopping);
            }
            let look = |cores: &mut Cores, now| {
                if cores.presence.owner(name).is_none() && !std::mem::replace(&mut is_asked, true) {
                    cores.presence.find(now, name);
                }
                (cores.presence.owner(name), cores.presence.is_finding(name), cores.has_ended_calls())
            };
            match mesh.with(look) {
                (_, _, true) => return Err(RpcError::Left { sent: false }),
                (Some((node, _)), _, _) => return Ok(Self::new(Arc::clone(mesh), name.clone(), node)),
                (None, true, _) => mesh.pass(POLL),
                (None, false, _) => return Err(RpcError::NoSuchProcess { waited: start.elapsed() }),
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its process.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Whether it works, as far as is known: it has started, so it hears what is published for it, and has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let state = self.mesh.with(|cores, _| cores.presence.participant(self.node).map(|module| module.state));
        matches!(state, Some(State::Running | State::Stuck))
    }

    /// The same module, where calls may take so long. Unless told, a call may take 10 s in all, and a stream 3 s without a sign of
    /// life.
    #[must_use]
    pub fn limit(&self, limit: TimeLimit) -> Self {
        Self { limit: Some(limit), ..self.clone() }
    }

    /// Calls a method and waits for the result.
    ///
    /// # Errors
    /// Whatever keeps the call from having a result; there always is one or the other.
    pub fn call(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Value, RpcError> {
        self.start(method, arguments)?.wait()
    }

    /// Calls a method whose result is of a type, and waits for it.
    ///
    /// # Errors
    /// As [`RemoteModule::call`], and [`RpcError::Malformed`] if the result is not of this type.
    pub fn call_as<R>(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<R, RpcError>
    where
        R: DeserializeOwned,
    {
        self.start_as(method, arguments)?.wait()
    }

    /// Calls a binary method and waits for the result. Both programs must agree on the types: members, their names and their order.
    ///
    /// # Errors
    /// As [`RemoteModule::call`], and [`RpcError::ContractMismatch`] if the types are others.
    pub fn call_binary<A: Wire, R: Wire>(&self, method: &str, arguments: &A) -> Result<R, RpcError> {
        let contract = Shape::method(A::SHAPE, R::SHAPE, false).contract();
        self.begin(method, arguments, Codec::Bincode, contract, false)?.wait()
    }

    /// Calls a method and goes on, to wait for the result later: several calls run side by side.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn start(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<PendingCall, RpcError> {
        self.start_as(method, arguments)
    }

    /// Calls a method whose result is of a type, and goes on.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn start_as<R>(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<PendingCall<R>, RpcError>
    where
        R: DeserializeOwned,
    {
        self.begin(method, arguments, Codec::Json, String::new(), false)
    }

    /// Calls a method that answers with a stream.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn stream(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Stream, RpcError> {
        self.stream_as(method, arguments)
    }

    /// Calls a method that answers with a stream of a type.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn stream_as<R>(&self, method: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Stream<R>, RpcError>
    where
        R: DeserializeOwned,
    {
        self.begin(method, arguments, Codec::Json, String::new(), true).map(Stream)
    }

    fn begin<R>(
        &self,
        method: &str,
        arguments: &(impl Serialize + ?Sized),
        codec: Codec,
        contract: String,
        is_stream: bool,
    ) -> Result<PendingCall<R>, RpcError> {
        let body = encode_arguments(codec, arguments)?;
        let usual = if is_stream { TimeLimit::IDLE } else { TimeLimit::default() };
        let (chain, limit) = (chain::current(), self.limit.unwrap_or(usual));
        let spec = CallSpec::new(self.node, self.name.clone(), method, body);
        let spec = CallSpec { limit, is_stream, chain, codec, contract, ..spec };
        let (call, answers) = self.mesh.with(|cores, now| cores.call(now, spec));
        Ok(PendingCall { mesh: Arc::clone(&self.mesh), call, codec, answers, is_over: false, result: PhantomData })
    }
}

impl<R> PendingCall<R> {
    /// Asks the other process to stop. [`PendingCall::wait`] tells whether it did, or was faster.
    pub fn cancel(&self) {
        self.mesh.with(|cores, now| cores.cancel(now, self.call));
    }

    fn took(&mut self, answer: &Answer) {
        match answer {
            Answer::Chunk(_) => self.mesh.with(|cores, now| cores.consumed(now, self.call)),
            Answer::Outcome(_) => self.is_over = true,
        }
    }

    fn next(&mut self) -> Option<Answer> {
        if self.is_over {
            return None;
        }
        let answer = self.mesh.wait_in_handler(&self.answers, None);
        if answer.is_none() && self.mesh.is_interrupted() {
            self.cancel();
            self.is_over = true;
            return Some(Answer::Outcome(Err(RpcError::Stopping)));
        }
        // The mesh outlives its calls, and each has an outcome.
        let answer = answer.unwrap_or(Answer::Outcome(Err(RpcError::OutcomeUnknown)));
        self.took(&answer);
        Some(answer)
    }
}

impl<R: DeserializeOwned> PendingCall<R> {
    /// Waits for the result.
    ///
    /// # Errors
    /// Whatever keeps the call from having one.
    pub fn wait(mut self) -> Result<R, RpcError> {
        loop {
            match self.next() {
                Some(Answer::Outcome(result)) => return decoded(self.codec, result),
                Some(Answer::Chunk(_)) => {}
                None => return Err(RpcError::OutcomeUnknown),
            }
        }
    }

    /// Waits for the result for so long at most. Without one, the call goes on.
    ///
    /// # Errors
    /// The call itself, if there is no result yet.
    pub fn wait_for(mut self, at_most: Duration) -> Result<Result<R, RpcError>, Self> {
        // One that cannot be reckoned with is never reached.
        let until = Instant::now().checked_add(at_most);
        loop {
            match self.mesh.wait_in_handler(&self.answers, until) {
                None => return Err(self),
                Some(answer) => {
                    self.took(&answer);
                    if let Answer::Outcome(result) = answer {
                        return Ok(decoded(self.codec, result));
                    }
                }
            }
        }
    }

    /// Waits for all of them. The results are in the order of the calls.
    pub fn wait_all(calls: impl IntoIterator<Item = Self>) -> Vec<Result<R, RpcError>> {
        calls.into_iter().map(Self::wait).collect()
    }
}

impl<R> Drop for PendingCall<R> {
    fn drop(&mut self) {
        if !self.is_over {
            self.cancel();
        }
    }
}

impl<R> Stream<R> {
    /// Asks the other process to stop. The stream ends with [`RpcError::Cancelled`], or as it would have ended.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it has ended: nothing comes any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_over
    }
}

impl<R: DeserializeOwned> Stream<R> {
    /// As [`Iterator::next`], but waits for so long at most. `None` if nothing came meanwhile, or at the end, which
    /// [`Stream::is_over`] tells apart.
    pub fn next_within(&mut self, at_most: Duration) -> Option<Result<R, RpcError>> {
        if self.0.is_over {
            return None;
        }
        let answer = self.0.mesh.wait_for(&self.0.answers, Instant::now().checked_add(at_most))?;
        self.0.took(&answer);
        self.item(answer)
    }

    fn item(&mut self, answer: Answer) -> Option<Result<R, RpcError>> {
        match answer {
            Answer::Chunk(body) => {
                let chunk = decode_result(self.0.codec, &body);
                if chunk.is_err() {
                    // The rest is no use without it.
                    self.0.cancel();
                    self.0.is_over = true;
                }
                Some(chunk)
            }
            Answer::Outcome(Ok(_)) => None,
            Answer::Outcome(Err(error)) => Some(Err(error)),
        }
    }
}

impl<R: DeserializeOwned> Iterator for Stream<R> {
    type Item = Result<R, RpcError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reply = self.0.next()?;
        self.item(reply)
    }
}

fn decoded<R: DeserializeOwned>(codec: Codec, result: Result<Vec<u8>, RpcError>) -> Result<R, RpcError> {
    decode_result(codec, &result?)
}
