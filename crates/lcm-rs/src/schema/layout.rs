//! Types made ready for messages: names resolved, fingerprints computed, and everything refused that no message can have.
//!
//! A schema may come from a file that somebody made to do harm. What is checked here, the decoder and the encoder rely on.

use std::collections::HashMap;

use super::fingerprint::{Computation, Fingerprint, FingerprintError};
use super::{Definition, Dimension, Member, Primitive, Schema, Struct, Type};
use crate::wire::MAX_MESSAGE_BYTES;

/// Why messages of a type cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// The type is not in the set.
    #[error("type {name} is not known{}", did_you_mean(similar))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Types that could be meant, such as those of the same name in other packages.
        similar: Vec<String>,
    },
    /// The fingerprint cannot be computed.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// A message would contain another one of its type, and that another one, without an end.
    #[error("{name} contains itself: only through an array of variable size can it end")]
    Endless {
        /// The type.
        name: String,
    },
    /// The size of an array is no single integer member that comes before it.
    #[error("`{size}`, a size of {name}.{member}, is not an integer member before it")]
    Size {
        /// The type.
        name: String,
        /// The array.
        member: String,
        /// What should be its size.
        size: String,
    },
    /// Two members have the same name.
    #[error("{name} has two members {member}")]
    TwoMembers {
        /// The type.
        name: String,
        /// The name of both.
        member: String,
    },
    /// Even the smallest message is larger than LCM can carry.
    #[error("no {name} has less than {bytes} bytes, the limit of a message is {MAX_MESSAGE_BYTES}")]
    TooLarge {
        /// The type.
        name: String,
        /// The length of the smallest message.
        bytes: usize,
    },
}

/// A type. Others refer to it by its place in the list of all.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) name: String,
    pub(super) fingerprint: Fingerprint,
    /// What a message of this type is after its fingerprint: a struct, or the number of an enumeration.
    pub(super) kind: Kind,
    /// Of a struct, in the order of the wire.
    pub(super) fields: Vec<Field>,
    /// The bytes of the smallest message, without its fingerprint.
    pub(super) least_bytes: usize,
    /// The structs without bytes that are always within it.
    pub(super) empty_parts: usize,
    /// Whether all messages are that long.
    pub(super) is_fixed: bool,
    /// Whether it may contain itself.
    pub(super) is_recursive: bool,
    /// Why there can be no messages of this type; of what it contains too.
    pub(super) fault: Option<TypeError>,
}

/// What an element of a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number, a boolean, or an enumeration, which is an int32.
    Number {
        kind: Primitive,
        bytes: usize,
    },
    Text,
    /// The struct at this place in the list of all.
    Struct(usize),
}

/// A member of a struct.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// As in the IDL: `double[3][n]`.
    pub(super) type_name: String,
    /// The same without the sizes.
    pub(super) element_name: String,
    /// Outermost first.
    pub(super) sizes: Vec<Size>,
    pub(super) role: Role,
}

/// A size of an array.
#[derive(Debug)]
pub(super) enum Size {
    Fixed {
        size: usize,
        text: String,
    },
    /// The value of the member in this place among the sizes of the struct.
    Variable {
        slot: usize,
        member: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Value,
    /// The size of arrays, and a value because none of them always tells it.
    Size,
    /// The size that the array in this place among the members tells, so that values leave it out.
    Implied(usize),
}

impl Layout {
    /// The place of the member `name`, if values have it. `likely` is where to look first.
    pub(super) fn position(&self, name: &str, likely: usize) -> Option<usize> {
        let (before, after) = self.fields.split_at(likely.min(self.fields.len()));
        let is_it = |field: &Field| field.name == name && !matches!(field.role, Role::Implied(_));
        let found = after.iter().position(is_it).map(|place| place + before.len());
        found.or_else(|| before.iter().position(is_it))
    }

    /// What to say to somebody who gave a member that values do not have.
    pub(super) fn no_member(&self, name: &str) -> String {
        let type_name = &self.name;
        if let Some(Field { role: Role::Implied(array), .. }) = self.fields.iter().find(|field| field.name == name) {
            return format!("`{name}` is left out: the length of `{}` tells it", self.fields[*array].name);
        }
        let values = self.fields.iter().filter(|field| !matches!(field.role, Role::Implied(_)));
        let known: Vec<_> = values.map(|field| format!("`{}`", field.name)).collect();
        match &known[..] {
            [] => format!("{type_name} has no member `{name}`, and no other"),
            [only] => format!("{type_name} has no member `{name}`, only {only}"),
            _ => format!("{type_name} has no member `{name}`, only {}", known.join(", ")),
        }
    }
}

impl Size {
    /// As the IDL writes it.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Fixed { text, .. } => text,
            Self::Variable { member, .. } => member,
        }
    }
}

impl Primitive {
    fn kind(self) -> Kind {
        match self.wire_bytes() {
            Some(bytes) => Kind::Number { kind: self, bytes },
            None => Kind::Text,
        }
    }
}

/// All types of a schema, by name.
pub(super) fn layouts(schema: &Schema) -> Vec<Layout> {
    let places: HashMap<&str, usize> = schema.iter().enumerate().map(|(place, it)| (it.name(), place)).collect();
    let mut fingerprints = Computation::new(schema);
    let mut layouts: Vec<_> =
        schema.iter().map(|definition| layout(schema, &places, &mut fingerprints, definition)).collect();
    for place in 0..layouts.len() {
        if layouts[place].fault.is_none() {
            measure(&mut layouts, &mut Vec::new(), place);
        }
    }
    for name in schema.recursive_types() {
        if let Some(&place) = places.get(name) {
            layouts[place].is_recursive = true;
        }
    }
    spread_faults(&mut layouts);
    layouts
}

fn layout<'a>(
    schema: &'a Schema,
    places: &HashMap<&str, usize>,
    fingerprints: &mut Computation<'a>,
    definition: &'a Definition,
) -> Layout {
    let name = definition.name();
    let mut layout = Layout {
        name: name.to_owned(),
        fingerprint: Fingerprint(0),
        kind: Primitive::Int32.kind(),
        fields: Vec::new(),
        least_bytes: UNMEASURED,
        empty_parts: 0,
        is_fixed: false,
        is_recursive: false,
        fault: None,
    };
    let result = fingerprints.of(name).map_err(TypeError::from).and_then(|fingerprint| {
        layout.fingerprint = fingerprint;
        match (definition, places.get(name)) {
            (Definition::Struct(structure), Some(&place)) => {
                layout.kind = Kind::Struct(place);
                layout.fields = fields(schema, places, structure)?;
            }
            _ => (layout.least_bytes, layout.is_fixed) = (size_of::<i32>(), true),
        }
        Ok(())
    });
    layout.fault = result.err();
    layout
}

fn fields(schema: &Schema, places: &HashMap<&str, usize>, structure: &Struct) -> Result<Vec<Field>, TypeError> {
    let roles = roles(structure)?;
    // Sizes in their order.
    let sizes = structure.members.iter().map(|member| &*member.name).filter(|member| roles.contains_key(member));
    let slots: HashMap<&str, usize> = sizes.enumerate().map(|(slot, member)| (member, slot)).collect();
    let field = |member: &Member| {
        let kind = match &member.kind {
            Type::Primitive(primitive) => primitive.kind(),
            Type::User(name) => match (schema.get(name), places.get(&**name)) {
                (Some(Definition::Enum(_)), _) => Primitive::Int32.kind(),
                (Some(Definition::Struct(_)), Some(&place)) => Kind::Struct(place),
                _ => return Err(FingerprintError::UnknownType { name: name.clone() }.into()),
            },
        };
        let size = |dimension: &Dimension| match dimension {
            Dimension::Fixed { size, text } => Size::Fixed { size: *size as usize, text: text.clone() },
            Dimension::Variable { member } => Size::Variable { slot: slots[&**member], member: member.clone() },
        };
        let sizes: Vec<_> = member.dimensions.iter().map(size).collect();
        let brackets: String = sizes.iter().map(|size| format!("[{}]", size.text())).collect();
        let element_name = member.kind.to_string();
        let type_name = format!("{element_name}{brackets}");
        let role = roles.get(&*member.name).copied().unwrap_or(Role::Value);
        Ok(Field { name: member.name.clone(), kind, type_name, element_name, sizes, role })
    };
    structure.members.iter().map(field).collect()
}

/// Of the members that are sizes.
fn roles(structure: &Struct) -> Result<HashMap<&str, Role>, TypeError> {
    let mut roles = HashMap::new();
    let mut earlier: HashMap<&str, &Member> = HashMap::new();
    for (place, member) in structure.members.iter().enumerate() {
        for (depth, dimension) in member.dimensions.iter().enumerate() {
            let Dimension::Variable { member: size } = dimension else { continue };
            let is_integer = |member: &&Member| {
                member.dimensions.is_empty() && matches!(member.kind, Type::Primitive(kind) if kind.is_integer())
            };
            if !earlier.get(&**size).is_some_and(is_integer) {
                let (name, member, size) = (structure.name.clone(), member.name.clone(), size.clone());
                return Err(TypeError::Size { name, member, size });
            }
            let role = roles.entry(&**size).or_insert(Role::Size);
            if depth == 0 && *role == Role::Size {
                *role = Role::Implied(place);
            }
        }
        if earlier.insert(&member.name, member).is_some() {
            return Err(TypeError::TwoMembers { name: structure.name.clone(), member: member.name.clone() });
        }
    }
    Ok(roles)
}

/// Adds up how many bytes a message of the type at `place` has at least. Types that it contains are measured first; `path`
/// are those around it. The path is never long, because computing fingerprints has bounded it.
fn measure(layouts: &mut [Layout], path: &mut Vec<usize>, place: usize) {
    if path.contains(&place) {
        let name = layouts[place].name.clone();
        layouts[place].fault.get_or_insert(TypeError::Endless { name });
    }
    if layouts[place].fault.is_some() || layouts[place].least_bytes != UNMEASURED {
        return;
    }
    path.push(place);
    let (mut least_bytes, mut empty_parts, mut is_fixed) = (0_usize, 0_usize, true);
    for field in 0..layouts[place].fields.len() {
        let Field { kind, sizes, .. } = &layouts[place].fields[field];
        let kind = *kind;
        // How many there are at least.
        let count = sizes.iter().fold(1, |count: usize, size| match size {
            Size::Fixed { size, .. } => count.saturating_mul(*size),
            Size::Variable { .. } => 0,
        });
        is_fixed &= kind != Kind::Text && sizes.iter().all(|size| matches!(size, Size::Fixed { .. }));
        if let Kind::Struct(inner) = kind
            && count > 0
        {
            measure(layouts, path, inner);
            if let Some(fault) = layouts[inner].fault.clone() {
                layouts[place].fault.get_or_insert(fault);
                break;
            }
            is_fixed &= layouts[inner].is_fixed;
            let parts = layouts[inner].empty_parts.saturating_add((layouts[inner].least_bytes == 0).into());
            empty_parts = empty_parts.saturating_add(count.saturating_mul(parts));
        }
        least_bytes = least_bytes.saturating_add(count.saturating_mul(kind.least_bytes(layouts)));
    }
    path.pop();
    let layout = &mut layouts[place];
    (layout.least_bytes, layout.empty_parts, layout.is_fixed) = (least_bytes, empty_parts, is_fixed);
    if least_bytes > MAX_MESSAGE_BYTES {
        let name = layout.name.clone();
        layout.fault.get_or_insert(TypeError::TooLarge { name, bytes: least_bytes });
    }
}

impl Kind {
    /// The bytes of the smallest element.
    pub(super) fn least_bytes(self, layouts: &[Layout]) -> usize {
        match self {
            Self::Number { bytes, .. } => bytes,
            // The length, and the NUL.
            Self::Text => size_of::<i32>() + 1,
            Self::Struct(place) => layouts[place].least_bytes,
        }
    }

    /// Whether arrays of it count as a level of recursion. Those of fixed size cannot contain themselves.
    pub(super) fn may_recur(self, layouts: &[Layout]) -> bool {
        matches!(self, Self::Struct(place) if !layouts[place].is_fixed)
    }

    /// Whether a single one of it counts as a level, too.
    pub(super) fn is_recursive(self, layouts: &[Layout]) -> bool {
        matches!(self, Self::Struct(place) if layouts[place].is_recursive)
    }
}

/// There is no message of a type that refers to one of which there is none.
fn spread_faults(layouts: &mut [Layout]) {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); layouts.len()];
    for (place, layout) in layouts.iter().enumerate() {
        for field in &layout.fields {
            if let Kind::Struct(inner) = field.kind {
                users[inner].push(place);
            }
        }
    }
    let mut faulty: Vec<_> = (0..layouts.len()).filter(|&place| layouts[place].fault.is_some()).collect();
    while let Some(place) = faulty.pop() {
        let fault = layouts[place].fault.clone();
        for &user in &users[place] {
            if layouts[user].fault.is_none() {
                layouts[user].fault.clone_from(&fault);
                faulty.push(user);
            }
        }
    }
}

fn did_you_mean(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        names => format!(": did you mean {}?", names.join(" or ")),
    }
}

/// Of a struct whose smallest length was not added up yet.
const UNMEASURED: usize = usize::MAX;
