//! From a module's definition to a process that works: bus, ports, name, references, and the module made of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use lcm::{Channel, Inline, Publisher, Url};

use super::Module;
use super::beside::{BesideMethods, Running, run_beside};
use super::claim::Claim;
use super::clock::Clock;
use super::complaints::Complaints;
use super::context::Context;
use super::declaration::{Declaration, DeclaredPort, KEEP_LAST};
use super::ending::{End, Ending};
use super::input::InPort;
use super::launch::Launch;
use super::output::{OutPort, RawOut};
use super::parts::Parts;
use super::references::resolve;
use super::runtime::{Runtime, SharedInbox};
use super::table::{Run, Table};
use super::tf::{TOPIC, Tf};
use super::timers::Timers;
use super::wiring::{CLOCK, Wiring};
use crate::contract::{Contract, Direction};
use crate::description::{Configured, Connections, Description};
use crate::json_schema::{Schema, SchemaError};
use crate::mesh::{HandOut, Mesh, MeshError, Published, Serving};
use crate::name::{Name, NameError};
use crate::presence::{ClaimError, Farewell, JoinError};
use crate::rpc::IncomingCall;
use crate::service::panic_message;
use crate::topic::{TopicError, check, typed, typed_as};

/// Why a module does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Bus(#[from] lcm::OpenError),
    #[error(transparent)]
    Mesh(#[from] MeshError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("port {port}: {source}")]
    Topic { port: &'static str, source: TopicError },
    #[error("port {port}: {source}")]
    Pattern { port: &'static str, source: lcm::PatternError },
    #[error("the module's name: {0}")]
    Name(#[from] NameError),
    #[error("the schema of the arguments of {method}: {source}")]
    Schema { method: &'static str, source: SchemaError },
    #[error("reference {reference}: {reason}")]
    Reference { reference: String, reason: String },
    #[error("the module cannot be made: {reason}")]
    Assemble { reason: String },
    /// Not an error of the module.
    #[error("told to end before it had started")]
    Ended,
}

/// Joins the mesh and makes the module.
pub(super) fn start<M: Module>(
    declaration: Declaration,
    table: Table<M>,
    (config, configured): (M::Config, Configured),
    launch: &Launch,
    name: Name,
    ending: &Arc<Ending>,
) -> Result<Runtime<M>, StartError> {
    let bus = Inline::open(&Url::resolve("").map_err(lcm::OpenError::from)?.to_string())?;
    let joined = Joined::new(bus, &declaration, &table, launch, name, ending)?;
    let mesh = Arc::clone(&joined.mesh);
    joined.make(declaration, table, (config, configured), launch).inspect_err(|error| {
        mesh.leave(if matches!(error, StartError::Ended) { Farewell::Gone } else { Farewell::Failed });
    })
}

/// The ports of one direction, by their names.
type Ports<T> = BTreeMap<&'static str, Arc<T>>;

/// A process on the mesh, of which the module is made.
struct Joined {
    mesh: Arc<Mesh>,
    publisher: Publisher,
    name: Name,
    inputs: Ports<InPort>,
    outputs: Ports<OutPort>,
    tf_published: Arc<AtomicU64>,
    tf_channel: Channel,
    schemas: BTreeMap<String, Arc<Schema>>,
    inbox: Arc<SharedInbox>,
    prepared: Arc<BesideMethods>,
    beside: Running,
    complaints: Arc<Complaints>,
    ending: Arc<Ending>,
    /// Whether this process has lost its name.
    is_silenced: Arc<AtomicBool>,
}

impl Joined {
    fn new<M: Module>(
        bus: Inline,
        declaration: &Declaration,
        table: &Table<M>,
        launch: &Launch,
        name: Name,
        ending: &Arc<Ending>,
    ) -> Result<Self, StartError> {
        let publisher = bus.publisher();
        let is_silenced = Arc::new(AtomicBool::new(false));
        let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
        for port in &declaration.ports {
            let channel = channel_of(port, &declaration.contract, launch, &name)?;
            match port.direction {
                Direction::In => {
                    inputs.insert(port.name, Arc::new(InPort::new(port.name, channel)));
                }
                Direction::Out => {
                    let (publisher, is_silenced) = (publisher.clone(), Arc::clone(&is_silenced));
                    let output = OutPort::new(channel, publisher, is_silenced, port.options.is_latched);
                    outputs.insert(port.name, Arc::new(output));
                }
            }
        }
        let (tf_channel, tf_published) = (tf_channel(launch)?, Arc::new(AtomicU64::new(0)));

        let mut schemas = BTreeMap::new();
        for (&method, rpc) in &table.methods {
            let schema = Schema::compile(&rpc.contract.arguments);
            let schema = schema.map_err(|source| StartError::Schema { method, source })?;
            schemas.insert(method.to_owned(), Arc::new(schema));
        }

        let inbox = Arc::new(SharedInbox::default());
        let prepared: Arc<BesideMethods> = Arc::new(OnceLock::new());
        let beside = Running::new();
        let complaints = Arc::new(Complaints::new(Arc::clone(ending), launch.ends_on_panic));
        let own_mesh: Arc<OnceLock<Weak<Mesh>>> = Arc::new(OnceLock::new());
        let hand_out: HandOut = {
            let (inbox, prepared, own_mesh) = (Arc::clone(&inbox), Arc::clone(&prepared), Arc::clone(&own_mesh));
            let (complaints, running) = (Arc::clone(&complaints), beside.one());
            Box::new(move |call: IncomingCall| {
                let method = prepared.get().and_then(|methods| methods.get_key_value(call.method.as_str()));
                match (method, own_mesh.get().and_then(Weak::upgrade)) {
                    (Some((name, method)), Some(mesh)) => {
                        run_beside(mesh, call, name, method, &complaints, running.clone())
                    }
                    _ => {
                        inbox.lock().push_call(call);
                        Ok(())
                    }
                }
            })
        };
        let mut published: Vec<_> = outputs.values().map(|output| output.published_on_beats()).collect();
        if declaration.has_transforms {
            published.push(Published { channel: tf_channel.to_string(), count: Arc::clone(&tf_published) });
        }
        let serving = Serving {
            name: &name,
            contract: &declaration.contract,
            methods: table.methods.iter().map(|(name, rpc)| ((*name).to_owned(), rpc.kind.clone())).collect(),
            hand_out,
            published,
            run_id: launch.run_id.as_deref(),
        };
        let mesh = Arc::new(Mesh::serve(bus, serving)?);
        // It is set once, here.
        let _: Result<(), _> = own_mesh.set(Arc::downgrade(&mesh));
        ending.set_mesh(&mesh);
        mesh.with(|cores, _| {
            let (is_silenced, ending) = (Arc::clone(&is_silenced), Arc::clone(ending));
            cores.when_displaced(move || {
                is_silenced.store(true, Ordering::SeqCst);
                ending.ask(End::Displaced);
            });
        });
        let ending = Arc::clone(ending);
        Ok(Self {
            mesh,
            publisher,
            name,
            inputs,
            outputs,
            tf_published,
            tf_channel,
            schemas,
            inbox,
            prepared,
            beside,
            complaints,
            ending,
            is_silenced,
        })
    }

    /// Takes the name, or begins to, and makes the module.
    fn make<M: Module>(
        self,
        declaration: Declaration,
        table: Table<M>,
        (config, configured): (M::Config, Configured),
        launch: &Launch,
    ) -> Result<Runtime<M>, StartError> {
        let Self { mesh, publisher, inbox, schemas, complaints, ending, .. } = self;
        let (name, mut claim) = Claim::begin(&mesh, self.name, launch)?;
        // Who tells the time cannot wait to be told.
        let tells_time = self.outputs.values().any(|output| output.channel.as_str() == Some(CLOCK));
        let clock = if launch.is_simulated && !tells_time { Clock::simulated() } else { Clock::system() };
        let raw = RawOut::new(publisher.clone(), Arc::clone(&self.is_silenced));
        let tf = {
            let (mesh, clock) = (Arc::clone(&mesh), clock.clone());
            Tf::new(mesh, self.tf_channel, publisher.clone(), clock, self.is_silenced, self.tf_published)
        };
        let references = resolve(&mesh, &declaration, launch, &name, &mut claim, &ending)?;
        let description = Description {
            contract: declaration.contract.clone(),
            connections: Some(connections(
                (&self.inputs, &self.outputs, &references),
                declaration.has_transforms.then(|| tf.channel()),
                clock.is_simulated(),
            )),
            configured: Some(configured),
        };
        mesh.with(|cores, _| cores.describe(&description));

        let timers = Timers::default();
        let context = {
            let (mesh, complaints, ending) = (Arc::clone(&mesh), Arc::clone(&complaints), Arc::clone(&ending));
            Context::new(mesh, name, clock.clone(), raw, complaints, ending, timers.missed())
        };
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut parts = Parts { mesh: Arc::clone(&mesh), context, inputs, outputs, references, tf };
        // What the user's code there says of a configuration that it does not like.
        let assembled = catch_unwind(AssertUnwindSafe(|| M::assemble(&mut parts, config)));
        let module = assembled.map_err(|panic| StartError::Assemble { reason: panic_message(&*panic) })?;
        let Parts { inputs, outputs, tf, .. } = parts;

        let prepared = table.methods.iter().filter_map(|(name, rpc)| match &rpc.run {
            Run::Beside(prepare) => Some((*name, (prepare(&module), Arc::clone(schemas.get(*name)?)))),
            Run::Now(_) | Run::Later(_) => None,
        });
        let _: Result<(), _> = self.prepared.set(prepared.collect());

        let mut wiring = Wiring::new(&mesh, &inbox);
        for port in declaration.ports.iter().filter(|port| port.direction == Direction::In) {
            let keep_last = port.options.keep_last.unwrap_or(KEEP_LAST);
            wiring.port(&inputs[port.name], table.handlers.contains_key(port.name).then_some(keep_last))?;
        }
        if clock.is_simulated() {
            wiring.clock(clock.clone(), tf.clone())?;
        }
        if declaration.has_transforms {
            wiring.transforms(&tf)?;
        }
        let handled = wiring.latched(&publisher, inputs.into_values().collect(), outputs.values())?;
        let beside = self.beside;
        Ok(Runtime {
            module,
            table,
            mesh,
            inbox,
            handled,
            schemas,
            timers,
            clock,
            ending,
            complaints,
            beside,
            claim,
            is_running: false,
        })
    }
}

/// How a module is connected. It hears transforms if it has to do with them at all; whether it publishes any shows when it does.
fn connections(
    (inputs, outputs, references): (&Ports<InPort>, &Ports<OutPort>, &BTreeMap<&'static str, Name>),
    tf: Option<Channel>,
    hears_clock: bool,
) -> Connections {
    let tf = tf.map(|channel| ("tf".to_owned(), channel.to_string()));
    let clock = hears_clock.then(|| ("clock".to_owned(), CLOCK.to_owned()));
    let inputs = inputs.iter().map(|(port, input)| ((*port).to_owned(), input.channel.to_string()));
    let outputs = outputs.iter().map(|(port, output)| ((*port).to_owned(), output.channel.to_string()));
    let references = references.iter().map(|(reference, name)| ((*reference).to_owned(), name.to_string()));
    Connections::new(inputs.chain(tf).chain(clock).collect(), outputs.collect(), references.collect())
}

/// Where transforms are published and heard.
fn tf_channel(launch: &Launch) -> Result<Channel, StartError> {
    let channel = match launch.topics.get("tf") {
        Some(channel) if channel.contains('#') => channel.clone(),
        topic => typed(topic.map_or(TOPIC, String::as_str), "tf2_msgs.TFMessage"),
    };
    check(&channel).map_err(|source| StartError::Topic { port: "tf", source })
}

/// The channel of a port: what the launch says, or else its topic within the module's namespace.
fn channel_of(
    port: &DeclaredPort,
    contract: &Contract,
    launch: &Launch,
    name: &Name,
) -> Result<lcm::Channel, StartError> {
    let wrong = |source| StartError::Topic { port: port.name, source };
    let channel = match launch.topics.get(port.name) {
        // Python DimOS gives whole channels.
        Some(channel) if channel.contains('#') => typed_as(channel, port.type_name).map_err(wrong)?,
        Some(channel) if launch.is_anonymous => channel.clone(),
        Some(topic) => typed(topic, port.type_name),
        None => {
            let channel = contract.ports[port.name].channel_in(name.namespace());
            typed_as(&channel, port.type_name).map_err(wrong)?
        }
    };
    check(&channel).map_err(wrong)
}

/// How long a required reference is waited for.
pub(super) const REFERENCE_PATIENCE: Duration = Duration::from_secs(10);
