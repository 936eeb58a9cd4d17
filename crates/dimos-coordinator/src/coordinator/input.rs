//! What reaches the coordinator's thread: the ends of processes, what is heard of them, and what others ask.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crossbeam_channel::Sender;
use dimos::coordinator::RunStatus;
use dimos::{Contract, Name, exit};
use serde_json::Value;

use crate::diagnostic::Diagnostics;
use crate::launch::Launch;
use crate::process::{Command, Ended};
use crate::supervisor::Incarnation;

/// Something that the coordinator's thread is to deal with.
#[derive(Debug)]
pub(super) enum Input {
    /// A process has ended.
    Ended(Ended),
    /// What was to be heard of a process was heard.
    Heard(Incarnation),
    /// Somebody asks for something.
    Ask(Question),
}

/// What others ask for, and where the answer goes.
#[derive(Debug)]
pub(super) enum Question {
    /// How everything is.
    Status(Sender<RunStatus>),
    /// How a module would be started, to ask its executable what it offers.
    Command(Name, Sender<Result<Option<Command>, Refusal>>),
    /// The executables of all modules.
    Executables(Sender<BTreeMap<Name, PathBuf>>),
    /// Start modules beside those that run.
    Load { launch: Box<Launch>, contracts: BTreeMap<Name, Contract>, reply: Reply },
    /// End modules.
    Unload { modules: Vec<Name>, reply: Reply },
    /// Replace the process of a module, whose executable now says this of itself.
    Restart { module: Name, contract: Option<Box<Contract>>, reply: Reply },
    /// End the run.
    Stop(Sender<()>),
}

/// Where the answer goes.
pub(super) type Reply = Sender<Result<(), Refusal>>;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In words.
    pub(super) message: String,
    /// The exit code of a command that fails for this reason.
    pub(super) exit_code: u8,
    /// What is wrong with a launch, for programs.
    pub(super) diagnostics: Option<Value>,
}

impl Refusal {
    pub(super) fn new(exit_code: u8, message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code, diagnostics: None }
    }

    /// A launch is wrong.
    pub(super) fn wrong(diagnostics: &Diagnostics) -> Self {
        let diagnostics_json = Some(diagnostics.to_json());
        Self { diagnostics: diagnostics_json, ..Self::new(exit::LAUNCH_FILE, diagnostics.render(false)) }
    }
}
