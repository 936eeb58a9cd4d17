//! Which modules can be started: those whose dependencies are up. Modules that need each other start together.

use std::collections::{BTreeMap, BTreeSet};

use dimos::Name;

use super::module::{Module, Phase};

/// The modules that can be started, by name.
pub(super) fn ready(modules: &BTreeMap<Name, Module>) -> Vec<Name> {
    let is_ready = |module: &&Module| {
        module.is_waiting()
            && module.dependencies().iter().all(|needed| match modules.get(needed) {
                Some(dependency) => dependency.is_up() || needs(modules, needed, module.name()),
                None => true,
            })
    };
    modules.values().filter(is_ready).map(|module| module.name().clone()).collect()
}

/// The modules that wait for one which will not be up, with that.
pub(super) fn blocked(modules: &BTreeMap<Name, Module>) -> Vec<(Name, Name)> {
    let is_over = |needed: &&Name| {
        let phase = modules.get(*needed).map(Module::phase);
        matches!(phase, Some(Phase::Ended | Phase::Failed | Phase::Displaced))
    };
    let waiting = modules.values().filter(|module| module.is_waiting());
    waiting
        .filter_map(|module| Some((module.name().clone(), module.dependencies().iter().find(is_over)?.clone())))
        .collect()
}

/// Whether a module needs another one, be it through others.
fn needs(modules: &BTreeMap<Name, Module>, from: &Name, to: &Name) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some(module) = modules.get(name).filter(|_| seen.insert(name)) else { continue };
        if module.dependencies().contains(to) {
            return true;
        }
        open.extend(module.dependencies());
    }
    false
}
