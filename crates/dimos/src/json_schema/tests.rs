//! Schemas and values as people write them, and as somebody would who wants to do harm.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mapper {
    #[schemars(range(min = 0.1, max = 100.0))]
    rate_hz: f64,
    frame: String,
    limit: Option<u32>,
    grid: Option<Grid>,
    mode: Mode,
    shape: Shape,
    weights: Vec<f32>,
    small: u8,
    index: (i32, i32),
    names: BTreeSet<String>,
    by_number: HashMap<u8, bool>,
    #[serde(flatten)]
    speed: Speed,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Grid {
    cell_m: f64,
    mode: Mode,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fast,
    /// With a description it is written another way.
    Slow,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    Circle { radius_m: f64 },
    Square { side_m: f64 },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Speed {
    metres_per_second: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Tree {
    Leaf(i64),
    Node(Box<Self>, Box<Self>),
    Empty,
}

fn schema<T: JsonSchema>() -> Schema {
    Schema::compile(schema_for!(T).as_value()).unwrap()
}

fn good() -> Value {
    json!({
        "rate_hz": 10, "frame": "map", "limit": null, "grid": { "cell_m": 0.05, "mode": "slow" }, "mode": "fast",
        "shape": { "kind": "circle", "radius_m": 1.5 }, "weights": [1, 2.5], "small": 255, "index": [1, -1],
        "names": ["a", "b"], "by_number": { "7": true }, "metres_per_second": 1.0
    })
}

fn with(pointer: &str, value: Value) -> String {
    let mut whole = good();
    *whole.pointer_mut(pointer).unwrap() = value;
    let violations = schema::<Mapper>().check(&whole).unwrap_err();
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_bad_part_makes_an_alternative_bad() {
    let schema =
        json!({ "anyOf": [{ "type": "array", "items": { "type": "integer" } }, { "properties": { "a": false } }] });
    let schema = Schema::compile(&schema).unwrap();
    // Arrays are not what the second alternative is about.
    assert_eq!(schema.check(&json!(["x", 1])), Ok(()));
    let schema = json!({ "anyOf": [
        { "type": "array", "items": { "type": "integer" } },
        { "type": "object", "additionalProperties": { "type": "integer" }, "required": ["b"] }
    ] });
    let schema = Schema::compile(&schema).unwrap();
    for bad in
        [json!(["x", 1]), json!([1, "x"]), json!({ "a": "x", "b": 1 }), json!({ "b": 1, "c": "x" }), json!({ "a": 1 })]
    {
        assert!(schema.check(&bad).is_err(), "{bad}");
    }
}

#[test]
fn what_serde_writes_is_accepted() {
    assert_eq!(schema::<Mapper>().check(&good()), Ok(()));
    assert_eq!(
        schema::<Tree>().check(&json!({ "Node": [{ "Leaf": 1 }, { "Node": ["Empty", { "Leaf": -1 }] }] })),
        Ok(())
    );
}

#[test]
fn a_violation_says_what_was_expected_and_what_was_found() {
    assert_eq!(with("/rate_hz", json!(500)), "rate_hz: expected a number from 0.1 to 100.0, found 500");
    assert_eq!(with("/rate_hz", json!("500")), "rate_hz: expected a number from 0.1 to 100.0, found \"500\"");
    assert_eq!(with("/limit", json!(-1)), "limit: expected an integer from 0 to 4294967295 or null, found -1");
    assert_eq!(with("/limit", json!(1.5)), "limit: expected an integer from 0 to 4294967295 or null, found 1.5");
    assert_eq!(with("/small", json!(256)), "small: expected an integer from 0 to 255, found 256");
    assert_eq!(with("/weights/1", json!([])), "weights[1]: expected a number within ±3.4e38, found []");
    assert_eq!(with("/index", json!([1])), "index: expected an array of 2 items, found 1");
    assert_eq!(with("/names", json!(["a", "a"])), "names: expected different items, found \"a\" twice");
    assert_eq!(
        with("/mode", json!("fats")),
        "mode: expected \"fast\" or \"slow\", found \"fats\": did you mean \"fast\"?"
    );
    assert_eq!(with("/by_number", json!({ "x": true })), "by_number.x: no such key: there are none here");
}

#[test]
fn the_alternative_that_was_meant_is_the_one_that_is_explained() {
    assert_eq!(with("/grid/cell_m", json!("wide")), "grid.cell_m: expected a number, found \"wide\"");
    assert_eq!(
        with("/grid", json!({ "cell_m": 1, "mode": "slwo" })),
        "grid.mode: expected \"fast\" or \"slow\", found \"slwo\": did you mean \"slow\"?"
    );
    assert_eq!(
        with("/grid", json!({ "cell": 1, "mode": "slow" })),
        "grid.cell_m: is missing: expected a number\ngrid.cell: no such key: did you mean \"cell_m\"?"
    );
    assert_eq!(with("/grid", json!(7)), "grid: expected an object or null, found 7");
    assert_eq!(
        with("/shape", json!({ "kind": "circle", "side_m": 1 })),
        "shape.radius_m: is missing: expected a number"
    );
    assert_eq!(
        with("/shape/kind", json!("cirlce")),
        "shape.kind: expected \"circle\" or \"square\", found \"cirlce\": did you mean \"circle\"?"
    );
    let told = schema::<Tree>().check(&json!({ "Laef": 1 })).unwrap_err();
    assert_eq!(told[0].to_string(), "expected \"Empty\", {\"Leaf\": …} or {\"Node\": …}, found {\"Laef\":1}");
}

#[test]
fn keys_that_are_not_there_and_keys_that_should_not_be_are_told_together() {
    let mut whole = good();
    let members = whole.as_object_mut().unwrap();
    members.insert("frme".to_owned(), members["frame"].clone());
    members.remove("frame");
    members.insert("a.b".to_owned(), json!(1));
    let told = schema::<Mapper>().check(&whole).unwrap_err();
    let told: BTreeMap<_, _> = told.into_iter().map(|violation| (violation.path, violation.message)).collect();
    assert_eq!(told["frame"], "is missing: expected a string");
    assert_eq!(told["frme"], "no such key: did you mean \"frame\"?");
    assert!(told["[\"a.b\"]"].starts_with("no such key: there is \"by_number\", \"frame\", "), "{told:?}");
}

#[test]
fn flattened_alternatives_know_their_keys() {
    let schema = Schema::compile(&json!({
        "type": "object", "properties": { "name": { "type": "string" } },
        "oneOf": [
            { "type": "object", "properties": { "x": { "type": "number" } }, "required": ["x"] },
            { "type": "object", "properties": { "y": { "type": "number" } }, "required": ["y"] }
        ],
        "unevaluatedProperties": false
    }));
    let schema = schema.unwrap();
    assert_eq!(schema.check(&json!({ "name": "a", "x": 1 })), Ok(()));
    assert_eq!(schema.check(&json!({ "name": "a", "x": 1, "z": 1 })).unwrap_err()[0].path, "z");
    assert!(schema.check(&json!({ "x": 1, "y": 1 })).is_err());
}

#[test]
fn a_schema_that_would_not_be_checked_in_full_is_refused() {
    let refused = |schema: Value| Schema::compile(&schema).unwrap_err().to_string();
    assert_eq!(
        refused(json!({ "properties": { "a": { "minium": 1 } } })),
        "#/properties/a: the keyword \"minium\" is not checked here: leave it out, or begin its name with x- if it asserts nothing"
    );
    assert_eq!(
        refused(json!({ "items": [true] })),
        "#/items: expected a schema, which is an object or a boolean, found [true]"
    );
    assert_eq!(refused(json!({ "minimum": "1" })), "#: minimum takes a number, found \"1\"");
    assert_eq!(refused(json!({ "type": "int" })), "#: type takes a type of JSON, or a list of them, found \"int\"");
    assert_eq!(
        refused(json!({ "$ref": "https://example.org" })),
        "#: \"https://example.org\" is not in this schema: references are # or begin with #/"
    );
    assert_eq!(
        refused(json!({ "$ref": "#/$defs/A" })),
        "#: \"#/$defs/A\" is not in this schema: references are # or begin with #/"
    );
    assert!(matches!(Schema::compile(&json!({ "$ref": "#" })), Err(SchemaError::Circular { .. })));
    assert!(matches!(Schema::compile(&json!({ "pattern": "(?=x)" })), Err(SchemaError::Pattern { .. })));
    assert!(matches!(Schema::compile(&json!({ "anyOf": [] })), Err(SchemaError::Operand { .. })));
    assert!(Schema::compile(&json!({ "x-unit": "m", "title": "A", "examples": [1] })).is_ok());
}

#[test]
fn names_of_generic_types_are_found_however_they_are_escaped() {
    let schema = json!({ "$ref": "#/$defs/Pair%3CA~1B%3E", "$defs": { "Pair<A/B>": { "const": 1 } } });
    assert!(Schema::compile(&schema).unwrap().check(&json!(2)).is_err());
}

#[test]
fn alternatives_of_alternatives_end_in_bounded_time() {
    // Each level has two ways to the same fault, so all ways together would be 2 to the power of the depth.
    let schema = Schema::compile(&json!({ "anyOf": [{ "items": { "$ref": "#" }, "type": "array" }, { "items": { "$ref": "#" }, "type": "array" }] })).unwrap();
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        schema.check(&deep).unwrap_err()[0].message,
        "takes too long to check: its parts fit several alternatives each"
    );
}

#[test]
fn deep_values_and_schemas_end_in_an_error_and_not_in_a_crash() {
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let deep = nested(1_000);
    let schema = schema_for_nested_arrays();
    assert_eq!(schema.check(&deep).unwrap_err()[0].message, "is nested too deeply");
    // What the JSON reader lets through, is checked.
    assert_eq!(schema.check(&nested(120)), Ok(()));
    let deep = (0..1_000).fold(json!(true), |inner, _| json!({ "items": inner }));
    assert!(matches!(Schema::compile(&deep), Err(SchemaError::TooLarge { .. })));
}

fn schema_for_nested_arrays() -> Schema {
    Schema::compile(&json!({ "anyOf": [{ "type": "array", "items": { "$ref": "#" } }, { "type": "integer" }] }))
        .unwrap()
}

#[test]
fn texts_are_bounded_whatever_the_value_is() {
    let huge = "ä".repeat(1 << 20);
    let value = json!({ huge.clone(): huge, "rate_hz": [huge.clone()], "mode": huge, "frame": { huge.clone(): 1 } });
    for violation in schema::<Mapper>().check(&value).unwrap_err() {
        assert!(
            violation.path.len() <= MAX_MESSAGE_BYTES && violation.message.len() <= MAX_MESSAGE_BYTES,
            "{violation}"
        );
    }
    let many = Value::Array(vec![json!(null); 100_000]);
    let told = Schema::compile(&json!({ "items": { "type": "string" } })).unwrap().check(&many).unwrap_err();
    assert_eq!(told.len(), MAX_VIOLATIONS);
}

/// Any JSON, small.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,3}|kind|Leaf|Node|mode|grid", inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    /// The checker and the reader agree: what is accepted can be read, and what can be read is accepted.
    #[test]
    fn what_is_accepted_can_be_read_and_the_other_way_round(value in json_value()) {
        prop_assert_eq!(schema::<Tree>().check(&value).is_ok(), serde_json::from_value::<Tree>(value.clone()).is_ok(), "{}", value);
        prop_assert_eq!(schema::<Grid>().check(&value).is_ok(), serde_json::from_value::<Grid>(value.clone()).is_ok());
    }

    /// The same near good values, one part of which is replaced.
    #[test]
    fn a_replaced_part_is_found(part in 0_usize..12, value in json_value()) {
        let mut whole = good();
        let key = whole.as_object().unwrap().keys().nth(part).unwrap().clone();
        whole[&key] = value;
        let is_good = schema::<Mapper>().check(&whole).is_ok();
        // The reader neither minds repetitions in a set nor knows the range.
        if key != "names" && key != "rate_hz" {
            prop_assert_eq!(is_good, serde_json::from_value::<Mapper>(whole.clone()).is_ok(), "{}", whole);
        }
    }

    /// A schema made of anything is refused or used, and nothing else happens.
    #[test]
    fn no_schema_and_no_value_do_harm(keywords in prop::collection::hash_map(
        "type|items|properties|anyOf|oneOf|allOf|not|\\$ref|enum|const|minimum|pattern|required|additionalProperties|format|prefixItems|uniqueItems",
        prop_oneof![json_value(), Just(json!("#")), Just(json!([{}, { "type": "string" }])), Just(json!("integer"))], 0..4), value in json_value()) {
        if let Ok(schema) = Schema::compile(&keywords.into_iter().collect()) {
            let _ = schema.check(&value);
        }
    }
}
