//! Values checked against a JSON Schema: configurations before they are read, and arguments before a handler sees them.
//!
//! Owns the keywords of draft 2020-12 that derived schemas consist of, and the words in which a violation is told. What it does
//! not know it refuses when the schema is compiled, so no assertion is ever passed over in silence. It leaves alone: references
//! to other documents, formats other than those of numbers, and annotations.
//!
//! ```
//! use dimos::json_schema::Schema;
//! use serde_json::json;
//!
//! let schema = Schema::compile(&json!({ "type": "object", "properties": { "cell_m": { "type": "number", "minimum": 0.01 } } }))?;
//! assert!(schema.check(&json!({ "cell_m": 0.1 })).is_ok());
//! let violations = schema.check(&json!({ "cell_m": "wide" })).unwrap_err();
//! assert_eq!(violations[0].to_string(), "cell_m: expected a number of at least 0.01, found \"wide\"");
//! # Ok::<(), dimos::json_schema::SchemaError>(())
//! ```
//!
//! # Deviations
//! A number with a fraction part, such as `2.0`, is no integer here, because the structs that are read afterwards do not take it.
//! The formats `int8` to `int64`, `uint8` to `uint64` and `float` are checked as ranges.
//!
//! # Costs
//! Of the libraries, `jsonschema` 0.60 takes a process with one small schema to 5.6 MB and `boon` 0.6 to 4.3 MB, where a module has
//! 3 MB in all; both keep the meta-schemas of every draft in memory.
//!
//! # Hostile values
//! The time is bounded by the product of the sizes of value and schema, the depth by [`MAX_DEPTH`], the answer by
//! [`MAX_VIOLATIONS`] and [`MAX_MESSAGE_BYTES`].

mod node;
mod number;
mod text;

mod compile;
mod error;

mod check;
mod choice;
mod closest;
mod path;
mod words;

use std::fmt;

use serde_json::Value;

pub use closest::closest;
pub use error::SchemaError;

pub(crate) use check::{Fault, FaultKind, no_such_key};
pub(crate) use node::{Node, NodeId, Type};
pub(crate) use path::{Path, Step};
pub(crate) use words::{listed, quoted, shortened, shown};

/// A schema, ready to check values with.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The subschemas; they name each other by index. The first one is the root.
    nodes: Vec<Node>,
}

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where in the value: `grid.sizes[2]`; empty for the value as a whole.
    pub path: String,
    /// What was expected there and what was found, and where one can be guessed, what was meant.
    pub message: String,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// If it is malformed, if a reference in it leads nowhere, or if it has a keyword that is not checked here.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        Ok(Self { nodes: compile::compile(schema)? })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// What is wrong with it, in the order of its keys: at most [`MAX_VIOLATIONS`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<Violation>> {
        let faults = self.faults(value);
        if faults.is_empty() { Ok(()) } else { Err(faults.into_iter().map(Violation::from).collect()) }
    }

    /// As [`Self::check`], with paths in parts.
    pub(crate) fn faults(&self, value: &Value) -> Vec<Fault> {
        check::faults(&self.nodes, self.root(), value)
    }

    /// Whether a subschema accepts a value.
    pub(crate) fn accepts(&self, node: &Node, value: &Value) -> bool {
        check::faults(&self.nodes, node, value).is_empty()
    }

    /// The schema of the whole value.
    pub(crate) fn root(&self) -> &Node {
        self.node(NodeId::ROOT)
    }

    /// A subschema.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        id.of(&self.nodes)
    }

    /// What a subschema expects, in words: `a number from 0 to 1`.
    pub(crate) fn expectation(&self, node: &Node) -> String {
        words::expectation(&self.nodes, node)
    }
}

impl From<Fault> for Violation {
    fn from(fault: Fault) -> Self {
        Self { path: fault.path.to_string(), message: fault.message }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// How many violations of one value are told.
pub const MAX_VIOLATIONS: usize = 10;

/// How long the message of a violation gets, and how long its path.
pub const MAX_MESSAGE_BYTES: usize = 300;

/// How deep subschemas may be applied within each other. What the JSON reader accepts, 128 levels, fits where each level has one set of alternatives.
pub const MAX_DEPTH: usize = 300;

/// How many subschemas a schema may have.
pub const MAX_SUBSCHEMAS: usize = 10_000;

#[cfg(test)]
mod tests;
