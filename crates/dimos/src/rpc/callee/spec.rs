//! What a callee is told, and what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lcm_types::dimos_mesh::RpcResponse;

use crate::node::NodeId;
use crate::rpc::error::RpcError;
use crate::rpc::wire::Codec;

/// A call that this process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServedCall {
    pub(super) caller: NodeId,
    pub(super) call: i64,
}

/// What a callee must know of a method before it runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Method {
    /// Whether it answers with a stream.
    pub is_stream: bool,
    /// Whether it runs beside others, and while its module waits. All other methods run one at a time.
    pub is_concurrent: bool,
    /// Whether it may be called back by those that its module waits for. That needs a thread beside the one that waits.
    pub is_reentrant: bool,
    /// The hash of a binary method; `None` if it takes JSON only.
    pub contract: Option<String>,
}

/// A call to be executed now.
#[derive(Debug, Clone, PartialEq)]
pub struct IncomingCall {
    /// Which call: for [`Callee::finish`](super::Callee::finish).
    pub id: ServedCall,
    /// The method.
    pub method: String,
    /// How the arguments are encoded, and the result shall be.
    pub codec: Codec,
    /// The arguments.
    pub body: Vec<u8>,
    /// For the calls that the handler makes: the processes that wait, this one included.
    pub chain: Vec<NodeId>,
    /// When nobody waits for the result any more; `None` for a call with an idle limit.
    pub deadline: Option<Instant>,
    /// Whether the caller wants chunks.
    pub is_stream: bool,
    /// Whether it runs beside others.
    pub is_concurrent: bool,
}

/// What a [`Callee`](super::Callee) wants done.
#[derive(Debug)]
#[non_exhaustive]
pub enum CalleeOutput {
    /// Publish this.
    Send {
        /// Where.
        channel: Arc<str>,
        /// What.
        response: RpcResponse,
    },
    /// Execute this, and tell [`Callee::finish`](super::Callee::finish) what became of it. No other method that is not concurrent is
    /// handed out before.
    Run(IncomingCall),
    /// Nobody wants this any more: the handler should stop. It is told once; finish the call all the same.
    Cancel(ServedCall),
    /// A stream that was full takes so many chunks again.
    Credit {
        /// Which stream.
        call: ServedCall,
        /// How many.
        chunks: usize,
    },
}

/// Why a chunk was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Too many are on their way: wait for [`CalleeOutput::Credit`].
    #[error("the stream is full until its caller has taken a chunk")]
    Full {
        /// The chunk.
        bytes: Vec<u8>,
    },
    /// Nobody reads the stream any more: cancelled, out of time, or its caller is gone. End it.
    #[error("nobody reads the stream any more")]
    Gone,
    /// It is larger than allowed. The stream goes on without it.
    #[error("a chunk of {bytes} bytes: at most {limit} are taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The call answers once.
    #[error("{method:?} answers once and has no chunks")]
    NotStreaming {
        /// Its method.
        method: String,
    },
}

/// What a [`Callee`](super::Callee) allows and keeps.
#[derive(Debug, Clone, Copy)]
pub struct CalleeLimits {
    /// Calls that wait for their turn; more are refused with [`RpcError::Overloaded`]: 64.
    pub waiting: usize,
    /// Concurrent methods that run at a time: 64.
    pub concurrent: usize,
    /// The largest arguments: 64 MiB.
    pub argument_bytes: usize,
    /// The largest result, or chunk: 64 MiB.
    pub result_bytes: usize,
    /// Calls whose arguments are arriving in parts: 64.
    pub arriving: usize,
    /// What arriving and waiting arguments may hold in all: 256 MiB.
    pub held_argument_bytes: usize,
    /// After this long without a new part, incomplete arguments are dropped: 3 s.
    pub arriving_age: Duration,
    /// Answers that are kept until their callers have them: 4096. Beyond that the oldest is given up.
    pub answers: usize,
    /// What these may hold: 256 MiB.
    pub answer_bytes: usize,
    /// Chunks of one stream that may be on their way: 64.
    pub stream_chunks: usize,
    /// What these may hold, one chunk excepted: 8 MiB.
    pub stream_bytes: usize,
    /// How long the number of a call that ran is remembered after its end, so that no late duplicate runs: 60 s.
    pub remember: Duration,
    /// How many such numbers are remembered: 65536. Beyond that, older calls of the same caller are refused.
    pub remembered: usize,
    /// Callers that are remembered: 1024. More are refused with [`RpcError::Overloaded`] while all of these have calls.
    pub callers: usize,
    /// After this long without a word of its caller, a stream or a long call is given up: 10 s.
    pub caller_gone: Duration,
    /// How long an acknowledgement may wait for a result to take its place: not at all. A skin that ticks while handlers run can save a
    /// datagram a call with some milliseconds.
    pub accept_after: Duration,
}

/// What a [`Callee`](super::Callee) ignored or refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalleeCounts {
    /// Requests to another process that has or had the same name.
    pub strays: u64,
    /// Calls and parts that had arrived.
    pub repeated: u64,
    /// Requests of unknown kinds.
    pub unknown_kinds: u64,
    /// Requests of unknown versions.
    pub unknown_versions: u64,
    /// Requests that contradict themselves or others.
    pub malformed: u64,
    /// Calls that were answered with an error before they ran.
    pub refused: u64,
    /// Calls that were handed out to be executed.
    pub executed: u64,
    /// Answers that were given up for want of room.
    pub answers_dropped: u64,
}

impl ServedCall {
    /// Who calls.
    #[must_use]
    pub const fn caller(self) -> NodeId {
        self.caller
    }

    /// The number that the caller gave it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.call
    }
}

impl Default for CalleeLimits {
    fn default() -> Self {
        Self {
            waiting: 64,
            concurrent: 64,
            argument_bytes: 64 << 20,
            result_bytes: 64 << 20,
            arriving: 64,
            held_argument_bytes: 256 << 20,
            arriving_age: Duration::from_secs(3),
            answers: 4096,
            answer_bytes: 256 << 20,
            stream_chunks: 64,
            stream_bytes: 8 << 20,
            remember: Duration::from_secs(60),
            remembered: 1 << 16,
            callers: 1024,
            caller_gone: Duration::from_secs(10),
            accept_after: Duration::ZERO,
        }
    }
}

/// The outcome of a handler.
pub(super) type Finished = Result<Vec<u8>, RpcError>;
