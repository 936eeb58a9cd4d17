//! Who publishes and who subscribes, as far as the mesh tells: contracts say which ports modules have, beats what they publish.
//!
//! A contract says the channel of a port unless the launch says otherwise, and nobody tells how it was launched. What beats tell is how
//! it is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dimos::contract::{Contract, Direction};
use dimos::{Dimos, NodeId, PendingCall, RpcError, TimeLimit};

use crate::context::Context;
use crate::failure::Failure;

/// The modules on the bus.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// The names of all processes that have one.
    pub(super) names: BTreeMap<NodeId, String>,
    /// By channel: who has a port there, by his contract.
    pub(super) ports: BTreeMap<String, Vec<Port>>,
    /// Modules that do not say what ports they have.
    pub(super) silent: Vec<String>,
}

/// A port on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) module: String,
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) direction: Direction,
}

impl Parties {
    /// Asks everybody, which takes a second or two.
    pub(super) fn ask(dimos: &Dimos, context: &Context) -> Result<Self, Failure> {
        let mut parties = Self::default();
        let mut asked = Vec::new();
        let deadline = Instant::now() + ASK_WITHIN;
        for module in dimos.settled().modules().into_iter().take(MAX_MODULES) {
            context.interrupt.check()?;
            let (Some(name), node) = (module.name, module.identity.node) else { continue };
            parties.names.insert(node, name.to_string());
            // He who has no contract says so: nothing need be asked.
            if module.identity.contract.is_empty() {
                parties.silent.push(name.to_string());
                continue;
            }
            // Who has left meanwhile is waited for in vain, so that is not done for many.
            if Instant::now() >= deadline {
                parties.silent.push(name.to_string());
            } else if let Ok(module) = dimos.module(name.as_str()) {
                let call = module.limit(PATIENCE).start_as::<Contract>("describe", &());
                asked.push((name, node, call));
            }
        }
        for (name, node, call) in asked {
            match call.and_then(|call| wait(call, context)) {
                Ok(contract) => parties.take_in(name.as_str(), name.namespace(), node, &contract),
                Err(_) => parties.silent.push(name.to_string()),
            }
            context.interrupt.check()?;
        }
        Ok(parties)
    }

    /// Who has a port of this direction on a channel.
    pub(super) fn on<'a>(&'a self, channel: &str, direction: Direction) -> impl Iterator<Item = &'a Port> {
        let ports = self.ports.get(channel).into_iter().flatten();
        ports.filter(move |port| port.direction == direction)
    }

    fn take_in(&mut self, module: &str, namespace: Option<&str>, node: NodeId, contract: &Contract) {
        for (name, port) in contract.ports.iter().take(MAX_PORTS) {
            let (module, name, direction) = (module.to_owned(), name.clone(), port.direction);
            let ports = self.ports.entry(port.channel_in(namespace)).or_default();
            ports.push(Port { module, node, name, direction });
        }
    }
}

/// Until it is answered, which takes [`PATIENCE`] at most, or Ctrl-C is pressed.
fn wait(mut call: PendingCall<Contract>, context: &Context) -> Result<Contract, RpcError> {
    loop {
        match call.wait_for(LOOK_EVERY) {
            Ok(outcome) => return outcome,
            Err(_) if context.interrupt.is_pressed() => return Err(RpcError::Stopping),
            Err(pending) => call = pending,
        }
    }
}

/// How long a module may take to say what it offers.
const PATIENCE: TimeLimit = TimeLimit::Deadline(Duration::from_secs(2));

/// How long all are asked.
const ASK_WITHIN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// More modules are not asked.
const MAX_MODULES: usize = 1000;

/// Of a module; more are not taken in.
const MAX_PORTS: usize = 1000;
