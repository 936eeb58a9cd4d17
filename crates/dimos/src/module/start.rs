//! From a module's definition to a process that works: configuration, bus, ports, name, references.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lcm::{Inline, Message, Url};
use lcm_types::builtin_interfaces::Time;
use lcm_types::dimos_mesh::Latched;

use super::Module;
use super::clock::Clock;
use super::complaints::Complaints;
use super::context::Context;
use super::declaration::{Declaration, DeclaredPort, KEEP_LAST};
use super::ending::{End, Ending};
use super::input::InPort;
use super::latch::{Asker, Keeper, WANTED, answers};
use super::launch::Launch;
use super::output::{OutPort, RawOut};
use super::parts::Parts;
use super::references::resolve;
use super::runtime::{BesideMethods, Runtime, SharedInbox, run_beside};
use super::table::{Run, Table};
use super::tf::{TOPIC, Tf};
use super::timers::Timers;
use crate::contract::{Contract, Direction};
use crate::json_schema::{Schema, SchemaError};
use crate::mesh::{HandOut, Mesh, MeshError, Published, Serving};
use crate::name::{Name, NameError};
use crate::presence::{ClaimError, JoinError, Policy};
use crate::rpc::IncomingCall;
use crate::service::panic_message;
use crate::topic::{TopicError, check, spellings, typed, typed_as};

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
    config: M::Config,
    launch: &Launch,
    name: Name,
    ending: &Arc<Ending>,
) -> Result<Runtime<M>, StartError> {
    let bus = Inline::open(&Url::resolve("").map_err(lcm::OpenError::from)?.to_string())?;
    let publisher = bus.publisher();
    let is_silenced = Arc::new(AtomicBool::new(false));
    let mut inputs = BTreeMap::new();
    let mut outputs = BTreeMap::new();
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

    // Who tells the time cannot wait to be told.
    let tells_time = outputs.values().any(|output| output.channel.as_str() == Some(CLOCK));
    let clock = if launch.is_simulated && !tells_time { Clock::simulated() } else { Clock::system() };

    let mut schemas = BTreeMap::new();
    for (&method, rpc) in &table.methods {
        let schema = Schema::compile(&rpc.contract.arguments);
        schemas.insert(method.to_owned(), Arc::new(schema.map_err(|source| StartError::Schema { method, source })?));
    }

    let inbox = Arc::new(SharedInbox::default());
    let beside: Arc<BesideMethods> = Arc::new(OnceLock::new());
    let complaints = Arc::new(Complaints::new(Arc::clone(ending), launch.ends_on_panic));
    let own_mesh: Arc<OnceLock<std::sync::Weak<Mesh>>> = Arc::new(OnceLock::new());
    let hand_out: HandOut = {
        let (inbox, beside, own_mesh) = (Arc::clone(&inbox), Arc::clone(&beside), Arc::clone(&own_mesh));
        let complaints = Arc::clone(&complaints);
        Box::new(move |call: IncomingCall| {
            let method = beside.get().and_then(|methods| methods.get_key_value(call.method.as_str()));
            match (method, own_mesh.get().and_then(std::sync::Weak::upgrade)) {
                (Some((name, method)), Some(mesh)) => run_beside(mesh, call, name, method, &complaints),
                _ => {
                    inbox.lock().push_call(call);
                    Ok(())
                }
            }
        })
    };
    let published =
        |output: &Arc<OutPort>| Published { channel: output.channel.to_string(), count: output.published() };
    let serving = Serving {
        name: &name,
        contract: &declaration.contract,
        methods: table.methods.iter().map(|(name, rpc)| ((*name).to_owned(), rpc.kind.clone())).collect(),
        hand_out,
        published: outputs.values().map(published).collect(),
        run_id: launch.run_id.as_deref(),
    };
    let mesh = Arc::new(Mesh::serve(bus, serving)?);
    // It is set once, here.
    let _: Result<(), _> = own_mesh.set(Arc::downgrade(&mesh));
    ending.set_mesh(&mesh);
    let node = mesh.with(|cores, _| {
        let (is_silenced, ending) = (Arc::clone(&is_silenced), Arc::clone(ending));
        cores.when_displaced(move || {
            is_silenced.store(true, Ordering::SeqCst);
            ending.ask(End::Displaced);
        });
        cores.presence.node()
    });
    let name = claim(&mesh, name, launch)?;

    let tf_channel = match launch.topics.get("tf") {
        Some(channel) if channel.contains('#') => channel.clone(),
        topic => typed(topic.map_or(TOPIC, String::as_str), "tf2_msgs.TFMessage"),
    };
    let tf_channel = check(&tf_channel).map_err(|source| StartError::Topic { port: "tf", source })?;
    let raw = RawOut::new(publisher.clone(), Arc::clone(&is_silenced));
    let tf = Tf::new(Arc::clone(&mesh), tf_channel, publisher.clone(), clock.clone(), is_silenced);
    let references = resolve(&mesh, &declaration, launch, &name, ending)?;

    let context = Context::new(Arc::clone(&mesh), name, clock.clone(), raw, Arc::clone(ending));
    let mut parts = Parts { mesh: Arc::clone(&mesh), context, inputs, outputs, references, tf };
    // What the user's code there says of a configuration that it does not like.
    let assembled = catch_unwind(AssertUnwindSafe(|| M::assemble(&mut parts, config)));
    let module = assembled.map_err(|panic| StartError::Assemble { reason: panic_message(&*panic) })?;
    let Parts { inputs, outputs, tf, .. } = parts;

    let prepared = table.methods.iter().filter_map(|(name, rpc)| match &rpc.run {
        Run::Beside(prepare) => Some((*name, (prepare(&module), Arc::clone(schemas.get(*name)?)))),
        Run::Now(_) | Run::Later(_) => None,
    });
    let _: Result<(), _> = beside.set(prepared.collect());

    let mut handled = Vec::new();
    for port in declaration.ports.iter().filter(|port| port.direction == Direction::In) {
        let input = &inputs[port.name];
        let number = table.handlers.contains_key(port.name).then(|| {
            handled.push(Arc::clone(input));
            inbox.lock().add_port(port.options.keep_last.unwrap_or(KEEP_LAST))
        });
        subscribe_port(&mesh, input, number, &inbox)?;
    }
    if clock.is_simulated() {
        let clock = clock.clone();
        subscribe(&mesh, "clock", CLOCK, move |sample| {
            if let Ok(time) = Time::decode(sample.payload()) {
                clock.set(i64::from(time.sec) * 1_000_000_000 + i64::from(time.nanosec));
            }
        })?;
    }
    if declaration.has_transforms {
        for channel in spellings(&tf.channel()) {
            subscribe(&mesh, "tf", &channel, tf.listener())?;
        }
        mesh.with(|cores, now| cores.add_chore(now, tf.static_chore()));
    }
    if let Some(mut keeper) = Keeper::new(node, publisher.clone(), outputs.values()) {
        subscribe(&mesh, "latched", WANTED, move |sample| keeper.heard(sample))?;
    }
    subscribe_latched(&mesh, &answers(node), inputs.values(), &inbox, &handled)?;

    let (mut asker, inputs) = (Asker::new(node, publisher), inputs.into_values().collect::<Vec<_>>());
    mesh.with(|cores, now| cores.add_chore(now, Box::new(move |now| asker.ask(now, &inputs))));
    let timers = Timers::default();
    Ok(Runtime { module, table, mesh, inbox, handled, schemas, timers, clock, ending: Arc::clone(ending), complaints })
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

/// Takes the name. A module that was not given one gives way to whoever has it, and takes another.
fn claim(mesh: &Mesh, name: Name, launch: &Launch) -> Result<Name, StartError> {
    if !launch.is_anonymous {
        return claim_as(mesh, &name, Policy::TakeOver, launch.epoch);
    }
    match claim_as(mesh, &name, Policy::FirstHolder, 0) {
        Err(StartError::Claim(ClaimError::Held { .. })) => {
            let other: Name = format!("{name}-{}", std::process::id()).parse()?;
            mesh.hear_requests(&other).map_err(|source| StartError::Pattern { port: "requests", source })?;
            claim_as(mesh, &other, Policy::FirstHolder, 0)
        }
        claimed => claimed,
    }
}

fn claim_as(mesh: &Mesh, name: &Name, policy: Policy, after: i64) -> Result<Name, StartError> {
    let outcome = mesh.with(|cores, now| {
        let outcome = cores.expect_name();
        cores.presence.claim(now, name.clone(), policy, after).map(|()| outcome)
    })?;
    let (name, epoch) = mesh.wait_for(&outcome, None).ok_or(JoinError::Left)??;
    tracing::info!(%name, epoch, "joined the mesh");
    Ok(name)
}

fn subscribe_port(
    mesh: &Mesh,
    input: &Arc<InPort>,
    number: Option<usize>,
    inbox: &Arc<SharedInbox>,
) -> Result<(), StartError> {
    for channel in spellings(&input.channel) {
        let (port, inbox) = (Arc::clone(input), Arc::clone(inbox));
        subscribe(mesh, input.name, &channel, move |sample| {
            port.count_received();
            deliver(&port, number, &inbox, sample.clone());
        })?;
    }
    Ok(())
}

/// Last messages of latched publishers count as received only where nothing else has come yet.
fn subscribe_latched<'a>(
    mesh: &Mesh,
    channel: &str,
    inputs: impl Iterator<Item = &'a Arc<InPort>>,
    inbox: &Arc<SharedInbox>,
    handled: &[Arc<InPort>],
) -> Result<(), StartError> {
    let by_channel: BTreeMap<String, (Arc<InPort>, Option<usize>)> = inputs
        .map(|input| {
            let number = handled.iter().position(|handled| handled.name == input.name);
            (input.channel.to_string(), (Arc::clone(input), number))
        })
        .collect();
    if by_channel.is_empty() {
        return Ok(());
    }
    let inbox = Arc::clone(inbox);
    subscribe(mesh, "latched", channel, move |sample| {
        let Ok(latched) = Latched::view(sample.payload()) else { return };
        let Some((input, number)) = latched.channel().to_str().ok().and_then(|channel| by_channel.get(channel)) else {
            return;
        };
        if input.counts().received == 0 {
            input.count_received();
            deliver(input, *number, &inbox, sample.carried(input.channel, latched.message()));
        }
    })
}

fn deliver(port: &InPort, number: Option<usize>, inbox: &SharedInbox, sample: lcm::Sample) {
    match number {
        Some(number) => port.count_overtaken(inbox.lock().push(number, sample)),
        None => port.set_latest(sample),
    }
}

fn subscribe(
    mesh: &Mesh,
    port: &'static str,
    channel: &str,
    handler: impl FnMut(&lcm::Sample) + Send + 'static,
) -> Result<(), StartError> {
    // Subscribed for as long as the process lives.
    mesh.subscribe(channel, handler).map(drop).map_err(|source| StartError::Pattern { port, source })
}

/// Where a simulation tells the time.
const CLOCK: &str = "/clock#builtin_interfaces.Time";

/// How long a required reference is waited for.
pub(super) const REFERENCE_PATIENCE: Duration = Duration::from_secs(10);
