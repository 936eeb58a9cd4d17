//! Whether the modules of a plan fit together, and how they are joined.
//!
//! Owns the check of the whole graph before anything starts: ports and their channels, references, configuration. It takes what
//! modules say of themselves from whoever asked them, and does no I/O.
//!
//! Ports join where topic and type are equal. Transforms and simulated time come to modules without ports.

mod configuration;
mod ports;
mod references;

use std::collections::BTreeMap;

use dimos::{Contract, Name};

use crate::diagnostic::{Diagnostic, Diagnostics, Sources};
use crate::plan::{Place, Plan, Program, Wiring};

/// What is known, and what is found wrong.
#[derive(Debug)]
struct Check<'a> {
    plan: &'a Plan,
    contracts: &'a BTreeMap<Name, Contract>,
    sources: &'a Sources,
    found: Vec<Diagnostic>,
}

/// Joins the modules of a plan, with warnings. There is a contract for each module that is not foreign.
///
/// # Errors
/// Everything that does not fit, and the warnings.
pub fn wire(
    plan: &Plan,
    contracts: &BTreeMap<Name, Contract>,
    sources: &Sources,
) -> Result<(Wiring, Diagnostics), Diagnostics> {
    let mut check = Check { plan, contracts, sources, found: Vec::new() };
    check.contracts();
    let mut wiring = Wiring::default();
    for name in plan.modules.keys() {
        wiring.modules.entry(name.clone()).or_default();
    }
    check.ports(&mut wiring);
    check.references(&mut wiring);
    check.configuration();
    let diagnostics = Diagnostics::sorted(check.found, sources.clone());
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok((wiring, diagnostics)) }
}

impl<'a> Check<'a> {
    fn contracts(&mut self) {
        for (name, module) in &self.plan.modules {
            if !is_foreign(&module.program) && !self.contracts.contains_key(name) {
                let fault = Diagnostic::error(format!("`{name}` does not say what it offers")).at(module.place, "");
                self.found.push(fault.help("if it is not written with the SDK, add `foreign = true`"));
            }
        }
    }

    /// What a module says of itself; nothing if it is foreign.
    fn contract(&self, name: &Name) -> Option<&'a Contract> {
        let module = self.plan.modules.get(name)?;
        self.contracts.get(name).filter(|_| !is_foreign(&module.program))
    }

    /// Where something is said of a module: its key and its value, or else the module.
    fn place(&self, name: &Name, what: &str) -> (Place, Place) {
        match self.sources.marked(Some(name), what) {
            Some(mark) => (mark.key, mark.value),
            None => {
                let place = self.plan.modules.get(name).map(|module| module.place).unwrap_or_default();
                (place, place)
            }
        }
    }
}

fn is_foreign(program: &Program) -> bool {
    matches!(program, Program::Foreign { .. })
}

/// As `a, b or c`.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => only.as_ref().to_owned(),
        words if words.len() > MAX_LISTED => {
            let shown: Vec<_> = words.iter().take(MAX_LISTED).map(AsRef::as_ref).collect();
            format!("{} or {} more", shown.join(", "), words.len() - MAX_LISTED)
        }
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

/// How many names are listed.
const MAX_LISTED: usize = 12;

#[cfg(test)]
mod tests;
