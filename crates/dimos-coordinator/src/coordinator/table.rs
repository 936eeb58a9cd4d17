//! The modules of the run as they are planned, described and joined: what is asked when one is added, replaced or taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dimos::coordinator::{ModuleState, ModuleStatus};
use dimos::{Connections, Contract, Name, exit};

use super::command::shown;
use super::input::Refusal;
use super::processes::Processes;
use crate::launch::Launch;
use crate::plan::{ModuleWiring, PlannedModule, Program, Wiring};
use crate::supervisor::{ModuleSpec, Phase, View};
use crate::wiring::wire;

/// The modules of the run.
#[derive(Debug)]
pub(super) struct Table {
    /// What was launched: the run's own, and what was loaded later.
    launches: Vec<Launch>,
    /// All of that in one.
    launch: Launch,
    contracts: BTreeMap<Name, Contract>,
    wiring: Wiring,
    /// Whether another coordinator has taken the name.
    pub(super) is_displaced: bool,
}

impl Table {
    pub(super) fn new(launch: Launch, contracts: BTreeMap<Name, Contract>, wiring: Wiring) -> Self {
        Self { launches: vec![launch.clone()], launch, contracts, wiring, is_displaced: false }
    }

    pub(super) fn launch_name(&self) -> &str {
        &self.launch.plan.name
    }

    pub(super) fn names(&self) -> Vec<Name> {
        self.launch.plan.modules.keys().cloned().collect()
    }

    pub(super) fn planned(&self, name: &Name) -> Option<&PlannedModule> {
        self.launch.plan.modules.get(name)
    }

    pub(super) fn wiring(&self, name: &Name) -> Option<&ModuleWiring> {
        self.wiring.modules.get(name)
    }

    pub(super) fn contract(&self, name: &Name) -> Option<&Contract> {
        self.contracts.get(name)
    }

    /// What the supervisor is to know of these modules.
    pub(super) fn specs(&self, names: Vec<Name>) -> Vec<ModuleSpec> {
        let spec = |name: Name| {
            let (module, wiring) = (self.planned(&name)?, self.wiring(&name)?);
            Some(ModuleSpec {
                dependencies: wiring.dependencies.clone(),
                restart: module.restart.clone(),
                readiness: module.readiness.clone(),
                start_within: module.start_within,
                name,
            })
        };
        names.into_iter().filter_map(spec).collect()
    }

    /// What is executed for each module.
    pub(super) fn executables(&self, dimos: &Path) -> BTreeMap<Name, PathBuf> {
        let executable = |module: &PlannedModule| match &module.program {
            Program::Stock { .. } => dimos.to_owned(),
            Program::Module { executable, .. } | Program::Foreign { executable, .. } => executable.clone(),
        };
        self.launch.plan.modules.iter().map(|(name, module)| (name.clone(), executable(module))).collect()
    }

    /// Adds modules, if they fit to those that are there. Tells which.
    pub(super) fn add(&mut self, other: Launch, contracts: BTreeMap<Name, Contract>) -> Result<Vec<Name>, Refusal> {
        if let Some(taken) = other.plan.modules.keys().find(|name| self.planned(name).is_some()) {
            let message = format!("{taken} is there already: unload it first, or load the other one in a namespace");
            return Err(Refusal::new(exit::USAGE, message));
        }
        let added: Vec<_> = other.plan.modules.keys().cloned().collect();
        let count = self.launch.plan.modules.len() + added.len();
        if count > MAX_MODULES {
            let message = format!("{count} modules in one run: at most {MAX_MODULES}");
            return Err(Refusal::new(exit::LAUNCH_FILE, message));
        }
        let mut launch = self.launch.clone();
        launch.add(other.clone());
        let mut all = self.contracts.clone();
        all.extend(contracts);
        self.replace(launch, all)?;
        self.launches.push(other);
        Ok(added)
    }

    /// Whether what is left fits together without these modules.
    pub(super) fn check_without(&self, modules: &[Name]) -> Result<(), Refusal> {
        if let Some(unknown) = modules.iter().find(|name| self.planned(name).is_none()) {
            return Err(self.unknown(unknown));
        }
        let mut left = self.launch.clone();
        left.plan.modules.retain(|name, _| !modules.contains(name));
        wire(&left.plan, &self.contracts, &left.sources).map(drop).map_err(|wrong| {
            let refusal = Refusal::wrong(&wrong);
            Refusal { message: format!("others cannot do without it:\n{}", refusal.message), ..refusal }
        })
    }

    /// A module offers something else from now on.
    pub(super) fn renew(&mut self, name: &Name, contract: Option<Contract>) -> Result<(), Refusal> {
        let mut contracts = self.contracts.clone();
        contracts.extend(contract.map(|contract| (name.clone(), contract)));
        self.replace(self.launch.clone(), contracts)
    }

    /// Forgets the modules that are not there any more.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Name) -> bool) {
        if self.launch.plan.modules.keys().all(&is_there) {
            return;
        }
        self.launches.iter_mut().for_each(|launch| launch.plan.modules.retain(|name, _| is_there(name)));
        // Their texts go with them, but for those of the run itself.
        let (own, loaded) = (self.launches.remove(0), std::mem::take(&mut self.launches));
        let loaded = loaded.into_iter().filter(|launch| !launch.plan.modules.is_empty());
        self.launches = std::iter::once(own).chain(loaded).collect();
        let mut launches = self.launches.iter().cloned();
        if let Some(mut launch) = launches.next() {
            launches.for_each(|other| launch.add(other));
            self.launch = launch;
        }
        self.contracts.retain(|name, _| is_there(name));
        self.wiring.modules.retain(|name, _| is_there(name));
    }

    /// There is no such module, and which there are.
    pub(super) fn unknown(&self, name: &Name) -> Refusal {
        let names: Vec<_> = self.names().iter().map(Name::to_string).collect();
        Refusal::new(exit::NOT_FOUND, format!("the run has no module {name}; it has {}", names.join(", ")))
    }

    /// How a module is, for others; what it takes of the machine is left to whoever asks.
    pub(super) fn status(&self, view: &View<'_>, processes: &Processes) -> ModuleStatus {
        let of_process = view.incarnation;
        let contract = self.contracts.get(view.name).map(|contract| contract.class_name.clone());
        ModuleStatus {
            name: view.name.to_string(),
            class: of_process.and_then(|process| processes.class(process)).or(contract),
            program: self.planned(view.name).map(|module| shown(&module.program)).unwrap_or_default(),
            pid: of_process.and_then(|process| processes.pid(process)),
            state: state(view),
            reason: view.reason.map(str::to_owned),
            restarts: view.restarts,
            uptime_s: of_process.and_then(|process| processes.uptime(process)).map(|time| time.as_secs_f64()),
            cpu_percent: None,
            memory_bytes: None,
            threads: None,
            connections: self.connections(view.name),
            last_exit: processes.last_exit(view.name),
        }
    }

    fn connections(&self, name: &Name) -> Connections {
        let (Some(planned), Some(wiring)) = (self.planned(name), self.wiring(name)) else {
            return Connections::default();
        };
        wiring.connections(planned, self.contract(name))
    }

    fn replace(&mut self, launch: Launch, contracts: BTreeMap<Name, Contract>) -> Result<(), Refusal> {
        let wired = wire(&launch.plan, &contracts, &launch.sources);
        let (wiring, _) = wired.map_err(|wrong| Refusal::wrong(&wrong))?;
        (self.launch, self.contracts, self.wiring) = (launch, contracts, wiring);
        Ok(())
    }
}

/// A run has no more: each is a process.
pub(super) const MAX_MODULES: usize = 1000;

fn state(view: &View<'_>) -> ModuleState {
    match view.phase {
        Phase::Waiting => ModuleState::Waiting,
        Phase::Starting | Phase::Running if view.is_lost => ModuleState::Lost,
        Phase::Starting => ModuleState::Starting,
        Phase::Running if view.is_stuck => ModuleState::Stuck,
        Phase::Running => ModuleState::Running,
        Phase::Stopping => ModuleState::Stopping,
        Phase::Resting => ModuleState::Resting,
        Phase::Ended => ModuleState::Ended,
        Phase::Failed => ModuleState::Failed,
        Phase::Displaced => ModuleState::Displaced,
    }
}
