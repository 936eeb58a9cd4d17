//! A process that is called: the methods it offers under its name, and the threads that run them.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, unbounded};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{Call, Chunks};
use crate::client::{ConnectError, Options};
use crate::contract::{Contract, MethodContract};
use crate::json_schema::{Schema, SchemaError};
use crate::mesh::{BUILT_IN, HandOut, Mesh, MeshCounts, MeshError, Serving, stopping};
use crate::name::Name;
use crate::node::NodeId;
use crate::presence::{ClaimError, Event, JoinError, Policy, Stage};
use crate::rpc::{IncomingCall, Method, RpcError};
use crate::wire::{Shape, Wire};

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
    policy: Policy,
    contract: Contract,
    methods: BTreeMap<String, (Method, Box<Handler>)>,
    /// A method that was given or described twice.
    repeated: Option<String>,
}

/// Takes the arguments out of the request, and gives the result as bytes.
type Handler = dyn Fn(&Arc<Call>, Option<&Schema>) -> Result<Vec<u8>, RpcError> + Send + Sync;

/// A service that runs. When it is dropped it leaves the mesh.
#[derive(Debug)]
pub struct Served {
    mesh: Arc<Mesh>,
    name: Name,
    node: NodeId,
    epoch: i64,
    displaced: Receiver<NodeId>,
    handlers: Vec<JoinHandle<()>>,
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
    /// A method was given or described twice.
    #[error("the method {method:?} is given twice, or described twice")]
    Repeated {
        /// Its name.
        method: String,
    },
    /// A method has the name of one that every process has.
    #[error("{method:?} is a method by which every process tells about itself: choose another name")]
    Reserved {
        /// Its name.
        method: &'static str,
    },
    /// Something was said about a method that there is not.
    #[error("the method {method:?} is described, but there is none of that name")]
    NoSuchMethod {
        /// Its name.
        method: String,
    },
    /// What was said about a method's arguments is no JSON Schema.
    #[error("the schema of the arguments of {method:?} cannot be used")]
    Schema {
        /// Its name.
        method: String,
        /// Why not.
        source: SchemaError,
    },
    /// The threads that run the methods cannot be started.
    #[error("cannot start the threads that run the methods")]
    Thread(#[from] std::io::Error),
}

impl Service {
    /// A service without methods but `describe` and `about`. A process that has the name is displaced; see [`Service::policy`].
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self { name, policy: Policy::TakeOver, contract: Contract::default(), methods: BTreeMap::new(), repeated: None }
    }

    /// What kind of module it is.
    #[must_use]
    pub fn class_name(mut self, class_name: &str) -> Self {
        class_name.clone_into(&mut self.contract.class_name);
        self
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
        handler: impl Fn(Value, &Call) -> Result<Value, RpcError> + Send + Sync + 'static,
    ) -> Self {
        self.method(method, Method::default(), answering(handler))
    }

    /// A method that answers once and runs beside all others, even while another one waits.
    #[must_use]
    pub fn concurrent(
        self,
        method: &str,
        handler: impl Fn(Value, &Call) -> Result<Value, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let kind = Method { is_concurrent: true, is_reentrant: true, ..Method::default() };
        self.method(method, kind, answering(handler))
    }

    /// A method that answers once, called in binary by programs that agree on its types, and by others in JSON. Such methods run one
    /// at a time.
    #[must_use]
    pub fn binary<A: Wire, R: Wire>(
        self,
        method: &str,
        handler: impl Fn(A, &Call) -> Result<R, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let contract = Some(Shape::method(A::SHAPE, R::SHAPE, false).contract());
        self.method(method, Method { contract, ..Method::default() }, answering(handler))
    }

    /// A method that answers with a stream. It runs beside all others.
    #[must_use]
    pub fn stream<T: Serialize>(
        self,
        method: &str,
        handler: impl Fn(Value, &Chunks<T>) -> Result<(), RpcError> + Send + Sync + 'static,
    ) -> Self {
        let kind = Method { is_stream: true, is_concurrent: true, is_reentrant: true, ..Method::default() };
        let handler = move |call: &Arc<Call>, schema: Option<&Schema>| {
            let mut chunks = Chunks::new(Arc::clone(call));
            let outcome = call.arguments(schema).and_then(|arguments| handler(arguments, &chunks));
            chunks.finish(outcome.clone());
            outcome.and_then(|()| call.encoded(&()))
        };
        self.method(method, kind, Box::new(handler))
    }

    /// What callers can know of a method: `describe` tells it, and arguments are checked against its schema before the method runs.
    #[must_use]
    pub fn described(mut self, method: &str, contract: MethodContract) -> Self {
        if self.contract.methods.insert(method.to_owned(), contract).is_some() {
            self.repeated = Some(method.to_owned());
        }
        self
    }

    /// Takes the name, which takes 0.2 s, and serves.
    ///
    /// # Errors
    /// If the bus cannot be joined, the name is not to be had, a method is given twice or described that cannot be, or the options
    /// name a coordinator, which a service does not wait for.
    pub fn start(mut self, options: Options) -> Result<Served, ServeError> {
        let url = options.bus_url()?;
        let schemas = self.complete_contract()?;
        // Bounded by what the core hands out: one, and `CalleeLimits::concurrent`.
        let (sequential, one_by_one) = unbounded();
        let (concurrent, at_once) = unbounded();
        let hand_out: HandOut = Box::new(move |call: IncomingCall| {
            let turns = if call.is_concurrent { &concurrent } else { &sequential };
            turns.send(call).map_err(|_| stopping())
        });
        let methods = self.methods.iter().map(|(name, (method, _))| (name.clone(), method.clone())).collect();
        let (name, contract) = (&self.name, &self.contract);
        let serving = Serving { name, contract, methods, hand_out, published: Vec::new(), run_id: None };
        let mesh = Arc::new(Mesh::serve(lcm::Inline::open(&url.to_string()).map_err(MeshError::from)?, serving)?);
        let claimed = mesh.with(|cores, now| {
            let claimed = cores.expect_name();
            cores.presence.claim(now, self.name.clone(), self.policy, 0).map(|()| claimed)
        })?;
        let displaced = mesh.with(|cores, _| cores.was_displaced());
        let node = mesh.with(|cores, _| cores.presence.node());
        // The mesh tells in any case, unless it is gone.
        let (name, epoch) = mesh.wait_for(&claimed, None).ok_or(JoinError::Left)??;
        let runner = Runner { mesh: Arc::clone(&mesh), methods: Arc::new(self.methods), schemas: Arc::new(schemas) };
        let spawner = runner.clone();
        let handlers = vec![
            thread("dimos-handlers").spawn(move || runner.run(&one_by_one))?,
            thread("dimos-spawner").spawn(move || spawner.run_at_once(&at_once))?,
        ];
        mesh.with(|cores, now| cores.presence.set_stage(now, Stage::Running));
        Ok(Served { mesh, name, node, epoch, displaced, handlers })
    }

    fn method(mut self, name: &str, method: Method, handler: Box<Handler>) -> Self {
        if self.methods.insert(name.to_owned(), (method, handler)).is_some() {
            self.repeated = Some(name.to_owned());
        }
        self
    }

    /// Enters into the contract what the methods themselves say, and prepares the checks of arguments.
    fn complete_contract(&mut self) -> Result<BTreeMap<String, Schema>, ServeError> {
        if let Some(method) = self.repeated.take() {
            return Err(ServeError::Repeated { method });
        }
        if let Some(method) = BUILT_IN.into_iter().find(|method| self.methods.contains_key(*method)) {
            return Err(ServeError::Reserved { method });
        }
        let described = self.contract.methods.keys().find(|name| !self.methods.contains_key(*name));
        if let Some(method) = described {
            return Err(ServeError::NoSuchMethod { method: method.clone() });
        }
        let mut schemas = BTreeMap::new();
        for (name, (method, _)) in &self.methods {
            let described = self.contract.methods.entry(name.clone()).or_default();
            described.is_stream = method.is_stream;
            described.binary.clone_from(&method.contract);
            if !described.arguments.is_null() {
                let schema = Schema::compile(&described.arguments)
                    .map_err(|source| ServeError::Schema { method: name.clone(), source })?;
                schemas.insert(name.clone(), schema);
            }
        }
        Ok(schemas)
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
        self.mesh.with(|cores, _| cores.counts())
    }

    /// What becomes of other processes from now on. All of them are watched from then on.
    #[must_use]
    pub fn events(&self) -> Receiver<Event> {
        self.mesh.with(|cores, now| {
            cores.presence.set_watching(now, true);
            cores.events()
        })
    }

    /// Publishes data on the bus of the service.
    #[must_use]
    pub fn publisher(&self) -> lcm::Publisher {
        self.mesh.with(|cores, _| cores.publisher())
    }

    /// Tells all that a process has ended without a farewell, so that its name is free at once and nobody waits for its answers. Only who
    /// saw it end, as its parent does, may say so.
    pub fn declare_dead(&self, node: NodeId) {
        self.mesh.with(|cores, now| cores.presence.declare_dead(now, node));
    }

    /// Has `heard` called once, when a message comes on this channel. What it returns ends the listening.
    ///
    /// # Errors
    /// If the channel is no pattern.
    pub fn when_heard(
        &self,
        channel: &str,
        heard: impl FnOnce() + Send + 'static,
    ) -> Result<lcm::Handle, lcm::PatternError> {
        let mut heard = Some(heard);
        let told = move |_: &lcm::Sample| {
            if let Some(heard) = heard.take() {
                heard();
            }
        };
        self.mesh.subscribe(channel, told)
    }

    /// Receives once: when another process has taken the name. This one should end then.
    #[must_use]
    pub fn displaced(&self) -> &Receiver<NodeId> {
        &self.displaced
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Calls that run are finished; whoever still has the mesh then, as a stream's handler may, leaves it last.
        self.mesh.close();
        for thread in self.handlers.drain(..) {
            // Panics of handlers were caught.
            let _ = thread.join();
        }
    }
}

/// Runs the methods.
#[derive(Clone)]
struct Runner {
    mesh: Arc<Mesh>,
    methods: Arc<BTreeMap<String, (Method, Box<Handler>)>>,
    schemas: Arc<BTreeMap<String, Schema>>,
}

impl Runner {
    /// Waits for calls, which means to read the bus, and executes them.
    fn run(&self, calls: &Receiver<IncomingCall>) {
        while let Some(call) = self.mesh.wait_for(calls, None) {
            self.mesh.busy().begin();
            self.execute(call);
            self.mesh.busy().end();
        }
    }

    fn run_at_once(&self, calls: &Receiver<IncomingCall>) {
        for call in calls {
            let (runner, id) = (self.clone(), call.id);
            if let Err(error) = thread("dimos-handler").spawn(move || runner.execute(call)) {
                let message = format!("cannot start a thread: {error}");
                self.mesh.with(|cores, now| cores.finish(now, id, Err(RpcError::Handler { message, data: None })));
            }
        }
    }

    fn execute(&self, call: IncomingCall) {
        let call = Arc::new(Call::new(Arc::clone(&self.mesh), call));
        let entered = call.enter();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.answer(&call)));
        drop(entered);
        let outcome = outcome.unwrap_or_else(|panic| Err(RpcError::Panic { message: panic_message(&*panic) }));
        call.finish(outcome);
    }

    fn answer(&self, call: &Arc<Call>) -> Result<Vec<u8>, RpcError> {
        let Some((_, handler)) = self.methods.get(call.method()) else {
            return Err(RpcError::UnknownMethod { method: call.method().to_owned() });
        };
        handler(call, self.schemas.get(call.method()))
    }
}

fn answering<A, R>(handler: impl Fn(A, &Call) -> Result<R, RpcError> + Send + Sync + 'static) -> Box<Handler>
where
    A: DeserializeOwned,
    R: Serialize,
{
    Box::new(move |call, schema| call.encoded(&handler(call.arguments(schema)?, call)?))
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}
