//! The arguments of a call, as words of a command line: `key=value`, or one JSON object.

use dimos::json_schema::Schema;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// Fails if the words cannot be arguments of any method.
pub(crate) fn check_form(words: &[String]) -> Result<(), Failure> {
    read(words, &Value::Null).map(|_| ())
}

/// The arguments. `schema` is that of the method, null if it is not known.
pub(crate) fn read(words: &[String], schema: &Value) -> Result<Value, Failure> {
    if let [object] = words
        && object.trim_start().starts_with('{')
    {
        return serde_json::from_str(object).map_err(|error| Failure::usage(error).within("the arguments are no JSON"));
    }
    let mut arguments = Map::new();
    for word in words {
        let Some((key, text)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let message = format!("the argument {word:?}: expected key=value, or one JSON object for all arguments");
            return Err(Failure::usage(message));
        };
        if arguments.insert(key.to_owned(), value(key, text, schema)).is_some() {
            return Err(Failure::usage(format_args!("the argument {key} is given twice")));
        }
    }
    Ok(Value::Object(arguments))
}

/// What a text means where `schema` takes `key`: JSON of another type than a string if that is taken, else the text as it is. What
/// is not taken at all is left to the module to refuse, which says why.
fn value(key: &str, text: &str, schema: &Value) -> Value {
    let as_text = || Value::String(text.to_owned());
    let Ok(parsed) = serde_json::from_str::<Value>(text) else { return as_text() };
    match accepting(key, schema) {
        Some(accepts) if !parsed.is_string() && accepts(&parsed) => parsed,
        Some(accepts) if accepts(&as_text()) => as_text(),
        _ => parsed,
    }
}

/// Whether the schema accepts a value as this argument, whatever it says of others; none if it cannot tell.
fn accepting(key: &str, schema: &Value) -> Option<impl Fn(&Value) -> bool> {
    let mut schema = schema.as_object()?.clone();
    schema.remove("required");
    let schema = Schema::compile(&Value::Object(schema)).ok()?;
    let key = key.to_owned();
    Some(move |value: &Value| schema.check(&json!({ key.as_str(): value })).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_by(schema: &Value, words: &[&str]) -> Value {
        read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), schema).unwrap()
    }

    #[test]
    fn a_value_is_what_the_method_takes() {
        let schema = json!({
            "type": "object",
            "required": ["text", "other"],
            "properties": {
                "text": { "type": "string" },
                "number": { "type": "number" },
                "maybe": { "type": ["string", "null"] },
                "kind": { "$ref": "#/$defs/Kind" },
                "either": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
                "list": { "type": "array", "items": { "type": "integer" } },
            },
            "$defs": { "Kind": { "enum": ["fast", "slow"] } },
            "additionalProperties": false,
        });
        let words = ["text=42", "number=42", "maybe=null", "kind=fast", "either=42", "list=[1,2]"];
        let expected =
            json!({ "text": "42", "number": 42, "maybe": null, "kind": "fast", "either": 42, "list": [1, 2] });
        assert_eq!(read_by(&schema, &words), expected);
        assert_eq!(read_by(&schema, &["text=", "maybe=a=b"]), json!({ "text": "", "maybe": "a=b" }));
        assert_eq!(read_by(&schema, &["kind=\"fast\""]), json!({ "kind": "fast" }));
        // Refused by the module, which says why.
        assert_eq!(read_by(&schema, &["number=many", "wrong=1"]), json!({ "number": "many", "wrong": 1 }));
    }

    #[test]
    fn without_a_schema_json_is_json_and_the_rest_is_text() {
        let words = ["a=1", "b=true", "c=fast", "d={\"e\": 1}", "f=\"g\""];
        let expected = json!({ "a": 1, "b": true, "c": "fast", "d": { "e": 1 }, "f": "g" });
        assert_eq!(read_by(&Value::Null, &words), expected);
        assert_eq!(read_by(&Value::Null, &[" {\"a\": [1]}"]), json!({ "a": [1] }));
        assert_eq!(read_by(&Value::Null, &[]), json!({}));
    }

    #[test]
    fn words_that_are_neither_are_refused() {
        let refused =
            |words: &[&str]| check_form(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()).is_err();
        assert!(refused(&["a"]) && refused(&["=1"]) && refused(&["a=1", "a=2"]) && refused(&["{\"a\":"]));
        assert!(refused(&["{}", "{}"]) && !refused(&["a=1"]));
    }
}
