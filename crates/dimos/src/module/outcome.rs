//! What handlers return.

use std::any::Any;
use std::fmt::Display;

use lcm::codec::DecodeError;

use crate::rpc::RpcError;

/// Why a handler did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// What came was not a message of the port's type.
    #[error("not decodable")]
    Undecodable(#[from] DecodeError),
    /// It says so itself.
    #[error("{0}")]
    Failed(String),
}

/// What a handler, a timer or a hook may return: nothing, or a result whose error is logged and counted.
#[diagnostic::on_unimplemented(
    message = "a handler, timer or hook cannot return `{Self}`",
    note = "it returns nothing, or `Result<(), E>` where `E` can be displayed"
)]
pub trait Outcome {
    /// As a result.
    ///
    /// # Errors
    /// The error of the handler.
    fn outcome(self) -> Result<(), HandlerError>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), HandlerError> {
        // With its causes, where the error knows them.
        self.map_err(|error| HandlerError::Failed(format!("{error:#}")))
    }
}

/// What a method's own error becomes for its caller. For the macros.
///
/// Of an [`RpcError`] only what the method says itself stays: that a call which it made had no answer says nothing about this call.
#[doc(hidden)]
pub fn failed<E: Display + 'static>(error: &E) -> RpcError {
    let message = format!("{error:#}");
    match (error as &dyn Any).downcast_ref() {
        None => RpcError::Handler { message, data: None },
        Some(own @ (RpcError::Handler { .. } | RpcError::BadArguments { .. } | RpcError::Cancelled)) => own.clone(),
        Some(other) => RpcError::Handler { message, data: Some(serde_json::json!({ "code": other.code() })) },
    }
}
