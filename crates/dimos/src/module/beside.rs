//! Methods that run beside the module's thread, each call on a thread of its own; and waiting for them at the end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::complaints::Complaints;
use super::table::Beside;
use crate::call::Call;
use crate::json_schema::Schema;
use crate::mesh::Mesh;
use crate::rpc::{IncomingCall, RpcError};
use crate::service::panic_message;

/// The methods that run beside the module's thread, once there is a module.
pub(super) type BesideMethods = OnceLock<BTreeMap<&'static str, BesideMethod>>;

/// What is to be run, and the schema of its arguments.
pub(super) type BesideMethod = (Arc<Beside>, Arc<Schema>);

/// Whether such calls run. Each has a [`One`], and so has whoever may begin more.
#[derive(Debug)]
pub(super) struct Running {
    own: Option<One>,
    all_ended: Receiver<Infallible>,
}

/// One that runs, until it is dropped.
pub(super) type One = Sender<Infallible>;

impl Running {
    pub(super) fn new() -> Self {
        let (one, all_ended) = bounded(0);
        Self { own: Some(one), all_ended }
    }

    /// For a call that begins.
    pub(super) fn one(&self) -> Option<One> {
        self.own.clone()
    }

    /// Waits until the last one has ended; none begins any more. Tells whether all did in time.
    pub(super) fn wait(&mut self, mesh: &Mesh, until: Instant) -> bool {
        self.own = None;
        mesh.wait_for(&self.all_ended, Some(until));
        self.all_ended.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// Executes a call on a thread of its own.
pub(super) fn run_beside(
    mesh: Arc<Mesh>,
    call: IncomingCall,
    name: &'static str,
    (run, schema): &BesideMethod,
    complaints: &Arc<Complaints>,
    running: Option<One>,
) -> Result<(), RpcError> {
    let (run, schema, complaints) = (Arc::clone(run), Arc::clone(schema), Arc::clone(complaints));
    let call = Call::new(Arc::clone(&mesh), call);
    let work = move || {
        match call.unwanted() {
            Some(why) => call.finish(Err(why)),
            None => complaints.judge(name, answer(&call, &run, &schema).map(Ok)),
        }
        drop(running);
        // It may be what the end waits for.
        if complaints.is_ending() {
            mesh.wake();
        }
    };
    let failed = |error| RpcError::Handler { message: format!("cannot start a thread: {error}"), data: None };
    std::thread::Builder::new().name("dimos-beside".to_owned()).spawn(work).map(drop).map_err(failed)
}

fn answer(call: &Call, run: &Arc<Beside>, schema: &Schema) -> std::thread::Result<()> {
    let _entered = call.enter();
    let outcome = catch_unwind(AssertUnwindSafe(|| call.finish(run(call, schema))));
    if let Err(panic) = &outcome {
        call.finish(Err(RpcError::Panic { message: panic_message(&**panic) }));
    }
    outcome
}
