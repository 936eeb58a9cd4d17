//! Who publishes and who subscribes, as far as the modules say: how their ports are connected, or, where they do not tell that, which
//! ports they have by their contracts. What they have published, their beats tell.

use std::collections::BTreeMap;

use dimos::contract::Direction;
use dimos::{Dimos, NodeId};
use serde::Serialize;

/// The modules on the bus.
#[derive(Debug, Default)]
pub struct Parties {
    /// The names of all processes that have one.
    pub names: BTreeMap<NodeId, String>,
    /// By channel: who has a port there.
    pub ports: BTreeMap<String, Vec<Port>>,
    /// Programs with a name that do not say what ports they have.
    pub silent: Vec<String>,
}

/// A port on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Whose it is.
    pub module: String,
    /// The process of that module.
    pub node: NodeId,
    /// What it is called there.
    pub name: String,
    /// Whether it takes or gives.
    pub direction: Direction,
    /// How that is known.
    pub known_by: KnownBy,
}

/// How it is known that a port is on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// Its module says that it is.
    Module,
    /// It is by itself; the module may have been told otherwise.
    Contract,
}

impl Parties {
    /// Asks everybody, which takes a second or two.
    #[must_use]
    pub fn ask(dimos: &Dimos) -> Self {
        let mut parties = Self::default();
        for (module, description) in dimos.descriptions() {
            let (Some(name), node) = (module.name, module.identity.node) else { continue };
            parties.names.insert(node, name.to_string());
            let Ok(description) = description else {
                parties.silent.push(name.to_string());
                continue;
            };
            let mut add = |port: &str, channel: String, direction: Direction, known_by: KnownBy| {
                let (module, name) = (name.to_string(), port.to_owned());
                parties.ports.entry(channel).or_default().push(Port { module, node, name, direction, known_by });
            };
            if let Some(connections) = description.connections {
                for (port, channel) in connections.inputs {
                    add(&port, channel, Direction::In, KnownBy::Module);
                }
                for (port, channel) in connections.outputs {
                    add(&port, channel, Direction::Out, KnownBy::Module);
                }
            } else {
                for (name_of_port, port) in &description.contract.ports {
                    add(name_of_port, port.channel_in(name.namespace()), port.direction, KnownBy::Contract);
                }
            }
        }
        parties
    }

    /// Who has a port of this direction on a channel.
    pub fn on<'a>(&'a self, channel: &str, direction: Direction) -> impl Iterator<Item = &'a Port> {
        let ports = self.ports.get(channel).into_iter().flatten();
        ports.filter(move |port| port.direction == direction)
    }
}
