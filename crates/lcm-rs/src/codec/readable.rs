//! Members in formats that people read, such as JSON: byte arrays as base64, and numbers that are none as strings.
//!
//! In other formats byte arrays are bytes and numbers are numbers.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::message::Message;

/// A type of members that serde would not write as people expect it.
pub trait Readable: Sized {
    /// Writes a value.
    ///
    /// # Errors
    /// What the format says.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads a value.
    ///
    /// # Errors
    /// If it is none, or what the format says.
    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Writes an array.
    ///
    /// # Errors
    /// What the format says.
    fn serialize_array<S: Serializer>(array: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(array.len()))?;
        for value in array {
            sequence.serialize_element(&Written(value))?;
        }
        sequence.end()
    }

    /// Reads an array.
    ///
    /// # Errors
    /// If it is none, or what the format says.
    fn deserialize_array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// For `#[serde(with = "...")]` on a member.
pub mod as_readable {
    use super::{Deserializer, Readable, Serializer};

    /// Writes a member.
    ///
    /// # Errors
    /// What the format says.
    pub fn serialize<T: Readable, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    /// Reads a member.
    ///
    /// # Errors
    /// If it is none, or what the format says.
    pub fn deserialize<'de, T: Readable, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

struct Written<'a, T>(&'a T);

impl<T: Readable> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

struct Read<T>(T);

impl<'de, T: Readable> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

struct Elements<T>(PhantomData<T>);

impl<'de, T: Readable> Visitor<'de> for Elements<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}

impl<T: Readable> Readable for Vec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_array(self, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize_array(deserializer)
    }
}

impl<T: Readable, const N: usize> Readable for [T; N] {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_array(self, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = T::deserialize_array(deserializer)?;
        let length = values.len();
        values.try_into().map_err(|_| de::Error::invalid_length(length, &format!("an array of {N} elements").as_str()))
    }
}

impl Readable for u8 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer)
    }

    fn serialize_array<S: Serializer>(array: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64_STANDARD.encode(array))
        } else {
            serializer.serialize_bytes(array)
        }
    }

    fn deserialize_array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Blob)
        } else {
            deserializer.deserialize_byte_buf(Blob)
        }
    }
}

struct Blob;

impl Visitor<'_> for Blob {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        BASE64_STANDARD.decode(text).map_err(|error| E::custom(format!("bytes in base64 are expected: {error}")))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

macro_rules! float {
    ($float:ident, $serialize:ident, $deserialize:ident) => {
        impl Readable for $float {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if self.is_finite() || !serializer.is_human_readable() {
                    return serializer.$serialize(*self);
                }
                serializer.serialize_str(not_finite((*self).into()))
            }

            fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return Deserialize::deserialize(deserializer);
                }
                let value = deserializer.deserialize_any(Float)?;
                #[allow(clippy::cast_possible_truncation, reason = "the nearest number of the member's type is meant")]
                let nearest = value as Self;
                if nearest.is_infinite() && value.is_finite() {
                    return Err(de::Error::invalid_value(de::Unexpected::Float(value), &stringify!($float)));
                }
                Ok(nearest)
            }
        }
    };
}

float!(f32, serialize_f32, deserialize_f32);
float!(f64, serialize_f64, deserialize_f64);

/// How a number that is not finite is written.
pub(crate) fn not_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

pub(crate) struct Float;

impl Visitor<'_> for Float {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or one of the strings NaN, Infinity and -Infinity")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest number is meant")]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest number is meant")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

macro_rules! as_serde_does {
    ($($plain:ty)*) => {$(
        impl Readable for $plain {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Serialize::serialize(self, serializer)
            }

            fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Deserialize::deserialize(deserializer)
            }
        }
    )*};
}

as_serde_does!(i8 i16 i32 i64 bool String);

impl<M: Message> Readable for M {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(self, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer)
    }
}
