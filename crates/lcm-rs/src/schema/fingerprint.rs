//! The fingerprint of a type, the first eight bytes of each of its messages: computed as lcm-gen does.
//!
//! It depends on the names and types of members, not on the names of types, packages and constants: types that differ only
//! in those share it.

use std::fmt;

use super::{Definition, Dimension, Enum, Schema, Struct, Type};

/// A hash over the shape of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u64);

/// Why a fingerprint could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// A type is not in the set.
    #[error("type {name} is not known")]
    UnknownType {
        /// Its full name.
        name: String,
    },
    /// The types refer to each other in too many ways.
    #[error("the types within {name} nest deeper than {MAX_DEPTH}, or refer to each other in over {MAX_STEPS} ways")]
    TooEntangled {
        /// The full name of the type that was asked for.
        name: String,
    },
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The fingerprint of the type `name`.
pub(super) fn of(schema: &Schema, name: &str) -> Result<Fingerprint, FingerprintError> {
    let mut computation = Computation { schema, parents: Vec::new(), steps: 0 };
    let sum = computation.hash_of(name)?.ok_or_else(|| FingerprintError::TooEntangled { name: name.to_owned() })?;
    Ok(Fingerprint(sum.cast_unsigned()))
}

struct Computation<'a> {
    schema: &'a Schema,
    /// The types that are being computed: one of them counts as zero where it comes again, which ends recursion.
    parents: Vec<&'a str>,
    steps: u32,
}

impl<'a> Computation<'a> {
    /// `None` after too many steps.
    fn hash_of(&mut self, name: &'a str) -> Result<Option<i64>, FingerprintError> {
        if self.parents.contains(&name) {
            return Ok(Some(0));
        }
        self.steps += 1;
        if self.steps > MAX_STEPS || self.parents.len() > MAX_DEPTH {
            return Ok(None);
        }
        let definition = match self.schema.get(name) {
            Some(Definition::Struct(definition)) => definition,
            Some(Definition::Enum(definition)) => return Ok(Some(own_hash_of_enum(definition))),
            None => return Err(FingerprintError::UnknownType { name: name.to_owned() }),
        };
        let mut sum = own_hash(definition);
        self.parents.push(name);
        for member in &definition.members {
            if let Type::User(member_type) = &member.kind {
                match self.hash_of(member_type)? {
                    Some(hash) => sum = sum.wrapping_add(hash),
                    None => return Ok(None),
                }
            }
        }
        self.parents.pop();
        Ok(Some(sum.rotate_left(1)))
    }
}

/// Of a message, its members' types left out.
fn own_hash(definition: &Struct) -> i64 {
    let mut hash = 0x1234_5678;
    for member in &definition.members {
        hash = add_text(hash, &member.name);
        if let Type::Primitive(primitive) = member.kind {
            hash = add_text(hash, primitive.name());
        }
        hash = add_byte(hash, low_byte(member.dimensions.len()));
        for dimension in &member.dimensions {
            let (mode, text) = match dimension {
                Dimension::Fixed { text, .. } => (0, text),
                Dimension::Variable { member } => (1, member),
            };
            hash = add_text(add_byte(hash, mode), text);
        }
    }
    hash
}

fn own_hash_of_enum(definition: &Enum) -> i64 {
    let name = definition.name.rsplit('.').next().unwrap_or_default();
    add_text(0x8765_4321, name)
}

fn add_text(hash: i64, text: &str) -> i64 {
    text.bytes().fold(add_byte(hash, low_byte(text.len())), |hash, byte| add_byte(hash, byte.cast_signed()))
}

fn add_byte(hash: i64, byte: i8) -> i64 {
    ((hash << 8) ^ (hash >> 55)).wrapping_add(byte.into())
}

/// As C narrows a length to a char.
#[expect(clippy::cast_possible_truncation, reason = "lcm-gen narrows it too")]
fn low_byte(length: usize) -> i8 {
    (length as u8).cast_signed()
}

/// Far above what real types take; only a file made to stall a reader needs more.
const MAX_STEPS: u32 = 1_000_000;

/// How deep types may nest, which bounds the stack.
const MAX_DEPTH: usize = 200;
