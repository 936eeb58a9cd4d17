//! JSON Schemas of the messages, so that calls and configurations can carry them.
//!
//! They are made at run time of the same definitions that the types were generated from; nested messages are written out.

use std::borrow::Cow;

use lcm::Message;
use lcm::schema::{Definition, Dimension, Member, Primitive, Struct, Type};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::catalog;

macro_rules! schemas {
    ($($message:ty),* $(,)?) => {
        $(impl JsonSchema for $message {
            fn schema_name() -> Cow<'static, str> {
                Self::NAME.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schema(Self::NAME).try_into().unwrap_or_default()
            }
        })*
    };
}

all_types!(schemas);

/// The schema of a type, as serde reads and writes it.
fn schema(name: &str) -> Value {
    match catalog().schema().get(name) {
        Some(Definition::Struct(message)) => object(message),
        // An enumeration is a number.
        Some(Definition::Enum(_)) => primitive(Primitive::Int32),
        // All types that members have are there.
        None => json!({}),
    }
}

/// Members that are left out have their default; unknown ones are errors.
fn object(message: &Struct) -> Value {
    let mut properties = Map::new();
    for member in message.members.iter().filter(|member| !message.is_implied(&member.name)) {
        let mut schema = with_dimensions(member, &member.dimensions);
        if !member.doc.is_empty()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("description".to_owned(), member.doc.clone().into());
        }
        properties.insert(member.name.clone(), schema);
    }
    let mut schema =
        json!({ "type": "object", "title": message.name, "properties": properties, "additionalProperties": false });
    if !message.doc.is_empty() {
        schema["description"] = message.doc.clone().into();
    }
    schema
}

fn with_dimensions(member: &Member, dimensions: &[Dimension]) -> Value {
    match dimensions.split_first() {
        None => match &member.kind {
            Type::Primitive(kind) => primitive(*kind),
            Type::User(name) => schema(name),
        },
        Some((_, [])) if member.kind == Type::Primitive(Primitive::Byte) => {
            json!({ "type": "string", "contentEncoding": "base64" })
        }
        Some((outer, inner)) => {
            let items = with_dimensions(member, inner);
            match outer {
                Dimension::Variable { .. } => json!({ "type": "array", "items": items }),
                Dimension::Fixed { size, .. } => {
                    json!({ "type": "array", "items": items, "minItems": size, "maxItems": size })
                }
            }
        }
    }
}

fn primitive(kind: Primitive) -> Value {
    match kind {
        Primitive::Int8 => json!({ "type": "integer", "format": "int8" }),
        Primitive::Int16 => json!({ "type": "integer", "format": "int16" }),
        Primitive::Int32 => json!({ "type": "integer", "format": "int32" }),
        Primitive::Int64 => json!({ "type": "integer", "format": "int64" }),
        Primitive::Byte => json!({ "type": "integer", "format": "uint8" }),
        Primitive::Float | Primitive::Double => {
            json!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }] })
        }
        Primitive::String => json!({ "type": "string" }),
        Primitive::Boolean => json!({ "type": "boolean" }),
    }
}
