//! What is there at the moment to complete a word with: modules, methods, arguments and topics on the bus, and runs of this host.
//!
//! All of it is as much as can be found in a moment: whoever presses Tab waits for nothing, and is told of nothing that went wrong.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use dimos::contract::{Contract, MethodContract};
use dimos::presence::Participant;
use dimos::{Dimos, TimeLimit};
use dimos_coordinator::run::{Directories, alive};
use lcm::{Lcm, Pattern, Queue, Url};
use serde_json::Value;

use crate::output::plain;
use crate::topic::selection::is_internal;

/// A look at a bus.
#[derive(Debug)]
pub(crate) struct Live {
    url: Option<Url>,
    /// Joined already; otherwise it is for each look.
    mesh: Option<Dimos>,
}

/// Something to complete a word with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) text: String,
    /// For people.
    pub(crate) about: Option<String>,
}

impl Found {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), about: None }
    }

    pub(crate) fn about(self, text: impl Into<String>) -> Self {
        Self { about: Some(text.into()).filter(|text| !text.is_empty()), ..self }
    }
}

impl Live {
    /// Of a bus that is joined for each look; of no bus if there is no URL.
    pub(crate) fn on_bus(url: Option<Url>) -> Self {
        Self { url, mesh: None }
    }

    /// Of a mesh that is joined, on the bus of this URL.
    pub(crate) fn on_mesh(url: Url, mesh: Dimos) -> Self {
        Self { url: Some(url), mesh: Some(mesh) }
    }

    /// The names of the modules.
    pub(crate) fn modules(&self) -> Vec<Found> {
        self.look(|mesh, found| {
            for module in seen(mesh) {
                let Some(name) = module.name else { continue };
                let _ = found.send(Found::new(name.as_str()).about(module.identity.class_name));
            }
        })
    }

    /// The methods whose names begin so: `NAME.METHOD`.
    pub(crate) fn methods(&self, beginning: &str) -> Vec<Found> {
        let begins = |found: &Found| found.text.starts_with(beginning);
        let beginning = beginning.to_owned();
        let mut found = self.look(move |mesh, found| {
            let is_meant = |name: &str| {
                name.starts_with(&beginning)
                    || beginning.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') && !rest.contains('/'))
            };
            contracts(mesh, is_meant, |name, contract| {
                for (method, contract) in &contract.methods {
                    let _ = found.send(Found::new(format!("{name}.{method}")).about(contract.signature(method)));
                }
            });
        });
        found.retain(begins);
        found
    }

    /// The arguments of a method: `KEY=`.
    pub(crate) fn arguments(&self, module: &str, method: &str) -> Vec<Found> {
        let (module, method) = (module.to_owned(), method.to_owned());
        self.look(move |mesh, found| {
            if let Some(contract) = method_contract(mesh, &module, &method) {
                for key in keys(&contract) {
                    let about = contract.arguments["properties"][&key]["description"].as_str().unwrap_or_default();
                    let _ = found.send(Found::new(format!("{key}=")).about(about));
                }
            }
        })
    }

    /// The topics on which something comes, and those that modules say they have; with their types if `is_typed`.
    pub(crate) fn topics(&self, is_typed: bool) -> Vec<Found> {
        let said = self.url.clone();
        let mut found = self.look(move |mesh, found| {
            // What comes seldom is found by the contracts of those who publish it.
            let heard = said.and_then(|url| Lcm::open(&url.to_string()).ok()).and_then(|bus| {
                let heard = bus.subscribe(Pattern::any(), Queue::keep_last(QUEUED)).ok()?;
                Some((bus, heard))
            });
            contracts(
                mesh,
                |_| true,
                |name, contract| {
                    let namespace = name.rsplit_once('/').map(|(namespace, _)| namespace);
                    for port in contract.ports.values() {
                        let _ = found.send(Found::new(port.channel_in(namespace)));
                    }
                },
            );
            let Some((_bus, heard)) = heard else { return };
            while let Ok(Some(sample)) = heard.recv_timeout(LOOK) {
                if found.send(Found::new(sample.channel().to_string())).is_err() {
                    return;
                }
            }
        });
        found.retain(|found| !is_internal(found.text.as_bytes()));
        if !is_typed {
            for channel in &mut found {
                if let Some((topic, type_name)) = channel.text.split_once('#') {
                    *channel = Found::new(topic).about(type_name);
                }
            }
        }
        found.sort();
        found.dedup_by(|one, other| one.text == other.text);
        found
    }

    /// What is found until all is, or the look takes too long. What it still does then, it does for nothing.
    fn look(&self, work: impl FnOnce(&Dimos, &Sender<Found>) + Send + 'static) -> Vec<Found> {
        let (sender, receiver) = bounded(QUEUED);
        let (url, mesh) = (self.url.clone(), self.mesh.clone());
        let search = move || {
            let joined = || dimos::Options::default().url(url?).join().ok();
            if let Some(mesh) = mesh.or_else(joined) {
                work(&mesh, &sender);
            }
        };
        let mut found = BTreeSet::new();
        if std::thread::Builder::new().name("dimos-live".to_owned()).spawn(search).is_ok() {
            let deadline = Instant::now() + LOOK;
            while let Ok(one) = receiver.recv_deadline(deadline) {
                if found.len() < MAX_FOUND && is_word(&one.text) {
                    found.insert(Found { about: one.about.map(|about| plain(&about)), ..one });
                }
                // Whatever floods the bus does not make it longer.
                if Instant::now() >= deadline {
                    break;
                }
            }
        }
        found.into_iter().collect()
    }
}

/// The runs of this host: those that left a log, and those that are alive.
pub(crate) fn runs() -> Vec<Found> {
    let Ok(directories) = Directories::of_user() else { return Vec::new() };
    let logs = std::fs::read_dir(directories.logs()).into_iter().flatten().flatten();
    let logged = logs.filter_map(|entry| entry.file_name().into_string().ok());
    let living = alive(&directories).into_iter().map(|run| run.run_id);
    let ids: BTreeSet<_> = logged.chain(living).take(MAX_FOUND).collect();
    ids.into_iter().map(Found::new).collect()
}

/// The modules that say in time that they are there.
fn seen(mesh: &Dimos) -> Vec<Participant> {
    let (done, settled) = bounded::<Infallible>(0);
    let waiting = mesh.clone();
    let wait = move || {
        let _ = waiting.settled();
        drop(done);
    };
    if std::thread::Builder::new().name("dimos-survey".to_owned()).spawn(wait).is_ok() {
        let _ = settled.recv_timeout(SURVEY);
    }
    mesh.modules()
}

/// Asks the modules that are meant for their contracts, side by side.
fn contracts(mesh: &Dimos, is_meant: impl Fn(&str) -> bool, mut each: impl FnMut(&str, &Contract)) {
    let names = seen(mesh).into_iter().filter_map(|module| module.name);
    let ask = |name: dimos::Name| {
        let module = mesh.module(name.as_str()).ok()?.limit(TimeLimit::Deadline(LOOK));
        Some((name, module.start_as::<Contract>("describe", &()).ok()?))
    };
    let asked: Vec<_> = names.filter(|name| is_meant(name.as_str())).take(MAX_ASKED).filter_map(ask).collect();
    for (name, call) in asked {
        if let Ok(contract) = call.wait() {
            each(name.as_str(), &contract);
        }
    }
}

fn method_contract(mesh: &Dimos, module: &str, method: &str) -> Option<MethodContract> {
    let module = mesh.module(module).ok()?.limit(TimeLimit::Deadline(LOOK));
    let contract: Contract = module.call_as("describe", &()).ok()?;
    contract.methods.get(method).cloned()
}

/// The names of the arguments, in the order of the definition.
fn keys(contract: &MethodContract) -> Vec<String> {
    let Value::Object(properties) = &contract.arguments["properties"] else { return Vec::new() };
    let ordered = contract.order.iter().filter(|key| properties.contains_key(*key));
    let others = properties.keys().filter(|key| !contract.order.contains(key));
    ordered.chain(others).cloned().collect()
}

/// Whether a name that came over the bus can stand on a command line as it is: whoever completes it runs nothing else with it.
fn is_word(text: &str) -> bool {
    text.chars().all(|one| one.is_ascii_alphanumeric() || "/._-#=:@+,%".contains(one)) && !text.starts_with(['-', '#'])
}

/// How long a look takes at most.
const LOOK: Duration = Duration::from_millis(450);

/// How long modules have to say that they are there.
const SURVEY: Duration = Duration::from_millis(300);

/// Messages and names that wait.
const QUEUED: usize = 64;

/// Who completes more types more.
const MAX_FOUND: usize = 1000;

/// Modules that are asked for their contracts.
const MAX_ASKED: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_shell_would_take_for_more_are_not_offered() {
        assert!(
            ["/scan#sensor_msgs.LaserScan", "robot0/arm.reach", "distance_m=", "20260314-150926-5f3a-sim"].map(is_word)
                == [true; 4]
        );
        for name in [
            "/a;reboot",
            "$(reboot)",
            "`reboot`",
            "a b",
            "a\n",
            "/\x1b[2J",
            "a'b",
            "--json",
            "#a",
            "~",
            "*",
            "a|b",
            "a>b",
        ] {
            assert!(!is_word(name), "{name:?}");
        }
    }
}
