//! Messages of types that are known only at run time: to values and back, as JSON, by path, and by channel and fingerprint.

mod fingerprints;
mod hostile;
mod identity;
mod json;
mod parts;
mod random;
mod values;

use lcm::schema::{Catalog, Definition, Dimension, Enum, Member, Primitive, Schema, Struct, Type, Value};
use serde::de::DeserializeSeed;

/// A catalog of types such as `("demo.Path", "int32_t n; demo.Pose poses[n]; double covariance[6][6];")`.
fn catalog(types: &[(&str, &str)]) -> Catalog {
    Catalog::new(schema(types))
}

fn schema(types: &[(&str, &str)]) -> Schema {
    let mut schema = Schema::default();
    for (name, members) in types {
        schema.insert(structure(name, members)).unwrap();
    }
    schema
}

fn structure(name: &str, members: &str) -> Definition {
    let members = members.split(';').map(str::trim).filter(|member| !member.is_empty()).map(member).collect();
    Definition::Struct(Struct { name: name.to_owned(), doc: String::new(), members, constants: Vec::new() })
}

fn enumeration(name: &str) -> Definition {
    Definition::Enum(Enum { name: name.to_owned(), doc: String::new(), values: vec![("RED".to_owned(), 1)] })
}

fn member(text: &str) -> Member {
    let (type_name, rest) = text.split_once(' ').unwrap();
    let mut parts = rest.split('[');
    let name = parts.next().unwrap().to_owned();
    let dimensions = parts.map(|part| dimension(part.strip_suffix(']').unwrap())).collect();
    let kind = Primitive::from_name(type_name).map_or_else(|| Type::User(type_name.to_owned()), Type::Primitive);
    Member { name, doc: String::new(), kind, dimensions }
}

fn dimension(text: &str) -> Dimension {
    match text.parse() {
        Ok(size) => Dimension::Fixed { size, text: text.to_owned() },
        Err(_) => Dimension::Variable { member: text.to_owned() },
    }
}

/// A message: the fingerprint of the type, then `body`.
fn message(catalog: &Catalog, name: &str, body: &[u8]) -> Vec<u8> {
    let fingerprint = catalog.get(name).unwrap().fingerprint();
    [&fingerprint.0.to_be_bytes(), body].concat()
}

fn from_json<'a>(catalog: &'a Catalog, name: &str, json: &str) -> Result<Value<'a>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = catalog.get(name).unwrap().deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}
