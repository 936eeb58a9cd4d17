//! The module's process, as the module sees it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::Clock;
use super::complaints::Complaints;
use super::ending::{End, Ending};
use super::output::RawOut;
use crate::mesh::{Mesh, MeshCounts};
use crate::name::{Name, NameError};
use crate::remote::RemoteModule;
use crate::rpc::RpcError;

/// The module's process: what it is called, its clock, its end. Any thread may have one.
#[derive(Debug, Clone)]
pub struct Context {
    mesh: Arc<Mesh>,
    name: Name,
    clock: Clock,
    raw: RawOut,
    ending: Arc<Ending>,
    complaints: Arc<Complaints>,
    missed: Arc<AtomicU64>,
}

/// What happened in a module's process so far. What became of the messages of a port, that port tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How often each handler, timer, hook or method failed, panicked or got a message that is none.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many periods of timers passed while the module was busy.
    pub missed_periods: u64,
    /// What was heard, said, ignored and refused of the mesh.
    pub mesh: MeshCounts,
}

impl Context {
    pub(super) fn new(
        mesh: Arc<Mesh>,
        name: Name,
        clock: Clock,
        raw: RawOut,
        complaints: Arc<Complaints>,
        ending: Arc<Ending>,
        missed: Arc<AtomicU64>,
    ) -> Self {
        Self { mesh, name, clock, raw, ending, complaints, missed }
    }

    /// The module's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The module's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Publishes bytes on any channel, beside the module's ports: for players and bridges. What goes out by it is in no contract.
    #[must_use]
    pub fn raw_out(&self) -> &RawOut {
        &self.raw
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            faults: self.complaints.counts(),
            missed_periods: self.missed.load(Ordering::Relaxed),
            mesh: self.mesh.with(|cores, _| cores.counts()),
        }
    }

    /// Ends the process: after the handler that runs, the stop hook, and that is all. From now until the stop hook, handlers do not
    /// wait for others any more: calls and [`Tf::wait`](super::Tf::wait) come back with an error at once.
    pub fn stop(&self) {
        self.end(End::Stopped);
    }

    /// Ends the process, as [`Context::stop`] does, with an error: it is logged, and the exit code is 1.
    pub fn fail(&self, error: impl Display) {
        self.end(End::Failed(format!("{error:#}")));
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.ending.is_asked()
    }

    /// Another module, by its name; it is waited for up to 2 s.
    ///
    /// # Errors
    /// [`RpcError::NoSuchProcess`] if nobody owns the name.
    pub fn module(&self, name: &Name) -> Result<RemoteModule, RpcError> {
        RemoteModule::find(&self.mesh, name)
    }

    /// A name beside this module's own: `camera` is `robot0/camera` for `robot0/planner`.
    ///
    /// # Errors
    /// If that is no name.
    pub fn beside(&self, last: &str) -> Result<Name, NameError> {
        match self.name.namespace() {
            Some(namespace) => format!("{namespace}/{last}").parse(),
            None => last.parse(),
        }
    }

    fn end(&self, end: End) {
        self.ending.ask(end);
    }
}
