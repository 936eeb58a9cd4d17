//! The modules of the run as they are planned, described and joined: what is asked when one is added, replaced or taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dimos::coordinator::{ModuleState, ModuleStatus};
use dimos::{Contract, Name, exit};

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
    launch: Launch,
    contracts: BTreeMap<Name, Contract>,
    wiring: Wiring,
    /// Whether another coordinator has taken the name.
    pub(super) is_displaced: bool,
}

impl Table {
    pub(super) fn new(launch: Launch, contracts: BTreeMap<Name, Contract>, wiring: Wiring) -> Self {
        Self { launch, contracts, wiring, is_displaced: false }
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
        let mut launch = self.launch.clone();
        launch.add(other);
        let mut all = self.contracts.clone();
        all.extend(contracts);
        self.replace(launch, all)?;
        Ok(added)
    }

    /// Whether what is left fits together without these modules.
    pub(super) fn check_without(&self, modules: &[Name]) -> Result<(), Refusal> {
        if let Some(unknown) = modules.iter().find(|name| self.planned(name).is_none()) {
            return Err(Refusal::new(exit::NOT_FOUND, format!("the run has no module {unknown}")));
        }
        let mut left = self.launch.clone();
        left.plan.modules.retain(|name, _| !modules.contains(name));
        wire(&left.plan, &self.contracts, &left.sources).map(drop).map_err(|wrong| {
            Refusal::new(exit::LAUNCH_FILE, format!("others cannot do without it:\n{}", wrong.render(false)))
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
        self.launch.plan.modules.retain(|name, _| is_there(name));
        self.contracts.retain(|name, _| is_there(name));
        self.wiring.modules.retain(|name, _| is_there(name));
    }

    /// How a module is, for others.
    pub(super) fn status(&self, view: &View<'_>, processes: &mut Processes) -> ModuleStatus {
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
            cpu_percent: of_process.and_then(|process| processes.cpu_percent(process)),
            memory_bytes: of_process.and_then(|process| processes.memory_bytes(process)),
            last_exit: processes.last_exit(view.name),
        }
    }

    fn replace(&mut self, launch: Launch, contracts: BTreeMap<Name, Contract>) -> Result<(), Refusal> {
        let wired = wire(&launch.plan, &contracts, &launch.sources);
        let (wiring, _) = wired.map_err(|wrong| Refusal::new(exit::LAUNCH_FILE, wrong.render(false)))?;
        (self.launch, self.contracts, self.wiring) = (launch, contracts, wiring);
        Ok(())
    }
}

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
