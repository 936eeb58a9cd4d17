//! What generated code makes of a member: the decisions, without code.

use std::collections::{BTreeMap, BTreeSet};

use lcm::schema::{Definition, Dimension, Member, Primitive, Schema, Struct, Type};

/// What is known of all types before code is written.
#[derive(Debug)]
pub(super) struct Shapes<'a> {
    pub(super) schema: &'a Schema,
    /// Bytes that messages of a type take, of the types of fixed size.
    fixed_bytes: BTreeMap<&'a str, Option<u64>>,
    /// The types that may contain themselves.
    recursive: BTreeSet<&'a str>,
}

/// One element of a member, or the member itself if it is no array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element<'a> {
    /// Of more than one byte, and so in another byte order.
    Number(Primitive),
    Int8,
    Byte,
    Boolean,
    Text,
    /// A message of fixed size.
    Fixed(&'a str),
    /// A message of variable size.
    Variable(&'a str),
}

/// A member.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) member: &'a Member,
    pub(super) element: Element<'a>,
    /// The outer dimensions, which are vectors.
    pub(super) rows: Vec<&'a Dimension>,
    /// The inner dimensions, which are arrays of fixed size.
    pub(super) cells: Vec<u32>,
    /// Bytes of an element with its inner dimensions, if that is always the same.
    pub(super) cell_bytes: Option<u64>,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let mut shapes = Self { schema, fixed_bytes: BTreeMap::new(), recursive: schema.recursive_types() };
        for definition in schema.iter() {
            shapes.find_fixed_bytes(definition.name());
        }
        shapes
    }

    /// The length of a message of this type, the fingerprint left out, if it is always the same, and not large.
    pub(super) fn fixed_bytes(&self, name: &str) -> Option<u64> {
        self.fixed_bytes.get(name).copied().flatten()
    }

    /// Whether the type may contain itself.
    pub(super) fn is_recursive(&self, name: &str) -> bool {
        self.recursive.contains(name)
    }

    fn of(&self, structure: &Struct, member: &'a Member) -> Shape<'a> {
        let element = match &member.kind {
            Type::Primitive(primitive) => match primitive {
                Primitive::Int8 => Element::Int8,
                Primitive::Byte => Element::Byte,
                Primitive::Boolean => Element::Boolean,
                Primitive::String => Element::Text,
                number => Element::Number(*number),
            },
            Type::User(name) if self.fixed_bytes(name).is_some() => Element::Fixed(name),
            Type::User(name) => Element::Variable(name),
        };
        let mut cell_bytes = match element {
            Element::Fixed(name) => self.fixed_bytes(name),
            Element::Text | Element::Variable(_) => None,
            Element::Number(number) => Some(number_bytes(number)),
            Element::Int8 | Element::Byte | Element::Boolean => Some(1),
        };
        let max_array_bytes =
            if self.is_recursive(&structure.name) { MAX_RECURSIVE_ARRAY_BYTES } else { MAX_ARRAY_BYTES };
        let mut rows: Vec<_> = member.dimensions.iter().collect();
        let mut cells = Vec::new();
        while let (Some(Dimension::Fixed { size, .. }), Some(bytes)) = (rows.last(), cell_bytes) {
            let bytes = bytes.saturating_mul((*size).into());
            // Elements that take no bytes take none in any number.
            if bytes.max((*size).into()) > max_array_bytes {
                break;
            }
            cell_bytes = Some(bytes);
            cells.insert(0, *size);
            rows.pop();
        }
        Shape { member, element, rows, cells, cell_bytes }
    }

    pub(super) fn members(&self, structure: &'a Struct) -> Vec<Shape<'a>> {
        structure.members.iter().map(|member| self.of(structure, member)).collect()
    }

    fn find_fixed_bytes(&mut self, name: &'a str) -> Option<u64> {
        if let Some(known) = self.fixed_bytes.get(name) {
            return *known;
        }
        // A type that contains itself has an array of variable size in between.
        self.fixed_bytes.insert(name, None);
        let bytes = match self.schema.get(name)? {
            Definition::Enum(_) => Some(number_bytes(Primitive::Int32)),
            Definition::Struct(structure) => {
                for member in &structure.members {
                    if let Type::User(name) = &member.kind {
                        self.find_fixed_bytes(name);
                    }
                }
                let members = self.members(structure);
                members
                    .iter()
                    .map(|shape| shape.cell_bytes.filter(|_| shape.rows.is_empty()))
                    .sum::<Option<u64>>()
                    .filter(|&bytes| bytes <= MAX_LAYOUT_BYTES)
            }
        };
        self.fixed_bytes.insert(name, bytes);
        bytes
    }
}

impl<'a> Shape<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.member.name
    }

    /// Whether serde needs to be told how to write it.
    pub(super) fn needs_readable(&self) -> bool {
        let is_float = matches!(self.element, Element::Number(Primitive::Float | Primitive::Double));
        let is_bytes = self.element == Element::Byte && !self.member.dimensions.is_empty();
        is_float || is_bytes || !self.cells.is_empty() || self.rows.len() > 1
    }
}

/// The members whose value is a size of more than a plain list: views show them, because their arrays lie flat there.
pub(super) fn is_shown_in_views(structure: &Struct, member: &str) -> bool {
    let is_size = |dimension: &Dimension| matches!(dimension, Dimension::Variable { member: size } if size == member);
    !structure.is_implied(member)
        || structure.members.iter().any(|array| array.dimensions.len() > 1 && array.dimensions.iter().any(is_size))
}

fn number_bytes(number: Primitive) -> u64 {
    match number {
        Primitive::Int64 | Primitive::Double => 8,
        Primitive::Int32 | Primitive::Float => 4,
        Primitive::Int16 => 2,
        _ => 1,
    }
}

/// Arrays above this are vectors, so that owned messages fit on a stack.
const MAX_ARRAY_BYTES: u64 = 2048;

/// The same in types that may contain themselves, of which many are on the stack at once.
const MAX_RECURSIVE_ARRAY_BYTES: u64 = 64;

/// Types above this are read member by member.
const MAX_LAYOUT_BYTES: u64 = 16_384;
