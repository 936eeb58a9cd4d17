//! Attributes of serde under which members do not tell how a value is encoded.

use dimos::Wire;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Wire)]
#[serde(untagged)]
enum Untagged {
    A(u8),
}

#[derive(Serialize, Deserialize, Wire)]
#[serde(tag = "kind", content = "value")]
enum Tagged {
    A(u8),
}

#[derive(Serialize, Deserialize, Wire)]
struct Flat {
    #[serde(flatten)]
    rest: Option<u8>,
}

#[derive(Serialize, Deserialize, Wire)]
struct Skipping {
    #[serde(skip)]
    a: u8,
    #[serde(skip_serializing)]
    b: u8,
    #[serde(skip_deserializing)]
    c: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<u8>,
}

#[derive(Serialize, Deserialize, Wire)]
enum Other {
    A,
    #[serde(skip)]
    B,
}

#[derive(Clone, Serialize, Deserialize, Wire)]
#[serde(from = "u8", into = "u8")]
struct Converted(u8);

impl From<u8> for Converted {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

impl From<Converted> for u8 {
    fn from(converted: Converted) -> Self {
        converted.0
    }
}

#[derive(Serialize, Deserialize, Wire)]
struct With {
    #[serde(with = "elsewhere")]
    a: u8,
}

mod elsewhere {
    pub(super) use serde::{Deserialize, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        u8::deserialize(deserializer)
    }
}

fn main() {}
