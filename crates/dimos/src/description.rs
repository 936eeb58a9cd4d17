//! What a module that runs says of itself: what it offers, how its ports and references are connected, how it is configured.
//!
//! It is the answer of the method `describe`, whose first part is the [`Contract`]. That one is the same for all modules built from one
//! program; the rest differs from process to process, so it is asked for each time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Dimos;
use crate::contract::Contract;
use crate::listing::DescribeError;
use crate::mesh::DESCRIBE;
use crate::presence::Participant;
use crate::remote::{PendingCall, RemoteModule};
use crate::rpc::RpcError;

/// What a module that runs says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// What it offers and needs.
    #[serde(flatten)]
    pub contract: Contract,
    /// How it is connected; none before that is known, and of programs that are no modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// What its configuration has come to; none of programs that are no modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
}

/// How the ports and references of a module are connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Connections {
    /// The channels that it subscribes to, by port. Transforms are the port `tf`, simulated time is `clock`.
    pub inputs: BTreeMap<String, String>,
    /// The channels that it publishes on, by port.
    pub outputs: BTreeMap<String, String>,
    /// The names of the modules that it calls, by reference. Optional references that nobody fits are left out.
    pub references: BTreeMap<String, String>,
}

/// What a configuration has come to, and where each part comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Configured {
    /// The configuration.
    pub config: Value,
    /// Where each value comes from, by key: `default`, `launcher`, `mapper.toml:3:9`, ...
    pub sources: BTreeMap<String, String>,
}

impl Connections {
    /// With these channels and references.
    #[must_use]
    pub fn new(
        inputs: BTreeMap<String, String>,
        outputs: BTreeMap<String, String>,
        references: BTreeMap<String, String>,
    ) -> Self {
        Self { inputs, outputs, references }
    }
}

impl Dimos {
    /// What a module says of itself at this moment, its connections and its configuration included.
    ///
    /// # Errors
    /// If there is no such module, or it does not say.
    pub fn description(&self, name: &str) -> Result<Description, DescribeError> {
        let module = self.module(name)?;
        let described = module.start_as(DESCRIBE, &()).and_then(PendingCall::wait);
        described.map_err(|source| DescribeError::Rpc { module: module.name().clone(), source })
    }

    /// What each module says of itself at this moment, by name. They are asked side by side; programs in other languages need not answer.
    #[must_use]
    pub fn descriptions(&self) -> Vec<(Participant, Result<Description, RpcError>)> {
        let ask = |participant: Participant| {
            let module = RemoteModule::new(self.mesh(), participant.name.clone()?, participant.identity.node);
            Some((participant, module.start_as(DESCRIBE, &())))
        };
        let asked: Vec<_> = self.settled().modules().into_iter().filter_map(ask).collect();
        asked.into_iter().map(|(participant, call)| (participant, call.and_then(PendingCall::wait))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_contract_is_a_description_without_more_and_a_description_can_be_read_as_a_contract() {
        let contract =
            Contract { class_name: "Mapper".to_owned(), config: json!({ "type": "object" }), ..Contract::default() };
        let alone: Description = serde_json::from_value(json!(contract)).unwrap();
        assert_eq!(alone, Description { contract: contract.clone(), ..Description::default() });
        let inputs = BTreeMap::from([("scan".to_owned(), "/scan#sensor_msgs.LaserScan".to_owned())]);
        let connections = Some(Connections { inputs, ..Connections::default() });
        let sources = BTreeMap::from([("cell_m".to_owned(), "default".to_owned())]);
        let configured = Some(Configured { config: json!({ "cell_m": 0.1 }), sources });
        let whole = Description { contract: contract.clone(), connections, configured };
        assert_eq!(serde_json::from_value::<Description>(json!(whole)).unwrap(), whole);
        assert_eq!(serde_json::from_value::<Contract>(json!(whole)).unwrap(), contract);
    }
}
