//! Which modules references mean: those that the file names, or else the only ones that fit.

use std::collections::BTreeSet;

use dimos::contract::ReferenceContract;
use dimos::json_schema::closest;
use dimos::{Contract, Name};

use super::{Check, is_foreign, listed};
use crate::diagnostic::Diagnostic;
use crate::launch::{mark, meant};
use crate::plan::{PlannedModule, Wiring};

impl<'a> Check<'a> {
    /// Finds the modules of all references.
    pub(super) fn references(&mut self, wiring: &mut Wiring) {
        for (name, module) in &self.plan.modules {
            let Some(contract) = self.contract(name) else { continue };
            for reference in module.references.keys().filter(|name| !contract.references.contains_key(*name)) {
                self.no_such_reference(name, reference, contract);
            }
            let mut dependencies = BTreeSet::new();
            for (reference, needed) in &contract.references {
                let to = match module.references.get(reference) {
                    Some(named) => self.named(name, reference, named, needed),
                    None => self.found_for(name, module, reference, needed),
                };
                let Some(to) = to else { continue };
                // Who is left out of the run is not waited for.
                if !needed.is_optional && self.plan.modules.contains_key(&to) {
                    dependencies.insert(to.clone());
                }
                let joined = wiring.modules.entry(name.clone()).or_default();
                joined.references.insert(reference.clone(), to);
            }
            wiring.modules.entry(name.clone()).or_default().dependencies = dependencies;
        }
    }

    fn no_such_reference(&mut self, name: &Name, reference: &str, contract: &Contract) {
        let (key, _) = self.place(name, &mark("references", reference));
        let fault = Diagnostic::error(format!("`{name}` has no reference `{reference}`")).at(key, "");
        let known = contract.references.keys().map(String::as_str);
        self.found.push(fault.help(match closest(reference, known.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if contract.references.is_empty() => "it has none".to_owned(),
            None => format!("it has {}", known.collect::<Vec<_>>().join(", ")),
        }));
    }

    /// The module that the file names, if it fits.
    fn named(&mut self, name: &Name, reference: &str, to: &Name, needed: &ReferenceContract) -> Option<Name> {
        let (_, place) = self.place(name, &mark("references", reference));
        if to == name {
            let message = format!("`{name}` is to call itself as its reference `{reference}`");
            let fault = Diagnostic::error(message).at(place, "");
            self.found.push(fault.help("name another module that offers what it needs"));
            return None;
        }
        let Some(module) = self.plan.modules.get(to) else {
            if self.plan.left_out.contains(to) {
                return Some(to.clone());
            }
            let fault = Diagnostic::error(format!("there is no module `{to}`")).at(place, "");
            self.found.push(fault.help(meant(to.as_str(), self.plan.modules.keys())));
            return None;
        };
        let why = match self.contract(to) {
            None if is_foreign(&module.program) => "it is a foreign program, which nobody can call".to_owned(),
            // That it does not say what it offers is told already.
            None => return None,
            Some(offered) => match needed.misfit(offered) {
                None => return Some(to.clone()),
                Some(why) => why,
            },
        };
        let message = format!("`{to}` is not what `{name}` needs as `{reference}`, {}", needed.interface);
        let fault = Diagnostic::error(message).at(place, why).at(module.place, "this module");
        let fitting = self.fitting(name, needed);
        self.found.push(match fitting.as_slice() {
            [] => fault,
            fitting => fault.help(format!("there is {}, which fits", listed(&texts(fitting)))),
        });
        None
    }

    /// The only module that fits: in the module's own namespace, then outwards. The innermost that has any decides.
    fn found_for(
        &mut self,
        name: &Name,
        module: &PlannedModule,
        reference: &str,
        needed: &ReferenceContract,
    ) -> Option<Name> {
        let fitting = self.fitting(name, needed);
        let mut namespace = name.namespace();
        loop {
            let here: Vec<_> = fitting.iter().filter(|name| name.namespace() == namespace).copied().collect();
            match (here.as_slice(), namespace) {
                ([only], _) => return Some((*only).clone()),
                ([], Some(inner)) => namespace = inner.rsplit_once('/').map(|(outer, _)| outer),
                ([], None) => break,
                (several, _) => {
                    let message =
                        format!("`{name}` has several modules to choose from as `{reference}`, {}", needed.interface);
                    let mut fault = Diagnostic::error(message).at(module.place, "does not say which");
                    for candidate in several.iter().take(MAX_LABELLED) {
                        if let Some(module) = self.plan.modules.get(*candidate) {
                            fault = fault.at(module.place, "this one fits");
                        }
                    }
                    let choice = format!("`references = {{ {reference} = \"NAME\" }}`");
                    self.found.push(fault.help(format!("say {choice}, with {} for NAME", listed(&texts(several)))));
                    return None;
                }
            }
        }
        if needed.is_optional {
            return None;
        }
        let message = format!("no module is what `{name}` needs as `{reference}`, {}", needed.interface);
        let fault =
            if self.plan.left_out.is_empty() { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        let methods: Vec<_> = needed.methods.keys().map(String::as_str).collect();
        let what = match methods.as_slice() {
            [] => "it needs any module".to_owned(),
            methods => format!("it needs {}", methods.join(", ")),
        };
        let fault = fault.at(module.place, what);
        // Who has one of the methods was probably meant.
        let near = self.plan.modules.keys().filter(|other| *other != name).filter_map(|other| {
            let offered = self.contract(other)?;
            let has_any = needed.methods.keys().any(|method| offered.methods.contains_key(method));
            has_any.then(|| needed.misfit(offered).map(|why| format!("`{other}` does not fit: {why}")))?
        });
        let near: Vec<_> = near.take(MAX_LABELLED).collect();
        let elsewhere: Vec<_> = fitting.iter().map(|name| format!("`{name}`")).collect();
        let fault = near.into_iter().fold(fault, Diagnostic::help);
        self.found.push(match elsewhere.as_slice() {
            [] => fault,
            elsewhere => {
                let choice = format!("name it: `references = {{ {reference} = \"...\" }}`");
                fault.help(format!("{} fits, but is in another namespace; {choice}", listed(elsewhere)))
            }
        });
        None
    }

    /// All modules that fit.
    fn fitting(&self, name: &Name, needed: &ReferenceContract) -> Vec<&'a Name> {
        let others = self.plan.modules.keys().filter(|other| *other != name);
        others.filter(|other| self.contract(other).is_some_and(|offered| needed.misfit(offered).is_none())).collect()
    }
}

fn texts<'a>(names: &[&'a Name]) -> Vec<&'a str> {
    names.iter().map(|name| name.as_str()).collect()
}

/// How many candidates are shown with their places.
const MAX_LABELLED: usize = 4;
