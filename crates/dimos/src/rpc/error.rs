//! Why a call has no result, and how that goes over the wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a call has no result.
///
/// On the wire it is JSON, `{"code": ..., "message": ..., "data": ...}`, where `data` may be missing. [`RpcError::code`] lists
/// the codes; a code that this version does not know becomes [`RpcError::Other`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The process has no method of this name.
    #[error("unknown method {method:?}")]
    UnknownMethod {
        /// What was called.
        method: String,
    },
    /// The arguments are not what the method takes. It did not run.
    #[error("bad arguments: {message}")]
    BadArguments {
        /// What is wrong with them.
        message: String,
        /// What a program can make of it.
        data: Option<Value>,
    },
    /// The method ran and failed.
    #[error("{message}")]
    Handler {
        /// What it says.
        message: String,
        /// What a program can make of it.
        data: Option<Value>,
    },
    /// The method ran and panicked.
    #[error("the method panicked: {message}")]
    Panic {
        /// What it says.
        message: String,
    },
    /// The call was cancelled, before it ran or while it did.
    #[error("cancelled")]
    Cancelled,
    /// There was no answer before the deadline.
    #[error("no answer before the deadline, {}", if *.acknowledged { "though the call had arrived" } else { "and the call may not have arrived" })]
    Deadline {
        /// Whether the other process had acknowledged the call.
        acknowledged: bool,
    },
    /// Nothing was heard of a long call or a stream for as long as its idle limit.
    #[error("nothing heard of the call for {limit:?}")]
    Idle {
        /// The limit.
        limit: Duration,
    },
    /// Too many calls wait for the process. It did not run this one.
    #[error("overloaded: {waiting} calls wait already")]
    Overloaded {
        /// How many.
        waiting: usize,
    },
    /// The process has lost its name to another one. It did not run the call.
    #[error("the process has lost its name to another one; find its new owner and call again")]
    Displaced,
    /// The process waits, in the method that led to this call, for its answer, and could never give it.
    #[error("{method:?} would be called back while its process waits for the answer; mark it concurrent to allow that")]
    Reentrant {
        /// What was called.
        method: String,
    },
    /// A method that answers once was called for a stream.
    #[error("{method:?} answers once and was called for a stream")]
    NotStreaming {
        /// What was called.
        method: String,
    },
    /// A method that answers with a stream was called for a single result.
    #[error("{method:?} answers with a stream and was called for a single result")]
    NotUnary {
        /// What was called.
        method: String,
    },
    /// The two programs were built from different versions of a binary method. It did not run.
    #[error(
        "the types of the method differ: called with {caller:?}, served with {callee:?}; build both from the same contract"
    )]
    ContractMismatch {
        /// The hash that the caller has.
        caller: String,
        /// The hash that the called process has; empty if it takes JSON only.
        callee: String,
    },
    /// The arguments are larger than the called process takes. It did not run the call.
    #[error("arguments of {bytes} bytes: at most {limit} are taken")]
    ArgumentsTooLarge {
        /// Their size.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The method ran, but its result, or a chunk of it, is larger than one of the two sides allows.
    #[error("a result of {bytes} bytes: at most {limit} are taken")]
    ResultTooLarge {
        /// Its size.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// Nobody acknowledged the call: the process is not there or not reachable. Should it have heard the call but not been
    /// heard, it may have run it. It is also what becomes of a call to a name that nobody owns, which is not sent at all.
    #[error("no such process, or not reachable: no answer within {waited:?}")]
    NoSuchProcess {
        /// How long the caller waited.
        waited: Duration,
    },
    /// The process that called is about to end, and waits for nothing any more. The call was cancelled.
    #[error("this process is about to end and waits no longer; the call was cancelled")]
    Stopping,
    /// The process is gone, and the call had not been sent. It can be called again without harm.
    #[error("the process is gone; the call had not been sent")]
    NotSent,
    /// The process is gone, or has forgotten the call, and nobody knows whether the method ran.
    #[error("nobody knows whether the call was executed: its process is gone or has forgotten it")]
    OutcomeUnknown,
    /// The process that calls has left the mesh.
    #[error("this process has left the mesh, {}", if *.sent { "and does not know whether the call was executed" } else { "and did not make the call" })]
    Left {
        /// Whether the call had been sent.
        sent: bool,
    },
    /// The two sides speak different versions of the protocol.
    #[error("incompatible versions of the RPC protocol: the caller speaks {caller}, the called process {callee}")]
    IncompatibleVersion {
        /// That of the caller.
        caller: u8,
        /// That of the called process.
        callee: u8,
    },
    /// The answer cannot be understood.
    #[error("malformed answer: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// A code of a later version of the protocol.
    #[error("{code}: {message}")]
    Other {
        /// The code.
        code: String,
        /// What it says.
        message: String,
        /// What a program can make of it.
        data: Option<Value>,
    },
}

#[derive(Serialize, Deserialize)]
struct OnTheWire {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl RpcError {
    /// The code on the wire: the name of the variant in `snake_case`, such as `unknown_method`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::UnknownMethod { .. } => "unknown_method",
            Self::BadArguments { .. } => "bad_arguments",
            Self::Handler { .. } => "handler",
            Self::Panic { .. } => "panic",
            Self::Cancelled => "cancelled",
            Self::Deadline { .. } => "deadline",
            Self::Idle { .. } => "idle",
            Self::Overloaded { .. } => "overloaded",
            Self::Displaced => "displaced",
            Self::Reentrant { .. } => "reentrant",
            Self::NotStreaming { .. } => "not_streaming",
            Self::NotUnary { .. } => "not_unary",
            Self::ContractMismatch { .. } => "contract_mismatch",
            Self::ArgumentsTooLarge { .. } => "arguments_too_large",
            Self::ResultTooLarge { .. } => "result_too_large",
            Self::NoSuchProcess { .. } => "no_such_process",
            Self::Stopping => "stopping",
            Self::NotSent => "not_sent",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Left { .. } => "left",
            Self::IncompatibleVersion { .. } => "incompatible_version",
            Self::Malformed { .. } => "malformed",
            Self::Other { code, .. } => code,
        }
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let message = match self {
            // These say in their text what is not their message.
            Self::BadArguments { message, .. }
            | Self::Panic { message }
            | Self::Malformed { message }
            | Self::Other { message, .. } => message.clone(),
            _ => self.to_string(),
        };
        let wire = OnTheWire { code: self.code().to_owned(), message: shortened(message), data: self.data() };
        // Strings and JSON values are always written.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// The error of these bytes, which another process sent. What is no error of this protocol becomes
    /// [`RpcError::Malformed`].
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Self {
        let OnTheWire { code, message, data } = match serde_json::from_slice(bytes) {
            Ok(wire) => wire,
            Err(error) => return Self::Malformed { message: format!("its error is not readable: {error}") },
        };
        let member = |name: &str| data.as_ref().and_then(|data| data.get(name));
        let text = |name: &str| member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| member(name).and_then(Value::as_u64).unwrap_or_default();
        let size = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
        let version = |name: &str| u8::try_from(number(name)).unwrap_or(u8::MAX);
        match code.as_str() {
            "unknown_method" => Self::UnknownMethod { method: text("method") },
            "bad_arguments" => Self::BadArguments { message, data },
            "handler" => Self::Handler { message, data },
            "panic" => Self::Panic { message },
            "cancelled" => Self::Cancelled,
            "deadline" => Self::Deadline { acknowledged: true },
            "idle" => Self::Idle { limit: Duration::from_micros(number("limit_us")) },
            "overloaded" => Self::Overloaded { waiting: size("waiting") },
            "displaced" => Self::Displaced,
            "reentrant" => Self::Reentrant { method: text("method") },
            "not_streaming" => Self::NotStreaming { method: text("method") },
            "not_unary" => Self::NotUnary { method: text("method") },
            "contract_mismatch" => Self::ContractMismatch { caller: text("caller"), callee: text("callee") },
            "arguments_too_large" => Self::ArgumentsTooLarge { bytes: size("bytes"), limit: size("limit") },
            "result_too_large" => Self::ResultTooLarge { bytes: size("bytes"), limit: size("limit") },
            "no_such_process" => Self::NoSuchProcess { waited: Duration::from_micros(number("waited_us")) },
            "stopping" => Self::Stopping,
            "not_sent" => Self::NotSent,
            "outcome_unknown" => Self::OutcomeUnknown,
            "left" => Self::Left { sent: member("sent").and_then(Value::as_bool).unwrap_or(true) },
            "incompatible_version" => {
                Self::IncompatibleVersion { caller: version("caller"), callee: version("callee") }
            }
            "malformed" => Self::Malformed { message },
            _ => Self::Other { code, message, data },
        }
    }

    fn data(&self) -> Option<Value> {
        let micros = |duration: &Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        match self {
            Self::BadArguments { data, .. } | Self::Handler { data, .. } | Self::Other { data, .. } => data.clone(),
            Self::UnknownMethod { method }
            | Self::Reentrant { method }
            | Self::NotStreaming { method }
            | Self::NotUnary { method } => Some(json!({ "method": method })),
            Self::Idle { limit } => Some(json!({ "limit_us": micros(limit) })),
            Self::Overloaded { waiting } => Some(json!({ "waiting": waiting })),
            Self::ContractMismatch { caller, callee } => Some(json!({ "caller": caller, "callee": callee })),
            Self::ArgumentsTooLarge { bytes, limit } | Self::ResultTooLarge { bytes, limit } => {
                Some(json!({ "bytes": bytes, "limit": limit }))
            }
            Self::Left { sent } => Some(json!({ "sent": sent })),
            Self::NoSuchProcess { waited } => Some(json!({ "waited_us": micros(waited) })),
            Self::IncompatibleVersion { caller, callee } => Some(json!({ "caller": caller, "callee": callee })),
            Self::Panic { .. }
            | Self::Cancelled
            | Self::Deadline { .. }
            | Self::Displaced
            | Self::Stopping
            | Self::NotSent
            | Self::OutcomeUnknown
            | Self::Malformed { .. } => None,
        }
    }
}

/// At most [`MAX_MESSAGE_BYTES`] of a message.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|&end| message.is_char_boundary(end)).unwrap_or_default();
        message.truncate(end);
        message.push_str(" ...");
    }
    message
}

/// Longer ones are cut.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_back_as_they_were() {
        let method = || "set_exposure".to_owned();
        let message = || "too bright".to_owned();
        let errors = [
            RpcError::UnknownMethod { method: method() },
            RpcError::BadArguments { message: message(), data: Some(json!({ "path": "/exposure_us" })) },
            RpcError::Handler { message: message(), data: None },
            RpcError::Panic { message: message() },
            RpcError::Cancelled,
            RpcError::Deadline { acknowledged: true },
            RpcError::Idle { limit: Duration::from_secs(3) },
            RpcError::Overloaded { waiting: 64 },
            RpcError::Displaced,
            RpcError::Reentrant { method: method() },
            RpcError::NotStreaming { method: method() },
            RpcError::NotUnary { method: method() },
            RpcError::ContractMismatch { caller: "a".to_owned(), callee: "b".to_owned() },
            RpcError::ArgumentsTooLarge { bytes: 2, limit: 1 },
            RpcError::ResultTooLarge { bytes: 2, limit: 1 },
            RpcError::NoSuchProcess { waited: Duration::from_secs(2) },
            RpcError::Stopping,
            RpcError::NotSent,
            RpcError::OutcomeUnknown,
            RpcError::Left { sent: false },
            RpcError::IncompatibleVersion { caller: 1, callee: 2 },
            RpcError::Malformed { message: message() },
            RpcError::Other { code: "later".to_owned(), message: message(), data: Some(json!([1])) },
        ];
        for error in errors {
            assert_eq!(RpcError::from_json(&error.to_json()), error);
        }
    }

    #[test]
    fn what_is_no_error_is_malformed() {
        for bytes in [&b""[..], b"[]", b"{}", b"{\"code\": 1}", b"\xff"] {
            assert_eq!(RpcError::from_json(bytes).code(), "malformed");
        }
        let long = RpcError::Panic { message: "\u{e9}".repeat(MAX_MESSAGE_BYTES) };
        assert!(long.to_json().len() < MAX_MESSAGE_BYTES + 100);
    }
}
