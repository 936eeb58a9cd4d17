//! What a caller is told, and what it says.

use std::sync::Arc;
use std::time::Duration;

use lcm_types::dimos_mesh::RpcRequest;

use crate::name::Name;
use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::wire::{ACKNOWLEDGE, Codec};

/// A call of this process: never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub(crate) i64);

/// A call to make.
#[derive(Debug, Clone)]
pub struct CallSpec {
    /// The process that shall execute it, and no other.
    pub target: NodeId,
    /// A name of that process, whose channel it hears.
    pub name: Name,
    /// The method.
    pub method: String,
    /// How the arguments are encoded.
    pub codec: Codec,
    /// The hash of a binary method; empty for JSON.
    pub contract: String,
    /// The arguments.
    pub body: Vec<u8>,
    /// How long it may take.
    pub limit: TimeLimit,
    /// Whether chunks are wanted in place of a single result.
    pub is_stream: bool,
    /// How many chunks may wait for [`Caller::consumed`](super::Caller::consumed) before the other side must pause; 64 by default.
    pub credit_chunks: usize,
    /// The processes with a handler that waits for this call: [`IncomingCall::chain`](crate::rpc::IncomingCall::chain) of the
    /// handler that makes the call, and empty elsewhere.
    pub chain: Vec<NodeId>,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// So long in all.
    Deadline(Duration),
    /// For ever, but no longer than this without a sign of life: the limit of streams and long methods.
    Idle(Duration),
}

/// What a [`Caller`](super::Caller) wants done.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallerOutput {
    /// Publish this.
    Send {
        /// Where.
        channel: Arc<str>,
        /// What.
        request: RpcRequest,
    },
    /// The next chunk of a stream; to be answered with [`Caller::consumed`](super::Caller::consumed) when it was taken.
    Chunk {
        /// Which stream.
        call: CallId,
        /// The chunk.
        bytes: Vec<u8>,
    },
    /// The call is over: its result, or what its stream ended with. There is exactly one for each call, and nothing behind it.
    Outcome {
        /// Which call.
        call: CallId,
        /// What became of it.
        result: Result<Vec<u8>, RpcError>,
    },
}

/// What a [`Caller`](super::Caller) allows.
#[derive(Debug, Clone, Copy)]
pub struct CallerLimits {
    /// Without an acknowledgement for this long, there is no such process: 2 s.
    pub acknowledge: Duration,
    /// How long a cancelled call waits for the other side to say so: 1 s.
    pub cancel: Duration,
    /// The largest result, or chunk: 64 MiB.
    pub result_bytes: usize,
}

/// What a [`Caller`](super::Caller) ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerCounts {
    /// Responses to others, from others than were called, or to calls that were never made.
    pub strays: u64,
    /// Responses to calls that are over, and parts that had arrived.
    pub repeated: u64,
    /// Responses of unknown kinds.
    pub unknown_kinds: u64,
    /// Parts that contradict themselves or others.
    pub malformed: u64,
}

impl CallId {
    /// No call.
    pub(crate) const NONE: Self = Self(0);
}

impl CallSpec {
    /// A unary call in JSON with the default deadline.
    #[must_use]
    pub fn new(target: NodeId, name: Name, method: impl Into<String>, body: Vec<u8>) -> Self {
        Self {
            target,
            name,
            method: method.into(),
            codec: Codec::Json,
            contract: String::new(),
            body,
            limit: TimeLimit::default(),
            is_stream: false,
            credit_chunks: 64,
            chain: Vec::new(),
        }
    }
}

impl TimeLimit {
    /// The default of streams and long methods: 3 s without a chunk or a heartbeat.
    pub const IDLE: Self = Self::Idle(Duration::from_secs(3));
}

impl Default for TimeLimit {
    /// 10 s in all.
    fn default() -> Self {
        Self::Deadline(Duration::from_secs(10))
    }
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self { acknowledge: ACKNOWLEDGE, cancel: Duration::from_secs(1), result_bytes: 64 << 20 }
    }
}
