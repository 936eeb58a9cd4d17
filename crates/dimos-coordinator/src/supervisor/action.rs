//! What the supervisor wants done.

use std::time::Duration;

use dimos::Name;

use super::event::{Exit, Incarnation, JobId, Stop};

/// Something to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start a process of this module. [`Event::Started`](super::Event::Started) or
    /// [`Event::NotStarted`](super::Event::NotStarted) tells what came of it.
    Start {
        /// The module.
        module: Name,
        /// What the process is called from then on.
        incarnation: Incarnation,
    },
    /// Send this to a process and all others of its group.
    Signal {
        /// The process.
        incarnation: Incarnation,
        /// What.
        signal: Signal,
    },
    /// Tell who waits for this.
    Answer {
        /// Who.
        job: JobId,
        /// Whether it was done.
        result: Result<(), JobError>,
    },
    /// Tell everybody who follows the run.
    Notice(Notice),
    /// The run is over. Nothing follows.
    Finish(Outcome),
}

/// What a process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// To end.
    Terminate,
    /// Nothing: it is ended.
    Kill,
}

/// Why something was not done that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The run is being stopped.
    #[error("the run is being stopped")]
    Stopping,
    /// There is a module of that name already.
    #[error("{module} is there already: unload it first, or load the other one in a namespace")]
    Exists {
        /// The module.
        module: Name,
    },
    /// There is no module of that name.
    #[error("the run has no module {module}")]
    Unknown {
        /// What was asked for.
        module: Name,
    },
    /// A module did not start.
    #[error("{module} {reason}")]
    Failed {
        /// The module.
        module: Name,
        /// What became of it.
        reason: String,
    },
}

/// What becomes of modules, for logs and whoever follows them.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// It is up.
    Up {
        /// The module.
        module: Name,
        /// How long that took.
        after: Duration,
    },
    /// Its process has ended.
    Exited {
        /// The module.
        module: Name,
        /// How.
        exit: Exit,
        /// Whether it was told to.
        was_told: bool,
    },
    /// It is started again.
    Restarting {
        /// The module.
        module: Name,
        /// After which rest.
        rest: Duration,
        /// The how many-th time in a row.
        attempt: u32,
    },
    /// It is not started again.
    GivenUp {
        /// The module.
        module: Name,
        /// Why.
        reason: String,
    },
    /// A handler of it has been running for too long.
    Stuck {
        /// The module.
        module: Name,
    },
    /// It is no longer stuck.
    Unstuck {
        /// The module.
        module: Name,
    },
    /// It does not answer. If it may be started again, its process is ended for that.
    Lost {
        /// The module.
        module: Name,
        /// Whether its process is ended.
        is_killed: bool,
    },
    /// It answers again.
    Found {
        /// The module.
        module: Name,
    },
    /// Another process has its name.
    Displaced {
        /// The module.
        module: Name,
    },
    /// It was told to end, and did not in time.
    Killed {
        /// The module.
        module: Name,
    },
    /// All modules are told to end.
    Stopping,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All modules have ended by themselves.
    Finished {
        /// Whether one of them failed.
        has_failed: bool,
    },
    /// It was stopped.
    Stopped {
        /// Why.
        stop: Stop,
        /// Whether a module had failed for good by then.
        has_failed: bool,
    },
}
