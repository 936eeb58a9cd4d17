//! How many bytes messages of a type have.

use std::collections::BTreeSet;

use lcm::schema::{Definition, Dimension, MessageType, Primitive, Schema, Type, Value};
use serde::Serialize;

/// The bytes of a message, fingerprint included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Size {
    /// With empty strings, and arrays of variable size left empty.
    pub(super) min: usize,
    /// Whether all messages have as many.
    pub(super) is_fixed: bool,
}

impl Size {
    /// Of a type; none if there is no message of it.
    pub(super) fn of(schema: &Schema, message_type: MessageType<'_>) -> Option<Self> {
        let definition = schema.get(message_type.name())?;
        let empty = match definition {
            Definition::Struct(_) => Value::Struct(Vec::new()),
            Definition::Enum(_) => Value::Integer(0),
        };
        let min = message_type.encode(&empty).ok()?.len();
        Some(Self { min, is_fixed: is_fixed(schema, definition) })
    }

    /// For people.
    pub(super) fn text(self) -> String {
        let Self { min, is_fixed } = self;
        if is_fixed { format!("{min} bytes") } else { format!("at least {min} bytes") }
    }
}

/// Whether there is no string and no array of variable size in it.
fn is_fixed(schema: &Schema, definition: &Definition) -> bool {
    let mut seen = BTreeSet::new();
    let mut to_see = vec![definition];
    while let Some(definition) = to_see.pop() {
        let Definition::Struct(definition) = definition else { continue };
        for member in &definition.members {
            if member.dimensions.iter().any(|dimension| matches!(dimension, Dimension::Variable { .. })) {
                return false;
            }
            match &member.kind {
                Type::Primitive(Primitive::String) => return false,
                Type::Primitive(_) => {}
                Type::User(name) if seen.insert(name) => to_see.extend(schema.get(name)),
                Type::User(_) => {}
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_variable_arrays_anywhere_within_make_sizes_differ() {
        let size = |name| {
            let catalog = lcm_types::catalog();
            Size::of(catalog.schema(), catalog.get(name).unwrap()).unwrap().text()
        };
        assert_eq!(size("geometry_msgs.Twist"), "56 bytes");
        assert_eq!(size("geometry_msgs.PoseWithCovariance"), "352 bytes");
        assert_eq!(size("std_msgs.String"), "at least 13 bytes");
        assert_eq!(size("geometry_msgs.PoseStamped"), "at least 81 bytes");
    }
}
