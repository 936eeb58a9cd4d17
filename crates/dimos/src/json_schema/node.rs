//! A schema as data: what each subschema asserts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::number::NumberRules;
use super::text::{Pattern, TextRules};

/// Which subschema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// The types of JSON, as schemas tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A set of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Types(u8);

/// What one subschema asserts. What is absent asserts nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// The schema `false`, which no value satisfies.
    pub(crate) never: bool,
    /// `type`
    pub(crate) types: Option<Types>,
    /// `enum`, or `const` as the only choice
    pub(crate) choices: Option<Vec<Value>>,
    pub(crate) number: Option<Box<NumberRules>>,
    pub(crate) text: Option<Box<TextRules>>,
    pub(crate) array: Option<Box<ArrayRules>>,
    pub(crate) object: Option<Box<ObjectRules>>,
    /// `$ref`, and `allOf`
    pub(crate) all_of: Vec<NodeId>,
    /// `anyOf`
    pub(crate) any_of: Vec<NodeId>,
    /// `oneOf`
    pub(crate) one_of: Vec<NodeId>,
    /// `not`
    pub(crate) not: Option<NodeId>,
}

/// What is asserted of arrays.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArrayRules {
    /// `prefixItems`
    pub(crate) first: Vec<NodeId>,
    /// `items`: the ones after the first
    pub(crate) rest: Option<NodeId>,
    /// `contains`
    pub(crate) contains: Option<NodeId>,
    /// `minItems`
    pub(crate) min_items: Option<u64>,
    /// `maxItems`
    pub(crate) max_items: Option<u64>,
    /// `uniqueItems`
    pub(crate) unique: bool,
}

/// What is asserted of objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectRules {
    /// `properties`
    pub(crate) properties: BTreeMap<String, NodeId>,
    /// `patternProperties`
    pub(crate) patterns: Vec<(Pattern, NodeId)>,
    /// `additionalProperties`
    pub(crate) additional: Option<NodeId>,
    /// `unevaluatedProperties`
    pub(crate) unevaluated: Option<NodeId>,
    /// `propertyNames`
    pub(crate) names: Option<NodeId>,
    /// `required`
    pub(crate) required: Vec<String>,
    /// `minProperties`
    pub(crate) min_properties: Option<u64>,
    /// `maxProperties`
    pub(crate) max_properties: Option<u64>,
}

impl NodeId {
    /// The schema as a whole.
    pub(crate) const ROOT: Self = Self(0);

    /// The subschema at a place in the list of all; `None` if it cannot have so many.
    pub(crate) fn new(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    /// The subschema among all.
    pub(crate) fn of(self, nodes: &[Node]) -> &Node {
        &nodes[self.0 as usize]
    }

    /// Where it stands among all.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Type {
    /// The type of a value. Numbers without a fraction part are integers.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// The type that a schema calls so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|&(_, its_name, _)| its_name == name).map(|(this, ..)| this)
    }
}

impl Types {
    pub(crate) fn insert(&mut self, one: Type) {
        self.0 |= 1 << one as u8;
    }

    pub(crate) fn contains(self, one: Type) -> bool {
        self.0 & (1 << one as u8) != 0
    }

    /// Whether a value of that type is of one of these; an integer is also a number.
    pub(crate) fn accept(self, one: Type) -> bool {
        self.contains(one) || one == Type::Integer && self.contains(Type::Number)
    }

    /// The types in it, with the words for them; `null` comes last.
    pub(crate) fn words(self) -> impl Iterator<Item = (Type, &'static str)> {
        ALL.into_iter().filter(move |&(this, ..)| self.contains(this)).map(|(this, _, words)| (this, words))
    }
}

impl Node {
    /// The subschemas that apply to the same value.
    pub(crate) fn in_place(&self) -> impl Iterator<Item = NodeId> {
        self.all_of.iter().chain(&self.any_of).chain(&self.one_of).chain(&self.not).copied()
    }
}

const ALL: [(Type, &str, &str); 7] = [
    (Type::Boolean, "boolean", "a boolean"),
    (Type::Integer, "integer", "an integer"),
    (Type::Number, "number", "a number"),
    (Type::String, "string", "a string"),
    (Type::Array, "array", "an array"),
    (Type::Object, "object", "an object"),
    (Type::Null, "null", "null"),
];
