//! Fingerprints as lcm-gen computes them, of types that contain themselves too.

use lcm::schema::{Definition, Dimension, Schema, Type};
use proptest::prelude::*;

use super::random::types;
use super::schema;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_catalog_computes_them_as_the_formula_says(types in types()) {
        let (schema, catalog) = (types.schema(), types.catalog());
        for message_type in catalog.iter() {
            let name = message_type.name();
            let expected = formula(&schema, name, &[]).cast_unsigned();
            prop_assert_eq!(message_type.fingerprint().0, expected);
            prop_assert_eq!(schema.fingerprint(name).unwrap().0, expected);
        }
    }
}

/// Types that share parts, which contain each other in cycles that cross.
#[test]
fn the_order_in_which_types_are_computed_does_not_matter() {
    let parts = "demo.A a[n]; demo.B b[n]; demo.C c[n]; demo.D d[n];";
    let schema = schema(&[
        ("demo.A", "int32_t n; demo.B b[n]; demo.D d[n];"),
        ("demo.B", "int32_t n; demo.C c[n]; demo.A a[n]; demo.D d[n];"),
        ("demo.C", &format!("int32_t n; {parts}")),
        ("demo.D", "int16_t n; demo.E e; demo.D d[n];"),
        ("demo.E", "string s;"),
        ("demo.F", &format!("int32_t n; {parts} demo.E e;")),
    ]);
    let catalog = lcm::schema::Catalog::new(schema.clone());
    for message_type in catalog.iter() {
        let expected = formula(&schema, message_type.name(), &[]).cast_unsigned();
        assert_eq!(message_type.fingerprint().0, expected, "{message_type:?}");
    }
    assert_eq!(catalog.iter().count(), 6);
}

/// Word for word, without a thought for the time that it takes.
fn formula(schema: &Schema, name: &str, parents: &[&str]) -> i64 {
    if parents.contains(&name) {
        return 0;
    }
    let structure = match schema.get(name).unwrap() {
        Definition::Struct(structure) => structure,
        Definition::Enum(_) => return text(0x8765_4321, name.rsplit('.').next().unwrap()),
    };
    let mut hash = 0x1234_5678;
    let mut of_members = 0_i64;
    for member in &structure.members {
        hash = text(hash, &member.name);
        match &member.kind {
            Type::Primitive(primitive) => hash = text(hash, primitive.name()),
            Type::User(member) => {
                of_members = of_members.wrapping_add(formula(schema, member, &[parents, &[name]].concat()));
            }
        }
        hash = update(hash, i8::try_from(member.dimensions.len()).unwrap());
        for dimension in &member.dimensions {
            hash = match dimension {
                Dimension::Fixed { text: size, .. } => text(update(hash, 0), size),
                Dimension::Variable { member } => text(update(hash, 1), member),
            };
        }
    }
    hash.wrapping_add(of_members).rotate_left(1)
}

fn text(hash: i64, text: &str) -> i64 {
    let hash = update(hash, i8::try_from(text.len()).unwrap());
    text.bytes().fold(hash, |hash, byte| update(hash, byte.cast_signed()))
}

fn update(hash: i64, byte: i8) -> i64 {
    ((hash << 8) ^ (hash >> 55)).wrapping_add(byte.into())
}
