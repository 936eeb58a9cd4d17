//! What a message says, as a tree: made by the decoder, by hand or from JSON, and taken by the encoder.
//!
//! Values know nothing of types; [`super::MessageType`] checks them against one.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::numbers::Numbers;
use crate::codec::{Readable, Text};

/// A message, or a part of one.
///
/// As JSON it looks as a generated type does: byte arrays are base64, `NaN`, `Infinity` and `-Infinity` are strings of those
/// names, members come in the order of the IDL. (Strings that are not UTF-8 have U+FFFD in place of what is wrong.)
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    /// Of a `boolean`.
    Boolean(bool),
    /// Of an integer of any size, of a `byte`, or of an enumeration.
    Integer(i64),
    /// Of a `float`.
    Float(f32),
    /// Of a `double`.
    Double(f64),
    /// Of a `string`, which may be any bytes.
    Text(Cow<'a, [u8]>),
    /// An array of one dimension, or an innermost row, of anything but strings and structs.
    Numbers(Numbers<'a>),
    /// Any other array: of strings, of structs, or of rows.
    Array(Vec<Self>),
    /// The members of a message, without those that only say how long an array is. The decoder gives them in the order of the
    /// IDL; the encoder takes any order.
    Struct(Vec<(&'a str, Self)>),
}

impl<'a> Value<'a> {
    /// The member `name` of a struct.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Struct(members) = self else { return None };
        members.iter().find_map(|(member, value)| (*member == name).then_some(value))
    }

    /// A string, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        str::from_utf8(text).ok()
    }

    /// What it is, in a few words for errors: `-5`, or `an array of 3`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Double(value) => format!("{value:?}"),
            Self::Text(text) => {
                let shown: String = String::from_utf8_lossy(text).chars().take(SHOWN_CHARACTERS).collect();
                let dots = if shown.len() < text.len() { "..." } else { "" };
                format!("the string {shown:?}{dots}")
            }
            Self::Numbers(numbers) => format!("{}[{}]", numbers.kind().name(), numbers.len()),
            Self::Array(items) => format!("an array of {}", items.len()),
            Self::Struct(_) => "a struct".to_owned(),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::Text(text) => Text::new(text).fmt(f),
            Self::Numbers(numbers) => numbers.fmt(f),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Struct(members) => f.debug_map().entries(members.iter().map(|(name, value)| (name, value))).finish(),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => Readable::serialize(value, serializer),
            Self::Double(value) => Readable::serialize(value, serializer),
            Self::Text(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            Self::Numbers(numbers) => numbers.serialize(serializer),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Struct(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

macro_rules! from {
    ($($native:ty => $variant:ident),*) => {$(
        impl From<$native> for Value<'_> {
            fn from(value: $native) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(bool => Boolean, i8 => Integer, u8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer, f32 => Float, f64 => Double);

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes().into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes().into())
    }
}

impl<'a> From<Text<'a>> for Value<'a> {
    fn from(text: Text<'a>) -> Self {
        Self::Text(text.as_bytes().into())
    }
}

impl<'a> From<Numbers<'a>> for Value<'a> {
    fn from(numbers: Numbers<'a>) -> Self {
        Self::Numbers(numbers)
    }
}

/// Of a string in an error.
const SHOWN_CHARACTERS: usize = 40;
