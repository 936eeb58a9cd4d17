//! The graph: modules, the streams between them, and who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use dimos::Connections;
use serde::Serialize;

/// Modules and what is between them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Graph {
    /// What it is of: launch files, or a bus.
    pub(super) title: String,
    /// By name.
    pub(super) modules: Vec<Module>,
    /// By channel.
    pub(super) streams: Vec<Stream>,
    pub(super) calls: Vec<Call>,
}

/// A process, or what will be one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Module {
    pub(super) name: String,
    /// Empty if that is not known.
    pub(super) class: String,
    /// Such as `running`; null of what is not started.
    pub(super) state: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Stream {
    pub(super) channel: String,
    /// The names of modules, or the addresses of those that are not known.
    pub(super) publishers: BTreeSet<String>,
    pub(super) subscribers: BTreeSet<String>,
    /// Messages a second; null of what is not started.
    pub(super) rate_hz: Option<f64>,
    /// Why nothing goes through it.
    pub(super) dead: Option<Dead>,
}

/// Why nothing goes through a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dead {
    NobodyPublishes,
    NoModuleSubscribes,
    Silent,
}

/// A module has another one to call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Call {
    pub(super) from: String,
    /// What it calls the other one.
    pub(super) reference: String,
    pub(super) to: String,
}

/// Puts a graph together.
#[derive(Debug, Default)]
pub(super) struct Builder {
    modules: BTreeMap<String, Module>,
    streams: BTreeMap<String, Stream>,
    calls: BTreeSet<Call>,
}

impl Builder {
    /// Adds a module. What is known already of one of that name stays.
    pub(super) fn module(&mut self, module: Module) {
        self.modules.entry(module.name.clone()).or_insert(module);
    }

    /// Adds the channels and references of a module.
    pub(super) fn connect(&mut self, name: &str, connections: &Connections) {
        for channel in connections.outputs.values() {
            self.publishes(name, channel);
        }
        for channel in connections.inputs.values() {
            self.stream(channel).subscribers.insert(name.to_owned());
        }
        let calls = connections.references.iter().map(|(reference, to)| Call {
            from: name.to_owned(),
            reference: reference.clone(),
            to: to.clone(),
        });
        self.calls.extend(calls);
    }

    pub(super) fn publishes(&mut self, name: &str, channel: &str) {
        self.stream(channel).publishers.insert(name.to_owned());
    }

    /// Something was heard so many times a second.
    pub(super) fn heard(&mut self, channel: &str, rate_hz: f64) {
        self.stream(channel).rate_hz = Some(rate_hz);
    }

    /// The channels known so far.
    pub(super) fn channels(&self) -> Vec<String> {
        self.streams.keys().cloned().collect()
    }

    /// Whether it is known who publishes on a channel.
    pub(super) fn has_publisher(&self, channel: &str) -> bool {
        self.streams.get(channel).is_some_and(|stream| !stream.publishers.is_empty())
    }

    /// The graph. Modules that only others name, and publishers known by their addresses, are in it.
    pub(super) fn build(mut self, title: String) -> Graph {
        let named = self.streams.values().flat_map(|stream| stream.publishers.iter().chain(&stream.subscribers));
        let named = named.chain(self.calls.iter().flat_map(|call| [&call.from, &call.to]));
        let unknown: BTreeSet<String> = named.filter(|name| !self.modules.contains_key(*name)).cloned().collect();
        for name in unknown {
            self.module(Module { name, ..Module::default() });
        }
        let streams = self.streams.into_values().map(|stream| Stream { dead: dead(&stream), ..stream });
        Graph {
            title,
            modules: self.modules.into_values().collect(),
            streams: streams.collect(),
            calls: self.calls.into_iter().collect(),
        }
    }

    fn stream(&mut self, channel: &str) -> &mut Stream {
        let new = || Stream { channel: channel.to_owned(), ..Stream::default() };
        self.streams.entry(channel.to_owned()).or_insert_with(new)
    }
}

impl Stream {
    /// Without the type.
    pub(super) fn topic(&self) -> &str {
        self.channel.split('#').next().unwrap_or_default()
    }

    /// Empty if the channel does not say.
    pub(super) fn type_name(&self) -> &str {
        self.channel.split_once('#').map_or("", |(_, type_name)| type_name)
    }

    /// How much goes through it, in words; empty if that is not known.
    pub(super) fn rate(&self) -> String {
        match self.rate_hz {
            None => String::new(),
            Some(rate_hz) if rate_hz >= 10.0 => format!("{rate_hz:.0} Hz"),
            Some(rate_hz) => format!("{rate_hz:.1} Hz"),
        }
    }
}

impl Dead {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NobodyPublishes => "nobody publishes",
            Self::NoModuleSubscribes => "no module subscribes",
            Self::Silent => "silent",
        }
    }
}

fn dead(stream: &Stream) -> Option<Dead> {
    // What is heard is published by somebody.
    let is_heard = stream.rate_hz.is_some_and(|rate_hz| rate_hz > 0.0);
    if stream.publishers.is_empty() && !is_heard {
        Some(Dead::NobodyPublishes)
    } else if stream.rate_hz == Some(0.0) {
        Some(Dead::Silent)
    } else if stream.subscribers.is_empty() {
        Some(Dead::NoModuleSubscribes)
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A robot that is driven and mapped, and a topic that nobody feeds.
    pub(in crate::graph) fn example() -> Graph {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let mut builder = Builder::default();
        let module = |name: &str, class: &str| Module {
            name: name.to_owned(),
            class: class.to_owned(),
            state: Some("running".to_owned()),
        };
        builder.module(module("robot", "RobotSim"));
        builder.module(module("<mapper>", "Grid\"Mapper\""));
        let (scan, goal) = ("/scan#sensor_msgs.LaserScan", "/goal#geometry_msgs.PoseStamped");
        builder.connect("robot", &Connections::new(map(&[("goal", goal)]), map(&[("scan", scan)]), map(&[])));
        builder.connect(
            "<mapper>",
            &Connections::new(map(&[("scan", scan)]), map(&[("map", "/map")]), map(&[("robot", "robot")])),
        );
        builder.heard(scan, 10.2);
        builder.heard("/map", 0.0);
        builder.build("an example".to_owned())
    }

    #[test]
    fn dead_streams_say_why() {
        let graph = example();
        let dead: Vec<_> = graph.streams.iter().map(|stream| (stream.topic(), stream.dead)).collect();
        let expected = [("/goal", Some(Dead::NobodyPublishes)), ("/map", Some(Dead::Silent)), ("/scan", None)];
        assert_eq!(dead, expected);
        assert_eq!(graph.calls, [Call { from: "<mapper>".into(), reference: "robot".into(), to: "robot".into() }]);
    }
}
