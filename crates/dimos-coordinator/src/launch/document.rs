//! A launch file as a tree of values, each with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::plan::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Where the key stands that has the value; of what has no key, where the value does.
    pub(super) key: Place,
    /// Where the value stands.
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Anything without parts.
    Leaf(Value),
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Node {
    /// Reads TOML.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, source: usize) -> Result<Self, Vec<Diagnostic>> {
        // The parser's own bounds, on brackets and on the parts of a key, together allow for some thousand tables within each other.
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("toml".to_owned()).stack_size(STACK_BYTES);
            let thread = builder.spawn_scoped(scope, || parsed(text, source));
            let result = thread.map(std::thread::ScopedJoinHandle::join);
            match result {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(vec![Diagnostic::error("the TOML parser failed")]),
                Err(error) => Err(vec![Diagnostic::error(format!("no thread to read TOML with: {error}"))]),
            }
        })
    }

    /// A value that stands somewhere as a whole.
    pub(super) fn of_value(value: &Value, key: Place, place: Place) -> Self {
        let content = match value {
            Value::Array(items) => {
                Content::Array(items.iter().map(|item| Self::of_value(item, place, place)).collect())
            }
            Value::Object(members) => {
                let member = |(name, member): (&String, &Value)| (name.clone(), Self::of_value(member, key, place));
                Content::Table(members.iter().map(member).collect())
            }
            leaf => Content::Leaf(leaf.clone()),
        };
        Self { key, place, content }
    }

    /// The value without places.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Leaf(value) => value.clone(),
            Content::Array(items) => Value::Array(items.iter().map(Self::value).collect()),
            Content::Table(members) => Value::Object(
                members.iter().map(|(name, member)| (name.clone(), member.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// A member of a table.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Table(members) => members.get(name),
            Content::Leaf(_) | Content::Array(_) => None,
        }
    }

    /// The members of a table; of anything else none.
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, &Self)> {
        let members = match &self.content {
            Content::Table(members) => Some(members),
            Content::Leaf(_) | Content::Array(_) => None,
        };
        members.into_iter().flatten()
    }

    /// The elements of an array; of anything else none.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Array(items) => items,
            Content::Leaf(_) | Content::Table(_) => &[],
        }
    }

    /// Lays another value over this one: tables are merged key by key, anything else is replaced.
    pub(super) fn lay_over(&mut self, stronger: Self) {
        match (&mut self.content, stronger.content) {
            (Content::Table(members), Content::Table(others)) => {
                self.key = stronger.key;
                for (name, other) in others {
                    match members.get_mut(&name) {
                        Some(member) => member.lay_over(other),
                        None => drop(members.insert(name, other)),
                    }
                }
            }
            (_, content) => *self = Self { content, ..stronger },
        }
    }

    /// Visits all values in it with their paths, as checks against a schema write them: `grid.sizes[2]`.
    pub(super) fn visit(&self, path: &str, visitor: &mut impl FnMut(&str, &Self)) {
        visitor(path, self);
        match &self.content {
            Content::Leaf(_) => {}
            Content::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.visit(&format!("{path}[{index}]"), visitor);
                }
            }
            Content::Table(members) => {
                for (name, member) in members {
                    member.visit(&joined(path, name), visitor);
                }
            }
        }
    }

    /// The value at a path, or what is around it if it is not there. Of what is missing the key is that of what should have it.
    pub(super) fn nearest(&self, path: &str) -> (&Place, &Place, bool) {
        let mut best = (&self.key, &self.place, path.is_empty());
        let (mut node, mut at) = (self, String::new());
        'down: while at != path {
            let indexed = node.elements().iter().enumerate().map(|(index, item)| (format!("{at}[{index}]"), item));
            let named = node.members().map(|(name, member)| (joined(&at, name), member));
            for (way, below) in named.chain(indexed) {
                let rest = path.strip_prefix(&way);
                if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])) {
                    best = (&below.key, &below.place, rest == Some(""));
                    (node, at) = (below, way);
                    continue 'down;
                }
            }
            break;
        }
        best
    }
}

fn parsed(text: &str, source: usize) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let whole = Place { source, start: 0, end: 0 };
    let mut faults: Vec<_> = errors.iter().map(|error| syntax(error, source)).collect();
    // What was recovered of a damaged file would only give further errors.
    let node = Node { key: whole, place: whole, content: Content::Table(BTreeMap::new()) };
    let node = if faults.is_empty() { node_of_table(table.get_ref(), whole, 0, &mut faults) } else { node };
    if faults.is_empty() { Ok(node) } else { Err(faults) }
}

/// A path one key further, as checks against a schema write it.
pub(super) fn joined(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.len() <= MAX_PLAIN_BYTES
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (is_plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{name:?}]"),
    }
}

fn node_of_table(table: &DeTable<'_>, whole: Place, depth: usize, faults: &mut Vec<Diagnostic>) -> Node {
    let mut members = BTreeMap::new();
    for (name, value) in table {
        let key = place(name.span(), whole.source);
        let name: &str = name.get_ref();
        let mut node = node_of(value, whole.source, depth + 1, faults);
        node.key = key;
        members.insert(name.to_owned(), node);
    }
    Node { key: whole, place: whole, content: Content::Table(members) }
}

fn node_of(value: &Spanned<DeValue<'_>>, source: usize, depth: usize, faults: &mut Vec<Diagnostic>) -> Node {
    let place = place(value.span(), source);
    if depth > MAX_DEPTH {
        faults.push(Diagnostic::error("values within each other too deeply").at(place, format!("at most {MAX_DEPTH}")));
        return Node { key: place, place, content: Content::Leaf(Value::Null) };
    }
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Leaf(Value::from(&**text)),
        DeValue::Boolean(boolean) => Content::Leaf(Value::Bool(*boolean)),
        DeValue::Datetime(time) => Content::Leaf(Value::from(time.to_string())),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            let signed = i64::from_str_radix(digits, radix).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
            Content::Leaf(number.map(Value::Number).unwrap_or_else(|_| {
                faults.push(Diagnostic::error("a number that takes more than 64 bits").at(place, ""));
                Value::Null
            }))
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(Number::from_f64);
            Content::Leaf(number.map(Value::Number).unwrap_or_else(|| {
                faults.push(Diagnostic::error("a number that is not finite").at(place, ""));
                Value::Null
            }))
        }
        DeValue::Array(items) => {
            Content::Array(items.iter().map(|item| node_of(item, source, depth + 1, faults)).collect())
        }
        DeValue::Table(table) => node_of_table(table, place, depth, faults).content,
    };
    Node { key: place, place, content }
}

fn syntax(error: &toml::de::Error, source: usize) -> Diagnostic {
    let message = error.message().replace('\n', ": ");
    Diagnostic::error(format!("this is not TOML: {message}")).at(place(error.span().unwrap_or(0..0), source), "")
}

fn place(span: Range<usize>, source: usize) -> Place {
    Place { source, start: span.start, end: span.end }
}

/// How deep values may stand within each other.
const MAX_DEPTH: usize = 64;

/// What some thousand tables within each other take. It is touched only where they are there.
const STACK_BYTES: usize = 64 << 20;

/// Longer keys are quoted in paths.
const MAX_PLAIN_BYTES: usize = 64;
