//! A value is walked along a schema, and what is wrong is noted.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::closest::closest;
use super::node::{ArrayRules, Node, NodeId, ObjectRules, Type};
use super::number::compare;
use super::path::{Path, Step};
use super::words::{expectation, listed, quoted, shortened, shown};
use super::{MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_VIOLATIONS};

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where.
    pub(crate) path: Path,
    /// What it is about.
    pub(crate) kind: FaultKind,
    /// In words.
    pub(crate) message: String,
}

/// What a fault is about, as far as it tells which of several schemas was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The type of the value.
    Type,
    /// A value that is none of the choices.
    Choice,
    /// A key that is not there.
    Missing,
    /// A key that should not be there.
    Unknown,
    /// Anything else.
    Other,
}

/// What is wrong with a value; nothing if it is good.
pub(super) fn faults(nodes: &[Node], node: &Node, value: &Value) -> Vec<Fault> {
    let pairs = size(value, 0).saturating_mul(nodes.len() as u64);
    let mut walk = Walk {
        nodes,
        steps_left: pairs.saturating_add(SPARE_STEPS),
        path: Vec::new(),
        depth: 0,
        quiet: false,
        given_up: None,
        faults: Vec::new(),
    };
    walk.check_node(node, value);
    if let Some(reason) = walk.given_up {
        return vec![Fault { path: Path::default(), kind: FaultKind::Other, message: reason.to_owned() }];
    }
    walk.faults
}

/// One check under way.
pub(super) struct Walk<'a> {
    pub(super) nodes: &'a [Node],
    /// How many more subschemas are applied. Recursive alternatives could take time exponential in the depth of the value.
    steps_left: u64,
    pub(super) path: Vec<At<'a>>,
    depth: usize,
    /// Whether faults are not noted, because only good or bad matters.
    pub(super) quiet: bool,
    /// Why the value cannot be checked; nothing that was noted counts then.
    given_up: Option<&'static str>,
    pub(super) faults: Vec<Fault>,
}

/// One step to where the walk is.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Walk<'a> {
    /// Applies a subschema to a value. Returns whether it is good.
    pub(super) fn check(&mut self, id: NodeId, value: &'a Value) -> bool {
        let node = id.of(self.nodes);
        let cost = 1 + node.choices.as_ref().map_or(0, Vec::len) as u64;
        self.steps_left = self.steps_left.saturating_sub(cost);
        if self.steps_left == 0 {
            self.given_up = Some("takes too long to check: its parts fit several alternatives each");
        } else if self.depth == MAX_DEPTH {
            self.given_up = Some("is nested too deeply");
        }
        if self.given_up.is_some() {
            return false;
        }
        self.depth += 1;
        let is_good = self.check_node(node, value);
        self.depth -= 1;
        is_good
    }

    /// Applies a subschema to a value without noting anything.
    pub(super) fn accepts(&mut self, id: NodeId, value: &'a Value) -> bool {
        let before = std::mem::replace(&mut self.quiet, true);
        let is_good = self.check(id, value);
        self.quiet = before;
        is_good
    }

    /// Notes a fault at the present place.
    pub(super) fn fail(&mut self, kind: FaultKind, message: impl FnOnce() -> String) -> bool {
        if !self.quiet && self.faults.len() < MAX_VIOLATIONS {
            let step = |at: &At<'_>| match *at {
                At::Key(key) => Step::Key(key.to_owned()),
                At::Index(index) => Step::Index(index),
            };
            let path = Path(self.path.iter().map(step).collect());
            let message = shortened(&message(), MAX_MESSAGE_BYTES).into_owned();
            self.faults.push(Fault { path, kind, message });
        }
        false
    }

    fn check_node(&mut self, node: &'a Node, value: &'a Value) -> bool {
        if node.never {
            return self.fail(FaultKind::Other, || format!("no value is accepted here, found {}", shown(value)));
        }
        if node.types.is_some_and(|types| !types.accept(Type::of(value))) {
            return self.fail_expecting(FaultKind::Type, node, value);
        }
        if let Some(choices) = &node.choices
            && !choices.iter().any(|choice| is_same(choice, value))
        {
            return self.fail_choice(choices, value);
        }
        let mut is_good = match value {
            Value::Number(number) if node.number.as_ref().is_some_and(|rules| !rules.accept(number)) => {
                self.fail_expecting(FaultKind::Other, node, value)
            }
            Value::String(text) if node.text.as_ref().is_some_and(|rules| !rules.accept(text)) => {
                self.fail_expecting(FaultKind::Other, node, value)
            }
            Value::Array(items) => node.array.as_ref().is_none_or(|rules| self.check_array(node, rules, items)),
            Value::Object(members) => {
                node.object.as_ref().is_none_or(|rules| self.check_object(node, rules, members, value))
            }
            _ => true,
        };
        for &id in &node.all_of {
            if !is_good && self.is_done() {
                break;
            }
            is_good &= self.check(id, value);
        }
        if is_good && !node.any_of.is_empty() {
            is_good = self.check_any_of(node, value);
        }
        if is_good && !node.one_of.is_empty() {
            is_good = self.check_one_of(node, value);
        }
        if is_good && node.not.is_some_and(|id| self.accepts(id, value)) {
            is_good = self.fail(FaultKind::Other, || format!("{} is excluded here", shown(value)));
        }
        is_good
    }

    fn check_array(&mut self, node: &'a Node, rules: &'a ArrayRules, items: &'a [Value]) -> bool {
        let count = items.len() as u64;
        if rules.min_items.is_some_and(|min| count < min) || rules.max_items.is_some_and(|max| count > max) {
            let nodes = self.nodes;
            return self.fail(FaultKind::Other, || format!("expected {}, found {count}", expectation(nodes, node)));
        }
        let mut is_good = true;
        for (index, item) in items.iter().enumerate() {
            let Some(id) = rules.first.get(index).copied().or(rules.rest) else { break };
            self.path.push(At::Index(index));
            is_good &= self.check(id, item);
            self.path.pop();
            if !is_good && self.is_done() {
                return false;
            }
        }
        if let Some(id) = rules.contains
            && !items.iter().any(|item| self.accepts(id, item))
        {
            let nodes = self.nodes;
            is_good = self.fail(FaultKind::Other, || {
                format!("expected an array that contains {}", expectation(nodes, id.of(nodes)))
            });
        }
        if rules.unique {
            let mut seen = HashSet::with_capacity(items.len());
            if let Some(again) = items.iter().find(|item| !seen.insert(*item)) {
                is_good =
                    self.fail(FaultKind::Other, || format!("expected different items, found {} twice", shown(again)));
            }
        }
        is_good
    }

    fn check_object(
        &mut self,
        node: &'a Node,
        rules: &'a ObjectRules,
        members: &'a Map<String, Value>,
        whole: &'a Value,
    ) -> bool {
        let mut is_good = true;
        for key in rules.required.iter().filter(|key| !members.contains_key(*key)) {
            let wanted = rules.properties.get(key).map(|id| expectation(self.nodes, id.of(self.nodes)));
            self.path.push(At::Key(key));
            is_good = self.fail(FaultKind::Missing, || {
                format!("is missing: expected {}", wanted.as_deref().unwrap_or("a value"))
            });
            self.path.pop();
        }
        let count = members.len() as u64;
        if rules.min_properties.is_some_and(|min| count < min) || rules.max_properties.is_some_and(|max| count > max) {
            is_good = self.fail(FaultKind::Other, || format!("has the wrong number of keys: {count}"));
        }
        for (key, value) in members {
            if !is_good && self.is_done() {
                return false;
            }
            self.path.push(At::Key(key));
            is_good &= self.check_member(node, rules, key, value, whole);
            self.path.pop();
        }
        is_good
    }

    fn check_member(
        &mut self,
        node: &'a Node,
        rules: &'a ObjectRules,
        key: &'a str,
        value: &'a Value,
        whole: &'a Value,
    ) -> bool {
        let mut is_good = true;
        if let Some(names) = rules.names {
            is_good &= self.check_name(names, key);
        }
        let mut is_known = false;
        if let Some(&id) = rules.properties.get(key) {
            is_known = true;
            is_good &= self.check(id, value);
        }
        for (pattern, id) in &rules.patterns {
            if pattern.matches(key) {
                is_known = true;
                is_good &= self.check(*id, value);
            }
        }
        if is_known {
            return is_good;
        }
        let unevaluated = || rules.unevaluated.filter(|_| !node.in_place().any(|id| self.evaluates(id, key, whole)));
        let Some(id) = rules.additional.or_else(unevaluated) else { return is_good };
        if id.of(self.nodes).never { self.fail_unknown(node, key) } else { self.check(id, value) && is_good }
    }

    /// Checks a key as the string that it is.
    fn check_name(&mut self, id: NodeId, key: &str) -> bool {
        let name = Value::String(key.to_owned());
        // The walk's own places borrow from the value, which this name is no part of.
        let nodes = self.nodes;
        let mut walk = Walk {
            nodes,
            steps_left: self.steps_left,
            path: Vec::new(),
            depth: self.depth,
            quiet: true,
            given_up: None,
            faults: Vec::new(),
        };
        let is_good = walk.check(id, &name);
        self.steps_left = walk.steps_left;
        self.given_up = self.given_up.or(walk.given_up);
        is_good || self.fail(FaultKind::Unknown, || format!("expected as a key {}", expectation(nodes, id.of(nodes))))
    }

    /// Whether a subschema of an object says what a key is.
    fn evaluates(&mut self, id: NodeId, key: &str, object: &'a Value) -> bool {
        let node = id.of(self.nodes);
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 || self.depth == MAX_DEPTH {
            self.given_up = Some("takes too long to check, or is nested too deeply");
            return false;
        }
        let is_named = node.object.as_ref().is_some_and(|rules| {
            let by_pattern = || rules.patterns.iter().any(|(pattern, _)| pattern.matches(key));
            rules.additional.or(rules.unevaluated).is_some() || rules.properties.contains_key(key) || by_pattern()
        });
        if is_named {
            return self.accepts(id, object);
        }
        self.depth += 1;
        let all = node.all_of.iter().any(|&id| self.evaluates(id, key, object));
        let is_evaluated = all
            || node
                .any_of
                .iter()
                .chain(&node.one_of)
                .any(|&id| self.accepts(id, object) && self.evaluates(id, key, object));
        self.depth -= 1;
        is_evaluated
    }

    /// Whether more faults would not be noted anyway.
    fn is_done(&self) -> bool {
        self.quiet || self.faults.len() >= MAX_VIOLATIONS || self.given_up.is_some()
    }

    fn fail_expecting(&mut self, kind: FaultKind, node: &Node, value: &Value) -> bool {
        let nodes = self.nodes;
        self.fail(kind, || format!("expected {}, found {}", expectation(nodes, node), shown(value)))
    }

    pub(super) fn fail_choice(&mut self, choices: &[Value], value: &Value) -> bool {
        self.fail(FaultKind::Choice, || {
            let expected = listed(&choices.iter().map(shown).collect::<Vec<_>>());
            let meant = value.as_str().and_then(|text| closest(text, choices.iter().filter_map(Value::as_str)));
            let hint = meant.map(|meant| format!(": did you mean {}?", quoted(meant))).unwrap_or_default();
            format!("expected {expected}, found {}{hint}", shown(value))
        })
    }

    fn fail_unknown(&mut self, node: &Node, key: &str) -> bool {
        let nodes = self.nodes;
        self.fail(FaultKind::Unknown, || no_such_key(&keys(nodes, node), key))
    }
}

/// The keys that a schema of objects names, also in what it is combined of.
pub(crate) fn keys<'a>(nodes: &'a [Node], node: &'a Node) -> Vec<&'a str> {
    let mut keys = Vec::new();
    let mut open = vec![node];
    let mut looked_at = 0;
    while let Some(node) = open.pop() {
        keys.extend(node.object.iter().flat_map(|rules| rules.properties.keys()).map(String::as_str));
        open.extend(node.all_of.iter().chain(&node.any_of).chain(&node.one_of).map(|id| id.of(nodes)));
        looked_at += 1;
        if looked_at > 1000 {
            break;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Says that a key is unknown, and which ones are not.
pub(crate) fn no_such_key(keys: &[&str], key: &str) -> String {
    match closest(key, keys.iter().copied()) {
        Some(meant) => format!("no such key: did you mean {meant:?}?"),
        None if keys.is_empty() => "no such key: there are none here".to_owned(),
        None => format!("no such key: there is {}", listed_and(keys)),
    }
}

fn listed_and(keys: &[&str]) -> String {
    let shown: Vec<_> = keys.iter().take(MAX_KEYS).map(|key| quoted(key)).collect();
    let more = if keys.len() > MAX_KEYS { format!(" and {} more", keys.len() - MAX_KEYS) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Equality, where numbers are compared by value.
fn is_same(choice: &Value, value: &Value) -> bool {
    match (choice, value) {
        (Value::Number(one), Value::Number(other)) => compare(one, other).is_eq(),
        _ => choice == value,
    }
}

/// How many values a value consists of.
fn size(value: &Value, depth: usize) -> u64 {
    if depth > MAX_DEPTH {
        return 1;
    }
    1 + match value {
        Value::Array(items) => items.iter().map(|item| size(item, depth + 1)).sum(),
        Value::Object(members) => members.values().map(|member| size(member, depth + 1)).sum(),
        _ => 0_u64,
    }
}

/// What small values may take beyond the product of sizes.
const SPARE_STEPS: u64 = 200_000;

/// How many keys are listed.
const MAX_KEYS: usize = 8;
