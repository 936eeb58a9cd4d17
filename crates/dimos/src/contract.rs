//! What a module offers, as it says itself: the answer of its method `describe`.
//!
//! A contract is data: anybody can ask for it, in JSON. Claims carry its hash, so that whoever has it need not ask again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::short_id;
use crate::topic::typed;

/// What a module offers and needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Contract {
    /// What kind of module it is, such as `GridMapper`.
    pub class_name: String,
    /// What it is for.
    pub doc: String,
    /// What it publishes and subscribes, by port.
    pub ports: BTreeMap<String, PortContract>,
    /// What can be called, by name.
    pub methods: BTreeMap<String, MethodContract>,
    /// The modules that it calls, by the names that it has for them.
    pub references: BTreeMap<String, ReferenceContract>,
    /// JSON Schema of its configuration, with defaults; null if it has none.
    pub config: Value,
}

/// A stream of messages in or out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PortContract {
    /// Whether it is read or written.
    pub direction: Direction,
    /// The message type, such as `sensor_msgs.LaserScan`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The topic unless told otherwise, such as `/scan`; the namespace of the module goes before it. With a `#` in it, it is a whole
    /// channel, the same in all namespaces, such as `/clock#builtin_interfaces.Time`.
    pub topic: String,
    /// What it is for.
    #[serde(default)]
    pub doc: String,
    /// Whether who subscribes late gets the last message at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_latched: bool,
}

impl PortContract {
    /// The name of the port's channel in a namespace, unless told otherwise. Whether LCM can have it is not looked at.
    #[must_use]
    pub fn channel_in(&self, namespace: Option<&str>) -> String {
        match (self.topic.contains('#'), namespace) {
            (true, _) => self.topic.clone(),
            (false, None) => typed(&self.topic, &self.type_name),
            (false, Some(namespace)) => typed(&format!("/{namespace}{}", self.topic), &self.type_name),
        }
    }
}

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The module subscribes.
    In,
    /// The module publishes.
    Out,
}

/// A method.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MethodContract {
    /// What it does.
    pub doc: String,
    /// Whether it answers with a stream.
    pub is_stream: bool,
    /// Whether it is made for agents: what it does and takes stands in words.
    pub is_skill: bool,
    /// JSON Schema of the arguments: an object with a member for each; null if nothing is known about them.
    pub arguments: Value,
    /// The names of the arguments in the order of the method's definition.
    pub order: Vec<String>,
    /// JSON Schema of the result, or of one chunk of the stream; null if nothing is known about it.
    pub result: Value,
    /// The hash that binary calls of it carry; none if it takes JSON only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// A module that another one calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ReferenceContract {
    /// The name of the interface.
    pub interface: String,
    /// Whether the module works without it.
    pub is_optional: bool,
    /// The methods that it needs.
    pub methods: BTreeMap<String, MethodContract>,
}

impl Contract {
    /// The hash over all of it, as claims carry it.
    #[must_use]
    pub fn hash(&self) -> String {
        // Maps are sorted, so equal contracts are equal texts.
        short_id(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl ReferenceContract {
    /// What a module lacks to be what the reference needs; `None` if it fits.
    #[must_use]
    pub fn misfit(&self, offered: &Contract) -> Option<String> {
        self.methods.iter().find_map(|(name, needed)| {
            let Some(offered) = offered.methods.get(name) else { return Some(format!("it has no method {name}")) };
            if needed.is_stream != offered.is_stream {
                let kind = if offered.is_stream { "a stream" } else { "one answer" };
                return Some(format!("{name} has {kind}"));
            }
            if needed.binary.is_some() {
                let is_same = needed.binary == offered.binary;
                return (!is_same).then(|| format!("{name} has other types"));
            }
            if let Some(why) = arguments_misfit(&needed.arguments, &offered.arguments) {
                return Some(format!("{name}: {why}"));
            }
            (!may_agree(&needed.result, &offered.result)).then(|| format!("{name}: its result has another type"))
        })
    }
}

impl MethodContract {
    /// A method of which nothing is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The method with a text that says what it does.
    #[must_use]
    pub fn doc(self, doc: impl Into<String>) -> Self {
        Self { doc: doc.into(), ..self }
    }

    /// The method with a JSON Schema of its arguments, which calls are checked against before the handler runs.
    #[must_use]
    pub fn arguments(self, schema: Value) -> Self {
        Self { arguments: schema, ..self }
    }

    /// The method with a JSON Schema of its result, or of one chunk of its stream.
    #[must_use]
    pub fn result(self, schema: Value) -> Self {
        Self { result: schema, ..self }
    }

    /// The method as one for agents.
    #[must_use]
    pub fn skill(self) -> Self {
        Self { is_skill: true, ..self }
    }

    /// How it is called, for people: `plan(x: number, y: number, retries?: integer) -> stream of string`.
    #[must_use]
    pub fn signature(&self, name: &str) -> String {
        let arguments = if self.arguments.is_null() { "...".to_owned() } else { self.argument_list() };
        let stream = if self.is_stream { "stream of " } else { "" };
        match type_text(&self.result) {
            result if result == "null" && !self.is_stream => format!("{name}({arguments})"),
            result => format!("{name}({arguments}) -> {stream}{result}"),
        }
    }

    fn argument_list(&self) -> String {
        let empty = serde_json::Map::new();
        let properties = self.arguments["properties"].as_object().unwrap_or(&empty);
        let required: Vec<_> =
            self.arguments["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let in_order = self.order.iter().filter(|name| properties.contains_key(*name));
        let others = properties.keys().filter(|name| !self.order.contains(name));
        let shown = in_order.chain(others).map(|name| {
            let mark = if required.contains(&name.as_str()) { "" } else { "?" };
            format!("{name}{mark}: {}", type_text(&properties[name]))
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// The name of a type, from its JSON Schema.
fn type_text(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    let alternatives = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        return alternatives.iter().map(type_text).collect::<Vec<_>>().join(" | ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" && schema["items"].is_object() => {
            format!("[{}]", type_text(&schema["items"]))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".to_owned(),
    }
}

/// Whether arguments that one schema describes can be taken by a method with the other, as far as names and plain types tell.
fn arguments_misfit(given: &Value, taken: &Value) -> Option<String> {
    if given.is_null() || taken.is_null() {
        return None;
    }
    let empty = serde_json::Map::new();
    let members = |schema: &Value| schema["properties"].as_object().unwrap_or(&empty).clone();
    let (given_members, taken_members) = (members(given), members(taken));
    for (name, schema) in &given_members {
        match taken_members.get(name) {
            None if taken["additionalProperties"] == false => return Some(format!("it takes no argument {name}")),
            Some(other) if !may_agree(schema, other) => return Some(format!("its argument {name} has another type")),
            _ => {}
        }
    }
    let mut required = taken["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.find(|name| !given_members.contains_key(*name)).map(|name| format!("it needs an argument {name}"))
}

/// Whether two schemas have a type in common, as far as they say.
fn may_agree(one: &Value, other: &Value) -> bool {
    let types = |schema: &Value| match &schema["type"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let (one, other) = (types(one), types(other));
    let is_number = |name: &str| name == "number" || name == "integer";
    let agree = |one: &String, other: &String| one == other || (is_number(one) && is_number(other));
    one.is_empty() || other.is_empty() || one.iter().any(|one| other.iter().any(|other| agree(one, other)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_contracts_have_equal_hashes_and_others_do_not() {
        let plan = || MethodContract::new().doc("Plans.").arguments(json!({ "type": "object" }));
        let contract = |method: MethodContract| Contract {
            methods: BTreeMap::from([("plan".to_owned(), method)]),
            ..Contract::default()
        };
        assert_eq!(contract(plan()).hash(), contract(plan()).hash());
        assert_ne!(contract(plan()).hash(), contract(plan().skill()).hash());
        let copy: Contract = serde_json::from_value(serde_json::to_value(contract(plan())).unwrap()).unwrap();
        assert_eq!(copy, contract(plan()));
    }

    #[test]
    fn a_topic_is_in_the_namespace_and_a_channel_in_none() {
        let port = |topic: &str| PortContract {
            direction: Direction::Out,
            type_name: "sensor_msgs.LaserScan".to_owned(),
            topic: topic.to_owned(),
            doc: String::new(),
            is_latched: false,
        };
        assert_eq!(port("/scan").channel_in(None), "/scan#sensor_msgs.LaserScan");
        assert_eq!(port("/scan").channel_in(Some("robot0")), "/robot0/scan#sensor_msgs.LaserScan");
        assert_eq!(port("/scan#sensor_msgs.LaserScan").channel_in(Some("robot0")), "/scan#sensor_msgs.LaserScan");
    }

    #[test]
    fn a_signature_shows_how_a_method_is_called() {
        let schema = json!({
            "type": "object",
            "properties": {
                "retries": { "type": ["integer", "null"] },
                "x": { "type": "number" },
                "way": { "type": "array", "items": { "$ref": "#/$defs/Pose" } },
            },
            "required": ["x", "way"],
        });
        let mut method = MethodContract::new().arguments(schema).result(json!({ "type": "boolean" }));
        method.order = ["x", "way", "retries"].map(str::to_owned).to_vec();
        assert_eq!(method.signature("go"), "go(x: number, way: [Pose], retries?: integer | null) -> boolean");
        method.is_stream = true;
        assert_eq!(method.signature("go"), "go(x: number, way: [Pose], retries?: integer | null) -> stream of boolean");
        assert_eq!(MethodContract::new().signature("stop"), "stop(...) -> any");
    }

    fn method(arguments: Value) -> MethodContract {
        MethodContract { arguments, ..MethodContract::default() }
    }

    fn needing(name: &str, method: &MethodContract) -> ReferenceContract {
        ReferenceContract { methods: BTreeMap::from([(name.to_owned(), method.clone())]), ..Default::default() }
    }

    fn misfit_of(needed: &MethodContract, offered: &MethodContract) -> Option<String> {
        let mut contract = Contract::default();
        contract.methods.insert("plan".into(), offered.clone());
        needing("plan", needed).misfit(&contract)
    }

    #[test]
    fn a_module_fits_if_it_takes_what_it_will_be_given() {
        let point =
            json!({ "properties": { "x": { "type": "number" } }, "required": ["x"], "additionalProperties": false });
        let more = json!({
            "properties": { "x": { "type": "integer" }, "speed": { "type": ["number", "null"] } },
            "required": ["x"],
            "additionalProperties": false,
        });
        let text = json!({ "properties": { "x": { "type": "string" } } });
        let needy = json!({ "properties": { "x": {}, "y": {} }, "required": ["x", "y"] });
        let fits = |given: &Value, taken: &Value| misfit_of(&method(given.clone()), &method(taken.clone()));
        assert_eq!(fits(&point, &point), None);
        assert_eq!(fits(&point, &more), None);
        assert_eq!(fits(&point, &Value::Null), None);
        assert_eq!(fits(&more, &point).unwrap(), "plan: it takes no argument speed");
        assert_eq!(fits(&point, &text).unwrap(), "plan: its argument x has another type");
        assert_eq!(fits(&point, &needy).unwrap(), "plan: it needs an argument y");
        let telling = |result| MethodContract { result, ..method(point.clone()) };
        let (number, nothing) = (telling(json!({ "type": "number" })), telling(json!({ "type": "null" })));
        assert_eq!(misfit_of(&number, &telling(json!({ "type": "integer" }))), None);
        assert_eq!(misfit_of(&number, &telling(Value::Null)), None);
        assert_eq!(misfit_of(&number, &nothing).unwrap(), "plan: its result has another type");
        let stream = MethodContract { is_stream: true, ..method(point.clone()) };
        assert_eq!(misfit_of(&method(point.clone()), &stream).unwrap(), "plan has a stream");
        let binary = MethodContract { binary: Some("1".into()), ..method(point.clone()) };
        assert_eq!(misfit_of(&binary, &method(point)).unwrap(), "plan has other types");
        assert_eq!(needing("fly", &binary).misfit(&Contract::default()).unwrap(), "it has no method fly");
    }
}
