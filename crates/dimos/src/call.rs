//! A call from the side that answers it: what its handler can ask, and the ways to answer other than returning a result.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::{decode_arguments, encode_result};
use crate::chain::{self, Entered};
use crate::json_schema::Schema;
use crate::mesh::Mesh;
use crate::name::Name;
use crate::node::NodeId;
use crate::remote::RemoteModule;
use crate::rpc::{ChunkError, IncomingCall, RpcError};

/// The call that a handler answers.
#[derive(Debug)]
pub struct Call {
    mesh: Arc<Mesh>,
    call: IncomingCall,
    /// What its own handler dropped unanswered: the answer, unless the handler fails.
    dropped: Mutex<Option<Result<(), RpcError>>>,
}

/// Where the handler of a stream puts its chunks. It may be kept and moved elsewhere; the stream ends when it is dropped, or with
/// [`Chunks::end`].
#[derive(Debug)]
pub struct Chunks<T = Value> {
    call: Arc<Call>,
    is_over: bool,
    chunk: PhantomData<fn(T)>,
}

/// A chunk that was not taken, and what to wait for before it is offered again.
type Refused = (Vec<u8>, Receiver<()>);

/// Answers a call later than its handler returns. It may be kept and moved elsewhere; if it is dropped without an answer, the caller
/// is told so.
#[derive(Debug)]
pub struct Reply<T = Value> {
    call: Arc<Call>,
    is_over: bool,
    result: PhantomData<fn(T)>,
}

impl Call {
    pub(crate) fn new(mesh: Arc<Mesh>, call: IncomingCall) -> Self {
        Self { mesh, call, dropped: Mutex::new(None) }
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> NodeId {
        self.call.id.caller()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.call.method
    }

    /// When nobody waits for the result any more; none for a call without a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// Whether nobody wants the result any more. Long handlers ask now and then, and end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.mesh.with(|cores, _| cores.is_cancelled(self.call.id))
    }

    /// Why it is not to be executed any more, if that is so: it may have waited behind others after it was handed out.
    pub(crate) fn unwanted(&self) -> Option<RpcError> {
        if self.call.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Some(RpcError::Deadline { acknowledged: true });
        }
        self.is_cancelled().then_some(RpcError::Cancelled)
    }

    /// Another module, to be called from this handler. It is found as with [`crate::Dimos::module`], by its name only.
    ///
    /// # Errors
    /// [`RpcError::NoSuchProcess`] if nobody has the name.
    pub fn module(&self, name: &Name) -> Result<RemoteModule, RpcError> {
        RemoteModule::find(&self.mesh, name)
    }

    /// While what it returns lives, calls of this thread are made for this call.
    pub(crate) fn enter(&self) -> Entered {
        chain::enter(self.call.chain.clone(), Some(self.call.id))
    }

    pub(crate) fn arguments<A: DeserializeOwned>(&self, schema: Option<&Schema>) -> Result<A, RpcError> {
        decode_arguments(self.call.codec, &self.call.body, schema)
    }

    pub(crate) fn encoded(&self, result: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, RpcError> {
        encode_result(self.call.codec, result)
    }

    /// Answers the call. Only the first answer counts.
    pub(crate) fn finish(&self, outcome: Result<Vec<u8>, RpcError>) {
        // What a handler gives that was told to stop is not what it was asked for.
        let outcome = if self.is_cancelled() { Err(RpcError::Cancelled) } else { outcome };
        self.mesh.with(|cores, now| cores.finish(now, self.call.id, outcome));
    }
}

impl Call {
    /// The handler has ended without an error. What it dropped is the answer then.
    pub(crate) fn settle(&self) {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outcome) = dropped {
            self.finish(outcome.and_then(|()| self.encoded(&())));
        }
    }

    /// Nobody will answer it any more. That is left to who runs it, if it is this call's own handler: its error or its panic tells
    /// more.
    fn dropped(&self, outcome: Result<(), RpcError>) {
        if chain::is_current(self.call.id) {
            *self.dropped.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        } else if !std::thread::panicking() {
            self.finish(outcome.and_then(|()| self.encoded(&())));
        } else {
            let message = "the module dropped the call in a panic of another handler".to_owned();
            self.finish(Err(RpcError::Panic { message }));
        }
    }
}

impl<T> Chunks<T> {
    pub(crate) fn new(call: Arc<Call>) -> Self {
        Self { call, is_over: false, chunk: PhantomData }
    }

    /// The call that is answered.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Whether nobody reads the stream any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.call.is_cancelled()
    }

    /// Ends the stream, with an error or without. So does dropping it, without.
    pub fn end(mut self, outcome: Result<(), RpcError>) {
        self.finish(outcome);
    }

    pub(crate) fn finish(&mut self, outcome: Result<(), RpcError>) {
        self.is_over = true;
        self.call.finish(outcome.and_then(|()| self.call.encoded(&())));
    }
}

impl<T: Serialize> Chunks<T> {
    /// Sends a chunk. It waits while the caller has not taken the ones before, 3 s at most: nothing else of the module's own thread
    /// happens meanwhile. Whoever cannot wait uses [`Chunks::try_send`], from a timer for instance, or sends from another thread.
    ///
    /// # Errors
    /// [`RpcError::Cancelled`] if nobody reads the stream any more, [`RpcError::Idle`] if its reader takes nothing,
    /// [`RpcError::Stopping`] if this process is about to end; then the handler should end.
    pub fn send(&self, chunk: &T) -> Result<(), RpcError> {
        let mut bytes = self.call.encoded(chunk)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match self.offer(bytes)? {
                None => return Ok(()),
                Some((refused, has_room)) => {
                    // It may be cancelled as well.
                    let room: Option<()> = self.call.mesh.wait_in_handler(&has_room, Some(until));
                    if room.is_none() && self.call.mesh.is_interrupted() {
                        return Err(RpcError::Stopping);
                    }
                    if Instant::now() >= until {
                        return Err(RpcError::Idle { limit: PATIENCE });
                    }
                    bytes = refused;
                }
            }
        }
    }

    /// Sends a chunk, unless the caller has not taken the ones before: then it tells false, and the chunk is not sent.
    ///
    /// # Errors
    /// As [`Chunks::send`].
    pub fn try_send(&self, chunk: &T) -> Result<bool, RpcError> {
        Ok(self.offer(self.call.encoded(chunk)?)?.is_none())
    }

    fn offer(&self, bytes: Vec<u8>) -> Result<Option<Refused>, RpcError> {
        let id = self.call.call.id;
        match self.call.mesh.with(|cores, now| cores.chunk(now, id, bytes)) {
            Ok(()) => Ok(None),
            Err((ChunkError::Full { bytes: refused }, has_room)) => Ok(Some((refused, has_room))),
            Err((ChunkError::Gone, _)) => Err(RpcError::Cancelled),
            Err((ChunkError::TooLarge { bytes, limit }, _)) => Err(RpcError::ResultTooLarge { bytes, limit }),
            Err((error, _)) => Err(RpcError::Handler { message: error.to_string(), data: None }),
        }
    }
}

impl<T> Drop for Chunks<T> {
    fn drop(&mut self) {
        if !self.is_over {
            self.call.dropped(Ok(()));
        }
    }
}

impl<T> Reply<T> {
    pub(crate) fn new(call: Arc<Call>) -> Self {
        Self { call, is_over: false, result: PhantomData }
    }

    /// The call that is answered.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Whether nobody wants the result any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.call.is_cancelled()
    }
}

impl<T: Serialize> Reply<T> {
    /// Answers.
    pub fn send(mut self, result: Result<T, RpcError>) {
        self.is_over = true;
        self.call.finish(result.and_then(|result| self.call.encoded(&result)));
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if !self.is_over {
            let message = "the module dropped the call without an answer".to_owned();
            self.call.dropped(Err(RpcError::Handler { message, data: None }));
        }
    }
}

/// How long a stream waits for its reader: the idle limit of streams.
const PATIENCE: Duration = Duration::from_secs(3);
