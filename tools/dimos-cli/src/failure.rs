//! Why a command did not do what it was told: the exit code, the words, and their JSON form.

use std::io::{self, Write};

use dimos::{ConnectError, FindError, RpcError, exit};
use lcm::OpenError;
use serde_json::{Value, json};

use crate::colour::Colour;
use crate::similar;

/// The one error of all commands. [`crate::main`] makes an exit code of it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit_code: u8,
    /// What a program goes by: `usage`, `not_found`, or the code of a [`RpcError`].
    code: String,
    /// For people; empty where nothing need be said.
    message: String,
    /// What else a program can make of it.
    data: Option<Value>,
    /// Whether the message needs no words before it, since each of its parts has its own.
    is_full: bool,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(exit::USAGE, message)
    }

    /// A module, method or file is not there.
    pub(crate) fn not_found(message: impl ToString) -> Self {
        Self::new(exit::NOT_FOUND, message)
    }

    /// It took too long.
    pub(crate) fn timed_out(message: impl ToString) -> Self {
        Self::new(exit::TIMED_OUT, message)
    }

    /// Done, but something was lost.
    pub(crate) fn incomplete(message: impl ToString) -> Self {
        Self::new(exit::INCOMPLETE, message)
    }

    /// Something failed that nobody expects to.
    pub(crate) fn unexpected(message: impl ToString) -> Self {
        Self::new(exit::ERROR, message)
    }

    /// Somebody pressed Ctrl-C, and knows that.
    pub(crate) fn interrupted() -> Self {
        Self::new(exit::INTERRUPTED, "")
    }

    /// Whoever read stdout has had enough, which is how many a command is meant to end.
    pub(crate) fn nobody_reads() -> Self {
        Self::new(exit::OK, "")
    }

    /// An outcome of this exit code. An empty message is not printed.
    pub(crate) fn new(exit_code: u8, message: impl ToString) -> Self {
        let code = match exit_code {
            exit::OK => "ok",
            exit::USAGE => "usage",
            exit::INCOMPLETE => "incomplete",
            exit::NOT_FOUND => "not_found",
            exit::TIMED_OUT => "timed_out",
            exit::MODULE_FAILED => "module_failed",
            exit::LAUNCH_FILE => "launch_file",
            exit::NO_BUS => "no_bus",
            exit::DISPLACED => "displaced",
            exit::INTERRUPTED => "interrupted",
            _ => "error",
        };
        Self { exit_code, code: code.to_owned(), message: message.to_string(), data: None, is_full: false }
    }

    /// The same with another exit code.
    pub(crate) fn with_exit_code(self, exit_code: u8) -> Self {
        Self { exit_code, code: Self::new(exit_code, "").code, ..self }
    }

    /// The same, whose message needs no words before it.
    pub(crate) fn in_full(self) -> Self {
        Self { is_full: true, ..self }
    }

    /// With more for programs.
    pub(crate) fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The same, where it arose: `FILE: line 3: ...`.
    pub(crate) fn within(self, place: impl std::fmt::Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// The same, in a line of a script. What is not told stays so.
    pub(crate) fn at_line(self, number: u64) -> Self {
        if self.message.is_empty() { self } else { self.within(format_args!("line {number}")) }
    }

    /// The same, with more words.
    pub(crate) fn and(self, more: impl std::fmt::Display) -> Self {
        Self { message: format!("{}{more}", self.message), ..self }
    }

    /// What it says to people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the process exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Says it on stderr.
    pub(crate) fn report(&self, is_json: bool, colour: Colour) {
        if self.message.is_empty() {
            return;
        }
        let text = if is_json { self.to_json().to_string() } else { self.to_text(colour.shows_on(&io::stderr())) };
        // There is nobody left to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// As programs read it.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message, "exit_code": self.exit_code });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "error": error })
    }

    fn to_text(&self, is_coloured: bool) -> String {
        if self.is_full {
            return self.message.clone();
        }
        let is_plain = matches!(self.exit_code, exit::ERROR) && self.code == "error";
        let code = if is_plain { String::new() } else { format!("[{}]", self.code) };
        let (red, end) = if is_coloured { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        format!("{red}error{code}{end}: {}", self.message)
    }
}

/// What clap says has its own layout.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        Self::usage(text.trim_start_matches("error: ").trim_end())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::unexpected(format_args!("{error:#}"))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Url(error) => Self::usage(error),
            error => Self::new(exit::NO_BUS, with_causes(&error)),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Bus(error) => error.into(),
            ConnectError::Mesh(_) => Self::new(exit::NO_BUS, with_causes(&error)),
            ConnectError::SeveralCoordinators { .. } => Self::usage(error),
            ConnectError::NoCoordinator { .. } | ConnectError::NotThatCoordinator { .. } => Self::not_found(error),
            error => Self::unexpected(with_causes(&error)),
        }
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match &error {
            FindError::None { name, others } => {
                let others = others.iter().map(dimos::Name::as_str);
                Self::not_found(format_args!("{error}{}", similar::did_you_mean(name.as_str(), others)))
            }
            FindError::Several { candidates, .. } => {
                let candidates: Vec<_> = candidates.iter().map(dimos::Name::as_str).collect();
                Self::usage(&error).with_data(json!({ "candidates": candidates }))
            }
            _ => Self::usage(error),
        }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let exit_code = match &error {
            RpcError::UnknownMethod { .. } | RpcError::NoSuchProcess { .. } | RpcError::NotSent => exit::NOT_FOUND,
            RpcError::BadArguments { .. } | RpcError::ArgumentsTooLarge { .. } => exit::USAGE,
            RpcError::Deadline { .. } | RpcError::Idle { .. } => exit::TIMED_OUT,
            RpcError::Displaced => exit::DISPLACED,
            _ => exit::ERROR,
        };
        let data = match &error {
            RpcError::BadArguments { data, .. } | RpcError::Handler { data, .. } | RpcError::Other { data, .. } => {
                data.clone()
            }
            _ => None,
        };
        Self { exit_code, code: error.code().to_owned(), message: error.to_string(), data, is_full: false }
    }
}

/// An error and what caused it, unless it says that itself.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_line_for_people_and_an_object_for_programs() {
        let failure = Failure::from(RpcError::UnknownMethod { method: "plam".to_owned() });
        assert_eq!(failure.exit_code(), 4);
        assert_eq!(failure.to_text(false), "error[unknown_method]: unknown method \"plam\"");
        let error = json!({ "code": "unknown_method", "message": "unknown method \"plam\"", "exit_code": 4 });
        assert_eq!(failure.to_json(), json!({ "error": error }));
        assert_eq!(Failure::unexpected("the disk is full").to_text(false), "error: the disk is full");
    }

    #[test]
    fn an_ambiguous_name_is_wrong_usage_and_lists_what_it_may_mean() {
        let candidates = ["left", "right"].map(|name| name.parse().unwrap()).to_vec();
        let failure = Failure::from(FindError::Several { class: "Camera".to_owned(), candidates });
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.message.contains("left, right"), "{}", failure.message);
        assert_eq!(failure.data, Some(json!({ "candidates": ["left", "right"] })));
    }

    #[test]
    fn a_wrong_url_is_wrong_usage_and_a_bus_that_is_not_there_is_not() {
        assert_eq!(Failure::from(lcm::Lcm::open("udpm//").unwrap_err()).exit_code(), 2);
        let nowhere = lcm::Lcm::open("file:///nowhere/at/all.lcmlog").unwrap_err();
        assert_eq!(Failure::from(nowhere).exit_code(), 12);
    }
}
