//! A key of the configuration, as the schema knows it: all subschemas that say something of its value.

use serde_json::Value;

use crate::json_schema::{Fault, FaultKind, Node, NodeId, Schema, Type, listed, no_such_key};

/// A key of the configuration, as the schema knows it.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    schema: &'a Schema,
    /// What applies, with all that is in `$ref`, `allOf`, `anyOf` and `oneOf`; none if anything goes.
    nodes: Vec<&'a Node>,
    /// Whether the schema has alternatives with objects of more than one kind.
    has_kinds: bool,
}

impl<'a> Place<'a> {
    /// The configuration as a whole.
    pub(super) fn root(schema: &'a Schema) -> Self {
        Self::new(schema, vec![schema.root()])
    }

    fn new(schema: &'a Schema, mut nodes: Vec<&'a Node>) -> Self {
        let mut next = 0;
        let mut has_kinds = false;
        while let Some(&node) = nodes.get(next) {
            next += 1;
            let alternatives = node.any_of.iter().chain(&node.one_of);
            has_kinds |= alternatives.clone().filter(|id| is_of_objects(schema, schema.node(**id))).count() > 1;
            for id in node.all_of.iter().chain(alternatives) {
                let deeper = schema.node(*id);
                if !nodes.iter().any(|known| std::ptr::eq(*known, deeper)) {
                    nodes.push(deeper);
                }
            }
        }
        Self { schema, nodes, has_kinds }
    }

    /// The key below; `None` if there is none of that name.
    pub(super) fn member(&self, key: &str) -> Option<Self> {
        if self.is_anything() {
            return Some(self.clone());
        }
        let mut found = Vec::<&NodeId>::new();
        let mut rest = Vec::new();
        for rules in self.nodes.iter().filter_map(|node| node.object.as_ref()) {
            let by_pattern = rules.patterns.iter().filter(|(pattern, _)| pattern.matches(key)).map(|(_, id)| id);
            found.extend(rules.properties.get(key).into_iter().chain(by_pattern));
            rest.extend(rules.additional.iter().chain(&rules.unevaluated).filter(|id| !self.schema.node(**id).never));
        }
        let ids = if found.is_empty() { rest } else { found };
        let nodes: Vec<_> = ids.into_iter().map(|id| self.schema.node(*id)).collect();
        if !nodes.is_empty() {
            return Some(Self::new(self.schema, nodes));
        }
        // An object of which nothing more is said may have any key.
        let is_open =
            |node: &&Node| node.object.is_none() && node.types.is_some_and(|types| types.contains(Type::Object));
        let is_open = self.nodes.iter().any(is_open);
        is_open.then(|| Self { schema: self.schema, nodes: Vec::new(), has_kinds: false })
    }

    /// An element of the array here.
    pub(super) fn element(&self, index: usize) -> Self {
        let rules = self.nodes.iter().filter_map(|node| node.array.as_ref());
        let ids = rules.filter_map(|rules| rules.first.get(index).or(rules.rest.as_ref()));
        Self::new(self.schema, ids.map(|id| self.schema.node(*id)).collect())
    }

    /// The names of the keys below.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let rules = self.nodes.iter().filter_map(|node| node.object.as_ref());
        let mut keys: Vec<_> = rules.flat_map(|rules| rules.properties.keys()).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether keys may be there that the schema does not name.
    pub(super) fn takes_other_keys(&self) -> bool {
        let rules = |node: &&Node| {
            node.object.as_ref().is_some_and(|rules| rules.additional.is_some() || !rules.patterns.is_empty())
        };
        self.nodes.iter().any(rules)
    }

    /// Whether a value of that type may be here; all may where the schema says nothing.
    pub(super) fn takes(&self, one: Type) -> bool {
        self.is_anything() || self.nodes.iter().any(|node| says(node, one))
    }

    /// Whether the schema says nothing of what is here.
    pub(super) fn is_anything(&self) -> bool {
        self.nodes.iter().all(|node| {
            ALL_TYPES.into_iter().all(|one| !says(node, one)) && node.object.is_none() && node.array.is_none()
        })
    }

    /// Whether a text is one of the values that the schema lists.
    pub(super) fn lists(&self, text: &str) -> bool {
        self.nodes.iter().filter_map(|node| node.choices.as_ref()).flatten().any(|choice| choice.as_str() == Some(text))
    }

    /// Whether an object is complete as one of several alternatives.
    pub(super) fn is_one_of_several_kinds(&self, value: impl FnOnce() -> Value) -> bool {
        self.has_kinds && self.nodes.first().is_some_and(|node| self.schema.accepts(node, &value()))
    }

    /// What belongs here, in words.
    pub(super) fn expectation(&self) -> String {
        self.nodes.first().map_or_else(|| listed(&[]), |node| self.schema.expectation(node))
    }

    /// Why there is no such key.
    pub(super) fn no_such_key(&self, key: &str) -> String {
        no_such_key(&self.keys(), key)
    }
}

/// Whether a fault says that a key has no value.
pub(super) fn is_missing(fault: &Fault) -> bool {
    fault.kind == FaultKind::Missing
}

/// Whether a subschema names a type, or a value of it.
fn says(node: &Node, one: Type) -> bool {
    match (node.types, &node.choices) {
        (Some(types), _) => types.contains(one),
        (None, Some(choices)) => choices.iter().any(|choice| Type::of(choice) == one),
        (None, None) => false,
    }
}

fn is_of_objects(schema: &Schema, node: &Node) -> bool {
    says(node, Type::Object)
        || node.object.is_some()
        || node.all_of.iter().any(|id| says(schema.node(*id), Type::Object))
}

const ALL_TYPES: [Type; 7] =
    [Type::Null, Type::Boolean, Type::Integer, Type::Number, Type::String, Type::Array, Type::Object];
