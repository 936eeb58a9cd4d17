//! Which of the others owns which name, and who comes after it. What these processes are otherwise is the business of
//! `directory`.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::Name;
use crate::node::NodeId;

/// The owners of names.
///
/// An owner is whoever made the largest claim, as long as it is there. Whoever says later that it owns the same name, with a smaller
/// claim, does not know of the owner, or knows that it is gone: it contends, and has the name when the owner is gone.
/// Whoever was outdone by a larger claim does not contend until it says so again.
#[derive(Debug, Default)]
pub(super) struct Owners {
    owners: BTreeMap<Name, (i64, NodeId)>,
    /// None is empty.
    contenders: BTreeMap<Name, BTreeSet<(i64, NodeId)>>,
}

/// What a claim to own a name comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the largest, and so takes the name away from this process, if any other had it.
    Owner { instead_of: Option<NodeId> },
    /// It is smaller than that of the owner.
    Contender,
}

impl Owners {
    pub(super) const fn new() -> Self {
        Self { owners: BTreeMap::new(), contenders: BTreeMap::new() }
    }

    pub(super) fn owner(&self, name: &Name) -> Option<(i64, NodeId)> {
        self.owners.get(name).copied()
    }

    /// Enters a claim. A process that contended for the name already has ceased to before.
    pub(super) fn claim(&mut self, name: &Name, epoch: i64, node: NodeId) -> Standing {
        let before = self.owner(name);
        if before.is_some_and(|(rival_epoch, rival)| rival != node && (rival_epoch, rival) > (epoch, node)) {
            self.contenders.entry(name.clone()).or_default().insert((epoch, node));
            return Standing::Contender;
        }
        self.owners.insert(name.clone(), (epoch, node));
        let instead_of = before.map(|(_, rival)| rival).filter(|&rival| rival != node);
        if instead_of.is_some() {
            self.contenders.remove(name);
        }
        Standing::Owner { instead_of }
    }

    /// Takes back what a process claimed without owning it.
    pub(super) fn cease(&mut self, name: &Name, epoch: i64, node: NodeId) {
        if let Some(contenders) = self.contenders.get_mut(name) {
            contenders.remove(&(epoch, node));
            if contenders.is_empty() {
                self.contenders.remove(name);
            }
        }
    }

    /// Takes back all that a process claimed. Returns who owns the name in its place, if it did and somebody else claims it.
    pub(super) fn withdraw(&mut self, name: &Name, epoch: i64, node: NodeId) -> Option<NodeId> {
        self.cease(name, epoch, node);
        self.owner(name).filter(|&(_, owner)| owner == node)?;
        self.owners.remove(name);
        let &(epoch, heir) = self.contenders.get(name)?.last()?;
        self.cease(name, epoch, heir);
        self.owners.insert(name.clone(), (epoch, heir));
        Some(heir)
    }
}
