//! Which module a reference means: the one that the launch names, or the only one that fits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::claim::Claim;
use super::declaration::Declaration;
use super::ending::Ending;
use super::launch::Launch;
use super::start::{REFERENCE_PATIENCE, StartError};
use crate::contract::{Contract, ReferenceContract};
use crate::mesh::{DESCRIBE, Mesh};
use crate::name::Name;
use crate::node::NodeId;
use crate::presence::Participant;
use crate::remote::{PendingCall, RemoteModule};
use crate::rpc::TimeLimit;

/// What was found for a reference.
enum Found {
    One(Name),
    /// None fits. Why not those that were looked at.
    None(Vec<String>),
    Several(Vec<Name>),
}

/// The modules of all references. Required ones are waited for.
pub(super) fn resolve(
    mesh: &Arc<Mesh>,
    declaration: &Declaration,
    launch: &Launch,
    own: &Name,
    claim: &mut Claim,
    ending: &Ending,
) -> Result<BTreeMap<&'static str, Name>, StartError> {
    let mut resolved = BTreeMap::new();
    let mut search = Search { mesh, own, contracts: BTreeMap::new(), is_surveyed: false };
    for &reference in &declaration.references {
        let Some(needed) = declaration.contract.references.get(reference) else { continue };
        let failed = |reason| StartError::Reference { reference: reference.to_owned(), reason };
        if let Some(name) = launch.references.get(reference) {
            resolved.insert(reference, name.clone());
            continue;
        }
        let until = Instant::now() + REFERENCE_PATIENCE;
        let mut is_told = false;
        loop {
            if ending.is_asked() {
                return Err(StartError::Ended);
            }
            claim.is_owned()?;
            match search.find(needed) {
                Found::One(name) => {
                    tracing::info!(reference, name = %name, "found");
                    resolved.insert(reference, name);
                    break;
                }
                Found::Several(names) => {
                    let names: Vec<_> = names.iter().map(Name::as_str).collect();
                    let reason = format!(
                        "several modules offer {}: say which with --reference {reference}=NAME, one of {}",
                        needed.interface,
                        names.join(", ")
                    );
                    return Err(failed(reason));
                }
                Found::None(_) if needed.is_optional => break,
                Found::None(why) if Instant::now() >= until => {
                    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
                    let waited = REFERENCE_PATIENCE;
                    let reason = format!("no module offers {} within {waited:?}{why}", needed.interface);
                    return Err(failed(reason));
                }
                Found::None(_) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::info!(reference, interface = needed.interface, "waiting for a module that offers it");
                    }
                    mesh.pass(AGAIN);
                }
            }
        }
    }
    Ok(resolved)
}

struct Search<'a> {
    mesh: &'a Arc<Mesh>,
    own: &'a Name,
    /// What modules say of themselves, by their processes, or when they did not.
    contracts: BTreeMap<NodeId, Result<Contract, Instant>>,
    is_surveyed: bool,
}

impl Search<'_> {
    /// In the module's own namespace, then outwards. The innermost that has any decides.
    fn find(&mut self, needed: &ReferenceContract) -> Found {
        if !std::mem::replace(&mut self.is_surveyed, true) {
            self.mesh.with(|cores, now| cores.presence.survey(now));
            while !self.mesh.is_interrupted() && self.mesh.with(|cores, _| cores.presence.is_surveying()) {
                self.mesh.pass(AGAIN / 4);
            }
        }
        let mut misfits = Vec::new();
        let mut namespace = self.own.namespace();
        loop {
            let mut fitting = Vec::new();
            let owners = self.owners_in(namespace);
            self.ask(&owners);
            for (name, participant) in owners {
                let Some(Ok(contract)) = self.contracts.get(&participant.identity.node) else { continue };
                match needed.misfit(contract) {
                    None => fitting.push(name),
                    Some(why) => misfits.push(format!("{name}: {why}")),
                }
            }
            match (fitting.len(), namespace) {
                (0, None) => return Found::None(misfits),
                (0, Some(inner)) => namespace = inner.rsplit_once('/').map(|(outer, _)| outer),
                (1, _) => return Found::One(fitting.swap_remove(0)),
                _ => return Found::Several(fitting),
            }
        }
    }

    /// The modules whose names stand directly in a namespace.
    fn owners_in(&self, namespace: Option<&str>) -> Vec<(Name, Participant)> {
        let is_there = |name: &Name| name.namespace() == namespace && name != self.own;
        let mut owners: Vec<_> = self.mesh.with(|cores, _| {
            let named = cores.presence.owners().filter_map(|owner| Some((owner.name.clone()?, owner.clone())));
            named.filter(|(name, _)| is_there(name)).collect()
        });
        owners.sort_by(|(one, _), (other, _)| one.cmp(other));
        owners
    }

    /// Asks these what they offer, side by side, unless that is known or was asked lately.
    fn ask(&mut self, owners: &[(Name, Participant)]) {
        let asked = |contract: &Result<_, Instant>| contract.as_ref().is_err_and(|asked| asked.elapsed() >= ASK_AGAIN);
        self.contracts.retain(|_, contract| !asked(contract));
        let unknown = owners.iter().map(|(name, participant)| (name, participant.identity.node));
        let unknown = unknown.filter(|(_, node)| !self.contracts.contains_key(node));
        let calls = unknown.map(|(name, node)| {
            let module = RemoteModule::new(Arc::clone(self.mesh), name.clone(), node);
            let call = module.limit(TimeLimit::Deadline(DESCRIBED_WITHIN)).start_as::<Contract>(DESCRIBE, &());
            (name, node, call)
        });
        for (name, node, call) in calls.collect::<Vec<_>>() {
            let described = call.and_then(PendingCall::wait).map_err(|error| {
                tracing::debug!(%name, %error, "does not say what it offers");
                Instant::now()
            });
            self.contracts.insert(node, described);
        }
    }
}

/// A module that does not say what it offers by then may be suspended. It is asked again, but not at once.
const DESCRIBED_WITHIN: Duration = Duration::from_secs(1);
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How often it is looked again.
const AGAIN: Duration = Duration::from_millis(20);
