//! The fingerprint of a type, the first eight bytes of each of its messages: computed as lcm-gen does.
//!
//! It depends on the names and types of members, not on the names of types, packages and constants: types that differ only
//! in those share it.

use std::collections::HashMap;
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
    #[error("the types within {name} nest deeper than {MAX_DEPTH}, or refer to each other in over {MAX_WAYS} ways")]
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

/// Computes fingerprints of the types of a schema, and keeps what one of them has in common with the next.
#[derive(Debug)]
pub(super) struct Computation<'a> {
    schema: &'a Schema,
    /// The types that are being computed: one of them counts as zero where it comes again, which ends recursion.
    parents: Vec<&'a str>,
    /// What the members of a type contribute without their types.
    own: HashMap<&'a str, i64>,
    /// The sums of types that do not contain themselves, which are the same wherever the type occurs.
    known: HashMap<&'a str, Sum>,
    /// The members that may still be visited for this type, and for all.
    steps_left: u32,
    total_steps_left: u32,
}

/// What a type contributes to the one around it.
#[derive(Debug, Clone, Copy)]
struct Sum {
    hash: i64,
    /// How deep types nest within it.
    height: usize,
    /// In how many ways it refers to others, directly and through them.
    ways: u32,
    /// The outermost of the parents that it contains, if any, by its place among them.
    outermost_parent: Option<usize>,
}

impl<'a> Computation<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let (own, known) = (HashMap::new(), HashMap::new());
        Self { schema, parents: Vec::new(), own, known, steps_left: 0, total_steps_left: MAX_TOTAL_STEPS }
    }

    /// The fingerprint of the type `name`.
    pub(super) fn of(&mut self, name: &'a str) -> Result<Fingerprint, FingerprintError> {
        let allowed = self.total_steps_left.clamp(SURE_STEPS, MAX_STEPS);
        self.steps_left = allowed;
        self.parents.clear();
        let sum = self.sum_of(name);
        self.total_steps_left = self.total_steps_left.saturating_sub(allowed - self.steps_left);
        match sum? {
            Some(sum) => Ok(Fingerprint(sum.hash.cast_unsigned())),
            None => Err(FingerprintError::TooEntangled { name: name.to_owned() }),
        }
    }

    /// `None` after too many steps, or too deep.
    fn sum_of(&mut self, name: &'a str) -> Result<Option<Sum>, FingerprintError> {
        let depth = self.parents.len();
        if let Some(parent) = self.parents.iter().position(|parent| *parent == name) {
            return Ok(Some(Sum { hash: 0, height: 0, ways: 0, outermost_parent: Some(parent) }));
        }
        if let Some(known) = self.known.get(name) {
            return Ok(Some(*known).filter(|sum| depth + sum.height <= MAX_DEPTH));
        }
        let structure = match self.schema.get(name) {
            Some(Definition::Struct(structure)) => structure,
            Some(Definition::Enum(definition)) => {
                let hash = own_hash_of_enum(definition);
                return Ok(Some(Sum { hash, height: 0, ways: 0, outermost_parent: None }));
            }
            None => return Err(FingerprintError::UnknownType { name: name.to_owned() }),
        };
        let steps = u32::try_from(structure.members.len()).unwrap_or(u32::MAX).saturating_add(1);
        match self.steps_left.checked_sub(steps) {
            Some(left) if depth <= MAX_DEPTH => self.steps_left = left,
            _ => return Ok(None),
        }
        let mut sum = Sum {
            hash: *self.own.entry(name).or_insert_with(|| own_hash(structure)),
            height: 0,
            ways: 1,
            outermost_parent: None,
        };
        self.parents.push(name);
        for member in &structure.members {
            if let Type::User(member_type) = &member.kind {
                let Some(inner) = self.sum_of(member_type)? else { return Ok(None) };
                sum.hash = sum.hash.wrapping_add(inner.hash);
                sum.height = sum.height.max(inner.height + 1);
                sum.ways = sum.ways.saturating_add(inner.ways);
                sum.outermost_parent = match (sum.outermost_parent, inner.outermost_parent) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        self.parents.pop();
        if sum.ways > MAX_WAYS {
            return Ok(None);
        }
        sum.hash = sum.hash.rotate_left(1);
        // A type that contains itself, or one around it, sums up differently depending on where the walk began.
        if sum.outermost_parent.is_none_or(|parent| parent > depth) {
            sum.outermost_parent = None;
            self.known.insert(name, sum);
        }
        Ok(Some(sum))
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

/// Far above what real types take; only a file made to do harm needs more.
const MAX_WAYS: u32 = 1_000_000;

/// For one type.
const MAX_STEPS: u32 = MAX_WAYS;

/// For all types of a set together. (Types that do not contain themselves take few: each is visited once.)
const MAX_TOTAL_STEPS: u32 = 4 * MAX_STEPS;

/// What each type may take whatever the others took, so that the types of one bad file do no harm to those of others.
const SURE_STEPS: u32 = 10_000;

/// How deep types may nest, which bounds the stack.
const MAX_DEPTH: usize = 200;
