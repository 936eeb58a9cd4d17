//! What launch files come to, without starting anything: executables are asked what they offer, and what their configuration would be.

use std::collections::BTreeMap;
use std::path::Path;

use dimos::{Configured, Contract, Name};

use super::command::{Surroundings, launching};
use super::requests::contracts_of;
use crate::diagnostic::{Diagnostics, Sources};
use crate::launch::Launch;
use crate::plan::{Program, Wiring};
use crate::process::{Command, DescribeError, configured_all};
use crate::wiring::wire;

/// Launch files whose modules fit together.
#[derive(Debug)]
pub struct Checked {
    /// What the modules offer, but for foreign programs.
    pub contracts: BTreeMap<Name, Contract>,
    /// How they are joined.
    pub wiring: Wiring,
    /// What may not be as it was meant.
    pub warnings: Diagnostics,
}

/// Asks the executables of a plan what they offer, and joins their modules. Stock modules are in the executable `dimos`.
///
/// # Errors
/// Everything that is wrong.
pub fn check(launch: &Launch, dimos: &Path) -> Result<Checked, Box<Diagnostics>> {
    let contracts = contracts_of(launch, &surroundings(dimos))?;
    let (wiring, warnings) = wire(&launch.plan, &contracts, &launch.sources).map_err(Box::new)?;
    Ok(Checked { contracts, wiring, warnings })
}

/// Asks the executables what the configuration of each module would come to, and where its values would come from: the launch files
/// included. Foreign programs have none.
#[must_use]
pub fn configurations(
    launch: &Launch,
    checked: &Checked,
    dimos: &Path,
) -> BTreeMap<Name, Result<Configured, DescribeError>> {
    let surroundings = surroundings(dimos);
    let mut commands: BTreeMap<Name, Command> = BTreeMap::new();
    for (name, module) in &launch.plan.modules {
        let wiring = checked.wiring.modules.get(name);
        if let Some(wiring) = wiring.filter(|_| !matches!(module.program, Program::Foreign { .. })) {
            let of_module = (checked.contracts.get(name), wiring);
            commands.insert(name.clone(), launching(name, module, of_module, &surroundings, 0));
        }
    }
    let mut found = configured_all(&commands);
    for (name, configured) in &mut found {
        let sources = configured.iter_mut().flat_map(|configured| &mut configured.sources);
        for (key, source) in sources.filter(|(_, source)| *source == LAUNCHER) {
            if let Some(place) = place(&launch.sources, name, key) {
                *source = place;
            }
        }
    }
    found
}

fn surroundings(dimos: &Path) -> Surroundings {
    Surroundings { run_id: String::new(), bus: String::new(), dimos: dimos.to_owned() }
}

/// Where the launch files say a value, or something around it: `FILE:LINE:COLUMN`.
fn place(sources: &Sources, module: &Name, key: &str) -> Option<String> {
    let mut key = Some(format!("config.{key}"));
    while let Some(tried) = key {
        if let Some(mark) = sources.marked(Some(module), &tried) {
            let source = sources.of(mark.value)?;
            let (line, column) = source.line_and_column(mark.value.start);
            return Some(format!("{}:{line}:{column}", source.name));
        }
        key = tried.rsplit_once('.').map(|(around, _)| around.to_owned());
    }
    None
}

/// What modules call the one who gives them a launch line.
const LAUNCHER: &str = "launcher";
