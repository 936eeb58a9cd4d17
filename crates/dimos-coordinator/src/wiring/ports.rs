//! The ports of all modules: their channels, and whether what is read is also written.

use std::collections::{BTreeMap, BTreeSet};

use dimos::Name;
use dimos::contract::Direction;
use dimos::json_schema::closest;
use lcm::MAX_CHANNEL_BYTES;

use super::{Check, is_foreign, listed};
use crate::diagnostic::Diagnostic;
use crate::plan::{CLOCK, Place, PlannedModule, Wiring};

/// A port, and where it leads.
#[derive(Debug)]
struct Endpoint<'a> {
    module: &'a Name,
    port: &'a str,
    direction: Direction,
    topic: String,
    type_name: &'a str,
    /// Where the file decides the topic.
    place: Place,
}

impl Endpoint<'_> {
    fn channel(&self) -> String {
        format!("{}#{}", self.topic, self.type_name)
    }

    /// Such as `mapper.scan reads sensor_msgs.LaserScan`.
    fn shown(&self) -> String {
        let verb = match self.direction {
            Direction::In => "reads",
            Direction::Out => "writes",
        };
        format!("`{}.{}` {verb} {}", self.module, self.port, self.type_name)
    }
}

impl<'a> Check<'a> {
    /// Joins the ports.
    pub(super) fn ports(&mut self, wiring: &mut Wiring) {
        let mut endpoints = Vec::new();
        for (name, module) in &self.plan.modules {
            let before = endpoints.len();
            self.endpoints(name, module, &mut endpoints);
            let channels = endpoints[before..].iter().map(|end: &Endpoint<'_>| (end.port.to_owned(), end.channel()));
            let joined = wiring.modules.entry(name.clone()).or_default();
            joined.channels = channels.collect();
            if let Some(topic) = module.remap.get(TF).filter(|_| !joined.channels.contains_key(TF)) {
                joined.channels.insert(TF.to_owned(), format!("{topic}#{TF_TYPE}"));
            }
        }
        self.lengths(wiring);
        let in_conflict = self.types(&endpoints);
        self.feeds(&endpoints, &in_conflict);
        self.topics(&endpoints);
        self.clocks(&endpoints, wiring);
    }

    /// The ports of one module.
    fn endpoints(&mut self, name: &'a Name, module: &'a PlannedModule, endpoints: &mut Vec<Endpoint<'a>>) {
        let before = endpoints.len();
        let prefix = name.namespace().map(|namespace| format!("/{namespace}")).unwrap_or_default();
        let topic_of =
            |port: &str, own: &str| match (module.remap.get(port), module.exposed.get(own), own.split_once('#')) {
                (Some(topic), ..) => topic.clone(),
                (None, Some(exposed), _) => exposed.clone(),
                // A whole channel is the same in all namespaces.
                (None, None, Some((topic, _))) => topic.to_owned(),
                (None, None, None) => format!("{prefix}{own}"),
            };
        let remapped = |check: &Self, port: &str| check.sources.marked(Some(name), &joined("remap", port));
        let contract = self.contract(name);
        for (port, declared) in contract.into_iter().flat_map(|contract| &contract.ports) {
            endpoints.push(Endpoint {
                module: name,
                port,
                direction: declared.direction,
                topic: topic_of(port, &declared.topic),
                type_name: &declared.type_name,
                place: remapped(self, port).map_or(module.place, |mark| mark.value),
            });
        }
        for (port, declared) in &module.ports {
            if contract.is_some_and(|contract| contract.ports.contains_key(port)) {
                let fault = Diagnostic::error(format!("`{name}` has a port `{port}` by itself"));
                self.found.push(fault.at(declared.place, "declared once more").help("leave it out here"));
                continue;
            }
            endpoints.push(Endpoint {
                module: name,
                port,
                direction: declared.direction,
                topic: topic_of(port, &format!("/{port}")),
                type_name: &declared.type_name,
                place: remapped(self, port).map_or(declared.place, |mark| mark.value),
            });
        }
        let has_tf = contract.is_some();
        if contract.is_none() && !is_foreign(&module.program) {
            return;
        }
        let known: Vec<_> = endpoints[before..].iter().map(|end| end.port).collect();
        for port in module.remap.keys().filter(|port| !known.contains(&port.as_str())) {
            if has_tf && port == TF {
                continue;
            }
            let (key, _) = self.place(name, &joined("remap", port));
            let fault = Diagnostic::error(format!("`{name}` has no port `{port}`")).at(key, "");
            self.found.push(fault.help(match closest(port, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", known.join(", ")),
            }));
        }
    }

    /// Whether LCM can carry the channels.
    fn lengths(&mut self, wiring: &Wiring) {
        for (name, module) in &wiring.modules {
            for (port, channel) in &module.channels {
                let bytes = channel.len();
                if bytes <= MAX_CHANNEL_BYTES && !channel.contains('\0') {
                    continue;
                }
                let (_, mut place) = self.place(name, &joined("remap", port));
                let planned = self.plan.modules.get(name).and_then(|module| module.ports.get(port));
                if let Some(port) =
                    planned.filter(|_| self.sources.marked(Some(name), &joined("remap", port)).is_none())
                {
                    place = port.place;
                }
                let message = format!("the channel {channel} has {bytes} bytes, and LCM takes {MAX_CHANNEL_BYTES}");
                let fault = Diagnostic::error(message).at(place, format!("of the port `{port}` of `{name}`"));
                self.found.push(fault.help("choose a shorter topic, or a shorter namespace"));
            }
        }
    }

    /// Whether a topic has one type. Those that have more are returned.
    fn types(&mut self, endpoints: &[Endpoint<'a>]) -> BTreeSet<String> {
        let mut by_topic: BTreeMap<&str, Vec<&Endpoint<'a>>> = BTreeMap::new();
        for endpoint in endpoints {
            by_topic.entry(&endpoint.topic).or_default().push(endpoint);
        }
        let mut in_conflict = BTreeSet::new();
        for (topic, ends) in by_topic {
            // What is written counts; who reads something else is wrong.
            let first = ends.iter().find(|end| end.direction == Direction::Out).or(ends.first());
            let Some(first) = first else { continue };
            let Some(other) = ends.iter().find(|end| end.type_name != first.type_name) else { continue };
            in_conflict.insert(topic.to_owned());
            let fault = Diagnostic::error(format!("two types of messages on {topic}"));
            let fault = fault.at(other.place, other.shown()).at(first.place, first.shown());
            let remap = format!("`remap = {{ {} = \"/...\" }}`", other.port);
            self.found.push(fault.help(format!("give `{}` another topic: {remap}", other.module)));
        }
        in_conflict
    }

    /// Whether somebody writes what is read.
    fn feeds(&mut self, endpoints: &[Endpoint<'a>], in_conflict: &BTreeSet<String>) {
        let written: Vec<_> = endpoints.iter().filter(|end| end.direction == Direction::Out).collect();
        for end in endpoints.iter().filter(|end| end.direction == Direction::In) {
            let is_fed = written.iter().any(|other| other.topic == end.topic);
            // Modules send transforms by other means than ports.
            let is_of_all = matches!(end.topic.as_str(), "/tf" | "/tf_static");
            if is_fed || is_of_all || in_conflict.contains(&end.topic) || self.plan.external.contains(&end.topic) {
                continue;
            }
            let message = format!("nobody writes {}", end.channel());
            let fault = match self.plan.left_out.is_empty() {
                true => Diagnostic::error(message),
                // It may be one that runs elsewhere.
                false => Diagnostic::warning(message),
            };
            let fault = fault.at(end.place, format!("`{}.{}` reads it", end.module, end.port));
            let same: Vec<_> = written.iter().filter(|other| other.type_name == end.type_name).collect();
            let similar = same.iter().map(|other| other.topic.as_str()).filter(|topic| last(topic) == last(&end.topic));
            let near = similar.chain(closest(&end.topic, same.iter().map(|other| other.topic.as_str())));
            let near: BTreeSet<_> = near.collect();
            let near: Vec<_> = near.into_iter().collect();
            let all: BTreeSet<_> = same.iter().map(|other| other.topic.as_str()).collect();
            let all: Vec<_> = all.into_iter().collect();
            let candidates = if near.is_empty() { all } else { near };
            let fault = match candidates.as_slice() {
                [] => fault,
                [only] => fault.help(format!("{only} is of this type: `remap = {{ {} = \"{only}\" }}`", end.port)),
                several => fault.help(format!("of this type there is {}", listed(several))),
            };
            let external = format!("`external = [\"{}\"]`", end.topic);
            self.found.push(fault.help(format!("if it comes from outside of this run: {external}")));
        }
    }

    /// Whether the run's own lists of topics mean any.
    fn topics(&mut self, endpoints: &[Endpoint<'a>]) {
        let is_there = |topic: &str| endpoints.iter().any(|end| end.topic == topic);
        let known: BTreeSet<_> = endpoints.iter().map(|end| end.topic.as_str()).collect();
        if !self.plan.left_out.is_empty() || self.found.iter().any(|found| found.message.ends_with("what it offers")) {
            return;
        }
        for (topic, mark) in self.sources.marked_of_run("expose").filter(|(topic, _)| !is_there(topic)) {
            let message = format!("no port has the topic {topic}, which is to be exposed");
            let fault = Diagnostic::error(message).at(mark.value, "");
            // What is not exposed has namespaces before it.
            let near = closest(last(topic), known.iter().map(|known| last(known)));
            let near = near.and_then(|near| known.iter().find(|known| last(known) == near));
            let near = near.map(|near| format!("there is {near}, which is /{} within its namespace", last(near)));
            self.found.push(fault.maybe_help(near));
        }
        for (topic, mark) in self.sources.marked_of_run("external") {
            let is_read = endpoints.iter().any(|end| end.topic == topic && end.direction == Direction::In);
            if !is_read {
                let fault = Diagnostic::warning(format!("nobody reads {topic}")).at(mark.value, "");
                let read = endpoints.iter().filter(|end| end.direction == Direction::In).map(|end| end.topic.as_str());
                self.found.push(fault.maybe_help(closest(topic, read).map(|meant| format!("did you mean {meant}?"))));
            }
        }
    }

    /// Who takes the time from where.
    fn clocks(&mut self, endpoints: &[Endpoint<'a>], wiring: &mut Wiring) {
        let keeps_time = |name: &Name| {
            let is_clock = |end: &&Endpoint<'_>| end.direction == Direction::Out && end.channel() == CLOCK;
            endpoints.iter().filter(is_clock).any(|end| end.module == name)
        };
        let mut first_simulated = None;
        for (name, module) in &self.plan.modules {
            let is_simulated = module.is_time_simulated.unwrap_or(self.plan.is_time_simulated && !keeps_time(name));
            if is_simulated && !is_foreign(&module.program) {
                first_simulated = first_simulated.or(Some((name, module.place)));
            }
            wiring.modules.entry(name.clone()).or_default().is_time_simulated = is_simulated;
        }
        let is_fed = self.plan.modules.keys().any(keeps_time) || self.plan.external.contains("/clock");
        if let Some((name, place)) = first_simulated.filter(|_| !is_fed && self.plan.left_out.is_empty()) {
            let message = "time is simulated, and nobody writes /clock#builtin_interfaces.Time: it will stand still";
            let fault = Diagnostic::warning(message).at(place, format!("`{name}` takes the time from there"));
            let clocks = endpoints.iter().filter(|end| end.direction == Direction::Out && end.type_name == CLOCK_TYPE);
            let clocks: Vec<_> = clocks.map(|end| format!("{} of `{}`", end.topic, end.module)).collect();
            self.found.push(match clocks.is_empty() {
                true => fault.help("list /clock in `external` if it comes from outside of this run"),
                false => fault.help(format!("expose {}, so that it is /clock", listed(&clocks))),
            });
        }
    }
}

fn last(topic: &str) -> &str {
    topic.rsplit('/').next().unwrap_or_default()
}

/// As marks of launch files are called.
fn joined(word: &str, key: &str) -> String {
    crate::launch::mark(word, key)
}

/// A port that modules with transforms have, though it is not in their contracts.
const TF: &str = "tf";
const TF_TYPE: &str = "tf2_msgs.TFMessage";

/// How a simulation tells the time.
const CLOCK_TYPE: &str = "builtin_interfaces.Time";
