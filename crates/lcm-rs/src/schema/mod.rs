//! Message types as data: what an IDL file says of them, without generated code.
//!
//! A [`Schema`] holds them as they were read. A [`Catalog`] made from it finds the type of a message, takes messages apart into
//! a tree of [`Value`]s and puts them together, where generated code would be the wrong tool: for a spy, a recorder or a
//! gateway, which see types that nobody knew when they were built.
//!
//! Reading `.lcm` files is the business of the crate `lcm-gen`. Nothing here does I/O or knows of JSON, which callers read and
//! write through serde.

// The types.
mod catalog;
mod fingerprint;
mod identify;
mod layout;

// Their messages.
mod decode;
mod encode;
mod numbers;
mod path;
mod recursion;
mod seed;
mod value;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use catalog::{Catalog, MessageType};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identify::{Identity, Suffix};
pub use layout::TypeError;
pub use numbers::Numbers;
pub use path::PathError;
pub use value::Value;

/// A set of types that refer to each other by full name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    types: BTreeMap<String, Definition>,
}

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// A message.
    Struct(Struct),
    /// An enumeration, encoded as an int32. Deprecated in LCM.
    Enum(Enum),
}

/// A message type.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// The full name, such as `sensor_msgs.Image`; without a dot where it has no package.
    pub name: String,
    /// What the IDL's comments say of it.
    pub doc: String,
    /// In the order of the wire.
    pub members: Vec<Member>,
    /// Named values that are not on the wire.
    pub constants: Vec<Constant>,
}

/// A member of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What the IDL's comments say of it.
    pub doc: String,
    /// The type of its elements.
    pub kind: Type,
    /// The sizes of an array, outermost first; none for a single value.
    pub dimensions: Vec<Dimension>,
}

/// The type of a member, or of its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// One of LCM's own.
    Primitive(Primitive),
    /// Another type, by full name.
    User(String),
}

/// The types that LCM knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Primitive {
    Int8,
    Int16,
    Int32,
    Int64,
    Byte,
    Float,
    Double,
    String,
    Boolean,
}

/// One size of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// The same in every message.
    Fixed {
        /// The size.
        size: u32,
        /// The size as the IDL writes it, which the fingerprint depends on: `16` and `0x10` differ.
        text: String,
    },
    /// The value of an earlier integer member.
    Variable {
        /// That member's name.
        member: String,
    },
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// What the IDL's comments say of it.
    pub doc: String,
    /// Its type, a number.
    pub kind: Primitive,
    /// Its value.
    pub value: ConstantValue,
    /// Its value as the IDL writes it.
    pub text: String,
}

/// The value of a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConstantValue {
    /// Of an integer constant.
    Integer(i64),
    /// Of a `float` or `double` constant.
    Float(f64),
}

/// An enumeration.
#[derive(Debug, Clone, PartialEq)]
pub struct Enum {
    /// The full name.
    pub name: String,
    /// What the IDL's comments say of it.
    pub doc: String,
    /// Names and values, in the order of the IDL.
    pub values: Vec<(String, i32)>,
}

/// A type of this name is there already, and another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is defined twice, differently")]
pub struct DuplicateType {
    /// The full name.
    pub name: String,
}

impl Schema {
    /// Adds a type. The same definition twice is one, whatever the comments say: the first stays.
    ///
    /// # Errors
    /// If another type has its name.
    pub fn insert(&mut self, definition: Definition) -> Result<(), DuplicateType> {
        match self.types.entry(definition.name().to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(definition);
                Ok(())
            }
            Entry::Occupied(entry) if entry.get().is_same_but_for_docs(&definition) => Ok(()),
            Entry::Occupied(entry) => Err(DuplicateType { name: entry.key().clone() }),
        }
    }

    /// The type of a full name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.types.get(name)
    }

    /// All types, by full name.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.types.values()
    }

    /// The types whose messages can contain messages of the same type, directly or through others, and types in between.
    #[must_use]
    pub fn recursive_types(&self) -> BTreeSet<&str> {
        recursion::recursive_types(self)
    }

    /// The fingerprint that begins each message of a type.
    ///
    /// # Errors
    /// If the type, or one that it refers to, is not in the set; or if the types are so entangled that computing it would
    /// take unreasonably long.
    pub fn fingerprint(&self, name: &str) -> Result<Fingerprint, FingerprintError> {
        fingerprint::Computation::new(self).of(name)
    }

    /// The fingerprints of all types, by full name; quicker than one after the other.
    pub fn fingerprints(&self) -> impl Iterator<Item = (&str, Result<Fingerprint, FingerprintError>)> {
        let mut computation = fingerprint::Computation::new(self);
        self.iter().map(move |definition| (definition.name(), computation.of(definition.name())))
    }
}

impl Definition {
    /// The full name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Struct(definition) => &definition.name,
            Self::Enum(definition) => &definition.name,
        }
    }

    fn is_same_but_for_docs(&self, other: &Self) -> bool {
        let member = |one: &Member, other: &Member| {
            (&one.name, &one.kind, &one.dimensions) == (&other.name, &other.kind, &other.dimensions)
        };
        let constant = |one: &Constant, other: &Constant| {
            // The text says the value, also where that is no number and so unlike itself.
            (&one.name, one.kind, &one.text) == (&other.name, other.kind, &other.text)
        };
        match (self, other) {
            (Self::Struct(one), Self::Struct(other)) => {
                one.name == other.name
                    && one.members.len() == other.members.len()
                    && one.members.iter().zip(&other.members).all(|(one, other)| member(one, other))
                    && one.constants.len() == other.constants.len()
                    && one.constants.iter().zip(&other.constants).all(|(one, other)| constant(one, other))
            }
            (Self::Enum(one), Self::Enum(other)) => one.name == other.name && one.values == other.values,
            _ => false,
        }
    }
}

impl Struct {
    /// Whether `member` only says how many elements an array has, which the array itself tells: it is on the wire, but values
    /// of the type leave it out. (A size that is only an inner one of a matrix is not told by a matrix without rows.)
    #[must_use]
    pub fn is_implied(&self, member: &str) -> bool {
        let is_size =
            |dimension: &Dimension| matches!(dimension, Dimension::Variable { member: size } if size == member);
        self.members.iter().any(|array| array.dimensions.first().is_some_and(is_size))
    }
}

impl Primitive {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Byte,
        Self::Float,
        Self::Double,
        Self::String,
        Self::Boolean,
    ];

    /// The name in the IDL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8_t",
            Self::Int16 => "int16_t",
            Self::Int32 => "int32_t",
            Self::Int64 => "int64_t",
            Self::Byte => "byte",
            Self::Float => "float",
            Self::Double => "double",
            Self::String => "string",
            Self::Boolean => "boolean",
        }
    }

    /// The one of this name in the IDL.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|primitive| primitive.name() == name)
    }

    /// The bytes of one value in a message; `None` for strings.
    #[must_use]
    pub const fn wire_bytes(self) -> Option<usize> {
        match self {
            Self::Int8 | Self::Byte | Self::Boolean => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 | Self::Float => Some(4),
            Self::Int64 | Self::Double => Some(8),
            Self::String => None,
        }
    }

    /// Whether its values may be the size of an array.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64 | Self::Byte)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primitive(primitive) => primitive.name(),
            Self::User(name) => name,
        })
    }
}
