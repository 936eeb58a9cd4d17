//! The module's process, as the module sees it.

use std::fmt::Display;
use std::sync::Arc;

use super::clock::Clock;
use super::ending::{End, Ending};
use super::output::RawOut;
use crate::mesh::Mesh;
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
}

impl Context {
    pub(super) fn new(mesh: Arc<Mesh>, name: Name, clock: Clock, raw: RawOut, ending: Arc<Ending>) -> Self {
        Self { mesh, name, clock, raw, ending }
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

    /// Ends the process: after the handler that runs, the stop hook, and that is all.
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
