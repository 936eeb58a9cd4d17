//! Values and schemas in words, bounded in length whatever they are.

use std::borrow::Cow;
use std::io;

use serde_json::Value;

use super::node::{Node, ObjectRules, Type, Types};
use super::text::write_count;

/// A value as JSON, cut where it gets long.
pub(crate) fn shown(value: &Value) -> String {
    let mut start = Start { bytes: Vec::new() };
    let is_whole = serde_json::to_writer(&mut start, value).is_ok();
    let text = String::from_utf8_lossy(&start.bytes);
    if is_whole { text.into_owned() } else { format!("{}…", text.trim_end_matches(char::REPLACEMENT_CHARACTER)) }
}

/// A text in quotation marks, cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text, SHOWN_BYTES))
}

/// A text of at most so many bytes, and an ellipsis if there was more.
pub(crate) fn shortened(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let end = (0..=max_bytes.saturating_sub('…'.len_utf8()))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or_default();
    Cow::Owned(format!("{}…", &text[..end]))
}

/// What a schema expects: `a number from 0 to 1`, `"fast", "slow" or null`.
pub(crate) fn expectation(nodes: &[Node], node: &Node) -> String {
    let mut alternatives = Vec::new();
    collect(nodes, node, 0, &mut alternatives);
    listed(&alternatives)
}

/// As `a, b or c`.
pub(crate) fn listed(alternatives: &[String]) -> String {
    let text = match alternatives {
        [] => "any value".to_owned(),
        [only] => only.clone(),
        [first @ .., last] if alternatives.len() <= MAX_ALTERNATIVES => format!("{} or {last}", first.join(", ")),
        more => format!("{} or something else", more[..MAX_ALTERNATIVES].join(", ")),
    };
    shortened(&text, EXPECTATION_BYTES).into_owned()
}

/// Adds what a schema accepts, kind by kind.
fn collect(nodes: &[Node], node: &Node, depth: usize, alternatives: &mut Vec<String>) {
    if depth > MAX_NESTING || alternatives.len() > MAX_ALTERNATIVES {
        return;
    }
    let before = alternatives.len();
    if node.never {
        add(alternatives, "nothing".to_owned());
    } else if let Some(choices) = &node.choices {
        for choice in choices.iter().take(MAX_ALTERNATIVES + 1) {
            add(alternatives, shown(choice));
        }
    } else if node.any_of.is_empty() && node.one_of.is_empty() {
        for (one, words) in types(node).words() {
            add(alternatives, with_rules(nodes, node, one, words, depth));
        }
    } else {
        for id in node.any_of.iter().chain(&node.one_of) {
            collect(nodes, id.of(nodes), depth + 1, alternatives);
        }
    }
    // The first of several conjuncts says enough to go on with.
    for id in &node.all_of {
        if alternatives.len() == before {
            collect(nodes, id.of(nodes), depth + 1, alternatives);
        }
    }
}

fn add(alternatives: &mut Vec<String>, one: String) {
    if alternatives.contains(&one) {
        return;
    }
    // What may be left out is the least of the news.
    let at = if alternatives.last().is_some_and(|last| last == "null") {
        alternatives.len() - 1
    } else {
        alternatives.len()
    };
    alternatives.insert(at, one);
}

/// The types a node names, or those its rules are about.
fn types(node: &Node) -> Types {
    let mut types = node.types.unwrap_or_default();
    if node.types.is_none() {
        let about = [
            (node.number.is_some(), Type::Number),
            (node.text.is_some(), Type::String),
            (node.array.is_some(), Type::Array),
            (node.object.is_some(), Type::Object),
        ];
        about.into_iter().filter(|&(is_asserted, _)| is_asserted).for_each(|(_, one)| types.insert(one));
    }
    types
}

fn with_rules(nodes: &[Node], node: &Node, one: Type, words: &str, depth: usize) -> String {
    let mut text = words.to_owned();
    match (one, &node.number, &node.text, &node.array) {
        (Type::Integer | Type::Number, Some(rules), ..) => text.push_str(&rules.to_string()),
        (Type::String, _, Some(rules), _) => text.push_str(&rules.to_string()),
        (Type::Object, ..) => {
            // An alternative that is told by its only key is shown by it.
            if let Some((ObjectRules { properties, .. }, [key])) =
                node.object.as_deref().map(|rules| (rules, rules.required.as_slice()))
                && properties.len() == 1
            {
                text = format!("{{{}: …}}", quoted(key));
            }
        }
        (Type::Array, .., Some(rules)) => {
            // Writing to a string cannot fail.
            let _ = write_count(&mut text, rules.min_items, rules.max_items, "item", "items");
            if let (Some(rest), true) = (rules.rest, rules.first.is_empty()) {
                let mut items = Vec::new();
                collect(nodes, rest.of(nodes), depth + 1, &mut items);
                if let [items] = items.as_slice() {
                    text.push_str(", each ");
                    text.push_str(items);
                }
            }
        }
        _ => {}
    }
    text
}

/// The first bytes of what is written to it; more is an error, which ends the writing.
struct Start {
    bytes: Vec<u8>,
}

impl io::Write for Start {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let fitting = more.len().min(SHOWN_BYTES - self.bytes.len());
        self.bytes.extend_from_slice(&more[..fitting]);
        if fitting < more.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fitting) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much of a value is shown.
const SHOWN_BYTES: usize = 60;

/// How long an expectation gets.
const EXPECTATION_BYTES: usize = 160;

/// How many kinds of values an expectation lists.
const MAX_ALTERNATIVES: usize = 10;

/// How deep an expectation looks into a schema.
const MAX_NESTING: usize = 8;
