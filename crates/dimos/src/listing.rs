//! What can be called on a mesh: every method of every module, and the skills among them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::client::{Dimos, FindError};
use crate::contract::{Contract, MethodContract};
use crate::mesh::DESCRIBE;
use crate::name::Name;
use crate::presence::Participant;
use crate::presence::limits::MAX_CAPABILITIES;
use crate::remote::{PendingCall, RemoteModule};
use crate::rpc::RpcError;

/// A method of a module.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rpc {
    /// The module that has it.
    pub module: Name,
    /// Its name.
    pub method: String,
    /// What the module says of it.
    pub contract: MethodContract,
}

/// What was found to be callable.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// The methods, by module and name.
    pub methods: Vec<Rpc>,
    /// The modules that did not say what they offer, and why not. Programs in other languages need not.
    pub silent: Vec<(Name, RpcError)>,
}

/// Why a module has not been described.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// There is no such module.
    #[error(transparent)]
    Find(#[from] FindError),
    /// It did not say.
    #[error("{module} does not say what it offers")]
    Rpc {
        /// The module.
        module: Name,
        /// What it said instead.
        source: RpcError,
    },
}

/// Why a skill was not called, or failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SkillError {
    /// No module has it.
    #[error("no skill {skill}; there is {}", if .others.is_empty() { "none".to_owned() } else { .others.join(", ") })]
    None {
        /// What was asked for.
        skill: String,
        /// Those that there are.
        others: Vec<String>,
    },
    /// Several modules have it.
    #[error("several modules have the skill {skill}: call it on one of {}", crate::client::list(.owners))]
    Several {
        /// What was asked for.
        skill: String,
        /// The modules.
        owners: Vec<Name>,
    },
    /// The call has no result.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// Contracts by their hashes.
#[derive(Debug, Default)]
pub(crate) struct Contracts(HashMap<String, Arc<Contract>>);

impl Rpc {
    /// How it is called: `robot0/camera.set_exposure(ms: number) -> number`.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{}.{}", self.module, self.contract.signature(&self.method))
    }
}

impl Dimos {
    /// What a module offers, as it says itself: ports, methods, skills, configuration. Contracts are kept by their hashes, so only
    /// new ones are asked for.
    ///
    /// # Errors
    /// If there is no such module, or it does not say.
    pub fn describe(&self, name: &str) -> Result<Arc<Contract>, DescribeError> {
        let module = self.module(name)?;
        let hash = self.contract_hash(&module);
        if let Some(known) = hash.as_deref().and_then(|hash| self.contracts().0.get(hash).cloned()) {
            return Ok(known);
        }
        let described = module.start_as(DESCRIBE, &()).and_then(PendingCall::wait);
        let contract = described.map_err(|source| DescribeError::Rpc { module: module.name().clone(), source })?;
        Ok(self.remember(contract))
    }

    /// Every method of every module. Modules are asked side by side.
    #[must_use]
    pub fn rpcs(&self) -> Listing {
        self.methods_of(self.settled().modules())
    }

    fn methods_of(&self, modules: Vec<Participant>) -> Listing {
        let mut listing = Listing::default();
        let mut asked = Vec::new();
        for module in modules {
            let Participant { name: Some(name), identity, .. } = module else { continue };
            let module = RemoteModule::new(self.mesh(), name, identity.node);
            let hash = self.contract_hash(&module);
            let known = hash.as_deref().and_then(|hash| self.contracts().0.get(hash).cloned());
            let described = match known {
                Some(contract) => Ok(contract),
                None => Err(module.start_as(DESCRIBE, &())),
            };
            asked.push((module, described));
        }
        for (module, described) in asked {
            let name = module.name().clone();
            let described = match described {
                Ok(contract) => Ok(contract),
                Err(call) => call.and_then(PendingCall::wait).map(|contract| self.remember(contract)),
            };
            match described {
                Err(error) => listing.silent.push((name, error)),
                Ok(contract) => listing.methods.extend(contract.methods.iter().map(|(method, contract)| Rpc {
                    module: name.clone(),
                    method: method.clone(),
                    contract: contract.clone(),
                })),
            }
        }
        listing
    }

    /// The methods that are made for agents, with what they do and take in words.
    #[must_use]
    pub fn skills(&self) -> Listing {
        let Listing { mut methods, silent } = self.rpcs();
        methods.retain(|method| method.contract.is_skill);
        Listing { methods, silent }
    }

    /// Calls a skill by its name alone, if only one module has it. Only those modules are asked for their contracts that say in
    /// their claims that they have it, or have more skills than a claim can say; all of them if none does.
    ///
    /// # Errors
    /// If none or several modules have it, or whatever keeps the call from having a result.
    pub fn call_skill(&self, skill: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Value, SkillError> {
        let mut modules = self.settled().modules();
        let has_it = |module: &Participant| {
            let said = &module.identity.capabilities;
            said.iter().any(|capability| capability == skill) || said.len() >= MAX_CAPABILITIES
        };
        if modules.iter().any(has_it) {
            modules.retain(has_it);
        }
        let claiming: Vec<_> =
            modules.iter().filter(|module| has_it(module)).filter_map(|module| module.name.clone()).collect();
        let Listing { mut methods, silent } = self.methods_of(modules);
        methods.retain(|method| method.contract.is_skill);
        // Whether one that does not answer has it, too, is not guessed.
        if let Some((_, error)) = silent.into_iter().find(|(name, _)| claiming.contains(name)) {
            return Err(SkillError::Rpc(error));
        }
        if !methods.iter().any(|method| method.method == skill) {
            methods = self.skills().methods;
        }
        let owners: Vec<_> = methods.iter().filter(|method| method.method == skill).collect();
        match &owners[..] {
            [] => {
                let mut others: Vec<_> = methods.into_iter().map(|method| method.method).collect();
                others.sort();
                others.dedup();
                Err(SkillError::None { skill: skill.to_owned(), others })
            }
            [one] => {
                let owner = self.mesh().with(|cores, _| cores.presence.owner(&one.module));
                let (node, _) = owner.ok_or(RpcError::NotSent)?;
                Ok(RemoteModule::new(self.mesh(), one.module.clone(), node).call(skill, arguments)?)
            }
            several => {
                let owners = several.iter().map(|method| method.module.clone()).collect();
                Err(SkillError::Several { skill: skill.to_owned(), owners })
            }
        }
    }

    fn contract_hash(&self, module: &RemoteModule) -> Option<String> {
        let hash = |other: &Participant| other.identity.contract.clone();
        self.mesh().with(|cores, _| cores.presence.participant(module.node()).map(hash))
    }

    /// Keeps a contract under the hash that it has, whatever its module claimed.
    fn remember(&self, contract: Contract) -> Arc<Contract> {
        let contract = Arc::new(contract);
        let mut contracts = self.contracts();
        if contracts.0.len() >= MAX_CONTRACTS {
            contracts.0.clear();
        }
        contracts.0.insert(contract.hash(), Arc::clone(&contract));
        contract
    }
}

/// How many contracts are kept.
const MAX_CONTRACTS: usize = 1024;
