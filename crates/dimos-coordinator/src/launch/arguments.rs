//! Arguments of launch files: their values, and where texts have them.

use std::collections::BTreeMap;

use dimos::json_schema::closest;
use serde_json::Value;

use super::document::{Content, Node};
use super::format::ArgumentDescription;
use crate::diagnostic::Diagnostic;
use crate::plan::Place;

/// A value that somebody gives an argument.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) value: GivenValue,
    /// Where its name stands.
    pub(super) key: Place,
    /// Where the value stands.
    pub(super) place: Place,
}

/// How a value is given.
#[derive(Debug, Clone)]
pub(super) enum GivenValue {
    /// On a command line: which type it is, the default says.
    Text(String),
    /// In a file.
    Value(Value),
}

/// The arguments of a file, with their values.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    values: BTreeMap<String, Option<Value>>,
}

impl Arguments {
    /// The arguments that a file declares. Those of `given` that it does not declare are not looked at.
    pub(super) fn bind(
        root: &Node,
        given: &BTreeMap<String, Given>,
        include: Option<Place>,
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut values = BTreeMap::new();
        for (name, node) in root.member("args").into_iter().flat_map(Node::members) {
            let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_good) {
                let message = format!("{name:?} is no name of an argument");
                faults.push(Diagnostic::error(message).at(node.key, "letters, digits, _ and - make one"));
            }
            let (default, is_path) = match &node.content {
                // What is wrong with the declaration is told when the file is checked.
                Content::Table(_) => match serde_json::from_value::<ArgumentDescription>(node.value()) {
                    Ok(description) => (description.default, description.is_path),
                    Err(_) => continue,
                },
                Content::Leaf(_) | Content::Array(_) => (Some(node.value()), false),
            };
            let value = match given.get(name) {
                Some(Given { value: GivenValue::Text(path), .. }) if is_path => Some(Value::from(whole(path))),
                Some(given) => match typed(&given.value, default.as_ref()) {
                    Ok(value) => Some(value),
                    Err(why) => {
                        let fault = Diagnostic::error(format!("the argument `{name}` {why}"));
                        faults.push(fault.at(given.place, "").at(node.place, "because of its default"));
                        default
                    }
                },
                None if default.is_none() => {
                    let fault = Diagnostic::error(format!("the argument `{name}` has no value"));
                    faults.push(match include {
                        Some(place) => fault
                            .at(place, "not set here")
                            .at(node.key, "declared without a default")
                            .help(format!("add `args = {{ {name} = ... }}` to the include")),
                        None => fault
                            .at(node.key, "declared without a default")
                            .help(format!("add `{name}=VALUE` to the command line")),
                    });
                    None
                }
                None => default,
            };
            values.insert(name.clone(), value);
        }
        Self { values }
    }

    /// The names of the arguments.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.keys().map(String::as_str)
    }

    /// Puts the values of the arguments where the texts of a file name them, `[args]` excepted.
    pub(super) fn insert(&self, root: &mut Node, text: &str, faults: &mut Vec<Diagnostic>) {
        let Content::Table(members) = &mut root.content else { return };
        let mut left_bytes = Some(MAX_INSERTED_BYTES);
        for (_, member) in members.iter_mut().filter(|(name, _)| *name != "args") {
            self.insert_in(member, text, &mut left_bytes, faults);
        }
    }

    fn insert_in(&self, node: &mut Node, text: &str, left_bytes: &mut Option<usize>, faults: &mut Vec<Diagnostic>) {
        // More than enough has been inserted: that is told once.
        if left_bytes.is_none() {
            return;
        }
        match &mut node.content {
            Content::Array(items) => {
                items.iter_mut().for_each(|item| self.insert_in(item, text, left_bytes, faults));
            }
            Content::Table(members) => {
                members.values_mut().for_each(|member| self.insert_in(member, text, left_bytes, faults));
            }
            Content::Leaf(Value::String(written)) if written.contains('$') => {
                match self.inserted(written, node.place, text, left_bytes) {
                    Ok(value) => *node = Node::of_value(&value, node.key, node.place),
                    Err(fault) => faults.push(fault),
                }
            }
            Content::Leaf(_) => {}
        }
    }

    /// A text with the values of the arguments that it names.
    fn inserted(
        &self,
        written: &str,
        place: Place,
        text: &str,
        left_bytes: &mut Option<usize>,
    ) -> Result<Value, Diagnostic> {
        let mut result = String::new();
        let mut rest = written;
        while let Some(at) = rest.find('$') {
            let (before, behind) = rest.split_at(at);
            result.push_str(before);
            if let Some(behind) = behind.strip_prefix("$${") {
                result.push_str("${");
                rest = behind;
                continue;
            }
            let Some(named) = behind.strip_prefix("${") else {
                result.push('$');
                rest = &behind[1..];
                continue;
            };
            let Some((name, behind)) = named.split_once('}') else {
                return Err(Diagnostic::error("`${` without `}`")
                    .at(found(text, place, "${"), "begins here")
                    .help("write `$${` for a `${` that names no argument"));
            };
            let Some(value) = self.values.get(name) else {
                let place = found(text, place, &format!("${{{name}}}"));
                let fault = Diagnostic::error(format!("there is no argument `{name}`")).at(place, "");
                return Err(match closest(name, self.names()) {
                    Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                    None => fault.help(format!("declare it in [args], or write `$${{{name}}}` for the text itself")),
                });
            };
            // That it has none is told where it is declared.
            let value = value.clone().unwrap_or_default();
            let left = left_bytes.unwrap_or_default();
            *left_bytes = left.checked_sub(value.to_string().len());
            if left_bytes.is_none() {
                let message = format!("the arguments add more than {MAX_INSERTED_BYTES} bytes to this file");
                return Err(Diagnostic::error(message).at(place, ""));
            }
            if name.len() + 3 == written.len() {
                return Ok(value);
            }
            match value {
                Value::String(value) => result.push_str(&value),
                Value::Array(_) | Value::Object(_) => {
                    let place = found(text, place, &format!("${{{name}}}"));
                    let message = format!("the argument `{name}` is {}, which cannot be part of a text", kind(&value));
                    return Err(Diagnostic::error(message).at(place, ""));
                }
                plain => result.push_str(&plain.to_string()),
            }
            rest = behind;
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }
}

/// A text as a TOML value; where it is none, the text itself.
pub(super) fn value_of(text: &str) -> Value {
    toml_value(text).unwrap_or_else(|| Value::from(text))
}

/// The value of an argument, of the type that its default has.
fn typed(given: &GivenValue, default: Option<&Value>) -> Result<Value, String> {
    let value = match (given, default) {
        (GivenValue::Value(value), _) => value.clone(),
        // A text needs no quotes, also where it looks like a number.
        (GivenValue::Text(text), Some(Value::String(_))) => Value::from(text.as_str()),
        (GivenValue::Text(text), _) => value_of(text),
    };
    let Some(default) = default else { return Ok(value) };
    let is_same = match (default, &value) {
        (Value::Number(default), Value::Number(value)) => default.is_f64() || !value.is_f64(),
        (default, value) => kind(default) == kind(value),
    };
    if is_same { Ok(value) } else { Err(format!("takes {}, not {}", kind(default), kind(&value))) }
}

/// A path of the command line, which holds wherever a module works.
fn whole(path: &str) -> String {
    let whole = std::path::absolute(path).ok().and_then(|whole| Some(whole.to_str()?.to_owned()));
    whole.unwrap_or_else(|| path.to_owned())
}

fn toml_value(text: &str) -> Option<Value> {
    // One value, and nothing that is more than that.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let node = Node::parse(&format!("value = {text}"), 0).ok()?;
    Some(node.member("value")?.value())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Where a part of a text stands, if it stands there as it is.
fn found(text: &str, place: Place, part: &str) -> Place {
    let at = text.get(place.start..place.end).and_then(|written| written.find(part));
    at.map_or(place, |at| Place { start: place.start + at, end: place.start + at + part.len(), ..place })
}

/// A file does not grow without bound by what is put into it.
const MAX_INSERTED_BYTES: usize = 1 << 20;
