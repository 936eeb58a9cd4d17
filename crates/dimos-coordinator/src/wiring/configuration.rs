//! What files set of configurations, checked against what modules say that they take.

use dimos::config::{Layers, Problem};
use dimos::{Contract, Name};
use serde_json::{Map, Value};

use super::Check;
use crate::diagnostic::{Diagnostic, Mark};
use crate::launch::mark;
use crate::plan::{Place, PlannedModule};

impl Check<'_> {
    /// Checks the configuration of every module.
    pub(super) fn configuration(&mut self) {
        for (name, module) in &self.plan.modules {
            if let Some(contract) = self.contract(name) {
                self.configuration_of(name, module, contract);
            }
        }
    }

    fn configuration_of(&mut self, name: &Name, module: &PlannedModule, contract: &Contract) {
        if contract.config.is_null() {
            if !module.config.is_null() {
                let (place, _) = self.place(name, "config");
                self.found.push(Diagnostic::error(format!("`{name}` has no configuration")).at(place, ""));
            }
            return;
        }
        let layers = Layers::new(&contract.config, defaults(&contract.config));
        let mut layers = match layers {
            Ok(layers) => layers,
            Err(error) => {
                let mut why = error.to_string();
                if let Some(source) = std::error::Error::source(&error) {
                    why = format!("{why}: {source}");
                }
                let fault = Diagnostic::error(format!("the configuration of `{name}` cannot be checked"));
                return self.found.push(fault.at(module.place, why));
            }
        };
        let Err(error) = layers.launcher(&module.config).merge() else { return };
        let untold = error.untold;
        for problem in error.problems {
            let diagnostic = self.diagnostic(name, problem);
            self.found.push(diagnostic);
        }
        if untold > 0 {
            self.found.push(Diagnostic::error(format!("{untold} more is wrong with the configuration of `{name}`")));
        }
    }

    fn diagnostic(&self, name: &Name, problem: Problem) -> Diagnostic {
        match problem {
            Problem::UnknownKey { key, remedy, .. } => {
                let fault = Diagnostic::error(format!("the configuration of `{name}` has no key `{key}`"));
                let help = remedy.strip_prefix("no such key: ").unwrap_or(&remedy).to_owned();
                fault.at(self.key_place(name, &key).key, "").help(help)
            }
            Problem::Value { key, message, .. } | Problem::Unreadable { key, message, .. } => {
                let fault = Diagnostic::error(format!("`{key}` of the configuration of `{name}`: {message}"));
                fault.at(self.key_place(name, &key).value, "")
            }
            Problem::Missing { key, message } => {
                let fault = Diagnostic::error(format!("`{key}` of the configuration of `{name}` {message}"));
                fault.at(self.key_place(name, &key).key, "")
            }
            other => {
                let (place, _) = self.place(name, "config");
                Diagnostic::error(format!("the configuration of `{name}`: {other}")).at(place, "")
            }
        }
    }

    /// Where the file sets a key, or else what is around it.
    fn key_place(&self, name: &Name, key: &str) -> Mark {
        let mut key = key;
        loop {
            if let Some(mark) = self.sources.marked(Some(name), &format!("config.{key}")) {
                return mark;
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => break,
            }
        }
        let (key, value): (Place, Place) = self.place(name, &mark("config", ""));
        Mark { key, value }
    }
}

/// The defaults that a schema names.
fn defaults(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let default = |(name, property): (&String, &Value)| Some((name.clone(), property.get("default")?.clone()));
    Value::Object(properties.filter_map(default).collect::<Map<_, _>>())
}
