//! A message as a line of text, `pkg.Type HEX` or `pkg.Type {JSON}`: decoded and encoded again, by each of the ways there are.

use clap::ValueEnum;
use lcm::Message;
use lcm::schema::{Catalog, Definition};
use serde::de::DeserializeSeed;

/// A way through the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Via {
    /// Generated types that own their data.
    Owned,
    /// Views of the received bytes, copied out.
    View,
    /// The definitions alone, without generated code.
    Schema,
}

/// What is wrong with a line.
pub(super) type Wrong = String;

/// The name of the type, and the message: as hexadecimal, or as JSON.
pub(super) fn again<'l>(line: &'l str, via: Via, as_json: bool, catalog: &Catalog) -> Result<(&'l str, String), Wrong> {
    let (name, data) = line.split_once([' ', '\t']).ok_or("expected `pkg.Type HEX`")?;
    let data = data.trim();
    // Of an enumeration JSON is a number, and shorter than any message.
    let is_enum = matches!(catalog.schema().get(name), Some(Definition::Enum(_)));
    let is_json = data.starts_with('{') || is_enum && data.len() < ENUM_DIGITS;
    let input = if is_json { Input::Json(data) } else { Input::Bytes(bytes(data)?) };
    let output = match via {
        Via::Schema => through_schema(as_json, catalog, name, &input),
        via => through_generated(via, as_json, catalog, name, &input),
    };
    Ok((name, output.map_err(|wrong| format!("{name}: {wrong}"))?))
}

enum Input<'a> {
    Json(&'a str),
    Bytes(Vec<u8>),
}

fn through_schema(as_json: bool, catalog: &Catalog, name: &str, input: &Input<'_>) -> Result<String, Wrong> {
    let message_type = catalog.get(name).map_err(text)?;
    let value = match input {
        Input::Bytes(bytes) => message_type.decode(bytes).map_err(text)?,
        Input::Json(json) => {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            let value = message_type.deserialize(&mut deserializer).map_err(text)?;
            deserializer.end().map_err(text)?;
            value
        }
    };
    if as_json {
        serde_json::to_string(&value).map_err(text)
    } else {
        message_type.encode(&value).map(digits).map_err(text)
    }
}

fn through_generated(
    via: Via,
    as_json: bool,
    catalog: &Catalog,
    name: &str,
    input: &Input<'_>,
) -> Result<String, Wrong> {
    let Some((_, through)) = GENERATED.iter().find(|(known, _)| *known == name) else {
        catalog.get(name).map_err(text)?;
        return Err("the type is not built in: try --via schema".to_owned());
    };
    through(via, as_json, input)
}

type Through = fn(Via, bool, &Input<'_>) -> Result<String, Wrong>;

fn through<M: Message>(via: Via, as_json: bool, input: &Input<'_>) -> Result<String, Wrong> {
    let message = match input {
        Input::Json(json) => serde_json::from_str(json).map_err(text)?,
        Input::Bytes(bytes) if via == Via::View => M::view(bytes).and_then(M::from_view).map_err(text)?,
        Input::Bytes(bytes) => M::decode(bytes).map_err(text)?,
    };
    if as_json { serde_json::to_string(&message).map_err(text) } else { message.encode().map(digits).map_err(text) }
}

macro_rules! table {
    ($($message:path,)*) => {
        const GENERATED: &[(&str, Through)] = &[$((<$message>::NAME, through::<$message>),)*];
    };
}

lcm_types::all_types!(table);

fn bytes(text: &str) -> Result<Vec<u8>, Wrong> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hexadecimal digits".to_owned());
    }
    let digit = |at: usize| {
        let value = char::from(digits[at]).to_digit(16).and_then(|value| u8::try_from(value).ok());
        value.ok_or_else(|| format!("the character at {} of the message is no hexadecimal digit", at + 1))
    };
    (0..digits.len()).step_by(2).map(|at| Ok(digit(at)? << 4 | digit(at + 1)?)).collect()
}

fn digits(bytes: impl AsRef<[u8]>) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    bytes.as_ref().iter().flat_map(digits).collect()
}

fn text(error: impl std::fmt::Display) -> Wrong {
    error.to_string()
}

/// Digits of a message that is an enumeration: fingerprint and number.
const ENUM_DIGITS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_comes_out_as_it_went_in() {
        assert_eq!(bytes("00fF10"), Ok(vec![0, 255, 16]));
        assert_eq!(digits([0, 255, 16]), "00ff10");
        assert!(bytes("0").unwrap_err().contains("odd") && bytes("0x").unwrap_err().contains("at 2"));
    }

    #[test]
    fn each_way_leads_to_the_same_bytes() {
        let catalog = lcm_types::catalog();
        let json = r#"geometry_msgs.Vector3 {"x": 1.0, "y": 0.0, "z": "NaN"}"#;
        let (_, hex) = again(json, Via::Owned, false, catalog).unwrap();
        for via in [Via::Owned, Via::View, Via::Schema] {
            let line = format!("geometry_msgs.Vector3 {hex}");
            assert_eq!(again(&line, via, false, catalog).unwrap(), ("geometry_msgs.Vector3", hex.clone()));
            assert_eq!(again(&line, via, true, catalog).unwrap().1, r#"{"x":1.0,"y":0.0,"z":"NaN"}"#);
            assert!(again("no.Type 00", via, false, catalog).unwrap_err().contains("no.Type"));
        }
    }
}
