//! Values as JSON, in the form that generated types have, and from JSON.

use lcm::schema::{Numbers, Value};
use proptest::prelude::*;

use super::random::{Values, types};
use super::{catalog, from_json, message};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(types in types(), seed: u64) {
        let (schema, catalog) = (types.schema(), types.catalog());
        let mut values = Values { schema: &schema, random: fastrand::Rng::with_seed(seed), is_plain: true };
        for name in types.names() {
            let value = values.value(&name, 0);
            let json = serde_json::to_string(&value).unwrap();
            let read = from_json(&catalog, &name, &json).unwrap();
            prop_assert_eq!(&read, &value, "{}", json);
        }
    }
}

#[test]
fn json_has_the_form_that_generated_types_have() {
    let catalog = catalog(&[
        (
            "demo.All",
            "string s; byte b; int32_t n; byte data[n]; int32_t r; byte rows[r][2]; int8_t small[2]; demo.More more;",
        ),
        (
            "demo.More",
            "float f; double d; float fs[3]; boolean yes; boolean no[2]; int64_t i; int32_t cols; double m[2][cols];",
        ),
    ]);
    let json = concat!(
        r#"{"s":"a\u0000b","b":7,"data":"AQID","rows":["AQI=","/f8="],"small":[-1,2],"#,
        r#""more":{"f":0.1,"d":"NaN","fs":["Infinity","-Infinity",1.5],"yes":true,"no":[false,true],"#,
        r#""i":-9223372036854775808,"cols":1,"m":[[0.1],[-0.0]]}}"#
    );
    let value = from_json(&catalog, "demo.All", json).unwrap();
    assert_eq!(value.member("data"), Some(&Numbers::from(vec![1, 2, 3]).into()));
    let all = catalog.get("demo.All").unwrap();
    let message = all.encode(&value).unwrap();
    assert_eq!(serde_json::to_string(&all.decode(&message).unwrap()).unwrap(), json);
}

#[test]
fn a_string_that_is_not_utf_8_is_shown_as_far_as_it_goes() {
    let catalog = catalog(&[("demo.S", "string s;")]);
    let bytes = message(&catalog, "demo.S", &[0, 0, 0, 4, b'a', 0xff, b'b', 0]);
    let value = catalog.get("demo.S").unwrap().decode(&bytes).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"s":"a�b"}"#);
    assert_eq!(*value.member("s").unwrap(), Value::Text(b"a\xffb"[..].into()));
}

#[test]
fn members_may_come_in_any_order_and_be_left_out() {
    let catalog = catalog(&[("demo.P", "double x; double y; demo.Q q;"), ("demo.Q", "int32_t n; string s[n];")]);
    let p = catalog.get("demo.P").unwrap();
    let value = from_json(&catalog, "demo.P", r#"{"q": {"s": ["a"]}, "x": 1}"#).unwrap();
    let whole = from_json(&catalog, "demo.P", r#"{"x": 1.0, "y": 0, "q": {"s": ["a"]}}"#).unwrap();
    assert_eq!(p.encode(&value).unwrap(), p.encode(&whole).unwrap());
    let empty = from_json(&catalog, "demo.P", "{}").unwrap();
    assert_eq!(p.encode(&empty).unwrap()[8..], [0; 20]);
}

#[test]
fn errors_name_the_member_and_what_it_could_be() {
    let catalog = catalog(&[
        ("demo.Path", "int32_t n; demo.Pose poses[n]; string frame; byte data[2]; int16_t m[2][2];"),
        ("demo.Pose", "double x; double y; int8_t i; float f;"),
    ]);
    let error = |json: &str| from_json(&catalog, "demo.Path", json).unwrap_err().to_string();
    let cases = [
        (
            r#"{"poses": [{}, {"z": 1}]}"#,
            "poses[1]: demo.Pose has no member `z`, only `x`, `y`, `i`, `f` at line 1 column 19",
        ),
        (r#"{"n": 1}"#, "demo.Path: `n` is left out: the length of `poses` tells it at line 1 column 4"),
        (r#"{"poses": [{"i": 128}]}"#, "poses[0].i: invalid value: integer `128`, expected i8 at line 1 column 20"),
        (
            r#"{"poses": [{"x": "1"}]}"#,
            "poses[0].x: invalid value: string \"1\", expected a number, or one of the strings NaN, Infinity and -Infinity at line 1 column 20",
        ),
        (r#"{"poses": {}}"#, "poses: invalid type: map, expected an array for demo.Pose[n] at line 1 column 10"),
        (
            r#"{"poses": [3]}"#,
            "poses[0]: invalid type: integer `3`, expected an object for demo.Pose[n] at line 1 column 12",
        ),
        (r#"{"m": [[1], [true]]}"#, "m[1]: invalid type: boolean `true`, expected i16 at line 1 column 17"),
        (r#"{"frame": null}"#, "frame: invalid type: null, expected a string at line 1 column 14"),
        (r#"{"frame": "a", "frame": "b"}"#, "frame: the member is given twice at line 1 column 28"),
        (r"[]", "demo.Path: invalid type: sequence, expected an object for demo.Path at line 1 column 0"),
        (r#"{"frame": "a", }"#, "demo.Path: trailing comma at line 1 column 16"),
    ];
    for (json, expected) in cases {
        assert_eq!(error(json), expected, "{json}");
    }
    assert!(error(r#"{"data": "!"}"#).starts_with("data: bytes in base64 are expected"));
    assert!(error(r#"{"poses": [{"f": 1e300}]}"#).starts_with("poses[0].f: invalid value: floating point"));
}
