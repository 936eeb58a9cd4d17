//! The graph of what is on the bus, with rates.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use dimos::coordinator::{COORDINATOR, RunStatus};
use dimos::presence::Participant;
use dimos::{Description, Dimos, Name, PendingCall, RpcError};
use lcm::{Channel, Inline};

use super::model::{Builder, Graph, Module};
use crate::context::Context;
use crate::failure::Failure;
use crate::topic::selection::is_internal;

/// What was heard on a channel.
#[derive(Debug, Default)]
struct Traffic {
    messages: u64,
    senders: BTreeSet<SocketAddrV4>,
}

/// What is on the bus, after listening for so long.
pub(super) fn graph(duration: Duration, is_all: bool, context: &Context) -> Result<Graph, Failure> {
    let dimos = context.mesh()?;
    let heard = listen(duration, context)?;
    let described = dimos.descriptions();
    context.interrupt.check()?;
    let runs = runs(&dimos, &described, context);
    let mut builder = Builder::default();
    for (participant, description) in &described {
        if let (Some(name), Err(error)) = (&participant.name, description) {
            context.note(format_args!("{name} does not say how it is connected: {error}"));
        }
        add(&mut builder, participant, description.as_ref().ok());
    }
    for module in runs.into_iter().flat_map(|run| run.modules) {
        let state = serde_json::to_value(module.state).ok().and_then(|state| state.as_str().map(str::to_owned));
        builder.module(Module { name: module.name.clone(), class: module.class.unwrap_or_default(), state });
        builder.connect(&module.name, &module.connections);
    }
    for channel in builder.channels() {
        builder.heard(&channel, 0.0);
    }
    for (channel, traffic) in &heard {
        let channel = channel.to_string();
        if is_all || !is_internal(channel.as_bytes()) {
            #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit behind the point")]
            builder.heard(&channel, traffic.messages as f64 / duration.as_secs_f64());
            // One socket speaks for all of a process, and which process that is nobody says.
            for sender in traffic.senders.iter().filter(|_| !builder.has_publisher(&channel)).collect::<Vec<_>>() {
                builder.publishes(&sender.to_string(), &channel);
            }
        }
    }
    Ok(builder.build(context.url()?.to_string()))
}

fn add(builder: &mut Builder, participant: &Participant, description: Option<&Description>) {
    let Some(name) = &participant.name else { return };
    let state = Some(participant.state.to_string());
    builder.module(Module { name: name.to_string(), class: participant.identity.class_name.clone(), state });
    if let Some(connections) = description.and_then(|description| description.connections.as_ref()) {
        builder.connect(name.as_str(), connections);
    }
    // Its beats tell of channels that are no ports, such as those of transforms.
    for (channel, _) in participant.published.iter().filter(|(_, count)| **count > 0) {
        builder.publishes(name.as_str(), channel);
    }
}

/// What the coordinators say, which know of programs that say nothing themselves.
fn runs(
    dimos: &Dimos,
    described: &[(Participant, Result<Description, RpcError>)],
    context: &Context,
) -> Vec<RunStatus> {
    let names = described.iter().filter_map(|(participant, _)| participant.name.as_ref());
    let coordinators = names.filter(|name| name.last() == COORDINATOR);
    let ask =
        |name: &Name| Some((name.clone(), dimos.module(name.as_str()).ok()?.start_as::<RunStatus>("status", &())));
    let asked: Vec<_> = coordinators.filter_map(ask).collect();
    let answered = asked.into_iter().filter_map(|(name, call)| match call.and_then(PendingCall::wait) {
        Ok(status) => Some(status),
        Err(error) => {
            context.note(format_args!("{name} does not say what it runs: {error}"));
            None
        }
    });
    answered.collect()
}

/// Counts what is heard. Messages are not decoded.
fn listen(duration: Duration, context: &Context) -> Result<BTreeMap<Channel, Traffic>, Failure> {
    let mut bus = Inline::open(&context.url()?.to_string())?;
    let mut heard: BTreeMap<Channel, Traffic> = BTreeMap::new();
    let mut left_out = 0_u64;
    let end = Instant::now() + duration;
    while Instant::now() < end && !bus.ended() {
        context.interrupt.check()?;
        let patience = end.saturating_duration_since(Instant::now()).min(LOOK_EVERY);
        let received = bus.receive(Some(patience));
        let Some(sample) =
            received.map_err(|error| Failure::unexpected(format_args!("cannot read the bus: {error}")))?
        else {
            continue;
        };
        if heard.len() >= MAX_CHANNELS && !heard.contains_key(sample.channel()) {
            left_out += 1;
            continue;
        }
        let traffic = heard.entry(*sample.channel()).or_default();
        traffic.messages += 1;
        if traffic.senders.len() < MAX_SENDERS {
            traffic.senders.extend(sample.sender());
        }
    }
    if left_out > 0 {
        context.note(format_args!("{left_out} messages on further channels than {MAX_CHANNELS} are left out"));
    }
    Ok(heard)
}

/// More nobody can draw.
const MAX_CHANNELS: usize = 2000;

/// Of a channel.
const MAX_SENDERS: usize = 8;

/// How often it is looked whether Ctrl-C was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
