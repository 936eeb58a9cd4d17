//! The rows of a tree: those that are open, with what each is and where it lies in the message.
//!
//! Long arrays are cut into ranges, and those into smaller ones, so that a message costs what is open of it and not what it
//! holds.

use std::collections::HashMap;
use std::ops::Range;

use lcm::schema::{Definition, Dimension, Member, Primitive, Schema, Type, Value};

use super::Message;
use super::preview::{preview, preview_range};

/// What is open. Paths decide; what has never been touched is open by its depth.
#[derive(Debug)]
pub(super) struct Folds {
    touched: HashMap<String, bool>,
    /// Structs are open above this depth.
    structs_to: usize,
    /// Arrays are open above this depth.
    arrays_to: usize,
}

/// Lays out the rows of a message.
struct Outline<'v, 'f> {
    rows: Vec<Row<'v>>,
    folds: &'f Folds,
    schema: &'v Schema,
}

/// A row.
#[derive(Debug)]
pub(super) struct Row<'v> {
    pub(super) path: String,
    pub(super) label: String,
    pub(super) depth: usize,
    /// Nothing for what cannot be opened.
    pub(super) is_open: Option<bool>,
    part: Part<'v>,
    declared: Declared<'v>,
    /// The names of its values, if it is an enumeration.
    enumeration: Option<&'v [(String, i32)]>,
}

/// What a row is of the message.
#[derive(Debug)]
enum Part<'v> {
    Value(&'v Value<'v>),
    /// A number of an array.
    Number(Value<'static>),
    /// Some elements of an array, or some bytes of a string.
    Range(&'v Value<'v>, Range<usize>),
    /// Rows beyond what is ever laid out.
    More,
}

/// What the definition of the type says of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Declared<'v> {
    member: Option<&'v Member>,
    /// How many of the member's dimensions have been gone into.
    level: usize,
    /// The type of the whole message, where there is no member.
    root: Option<&'v str>,
}

impl Folds {
    /// Opens all down to a depth, and nothing below.
    pub(super) fn open_to(&mut self, depth: usize) {
        self.touched.clear();
        (self.structs_to, self.arrays_to) = (depth, depth);
    }

    /// Opens or closes one part.
    pub(super) fn set(&mut self, path: &str, is_open: bool) {
        self.touched.insert(path.to_owned(), is_open);
    }

    fn is_open(&self, path: &str, depth: usize, part: &Part<'_>) -> bool {
        let by_depth = match part {
            Part::Value(Value::Struct(_)) => depth < self.structs_to,
            Part::Value(Value::Array(_) | Value::Numbers(_)) => depth < self.arrays_to,
            _ => false,
        };
        self.touched.get(path).copied().unwrap_or(by_depth)
    }
}

impl Default for Folds {
    fn default() -> Self {
        Self { touched: HashMap::new(), structs_to: 3, arrays_to: 0 }
    }
}

/// All rows of a message that are open.
pub(super) fn rows<'v>(message: Message<'v>, folds: &Folds) -> Vec<Row<'v>> {
    let mut outline = Outline { rows: Vec::new(), folds, schema: message.schema };
    let declared = Declared { root: Some(message.message_type.name()), ..Declared::default() };
    match message.value {
        Value::Struct(_) => outline.open("", 0, message.value, declared),
        // A message that is an enumeration.
        value => outline.push(String::new(), "value".to_owned(), 0, Part::Value(value), declared),
    }
    outline.rows
}

impl<'v> Outline<'v, '_> {
    fn push(&mut self, path: String, label: String, depth: usize, part: Part<'v>, declared: Declared<'v>) {
        if self.is_full() {
            return;
        }
        let is_open = part.holds_parts().then(|| self.folds.is_open(&path, depth, &part));
        let opened = match &part {
            Part::Value(value) if is_open == Some(true) => Some((path.clone(), *value)),
            _ => None,
        };
        let enumeration = self.enumeration(declared);
        self.rows.push(Row { path, label, depth, is_open, part, declared, enumeration });
        if let Some((path, value)) = opened {
            self.open(&path, depth + 1, value, declared);
        }
    }

    fn push_range(
        &mut self,
        base: &str,
        range: Range<usize>,
        depth: usize,
        array: &'v Value<'v>,
        declared: Declared<'v>,
    ) {
        if self.is_full() {
            return;
        }
        let label = format!("[{}..{}]", range.start, range.end);
        let path = format!("{base}{label}");
        let part = Part::Range(array, range.clone());
        let is_open = part.holds_parts().then(|| self.folds.is_open(&path, depth, &part));
        self.rows.push(Row { path, label, depth, is_open, part, declared, enumeration: None });
        if is_open == Some(true) {
            self.span(base, range, depth + 1, array, declared);
        }
    }

    /// What is within a struct, an array or a string.
    fn open(&mut self, path: &str, depth: usize, value: &'v Value<'v>, declared: Declared<'v>) {
        match value {
            Value::Struct(members) => {
                let declared = self.members(declared);
                for (place, (name, value)) in members.iter().enumerate() {
                    // Members come in the order of the definition, which also has those that are only sizes.
                    let of_name = |member: &&Member| member.name == *name;
                    let member = declared.iter().skip(place).find(of_name).or_else(|| declared.iter().find(of_name));
                    let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                    let label = match length(value) {
                        Some(length) => format!("{name}[{length}]"),
                        None => (*name).to_owned(),
                    };
                    self.push(path, label, depth, Part::Value(value), Declared { member, ..Declared::default() });
                }
            }
            Value::Text(text) => self.span(path, 0..text.len(), depth, value, declared),
            value => self.span(path, 0..length(value).unwrap_or(0), depth, value, declared),
        }
    }

    /// Elements of an array, or ranges of them where there are many.
    fn span(&mut self, base: &str, range: Range<usize>, depth: usize, array: &'v Value<'v>, declared: Declared<'v>) {
        let least = least_range(array);
        if range.len() > least || matches!(array, Value::Text(_)) {
            let mut part = least;
            while part.saturating_mul(MAX_PARTS) < range.len() {
                part = part.saturating_mul(MAX_PARTS);
            }
            for start in range.clone().step_by(part) {
                self.push_range(base, start..(start + part).min(range.end), depth, array, declared);
            }
            return;
        }
        let declared = Declared { level: declared.level + 1, ..declared };
        for index in range {
            let part = match array {
                Value::Array(items) => items.get(index).map(Part::Value),
                Value::Numbers(numbers) => numbers.get(index).map(Part::Number),
                _ => None,
            };
            if let Some(part) = part {
                let label = match &part {
                    Part::Value(Value::Array(_) | Value::Numbers(_)) => {
                        format!("[{index}][{}]", part.value().and_then(length).unwrap_or(0))
                    }
                    _ => format!("[{index}]"),
                };
                self.push(format!("{base}[{index}]"), label, depth, part, declared);
            }
        }
    }

    fn members(&self, declared: Declared<'v>) -> &'v [Member] {
        let definition = declared.type_name().and_then(|name| self.schema.get(name));
        match definition {
            Some(Definition::Struct(definition)) => &definition.members,
            _ => &[],
        }
    }

    fn enumeration(&self, declared: Declared<'v>) -> Option<&'v [(String, i32)]> {
        match self.schema.get(declared.type_name()?)? {
            Definition::Enum(definition) => Some(&definition.values),
            Definition::Struct(_) => None,
        }
    }

    /// Whether there is no room for another row, which a last row then says.
    fn is_full(&mut self) -> bool {
        if self.rows.len() == MAX_ROWS {
            self.rows.push(Row {
                path: String::new(),
                label: format!("more than {MAX_ROWS} rows: close some"),
                depth: 0,
                is_open: None,
                part: Part::More,
                declared: Declared::default(),
                enumeration: None,
            });
        }
        self.rows.len() >= MAX_ROWS
    }
}

impl<'v> Row<'v> {
    /// The value of a row that is one.
    pub(super) fn value(&self) -> Option<&Value<'v>> {
        self.part.value()
    }

    /// Whether it is a value by itself, and not made of others.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(
            self.value(),
            Some(Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Double(_) | Value::Text(_))
        )
    }

    /// What it says, in about `most` characters.
    pub(super) fn shown(&self, most: usize) -> String {
        match &self.part {
            Part::Value(_) | Part::Range(..) if self.is_open == Some(true) => String::new(),
            Part::Value(value) => match self.named(value) {
                Some(name) => format!("{} ({name})", preview(value, most)),
                None => preview(value, most),
            },
            Part::Number(value) => match self.named(value) {
                Some(name) => format!("{} ({name})", preview(value, most)),
                None => preview(value, most),
            },
            Part::Range(array, range) => preview_range(array, range.clone(), most),
            Part::More => String::new(),
        }
    }

    /// Its type as the definition has it, with the lengths that the message has.
    pub(super) fn type_name(&self) -> String {
        let Some(member) = self.declared.member else { return self.declared.root.unwrap_or_default().to_owned() };
        let mut name = member.kind.to_string();
        if matches!(self.part, Part::Range(..)) {
            return name;
        }
        let mut dimensions = member.dimensions.iter().skip(self.declared.level);
        if let (Some(_), Some(length)) = (dimensions.clone().next(), self.value().and_then(length)) {
            name.push_str(&format!("[{length}]"));
            dimensions.next();
        }
        for dimension in dimensions {
            name.push_str(&match dimension {
                Dimension::Fixed { text, .. } => format!("[{text}]"),
                Dimension::Variable { member } => format!("[{member}]"),
            });
        }
        name
    }

    /// What the definition says of it, on one line.
    pub(super) fn doc(&self) -> String {
        let doc = self.declared.member.map(|member| member.doc.split_whitespace().collect::<Vec<_>>().join(" "));
        doc.unwrap_or_default()
    }

    fn named(&self, value: &Value<'_>) -> Option<&'v str> {
        let Value::Integer(number) = value else { return None };
        let (name, _) = self.enumeration?.iter().find(|(_, value)| i64::from(*value) == *number)?;
        Some(name)
    }
}

impl<'v> Part<'v> {
    fn value(&self) -> Option<&Value<'v>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Number(value) => Some(value),
            Self::Range(..) | Self::More => None,
        }
    }

    /// Whether there is anything in it to open.
    fn holds_parts(&self) -> bool {
        match self {
            Self::Value(Value::Struct(members)) => !members.is_empty(),
            Self::Value(Value::Text(text)) => text.len() > TEXT_BYTES,
            Self::Value(value) => length(value).is_some_and(|length| length > 0),
            Self::Range(Value::Text(_), range) => range.len() > TEXT_BYTES,
            Self::Range(..) => true,
            Self::Number(_) | Self::More => false,
        }
    }
}

impl<'v> Declared<'v> {
    /// The name of the struct or enumeration, where this is one and no array of them.
    fn type_name(self) -> Option<&'v str> {
        let Some(member) = self.member else { return self.root };
        match &member.kind {
            Type::User(name) if self.level >= member.dimensions.len() => Some(name),
            _ => None,
        }
    }
}

/// How many elements an array has.
fn length(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Numbers(numbers) => Some(numbers.len()),
        _ => None,
    }
}

/// How many elements the smallest range has.
fn least_range(array: &Value<'_>) -> usize {
    match array {
        Value::Text(_) => TEXT_BYTES,
        Value::Numbers(numbers) if numbers.kind() == Primitive::Byte => BLOB_BYTES,
        _ => ELEMENTS,
    }
}

/// Rows that are ever laid out: far more than anyone scrolls through, and little enough to do it at each frame.
pub(super) const MAX_ROWS: usize = 5000;

/// The most ranges that an array, or a range, is cut into.
const MAX_PARTS: usize = 100;

/// Of a string, on one row.
const TEXT_BYTES: usize = 64;

/// Of a byte array, on one row.
const BLOB_BYTES: usize = 16;

/// Of any other array, in one range.
const ELEMENTS: usize = 100;
