//! A module as others see it: what can be called.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use serde::Serialize;
use serde_json::Value;

use crate::mesh::{Mesh, Reply};
use crate::name::Name;
use crate::node::NodeId;
use crate::rpc::{CallId, CallSpec, RpcError, TimeLimit};
use crate::service::ServedRequest;

/// A module of the mesh: the process that owned its name when it was found. Calls go to that process and to no other, not even to
/// one that takes its name.
#[derive(Debug, Clone)]
pub struct Module {
    mesh: Arc<Mesh>,
    name: Name,
    node: NodeId,
    /// The processes that wait for the handler that calls.
    chain: Vec<NodeId>,
}

/// A call under way. Dropping it cancels it.
#[derive(Debug)]
pub struct PendingCall {
    mesh: Arc<Mesh>,
    call: CallId,
    replies: Receiver<Reply>,
    is_over: bool,
}

/// The chunks of a stream, as they come. After the last one the iterator ends; an error is its last item. Dropping it cancels
/// the call.
#[derive(Debug)]
pub struct Stream(PendingCall);

impl Module {
    pub(crate) fn new(mesh: Arc<Mesh>, name: Name, node: NodeId) -> Self {
        Self { mesh, name, node, chain: Vec::new() }
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

    /// The same module, called from within a handler: a call that would come back to a process that waits for this handler is
    /// refused at once, since it could never end.
    #[must_use]
    pub fn within(&self, call: &ServedRequest) -> Self {
        Self { chain: call.chain().to_vec(), ..self.clone() }
    }

    /// Calls a method and waits for the result, 10 s at most.
    ///
    /// # Errors
    /// Whatever keeps the call from having a result; there always is one or the other.
    pub fn call(&self, method: &str, arguments: &impl Serialize) -> Result<Value, RpcError> {
        self.start(method, arguments, TimeLimit::default())?.wait()
    }

    /// Calls a method and goes on, to wait for the result later: several calls run side by side.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn start(&self, method: &str, arguments: &impl Serialize, limit: TimeLimit) -> Result<PendingCall, RpcError> {
        self.begin(method, arguments, limit, false)
    }

    /// Calls a method that answers with a stream.
    ///
    /// # Errors
    /// If the arguments cannot be JSON.
    pub fn stream(&self, method: &str, arguments: &impl Serialize) -> Result<Stream, RpcError> {
        self.begin(method, arguments, TimeLimit::IDLE, true).map(Stream)
    }

    fn begin(
        &self,
        method: &str,
        arguments: &impl Serialize,
        limit: TimeLimit,
        is_stream: bool,
    ) -> Result<PendingCall, RpcError> {
        let bad = |error: serde_json::Error| RpcError::BadArguments { message: error.to_string(), data: None };
        let body = serde_json::to_vec(arguments).map_err(bad)?;
        let chain = self.chain.clone();
        let spec = CallSpec { limit, is_stream, chain, ..CallSpec::new(self.node, self.name.clone(), method, body) };
        let (call, replies) = self.mesh.with(|cores, now| cores.call(now, spec));
        Ok(PendingCall { mesh: Arc::clone(&self.mesh), call, replies, is_over: false })
    }
}

impl PendingCall {
    /// Waits for the result.
    ///
    /// # Errors
    /// Whatever keeps the call from having one.
    pub fn wait(mut self) -> Result<Value, RpcError> {
        loop {
            match self.next() {
                Some(Reply::Outcome(result)) => return result.and_then(|body| json(&body)),
                Some(Reply::Chunk(_)) => {}
                None => return Err(RpcError::OutcomeUnknown),
            }
        }
    }

    /// Asks the other process to stop. [`PendingCall::wait`] tells whether it did, or was faster.
    pub fn cancel(&self) {
        self.mesh.with(|cores, now| cores.cancel(now, self.call));
    }

    fn next(&mut self) -> Option<Reply> {
        if self.is_over {
            return None;
        }
        let reply = self.replies.recv().ok();
        self.is_over = !matches!(reply, Some(Reply::Chunk(_)));
        if !self.is_over {
            self.mesh.with(|cores, now| cores.consumed(now, self.call));
        }
        reply
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.is_over {
            self.cancel();
        }
    }
}

impl Iterator for Stream {
    type Item = Result<Value, RpcError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next()? {
            Reply::Chunk(body) => Some(json(&body)),
            Reply::Outcome(Ok(_)) => None,
            Reply::Outcome(Err(error)) => Some(Err(error)),
        }
    }
}

fn json(body: &[u8]) -> Result<Value, RpcError> {
    serde_json::from_slice(body).map_err(|error| RpcError::Malformed { message: format!("not JSON: {error}") })
}
