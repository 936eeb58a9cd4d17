//! A process that is called: the methods it offers under its name, and the threads that run them.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, unbounded};
use serde::Serialize;
use serde_json::Value;

use crate::client::{ConnectError, Options};
use crate::mesh::{Jobs, Mesh, MeshCounts, MeshError};
use crate::module::Module;
use crate::name::Name;
use crate::node::NodeId;
use crate::presence::{ClaimError, JoinError, Policy, Stage};
use crate::rpc::{ChunkError, Codec, IncomingCall, Method, RpcError};

/// What a process offers under a name.
///
/// ```no_run
/// use dimos::{Options, Service};
/// use serde_json::json;
///
/// let served = Service::new("clock".parse()?)
///     .unary("now", |_arguments, _call| Ok(json!(format!("{:?}", std::time::SystemTime::now()))))
///     .stream("count", |arguments, chunks| {
///         (0..arguments["to"].as_i64().unwrap_or(10)).try_for_each(|number| chunks.send(&number))
///     })
///     .start(Options::default())?;
/// // Until another process takes the name.
/// let by = served.displaced().recv()?;
/// println!("displaced by {by}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Service {
    name: Name,
    class_name: String,
    policy: Policy,
    methods: BTreeMap<String, (Method, Handler)>,
}

enum Handler {
    Unary(Box<UnaryHandler>),
    Stream(Box<StreamHandler>),
}

type UnaryHandler = dyn Fn(Value, &ServedRequest) -> Result<Value, RpcError> + Send + Sync;
type StreamHandler = dyn Fn(Value, &Chunks<'_>) -> Result<(), RpcError> + Send + Sync;

/// A service that runs. When it is dropped it leaves the mesh.
#[derive(Debug)]
pub struct Served {
    // Before the thread: leaving ends the calls that it waits for.
    mesh: Option<Arc<Mesh>>,
    name: Name,
    node: NodeId,
    epoch: i64,
    displaced: Receiver<NodeId>,
    handlers: Vec<JoinHandle<()>>,
}

/// The call that a handler answers.
#[derive(Debug)]
pub struct ServedRequest {
    mesh: Arc<Mesh>,
    call: IncomingCall,
}

/// Where the handler of a stream puts its chunks.
#[derive(Debug)]
pub struct Chunks<'a> {
    request: &'a ServedRequest,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The bus cannot be joined.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// This process cannot take part.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// The name is not to be had.
    #[error(transparent)]
    Name(#[from] ClaimError),
    /// This process has a name already.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The threads that run the methods cannot be started.
    #[error("cannot start the threads that run the methods")]
    Thread(#[from] std::io::Error),
}

impl Service {
    /// A service without methods. A process that has the name is displaced; see [`Service::policy`].
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self { name, class_name: String::new(), policy: Policy::TakeOver, methods: BTreeMap::new() }
    }

    /// What kind of module it is.
    #[must_use]
    pub fn class_name(self, class_name: &str) -> Self {
        Self { class_name: class_name.to_owned(), ..self }
    }

    /// What becomes of a process that has the name.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// A method that answers once. Such methods run one at a time.
    #[must_use]
    pub fn unary(
        self,
        method: &str,
        handler: impl Fn(Value, &ServedRequest) -> Result<Value, RpcError> + Send + Sync + 'static,
    ) -> Self {
        self.method(method, Method::default(), Handler::Unary(Box::new(handler)))
    }

    /// A method that answers once and runs beside all others, even while another one waits.
    #[must_use]
    pub fn concurrent(
        self,
        method: &str,
        handler: impl Fn(Value, &ServedRequest) -> Result<Value, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let kind = Method { is_concurrent: true, ..Method::default() };
        self.method(method, kind, Handler::Unary(Box::new(handler)))
    }

    /// A method that answers with a stream. It runs beside all others.
    #[must_use]
    pub fn stream(
        self,
        method: &str,
        handler: impl Fn(Value, &Chunks<'_>) -> Result<(), RpcError> + Send + Sync + 'static,
    ) -> Self {
        let kind = Method { is_stream: true, is_concurrent: true, ..Method::default() };
        self.method(method, kind, Handler::Stream(Box::new(handler)))
    }

    /// Takes the name, which takes 0.2 s, and serves.
    ///
    /// # Errors
    /// If the bus cannot be joined, or the name is not to be had.
    pub fn start(self, options: Options) -> Result<Served, ServeError> {
        let url = options.resolved_url().map_err(ConnectError::from)?;
        // Bounded by what the core hands out: one, and `CalleeLimits::concurrent`.
        let (sequential, one_by_one) = unbounded();
        let (concurrent, at_once) = unbounded();
        let jobs = Jobs { sequential, concurrent };
        let methods = self.methods.iter().map(|(name, (method, _))| (name.clone(), method.clone())).collect();
        let mesh = Arc::new(Mesh::service(&url, &self.class_name, &self.name, methods, jobs)?);
        let claimed = mesh.with(|cores, now| {
            let claimed = cores.expect_name();
            cores.presence.claim(now, self.name.clone(), self.policy, 0).map(|()| claimed)
        })?;
        let displaced = mesh.with(|cores, _| cores.was_displaced());
        let node = mesh.with(|cores, _| cores.presence.node());
        // The mesh tells in any case, unless it is gone.
        let (name, epoch) = claimed.recv().map_err(|_| JoinError::Left)??;
        let runner = Runner { mesh: Arc::downgrade(&mesh), methods: Arc::new(self.methods) };
        let spawner = runner.clone();
        let handlers = vec![
            thread("dimos-handlers").spawn(move || runner.run(&one_by_one))?,
            thread("dimos-spawner").spawn(move || spawner.run_at_once(&at_once))?,
        ];
        mesh.with(|cores, now| cores.presence.set_stage(now, Stage::Running));
        Ok(Served { mesh: Some(mesh), name, node, epoch, displaced, handlers })
    }

    fn method(mut self, name: &str, method: Method, handler: Handler) -> Self {
        self.methods.insert(name.to_owned(), (method, handler));
        self
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.keys().collect();
        f.debug_struct("Service").field("name", &self.name).field("methods", &methods).finish_non_exhaustive()
    }
}

impl Served {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// This process.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// How often the name was taken.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// What was heard, said, ignored and refused of the mesh so far.
    #[must_use]
    pub fn counts(&self) -> MeshCounts {
        self.mesh.as_ref().map(|mesh| mesh.with(|cores, _| cores.counts())).unwrap_or_default()
    }

    /// Receives once: when another process has taken the name. This one should end then.
    #[must_use]
    pub fn displaced(&self) -> &Receiver<NodeId> {
        &self.displaced
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // With the mesh goes the sender of calls, and so the thread ends.
        self.mesh = None;
        for thread in self.handlers.drain(..) {
            // Panics of handlers were caught.
            let _ = thread.join();
        }
    }
}

impl ServedRequest {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> NodeId {
        self.call.id.caller()
    }

    /// When nobody waits for the result any more; none for a call without a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// Whether nobody wants the result any more. Long handlers ask now and then, and end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.mesh.with(|cores, _| cores.is_cancelled(self.call.id))
    }

    /// Another module, to be called from this handler. It is found as with [`crate::Dimos::module`], by its name only.
    ///
    /// # Errors
    /// [`RpcError::NoSuchProcess`] if nobody has the name.
    pub fn module(&self, name: &Name) -> Result<Module, RpcError> {
        let start = Instant::now();
        self.mesh.with(|cores, now| cores.presence.find(now, name));
        loop {
            let (owner, is_searching) =
                self.mesh.with(|cores, _| (cores.presence.owner(name), cores.presence.is_finding(name)));
            match owner {
                Some((node, _)) => return Ok(Module::new(Arc::clone(&self.mesh), name.clone(), node).within(self)),
                None if is_searching => std::thread::sleep(crate::client::POLL),
                None => return Err(RpcError::NoSuchProcess { waited: start.elapsed() }),
            }
        }
    }

    pub(crate) fn chain(&self) -> &[NodeId] {
        &self.call.chain
    }
}

impl Chunks<'_> {
    /// Sends a chunk. It waits while the caller has not taken the ones before.
    ///
    /// # Errors
    /// [`RpcError::Cancelled`] if nobody reads the stream any more; then the handler should end.
    pub fn send(&self, chunk: &impl Serialize) -> Result<(), RpcError> {
        let failed = |error: serde_json::Error| RpcError::Handler { message: format!("not JSON: {error}"), data: None };
        let mut bytes = serde_json::to_vec(chunk).map_err(failed)?;
        loop {
            let id = self.request.call.id;
            match self.request.mesh.with(|cores, now| cores.chunk(now, id, bytes)) {
                Ok(()) => return Ok(()),
                Err((ChunkError::Full { bytes: refused }, has_room)) => {
                    // It may be cancelled as well.
                    let _ = has_room.recv();
                    bytes = refused;
                }
                Err((ChunkError::Gone, _)) => return Err(RpcError::Cancelled),
                Err((ChunkError::TooLarge { bytes, limit }, _)) => {
                    return Err(RpcError::ResultTooLarge { bytes, limit });
                }
                Err((error, _)) => return Err(RpcError::Handler { message: error.to_string(), data: None }),
            }
        }
    }

    /// The call that is answered.
    #[must_use]
    pub fn request(&self) -> &ServedRequest {
        self.request
    }
}

/// Runs the methods.
#[derive(Clone)]
struct Runner {
    mesh: std::sync::Weak<Mesh>,
    methods: Arc<BTreeMap<String, (Method, Handler)>>,
}

impl Runner {
    fn run(&self, calls: &Receiver<IncomingCall>) {
        for call in calls {
            let Some(mesh) = self.mesh.upgrade() else { return };
            mesh.with(|cores, now| cores.set_handler_since(Some(now)));
            self.execute(Arc::clone(&mesh), call);
            mesh.with(|cores, _| cores.set_handler_since(None));
        }
    }

    fn run_at_once(&self, calls: &Receiver<IncomingCall>) {
        for call in calls {
            let Some(mesh) = self.mesh.upgrade() else { return };
            let (runner, in_thread, id) = (self.clone(), Arc::clone(&mesh), call.id);
            if let Err(error) = thread("dimos-handler").spawn(move || runner.execute(in_thread, call)) {
                let message = format!("cannot start a thread: {error}");
                mesh.with(|cores, now| cores.finish(now, id, Err(RpcError::Handler { message, data: None })));
            }
        }
    }

    fn execute(&self, mesh: Arc<Mesh>, call: IncomingCall) {
        let id = call.id;
        let request = ServedRequest { mesh, call };
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer(&request)));
        let outcome = outcome.unwrap_or_else(|panic| Err(RpcError::Panic { message: panic_message(&*panic) }));
        // What a handler returns that was told to stop is not what it was asked for.
        let outcome = if request.is_cancelled() { Err(RpcError::Cancelled) } else { outcome };
        request.mesh.with(|cores, now| cores.finish(now, id, outcome));
    }

    fn answer(&self, request: &ServedRequest) -> Result<Vec<u8>, RpcError> {
        let method = &request.call.method;
        let Some((_, handler)) = self.methods.get(method) else {
            return Err(RpcError::UnknownMethod { method: method.clone() });
        };
        let arguments = match (request.call.codec, &request.call.body[..]) {
            (Codec::Json, []) => Value::Null,
            (Codec::Json, body) => serde_json::from_slice(body)
                .map_err(|error| RpcError::BadArguments { message: error.to_string(), data: None })?,
            (Codec::Bincode, _) => {
                return Err(RpcError::BadArguments { message: "the method takes JSON".to_owned(), data: None });
            }
        };
        let result = match handler {
            Handler::Unary(handler) => handler(arguments, request)?,
            Handler::Stream(handler) => {
                handler(arguments, &Chunks { request })?;
                Value::Null
            }
        };
        serde_json::to_vec(&result).map_err(|error| RpcError::Handler { message: error.to_string(), data: None })
    }
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}
