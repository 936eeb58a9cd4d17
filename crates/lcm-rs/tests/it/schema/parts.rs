//! Parts of a value by path.

use lcm::schema::{Numbers, PathError, Value};

fn value() -> Value<'static> {
    let pose = |x: f64| {
        let position = Value::Struct(vec![("x", x.into()), ("y", 0.0.into())]);
        let header = Value::Struct(vec![("frame_id", "map".into())]);
        Value::Struct(vec![("header", header), ("position", position)])
    };
    let row = |first: f32| Value::from(Numbers::from(&[first, 0.5][..]));
    Value::Struct(vec![
        ("pose", pose(1.5)),
        ("poses", Value::Array(vec![pose(2.5), pose(3.5)])),
        ("K", Numbers::from(&[1_i32, 2, 3][..]).into()),
        ("m", Value::Array(vec![row(1.0), row(2.0)])),
    ])
}

fn at(path: &str) -> Value<'static> {
    value().at(path).unwrap().into_owned()
}

fn error(path: &str) -> PathError {
    value().at(path).unwrap_err()
}

#[test]
fn paths_lead_to_members_elements_and_numbers() {
    assert_eq!(at(""), value());
    assert_eq!(at("pose.position.x"), 1.5.into());
    assert_eq!(at("poses[1].position.x"), 3.5.into());
    assert_eq!(at("poses[0].header.frame_id").as_str(), Some("map"));
    assert_eq!(at("K[2]"), 3.into());
    assert_eq!(at("m[1][0]"), 2.0_f32.into());
    assert_eq!(at("m[1]"), Numbers::from(&[2.0_f32, 0.5][..]).into());
}

#[test]
fn the_error_says_which_step_leads_nowhere_and_what_there_is() {
    assert_eq!(error("pos").to_string(), "the message has no member `pos`, only `pose`, `poses`, `K`, `m`");
    assert_eq!(error("pose.position.z").to_string(), "pose.position has no member `z`, only `x`, `y`");
    assert_eq!(error("poses[2].header").to_string(), "poses has 2 elements, [2] is not one of them");
    assert_eq!(error("K[3]"), PathError::NoElement { at: "K".to_owned(), index: 3, length: 3 });
    assert_eq!(error("poses.header").to_string(), "poses is an array of 2: it has no member `header`");
    assert_eq!(error("K.x").to_string(), "K is int32_t[3]: it has no member `x`");
    assert_eq!(error("K[0].x").to_string(), "K[0] is 1: it has no member `x`");
    assert_eq!(error("K[0][1]").to_string(), "K[0] is 1, not an array");
    assert_eq!(error("[0]").to_string(), "the message is a struct, not an array");
    assert_eq!(
        error("poses[0].header.frame_id[0]").to_string(),
        "poses[0].header.frame_id is the string \"map\", not an array"
    );
}

#[test]
fn what_is_no_path_is_refused_at_its_byte() {
    for (path, at) in [
        (".pose", 0),
        ("pose.", 5),
        ("pose..x", 5),
        ("poses[", 6),
        ("poses[]", 6),
        ("poses[-1]", 6),
        ("poses[+1]", 6),
        ("poses[x]", 6),
        ("poses[99999999999999999999]", 6),
        ("poses[0]x", 8),
        ("poses]", 5),
    ] {
        let expected = PathError::Syntax { path: path.to_owned(), offset: at };
        assert_eq!(error(path), expected);
    }
}
