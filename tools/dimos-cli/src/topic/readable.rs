//! Messages for people: a tree of members, in which blobs and long arrays are cut short.

use std::fmt::Write;

use lcm::schema::{Numbers, Primitive, Value};

use crate::output::plain;

/// A value with everything in it: of one line, or lines that are indented by `depth` steps.
pub(crate) fn tree(value: &Value<'_>) -> String {
    let mut text = String::new();
    match inline(value) {
        Some(line) => text.push_str(&line),
        None => block(value, 0, &mut text),
    }
    text.trim_end_matches('\n').to_owned()
}

/// A single value by itself: strings are shown as they are.
pub(crate) fn field(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => plain(&String::from_utf8_lossy(text)),
        value => tree(value),
    }
}

/// Bytes that mean nothing to us.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    let shown: Vec<_> = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let dots = if bytes.len() > SHOWN_BYTES { " ..." } else { "" };
    match bytes.len() {
        0 => "<no bytes>".to_owned(),
        length => format!("<{length} bytes: {}{dots}>", shown.join(" ")),
    }
}

/// What fits on a line.
fn inline(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Value::Numbers(numbers) => of_numbers(numbers),
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Struct(members) if members.is_empty() => "{}".to_owned(),
        Value::Array(_) | Value::Struct(_) => return None,
    })
}

fn of_numbers(numbers: &Numbers<'_>) -> String {
    if numbers.kind() == Primitive::Byte {
        return bytes(numbers.as_wire());
    }
    let shown: Vec<_> = numbers.iter().take(SHOWN_NUMBERS).filter_map(|number| inline(&number)).collect();
    match numbers.len() {
        length if length > SHOWN_NUMBERS => format!("[{}, ... {length} in all]", shown.join(", ")),
        _ => format!("[{}]", shown.join(", ")),
    }
}

fn block(value: &Value<'_>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Struct(members) => members.iter().try_for_each(|(name, value)| match inline(value) {
            Some(line) => writeln!(text, "{indent}{name}: {line}"),
            None => {
                let heading = writeln!(text, "{indent}{name}:");
                block(value, depth + 1, text);
                heading
            }
        }),
        Value::Array(items) => {
            for item in items.iter().take(SHOWN_ITEMS) {
                let _ = write!(text, "{indent}- ");
                match inline(item) {
                    Some(line) => text.push_str(&format!("{line}\n")),
                    None => {
                        // The first line of the item stands behind its dash.
                        let start = text.len();
                        block(item, depth + 1, text);
                        let inner_indent = indent.len() + 2;
                        text.replace_range(start..(start + inner_indent).min(text.len()), "");
                    }
                }
            }
            match items.len() {
                length if length > SHOWN_ITEMS => writeln!(text, "{indent}... {length} in all"),
                _ => Ok(()),
            }
        }
        value => writeln!(text, "{indent}{}", inline(value).unwrap_or_default()),
    };
}

/// Of an array of numbers.
const SHOWN_NUMBERS: usize = 10;

/// Of an array of messages or strings.
const SHOWN_ITEMS: usize = 10;

/// Of a blob.
const SHOWN_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_lines_and_long_arrays_are_cut_short() {
        let numbers = Value::from(Numbers::from(&(0..360).map(f64::from).collect::<Vec<_>>()[..]));
        let point = |x: i32| Value::Struct(vec![("x", x.into()), ("y", f64::NAN.into())]);
        let value = Value::Struct(vec![
            ("name", "dock\x1b[2J".into()),
            ("at", point(1)),
            ("ranges", numbers),
            ("data", Numbers::from(vec![255; 1000]).into()),
            ("path", Value::Array(vec![point(1), point(2)])),
            ("rows", Value::Array(vec![Value::Array(vec!["a".into()]), Value::Array(vec![])])),
            ("none", Value::Array(vec![])),
        ]);
        let expected = "\
name: \"dock\\u{1b}[2J\"
at:
  x: 1
  y: NaN
ranges: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 360 in all]
data: <1000 bytes: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ...>
path:
  - x: 1
    y: NaN
  - x: 2
    y: NaN
rows:
  - - \"a\"
  - []
none: []";
        assert_eq!(tree(&value), expected);
        let many = Value::Array((0..1000).map(|number| Value::from(number.to_string())).collect());
        assert_eq!(tree(&many).lines().last(), Some("... 1000 in all"));
    }

    #[test]
    fn a_field_alone_is_bare() {
        assert_eq!(field(&"dock\n".into()), "dock\\n");
        assert_eq!(field(&0.25.into()), "0.25");
    }
}
