//! What a part of a message says, as far as that fits on a line. Nothing is looked at that is not shown.

use std::ops::Range;

use lcm::schema::{Primitive, Value};

use crate::readable::{float, number, shortened};

/// A value in about `most` characters.
pub(super) fn preview(value: &Value<'_>, most: usize) -> String {
    let mut text = String::new();
    append(value, most, &mut text);
    text
}

/// Some elements of an array, or some bytes of a string.
pub(super) fn preview_range(array: &Value<'_>, range: Range<usize>, most: usize) -> String {
    let mut text = String::new();
    append_range(array, range, most, &mut text);
    text
}

fn append(value: &Value<'_>, most: usize, text: &mut String) {
    match value {
        Value::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Integer(value) => text.push_str(&value.to_string()),
        Value::Float(value) => text.push_str(&float(*value, NUMBER_CHARACTERS)),
        Value::Double(value) => text.push_str(&number(*value, NUMBER_CHARACTERS)),
        Value::Text(bytes) => {
            text.push('"');
            text.push_str(&shortened(bytes, most.saturating_sub(text.len() + 1)));
            text.push('"');
        }
        Value::Numbers(numbers) => append_range(value, 0..numbers.len(), most, text),
        Value::Array(items) => append_range(value, 0..items.len(), most, text),
        Value::Struct(members) => {
            text.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                if text.len() >= most {
                    text.push_str(" ...");
                    break;
                }
                text.push_str(if place > 0 { ", " } else { "" });
                text.push_str(name);
                text.push_str(": ");
                append(value, most, text);
            }
            text.push('}');
        }
    }
}

fn append_range(array: &Value<'_>, range: Range<usize>, most: usize, text: &mut String) {
    if let Value::Text(bytes) = array {
        text.push_str(&shortened(bytes.get(range).unwrap_or_default(), most.saturating_sub(text.len())));
        return;
    }
    let is_list = matches!(array, Value::Array(_));
    text.push_str(if is_list { "[" } else { "" });
    for (place, index) in range.enumerate() {
        if text.len() >= most {
            text.push_str(" ...");
            break;
        }
        text.push_str(match place {
            0 => "",
            _ if is_list => ", ",
            _ => " ",
        });
        match array {
            Value::Numbers(numbers) if numbers.kind() == Primitive::Byte => {
                text.push_str(&numbers.as_wire().get(index).map(|byte| format!("{byte:02x}")).unwrap_or_default());
            }
            Value::Numbers(numbers) => {
                if let Some(value) = numbers.get(index) {
                    append(&value, most, text);
                }
            }
            Value::Array(items) => {
                if let Some(item) = items.get(index) {
                    append(item, most, text);
                }
            }
            _ => {}
        }
    }
    text.push_str(if is_list { "]" } else { "" });
}

/// All digits of most doubles; the others are rounded.
const NUMBER_CHARACTERS: usize = 20;
