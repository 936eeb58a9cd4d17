//! Texts become values, by what the schema says of their place.

use serde_json::{Number, Value};

use super::place::Place;
use crate::json_schema::{Type, quoted};

/// Reads the text of a value.
///
/// # Errors
/// What was expected, and what was found.
pub(super) fn read(place: &Place<'_>, text: &str) -> Result<Value, String> {
    if place.is_anything() {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    }
    let takes_text = place.takes(Type::String);
    if takes_text && place.lists(text) {
        return Ok(Value::from(text));
    }
    let trimmed = text.trim();
    if place.takes(Type::Null) && (trimmed.eq_ignore_ascii_case("null") || trimmed.eq_ignore_ascii_case("none")) {
        return Ok(Value::Null);
    }
    // What a string might be mistaken for is told by quotes from a string.
    let has_rivals = UNQUOTED.into_iter().any(|one| place.takes(one));
    if takes_text
        && has_rivals
        && text.starts_with('"')
        && let Ok(Value::String(unquoted)) = serde_json::from_str(text)
    {
        return Ok(Value::String(unquoted));
    }
    let unquoted = scalar(place, trimmed).or_else(|| composite(place, trimmed, takes_text)?.ok());
    match unquoted {
        Some(value) => Ok(value),
        None if takes_text => Ok(Value::from(text)),
        None if place.takes(Type::Array) => list(place, text),
        None => Err(unexpected(place, text)),
    }
}

fn scalar(place: &Place<'_>, text: &str) -> Option<Value> {
    match text {
        "true" | "false" if place.takes(Type::Boolean) => return Some(Value::Bool(text == "true")),
        _ => {}
    }
    let whole = || text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    if (place.takes(Type::Integer) || place.takes(Type::Number))
        && let Ok(number) = whole()
    {
        return Some(Value::Number(number));
    }
    if !place.takes(Type::Number) || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// An array or an object as JSON; `None` if it does not look like one.
fn composite(place: &Place<'_>, text: &str, takes_text: bool) -> Option<Result<Value, String>> {
    let one = match text.chars().next() {
        Some('[') => Type::Array,
        Some('{') => Type::Object,
        _ => return None,
    };
    place
        .takes(one)
        .then(|| serde_json::from_str(text).map_err(|error| error.to_string()))
        .filter(|read| read.is_ok() || !takes_text)
}

/// A list joined by commas.
fn list(place: &Place<'_>, text: &str) -> Result<Value, String> {
    if let Some(read) = composite(place, text.trim(), false) {
        return read.map_err(|reason| format!("{}, which is no JSON: {reason}", unexpected(place, text)));
    }
    if text.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let each = |(index, item): (usize, &str)| read_item(&place.element(index), item);
    text.split(',').enumerate().map(each).collect::<Result<_, _>>().map(Value::Array)
}

/// One element between commas. Elements that are lists or objects themselves need JSON around the whole.
fn read_item(place: &Place<'_>, text: &str) -> Result<Value, String> {
    let is_flat = place.is_anything()
        || [Type::String, Type::Number, Type::Integer, Type::Boolean, Type::Null]
            .into_iter()
            .any(|one| place.takes(one));
    if is_flat { read(place, text) } else { Err(format!("expected a list as JSON, found {}", quoted(text))) }
}

fn unexpected(place: &Place<'_>, text: &str) -> String {
    format!("expected {}, found {}", place.expectation(), quoted(text))
}

/// Types whose texts have no quotes.
const UNQUOTED: [Type; 6] = [Type::Null, Type::Boolean, Type::Integer, Type::Number, Type::Array, Type::Object];
