//! Calls between processes, as pure state: time and messages in, messages and events out. No I/O, no clock, no thread; the same
//! seed and the same inputs give the same outputs.
//!
//! A [`Caller`] makes calls, a [`Callee`] serves them; a process mostly has one of each. Whoever owns them
//! - hands them what arrives: [`Caller::heard`] takes the [`RpcResponse`](lcm_types::dimos_mesh::RpcResponse)s of the process's own
//!   [response channel](crate::NodeId::response_channel), [`Callee::heard`] the [`RpcRequest`](lcm_types::dimos_mesh::RpcRequest)s of the
//!   [request channels](crate::Name::request_channel) of its names,
//! - calls `tick` when `next_wakeup` says so,
//! - and after each of these, and after each call of another method, does what `poll_output` says until that is `None`.
//!
//! # How a call goes
//! ```text
//! caller                          callee
//!   | CALL, arguments ------------> |   again, with back-off, until acknowledged
//!   | <-------------------- ACCEPTED |   at once
//!   | <--------------------- RUNNING |   each second
//!   | <---------------------- RESULT |   again, with back-off, until
//!   | DONE -----------------------> |   the caller has it; a later CALL says as much with `done_before`
//! ```
//! What does not fit a datagram of 1400 bytes goes as numbered parts, both ways: at most 64 are on their way at a time, the receiver
//! reports what has arrived and what is missing, and that is sent again. The parts of all chunks of a stream, and of its end, are numbered
//! on in the same way, and the caller's credit holds back what its user has not taken.
//!
//! # What a hostile peer can do
//! A part costs the memory of the bytes that it brings, within limits on size, number and time; sizes that it announces cost nothing. One
//! request is answered with at most [`MAX_RESPONSES_PER_REQUEST`] messages over all time, beside a heartbeat a second while its handler
//! runs. Requests are not authenticated: who can write to the bus can call what he likes, in the name of whom he likes.

mod callee;
mod caller;
mod error;
mod inbox;
mod outbox;
mod round_trip;
mod timers;
mod wire;

pub use callee::{
    Callee, CalleeCounts, CalleeLimits, CalleeOutput, ChunkError, IncomingCall, MAX_RESPONSES_PER_REQUEST, Method,
    ServedCall,
};
pub use caller::{CallId, CallSpec, Caller, CallerCounts, CallerLimits, CallerOutput, TimeLimit};
pub use error::RpcError;
pub use wire::Codec;
