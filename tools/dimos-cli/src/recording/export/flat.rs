//! Messages as rows of a table: which columns a type has, and the cells of a message.
//!
//! Pure. A member of a member is the column `pose.position.x`; an array whose size is the same in every message, up to 64 elements, has a
//! column for each, `covariance[3]`; any other array is one cell, in JSON, and a blob is one in base64.

use lcm::schema::{Definition, Dimension, Member, Numbers, Primitive, Schema, Struct, Type, Value};

/// The columns of a type of this name.
pub(super) fn columns(schema: &Schema, name: &str) -> Vec<String> {
    let mut columns = Vec::new();
    if let Some(Definition::Struct(structure)) = schema.get(name) {
        of_struct(schema, structure, "", &mut columns);
    }
    columns
}

/// The cells of a message of that type, in the order of the columns.
pub(super) fn cells(schema: &Schema, name: &str, value: &Value<'_>, mut cell: impl FnMut(&Value<'_>)) {
    if let Some(Definition::Struct(structure)) = schema.get(name) {
        walk(schema, structure, value, &mut cell);
    }
}

/// A cell as text: numbers and strings as they are, everything else as JSON.
pub(super) fn text(value: &Value<'_>, text: &mut String) {
    match value {
        Value::Text(string) => text.push_str(&String::from_utf8_lossy(string)),
        Value::Float(number) => text.push_str(&number.to_string()),
        Value::Double(number) => text.push_str(&number.to_string()),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        // Any value has a form in JSON; that of a blob is base64, which needs no quotes.
        value => text.push_str(serde_json::to_string(value).unwrap_or_default().trim_matches('"')),
    }
}

fn of_struct(schema: &Schema, structure: &Struct, path: &str, columns: &mut Vec<String>) {
    for member in structure.members.iter().filter(|member| !structure.is_implied(&member.name)) {
        let name = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
        match shape(schema, member) {
            Shape::Struct(inner) => of_struct(schema, inner, &name, columns),
            Shape::Columns(size) => columns.extend((0..size).map(|index| format!("{name}[{index}]"))),
            Shape::Cell => columns.push(name),
        }
    }
}

fn walk(schema: &Schema, structure: &Struct, value: &Value<'_>, cell: &mut impl FnMut(&Value<'_>)) {
    for member in structure.members.iter().filter(|member| !structure.is_implied(&member.name)) {
        let found = value.member(&member.name);
        match (shape(schema, member), found) {
            (Shape::Struct(inner), Some(value)) => walk(schema, inner, value, cell),
            (Shape::Columns(_), Some(Value::Numbers(numbers))) => numbers.iter().for_each(|number| cell(&number)),
            (_, Some(value)) => cell(value),
            (_, None) => cell(&Value::Numbers(Numbers::from(&[][..] as &[u8]))),
        }
    }
}

/// What becomes of a member.
enum Shape<'s> {
    Struct(&'s Struct),
    /// A column for each element.
    Columns(u32),
    Cell,
}

fn shape<'s>(schema: &'s Schema, member: &Member) -> Shape<'s> {
    match (&member.kind, &member.dimensions[..]) {
        (Type::User(name), []) => match schema.get(name) {
            Some(Definition::Struct(structure)) => Shape::Struct(structure),
            _ => Shape::Cell,
        },
        // Blobs are no numbers to anybody.
        (Type::Primitive(Primitive::String | Primitive::Byte), _) => Shape::Cell,
        (Type::Primitive(_), [Dimension::Fixed { size, .. }]) if *size <= MAX_COLUMNS => Shape::Columns(*size),
        _ => Shape::Cell,
    }
}

const MAX_COLUMNS: u32 = 64;

#[cfg(test)]
mod tests {
    use lcm::schema::Catalog;

    use super::*;

    #[test]
    fn a_message_is_a_row_with_a_column_for_each_number() {
        let mut sources = lcm_gen::Sources::default();
        let idl = "struct Row { int8_t n; Part part; double pair[2]; int16_t list[n]; byte blob[n]; string names[n]; \
                   Part parts[n]; float huge[65]; float near[n]; boolean ok; } struct Part { string name; float x; }";
        sources.add("test", idl.to_owned());
        let catalog = Catalog::new(sources.compile().unwrap());
        let row = catalog.get("Row").unwrap();
        let names = columns(catalog.schema(), "Row");
        let expected =
            ["part.name", "part.x", "pair[0]", "pair[1]", "list", "blob", "names", "parts", "huge", "near", "ok"];
        assert_eq!(names, expected);
        let json = r#"{"part": {"name": "a,b", "x": 0.1}, "pair": [1e300, "NaN"], "list": [1, -2], "blob": "AAE=",
                       "names": ["p", "q"], "parts": [{}, {"x": 2.5}], "near": [0.92379802, -2.3561945], "ok": true}"#;
        let value =
            serde::de::DeserializeSeed::deserialize(row, &mut serde_json::Deserializer::from_str(json)).unwrap();
        let message = row.encode(&value).unwrap();
        let mut found = Vec::new();
        cells(catalog.schema(), "Row", &row.decode(&message).unwrap(), |value| {
            let mut cell = String::new();
            text(value, &mut cell);
            found.push(cell);
        });
        let huge = format!("[{}]", ["0.0"; 65].join(","));
        let pair = 1e300.to_string();
        let parts = r#"[{"name":"","x":0.0},{"name":"","x":2.5}]"#;
        assert_eq!(
            found,
            [
                "a,b",
                "0.1",
                &pair,
                "NaN",
                "[1,-2]",
                "AAE=",
                r#"["p","q"]"#,
                parts,
                &huge,
                "[0.923798,-2.3561945]",
                "true"
            ]
        );
    }
}
