//! Messages as JSON with a JSON Schema, for types that have no counterpart in ROS 1: those that contain themselves.
//!
//! Pure.

use lcm::schema::{Definition, Dimension, Member, Primitive, Schema, Struct, Type};
use serde_json::{Map, Value, json};

/// The schema of a type. Within itself, and far within others, a type is any object.
pub(super) fn json_schema(schema: &Schema, name: &str) -> Value {
    of_type(schema, name, &mut Vec::new())
}

fn of_type<'s>(schema: &'s Schema, name: &'s str, within: &mut Vec<&'s str>) -> Value {
    match schema.get(name) {
        Some(Definition::Enum(_)) => json!({ "type": "integer" }),
        Some(Definition::Struct(structure)) if !within.contains(&name) && within.len() < MAX_DEPTH => {
            within.push(name);
            let object = object(schema, structure, within);
            within.pop();
            object
        }
        _ => json!({ "type": "object" }),
    }
}

fn object<'s>(schema: &'s Schema, structure: &'s Struct, within: &mut Vec<&'s str>) -> Value {
    let mut properties = Map::new();
    for member in structure.members.iter().filter(|member| !structure.is_implied(&member.name)) {
        properties.insert(member.name.clone(), of_member(schema, member, &member.dimensions, within));
    }
    json!({ "type": "object", "title": structure.name, "properties": properties })
}

fn of_member<'s>(schema: &'s Schema, member: &'s Member, dimensions: &[Dimension], within: &mut Vec<&'s str>) -> Value {
    match (dimensions.split_first(), &member.kind) {
        (None, Type::User(name)) => of_type(schema, name, within),
        (None, Type::Primitive(kind)) => json!({ "type": primitive(*kind) }),
        (Some((_, [])), Type::Primitive(Primitive::Byte)) => json!({ "type": "string", "contentEncoding": "base64" }),
        (Some((_, inner)), _) => json!({ "type": "array", "items": of_member(schema, member, inner, within) }),
    }
}

fn primitive(kind: Primitive) -> &'static str {
    match kind {
        Primitive::String => "string",
        Primitive::Boolean => "boolean",
        Primitive::Float | Primitive::Double => "number",
        _ => "integer",
    }
}

/// Each level may be as wide as a type has members.
const MAX_DEPTH: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_contains_itself_is_any_object_there() {
        let mut sources = lcm_gen::Sources::default();
        sources.add(
            "test",
            "struct Tree { int8_t n; string name; byte blob[n]; double m[2][n]; Tree children[n]; }".to_owned(),
        );
        let schema = sources.compile().unwrap();
        let expected = json!({
            "type": "object",
            "title": "Tree",
            "properties": {
                "name": { "type": "string" },
                "blob": { "type": "string", "contentEncoding": "base64" },
                "m": { "type": "array", "items": { "type": "array", "items": { "type": "number" } } },
                "children": { "type": "array", "items": { "type": "object" } },
            },
        });
        assert_eq!(json_schema(&schema, "Tree"), expected);
    }
}
