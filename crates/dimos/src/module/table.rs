//! What a module does: its handlers, timers, hooks and methods, as its macro enters them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lcm::Sample;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::HandlerError;
use super::schema::schema_of;
use crate::call::{Call, Chunks, Reply};
use crate::contract::MethodContract;
use crate::json_schema::Schema;
use crate::rpc::{Method, RpcError};
use crate::wire::{Shape, Wire};

/// What a module does.
pub struct Table<M> {
    pub(super) handlers: BTreeMap<&'static str, Handler<M>>,
    pub(super) timers: Vec<Timer<M>>,
    pub(super) start: Option<Hook<M>>,
    pub(super) stop: Option<Hook<M>>,
    pub(super) methods: BTreeMap<&'static str, RpcMethod<M>>,
}

pub(super) type Handler<M> = Box<dyn Fn(&mut M, &Sample) -> Result<(), HandlerError>>;
pub(super) type Hook<M> = Box<dyn Fn(&mut M) -> Result<(), HandlerError>>;

pub(super) struct Timer<M> {
    pub(super) name: &'static str,
    pub(super) period: Box<dyn Fn(&M) -> Duration>,
    pub(super) run: Hook<M>,
}

/// What is known of a method beside its arguments and its result.
#[derive(Debug, Clone, Copy)]
pub struct RpcSpec {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether it is made for agents.
    pub is_skill: bool,
    /// The arguments' names, in order.
    pub order: &'static [&'static str],
}

pub(super) struct RpcMethod<M> {
    pub(super) kind: Method,
    pub(super) contract: MethodContract,
    pub(super) run: Run<M>,
}

pub(super) enum Run<M> {
    /// On the module's thread. What it returns is the answer.
    Now(Box<RunNow<M>>),
    /// On the module's thread. It answers when it likes.
    Later(Box<RunLater<M>>),
    /// On a thread of its own; first it takes what it needs from the module.
    Beside(Box<Prepare<M>>),
}

type RunNow<M> = dyn Fn(&mut M, &Call, &Schema) -> Result<Vec<u8>, RpcError>;
type RunLater<M> = dyn Fn(&mut M, &Arc<Call>, &Schema) -> Result<Result<(), HandlerError>, RpcError>;
type Prepare<M> = dyn Fn(&M) -> Arc<Beside>;
pub(super) type Beside = dyn Fn(&Call, &Schema) -> Result<Vec<u8>, RpcError> + Send + Sync;

impl<M: 'static> Table<M> {
    pub(super) fn new() -> Self {
        Self { handlers: BTreeMap::new(), timers: Vec::new(), start: None, stop: None, methods: BTreeMap::new() }
    }

    /// A handler of the messages of a port.
    pub fn handler(&mut self, port: &'static str, run: impl Fn(&mut M, &Sample) -> Result<(), HandlerError> + 'static) {
        self.handlers.insert(port, Box::new(run));
    }

    /// A timer. Its period is asked for once, when the module starts.
    pub fn timer(
        &mut self,
        name: &'static str,
        period: impl Fn(&M) -> Duration + 'static,
        run: impl Fn(&mut M) -> Result<(), HandlerError> + 'static,
    ) {
        self.timers.push(Timer { name, period: Box::new(period), run: Box::new(run) });
    }

    /// What is done first, before any handler runs.
    pub fn start(&mut self, run: impl Fn(&mut M) -> Result<(), HandlerError> + 'static) {
        self.start = Some(Box::new(run));
    }

    /// What is done last.
    pub fn stop(&mut self, run: impl Fn(&mut M) -> Result<(), HandlerError> + 'static) {
        self.stop = Some(Box::new(run));
    }

    /// A method.
    pub fn rpc<A, R>(&mut self, spec: RpcSpec, run: impl Fn(&mut M, &Call, A) -> Result<R, RpcError> + 'static)
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
    {
        self.method::<A, R>(spec, Method::default(), now(run));
    }

    /// A method that can be called in binary, and in JSON too.
    pub fn rpc_binary<A, R>(&mut self, spec: RpcSpec, run: impl Fn(&mut M, &Call, A) -> Result<R, RpcError> + 'static)
    where
        A: Wire + JsonSchema,
        R: Wire + JsonSchema,
    {
        let contract = Some(Shape::method(A::SHAPE, R::SHAPE, false).contract());
        self.method::<A, R>(spec, Method { contract, ..Method::default() }, now(run));
    }

    /// A method that is answered when the module likes.
    pub fn deferred<A, R>(
        &mut self,
        spec: RpcSpec,
        run: impl Fn(&mut M, &Call, A, Reply<R>) -> Result<(), HandlerError> + 'static,
    ) where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
    {
        let kind = Method { is_concurrent: true, ..Method::default() };
        let run = move |module: &mut M, call: &Arc<Call>, schema: &Schema| {
            let arguments = call.arguments(Some(schema))?;
            Ok(run(module, call, arguments, Reply::new(Arc::clone(call))))
        };
        self.method::<A, R>(spec, kind, Run::Later(Box::new(run)));
    }

    /// A method that answers with a stream.
    pub fn stream<A, R>(
        &mut self,
        spec: RpcSpec,
        run: impl Fn(&mut M, &Call, A, Chunks<R>) -> Result<(), HandlerError> + 'static,
    ) where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
    {
        let kind = Method { is_stream: true, is_concurrent: true, ..Method::default() };
        let run = move |module: &mut M, call: &Arc<Call>, schema: &Schema| {
            let arguments = call.arguments(Some(schema))?;
            Ok(run(module, call, arguments, Chunks::new(Arc::clone(call))))
        };
        self.method::<A, R>(spec, kind, Run::Later(Box::new(run)));
    }

    /// A method that runs beside the module's thread. `prepare` takes from the module what it needs.
    pub fn concurrent<A, R, F>(&mut self, spec: RpcSpec, prepare: impl Fn(&M) -> F + 'static)
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        F: Fn(&Call, A) -> Result<R, RpcError> + Send + Sync + 'static,
    {
        let kind = Method { is_concurrent: true, is_reentrant: true, ..Method::default() };
        let prepare = move |module: &M| {
            let run = prepare(module);
            let beside = move |call: &Call, schema: &Schema| call.encoded(&run(call, call.arguments(Some(schema))?)?);
            let beside: Arc<Beside> = Arc::new(beside);
            beside
        };
        self.method::<A, R>(spec, kind, Run::Beside(Box::new(prepare)));
    }

    fn method<A: JsonSchema, R: JsonSchema>(&mut self, spec: RpcSpec, kind: Method, run: Run<M>) {
        let mut contract = spec.contract();
        contract.is_stream = kind.is_stream;
        contract.arguments = schema_of::<A>();
        // It is the macro's name for them.
        if let Some(arguments) = contract.arguments.as_object_mut() {
            arguments.remove("title");
        }
        contract.result = schema_of::<R>();
        contract.binary.clone_from(&kind.contract);
        self.methods.insert(spec.name, RpcMethod { kind, contract, run });
    }
}

impl RpcSpec {
    /// What is said of it here.
    pub(super) fn contract(&self) -> MethodContract {
        let order = self.order.iter().map(|&name| name.to_owned()).collect();
        MethodContract { doc: self.doc.to_owned(), is_skill: self.is_skill, order, ..MethodContract::default() }
    }
}

impl<M> fmt::Debug for Table<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timers: Vec<_> = self.timers.iter().map(|timer| timer.name).collect();
        f.debug_struct("Table")
            .field("handlers", &self.handlers.keys())
            .field("timers", &timers)
            .field("methods", &self.methods.keys())
            .finish_non_exhaustive()
    }
}

fn now<M, A, R>(run: impl Fn(&mut M, &Call, A) -> Result<R, RpcError> + 'static) -> Run<M>
where
    A: DeserializeOwned,
    R: Serialize,
{
    Run::Now(Box::new(move |module, call, schema| call.encoded(&run(module, call, call.arguments(Some(schema))?)?)))
}
