//! What modules say becomes lines of the log.

use std::time::SystemTime;

use dimos::coordinator::LogLine;
use serde_json::{Map, Value};

use super::level::Level;
use crate::process::Stream;
use crate::time::iso;

/// Who says what the coordinator says.
pub(super) const COORDINATOR: &str = "coordinator";

/// A line that a module has said: a JSON object as modules of ours and of Python DimOS write it, or any text.
#[must_use]
pub fn from_module(module: &str, stream: Stream, bytes: &[u8], left_out: usize, now: SystemTime) -> LogLine {
    let text = String::from_utf8_lossy(bytes);
    let object = serde_json::from_str::<Map<String, Value>>(&text).ok().filter(|_| left_out == 0);
    let mut line = match object {
        Some(object) => from_object(object, now),
        None => plain(&text, stream, now),
    };
    line.logger = module.to_owned();
    if left_out > 0 {
        line.fields.insert("bytes_left_out".to_owned(), left_out.into());
    }
    line
}

/// A line of the coordinator's own.
#[must_use]
pub fn own(
    level: Level,
    event: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    now: SystemTime,
) -> LogLine {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut line = line(event.to_owned(), level, iso(now), fields);
    COORDINATOR.clone_into(&mut line.logger);
    line
}

/// `{"level", "message" or "event", "timestamp", "fields": {...}}`, all of it optional but the message.
fn from_object(mut object: Map<String, Value>, now: SystemTime) -> LogLine {
    let mut fields = match object.remove("fields") {
        Some(Value::Object(fields)) => fields,
        Some(other) => Map::from_iter([("fields".to_owned(), other)]),
        None => Map::new(),
    };
    let mut text = |name: &str| match object.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            fields.insert(name.to_owned(), other);
            None
        }
        None => None,
    };
    let level = text("level").and_then(|level| level.parse().ok()).unwrap_or(Level::Info);
    let timestamp = text("timestamp").unwrap_or_else(|| iso(now));
    let event = text("message").or_else(|| text("event"));
    let event = event.or_else(|| match fields.remove("message").or_else(|| fields.remove("event"))? {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    });
    fields.extend(object);
    // These are the line's own.
    for taken in ["event", "level", "logger", "timestamp", "seq"] {
        if let Some(other) = fields.remove(taken) {
            fields.insert(format!("{taken}_"), other);
        }
    }
    line(event.unwrap_or_default(), level, timestamp, fields)
}

fn plain(text: &str, stream: Stream, now: SystemTime) -> LogLine {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let fields = Map::from_iter([("stream".to_owned(), Value::from(stream))]);
    line(text.to_owned(), Level::Info, iso(now), fields)
}

fn line(event: String, level: Level, timestamp: String, fields: Map<String, Value>) -> LogLine {
    let mut line = LogLine::new(event, timestamp);
    level.as_str().clone_into(&mut line.level);
    line.fields = fields;
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(text: &str) -> Value {
        let line = from_module("robot0/mapper", Stream::Stderr, text.as_bytes(), 0, SystemTime::UNIX_EPOCH);
        serde_json::to_value(line).unwrap()
    }

    #[test]
    fn what_a_module_of_ours_says_keeps_its_fields() {
        let said = r#"{"timestamp":"2026-01-02T03:04:05.000006Z","level":"WARN","fields":{"message":"late","ms":7,"level":3},"target":"mapper"}"#;
        let expected = json!({
            "event": "late", "level": "warning", "logger": "robot0/mapper",
            "timestamp": "2026-01-02T03:04:05.000006Z", "ms": 7, "level_": 3, "target": "mapper",
        });
        assert_eq!(heard(said), expected);
    }

    #[test]
    fn what_others_say_is_kept_as_it_is() {
        let expected = json!({
            "event": "Segmentation fault", "level": "info", "logger": "robot0/mapper",
            "timestamp": "1970-01-01T00:00:00.000000Z", "stream": "stderr",
        });
        assert_eq!(heard("Segmentation fault"), expected);
        for odd in ["[1]", "17", "{\"level\":", "\u{fffd}"] {
            assert_eq!(heard(odd)["event"], odd);
        }
        let odd = heard(r#"{"level":17,"event":["a"]}"#);
        assert_eq!((&odd["event"], &odd["level"], &odd["level_"]), (&json!("[\"a\"]"), &json!("info"), &json!(17)));
    }
}
