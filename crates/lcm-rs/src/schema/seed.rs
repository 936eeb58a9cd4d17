//! Values from JSON, or whatever else serde reads, guided by a type.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::catalog::MessageType;
use super::decode::MAX_NESTING;
use super::layout::{Field, Kind, Layout};
use super::value::Value;
use super::{Numbers, Primitive};
use crate::codec::Readable;

impl<'de, 'a> DeserializeSeed<'de> for MessageType<'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        let path = Path { outer: None, step: Step::Whole(self.name()) };
        let is_located = Cell::new(false);
        let (layouts, kind) = (self.layouts(), self.layout().kind);
        let type_name = self.name();
        Expected { layouts, kind, rank: 0, type_name, path: &path, is_located: &is_located, nesting: 0 }
            .deserialize(deserializer)
    }
}

/// What is to be read next.
#[derive(Clone, Copy)]
struct Expected<'a, 'p> {
    layouts: &'a [Layout],
    kind: Kind,
    /// The dimensions of the array, or of a part of it.
    rank: usize,
    /// Of the member, as the IDL writes it.
    type_name: &'a str,
    path: &'p Path<'p>,
    /// Whether an error is on its way that names the place where it arose.
    is_located: &'p Cell<bool>,
    nesting: usize,
}

/// Where in the message.
struct Path<'p> {
    outer: Option<&'p Self>,
    step: Step<'p>,
}

enum Step<'p> {
    /// The message, of this type.
    Whole(&'p str),
    Member(&'p str),
    Element(usize),
}

impl<'a> Expected<'a, '_> {
    /// Says where an error arose. The first one to see it knows best.
    fn locate<E: Error>(self, error: E) -> E {
        if self.is_located.replace(true) { error } else { E::custom(format_args!("{}: {error}", self.path)) }
    }

    fn number<'de, D: Deserializer<'de>>(kind: Primitive, deserializer: D) -> Result<Value<'a>, D::Error> {
        Ok(match kind {
            Primitive::Int8 => <i8 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Int16 => <i16 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Int32 => <i32 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Int64 => <i64 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Float => <f32 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Double => <f64 as Readable>::deserialize(deserializer)?.into(),
            Primitive::Boolean => <bool as Readable>::deserialize(deserializer)?.into(),
            Primitive::Byte | Primitive::String => <u8 as Readable>::deserialize(deserializer)?.into(),
        })
    }

    fn numbers<'de, D: Deserializer<'de>>(kind: Primitive, deserializer: D) -> Result<Value<'a>, D::Error> {
        Ok(Value::Numbers(match kind {
            Primitive::Int8 => i8::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Int16 => i16::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Int32 => i32::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Int64 => i64::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Float => f32::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Double => f64::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Boolean => bool::deserialize_array(deserializer)?.as_slice().into(),
            Primitive::Byte | Primitive::String => Numbers::from(u8::deserialize_array(deserializer)?),
        }))
    }
}

impl<'de, 'a> DeserializeSeed<'de> for Expected<'a, '_> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        if self.nesting > MAX_NESTING {
            return Err(self.locate(D::Error::custom(format_args!("values nest deeper than {MAX_NESTING}"))));
        }
        let value = match (self.rank, self.kind) {
            (0, Kind::Number { kind, .. }) => Self::number(kind, deserializer),
            (0, Kind::Text) => <String as Readable>::deserialize(deserializer).map(Value::from),
            (0, Kind::Struct(_)) => deserializer.deserialize_map(self),
            (1, Kind::Number { kind, .. }) => Self::numbers(kind, deserializer),
            _ => deserializer.deserialize_seq(self),
        };
        value.map_err(|error| self.locate(error))
    }
}

impl<'de, 'a> Visitor<'de> for Expected<'a, '_> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.rank == 0 { "an object" } else { "an array" };
        write!(f, "{what} for {}", self.type_name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value<'a>, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = Path { outer: Some(self.path), step: Step::Element(items.len()) };
            let item = Expected { rank: self.rank - 1, path: &path, nesting: self.nesting + 1, ..self };
            match sequence.next_element_seed(item)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'a>, A::Error> {
        let Kind::Struct(place) = self.kind else {
            // Only structs are asked for as maps.
            return Err(A::Error::custom("an object is not expected here"));
        };
        let layout = &self.layouts[place];
        let mut values: Vec<Option<Value<'a>>> = layout.fields.iter().map(|_| None).collect();
        let mut likely = 0;
        while let Some(name) = map.next_key::<String>()? {
            let Some(place) = layout.position(&name, likely) else {
                return Err(A::Error::custom(layout.no_member(&name)));
            };
            let Field { name, kind, sizes, type_name, .. } = &layout.fields[place];
            let path = Path { outer: Some(self.path), step: Step::Member(name) };
            let member =
                Expected { kind: *kind, rank: sizes.len(), type_name, path: &path, nesting: self.nesting + 1, ..self };
            if values[place].is_some() {
                map.next_value::<IgnoredAny>()?;
                return Err(member.locate(A::Error::custom("the member is given twice")));
            }
            values[place] = Some(map.next_value_seed(member)?);
            likely = place + 1;
        }
        let names = layout.fields.iter().map(|field| &*field.name);
        Ok(Value::Struct(names.zip(values).filter_map(|(name, value)| Some((name, value?))).collect()))
    }
}

impl fmt::Display for Path<'_> {
    /// Only the whole message has the name of its type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_in_whole = self.outer.is_none_or(|outer| outer.outer.is_none());
        if let Some(outer) = self.outer
            && !is_in_whole
        {
            outer.fmt(f)?;
        }
        match self.step {
            Step::Whole(name) => f.write_str(name),
            Step::Member(name) if is_in_whole => f.write_str(name),
            Step::Member(name) => write!(f, ".{name}"),
            Step::Element(index) => write!(f, "[{index}]"),
        }
    }
}
