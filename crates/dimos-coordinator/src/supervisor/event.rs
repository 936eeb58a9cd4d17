//! What happens to modules: what people want, what becomes of processes, what is heard of them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use dimos::Name;

use crate::plan::{Readiness, RestartPolicy};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Modules are to be started beside those that are there.
    Load {
        /// Who waits for it.
        job: JobId,
        /// The modules.
        modules: Vec<ModuleSpec>,
    },
    /// Modules are to end, and to be forgotten.
    Unload {
        /// Who waits for it.
        job: JobId,
        /// The modules.
        modules: Vec<Name>,
    },
    /// A module is to end and to start again.
    Restart {
        /// Who waits for it.
        job: JobId,
        /// The module.
        module: Name,
        /// What it is from then on, if that has changed.
        spec: Box<Option<ModuleSpec>>,
    },
    /// All modules are to end.
    Stop(Stop),
    /// A process runs that was to be started.
    Started {
        /// Which.
        incarnation: Incarnation,
    },
    /// A process could not be started.
    NotStarted {
        /// Which.
        incarnation: Incarnation,
        /// Why not.
        reason: String,
    },
    /// A process has ended.
    Exited {
        /// Which.
        incarnation: Incarnation,
        /// How.
        exit: Exit,
    },
    /// Something was heard of a process.
    Sign {
        /// Which.
        incarnation: Incarnation,
        /// What.
        sign: Sign,
    },
}

/// What is to be started under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleSpec {
    /// Its name.
    pub name: Name,
    /// The modules that must be up before it is started.
    pub dependencies: BTreeSet<Name>,
    /// What happens when it ends by itself.
    pub restart: RestartPolicy,
    /// How it is known to be up.
    pub readiness: Readiness,
    /// How long starting may take.
    pub start_within: Duration,
}

/// One process of a module: the first one, or one that was started in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(pub u64);

/// Who waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Why everything is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Somebody asked for it; whoever does so again half a second later does not want to wait.
    Asked,
    /// The run's time is over, or its keeper is gone: that a second one comes means nothing.
    Over,
}

/// What is heard of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Its claim says that it works, or what it was to be heard with was heard.
    Up,
    /// A handler has been running for too long.
    Stuck,
    /// It is no longer stuck.
    Unstuck,
    /// It does not answer.
    Lost,
    /// It answers again.
    Found,
    /// Another process has its name.
    Displaced,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It never ran.
    NotStarted {
        /// Why not.
        reason: String,
    },
}

impl Exit {
    /// Whether it did what it was to do.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}{}", signal_name(*signal)),
            Self::NotStarted { reason } => f.write_str(reason),
        }
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
