//! Configurations out of layers: what they come to, and what is said of mistakes.

use std::collections::BTreeMap;

use dimos::config::{ConfigError, Layers, Source, environment_prefix};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Mapper {
    /// How often the map is published.
    #[schemars(range(min = 0.1, max = 100.0))]
    rate_hz: f64,
    frame: String,
    serial: String,
    limit: Option<u32>,
    note: Option<String>,
    grid: Grid,
    crop: Option<Crop>,
    mode: Mode,
    shape: Shape,
    sensors: Vec<String>,
    weights: Vec<f32>,
    gains: BTreeMap<String, f64>,
    filters: Vec<Filter>,
    extra: Value,
    verbose: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Grid {
    cell_m: f32,
    size: [u16; 2],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Crop {
    from_m: f64,
    to_m: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fast,
    /// Takes its time.
    Precise,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    Circle { radius_m: f64 },
    Square { side_m: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Filter {
    name: String,
    depth: i32,
}

impl Default for Mapper {
    fn default() -> Self {
        Self {
            rate_hz: 10.0,
            frame: "map".to_owned(),
            serial: "0042".to_owned(),
            limit: None,
            note: None,
            grid: Grid { cell_m: 0.1, size: [100, 100] },
            crop: None,
            mode: Mode::Fast,
            shape: Shape::Circle { radius_m: 1.0 },
            sensors: vec!["lidar".to_owned()],
            weights: Vec::new(),
            gains: BTreeMap::new(),
            filters: Vec::new(),
            extra: Value::Null,
            verbose: false,
        }
    }
}

fn layers() -> Layers {
    Layers::of::<Mapper>().unwrap()
}

/// The mapper that these arguments make.
fn mapper(arguments: &[&str]) -> Mapper {
    let mut layers = layers();
    for argument in arguments {
        layers.argument(argument);
    }
    layers.read().unwrap_or_else(|error| panic!("{arguments:?}: {error}")).0
}

/// What is said of these arguments.
fn told(arguments: &[&str]) -> String {
    let mut layers = layers();
    for argument in arguments {
        layers.argument(argument);
    }
    layers.read::<Mapper>().unwrap_err().to_string()
}

fn told_of_file(text: &str) -> String {
    layers().file("mapper.toml", text).read::<Mapper>().unwrap_err().to_string()
}

fn source(layers: &Layers, key: &str) -> String {
    let effective = layers.merge().unwrap();
    let entry =
        effective.entries().into_iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("{key}: {effective}"));
    entry.source.to_string()
}

#[test]
fn without_layers_the_defaults_count() {
    let (config, effective) = layers().read::<Mapper>().unwrap();
    assert_eq!(config, Mapper::default());
    assert!(effective.entries().iter().all(|entry| *entry.source == Source::Default));
}

#[test]
fn the_stronger_layer_wins_whatever_the_order_of_calls() {
    let prefix = environment_prefix("robot0/mapper");
    assert_eq!(prefix, "DIMOS_CONFIG__ROBOT0_MAPPER");
    let variables = [
        ("DIMOS_CONFIG__ROBOT0_MAPPER__RATE_HZ", "3"),
        ("DIMOS_CONFIG__ROBOT0_MAPPER__GRID__CELL_M", "0.3"),
        ("DIMOS_CONFIG__ROBOT0_MAPPER__MODE", "precise"),
        ("DIMOS_CONFIG__OTHER__MODE", "nonsense"),
        ("HOME", "/"),
    ];
    let mut layers = layers();
    layers.argument("rate_hz=5").launcher(&json!({ "rate_hz": 4, "grid": { "cell_m": 0.4 }, "frame": "odom" }));
    layers.environment(&prefix, variables).file("mapper.toml", "rate_hz = 2\nverbose = true\n[grid]\nsize = [1, 2]\n");
    let (config, effective) = layers.read::<Mapper>().unwrap();
    assert_eq!((config.rate_hz, config.grid, config.mode), (5.0, Grid { cell_m: 0.4, size: [1, 2] }, Mode::Precise));
    assert_eq!(
        effective.to_string(),
        "\
key             value      source
crop            null       default
extra           null       default
filters         []         default
frame           \"odom\"     launcher
gains           {}         default
grid.cell_m     0.4        launcher
grid.size       [1,2]      mapper.toml:4:8
limit           null       default
mode            \"precise\"  variable DIMOS_CONFIG__ROBOT0_MAPPER__MODE
note            null       default
rate_hz         5          argument rate_hz=5
sensors         [\"lidar\"]  default
serial          \"0042\"     default
shape.kind      \"circle\"   default
shape.radius_m  1.0        default
verbose         true       mapper.toml:2:11
weights         []         default
"
    );
    let json = effective.to_json();
    assert_eq!(json["config"]["grid"], json!({ "cell_m": 0.4, "size": [1, 2] }));
    assert_eq!(json["sources"]["grid.size"], "mapper.toml:4:8");
}

#[test]
fn a_text_is_read_as_its_key_wants_it() {
    let config = mapper(&[
        "rate_hz=1e1",
        "frame=true",
        "serial=007",
        "limit=3",
        "note=none",
        "grid.size=1,2",
        "mode=precise",
        "sensors=lidar,7,null",
        "weights=1, 2.5,-3",
        "gains.pitch=0.5",
        "gains.\"a.b\"=1",
        "filters=[{\"name\":\"x\",\"depth\":2}]",
        "extra={\"a\":[1]}",
        "verbose=true",
        "crop.from_m=1",
        "crop.to_m=2",
    ]);
    let expected = Mapper {
        rate_hz: 10.0,
        frame: "true".to_owned(),
        serial: "007".to_owned(),
        limit: Some(3),
        note: None,
        grid: Grid { cell_m: 0.1, size: [1, 2] },
        crop: Some(Crop { from_m: 1.0, to_m: 2.0 }),
        mode: Mode::Precise,
        sensors: ["lidar", "7", "null"].map(str::to_owned).to_vec(),
        weights: vec![1.0, 2.5, -3.0],
        gains: BTreeMap::from([("pitch".to_owned(), 0.5), ("a.b".to_owned(), 1.0)]),
        filters: vec![Filter { name: "x".to_owned(), depth: 2 }],
        extra: json!({ "a": [1] }),
        verbose: true,
        ..Mapper::default()
    };
    assert_eq!(config, expected);
    assert_eq!(mapper(&["note=\"none\""]).note.as_deref(), Some("none"));
    assert_eq!(mapper(&["note=5"]).note.as_deref(), Some("5"));
    assert_eq!(mapper(&["limit=5", "limit=null"]).limit, None);
    assert_eq!(mapper(&["sensors="]).sensors, Vec::<String>::new());
    assert_eq!(mapper(&["sensors=[\"a,b\"]"]).sensors, ["a,b"]);
    assert_eq!(mapper(&["crop={\"from_m\":1,\"to_m\":3}", "crop.to_m=2"]).crop, Some(Crop { from_m: 1.0, to_m: 2.0 }));
    let mut python = layers();
    python.option("rate_hz", "5.0").option("verbose", "false").option("sensors", "a,b").option("serial", "12");
    let (config, _) = python.read::<Mapper>().unwrap();
    assert_eq!((config.rate_hz, config.verbose, config.serial.as_str()), (5.0, false, "12"));
    assert_eq!(source(&python, "rate_hz"), "argument --rate_hz 5.0");
}

#[test]
fn another_kind_replaces_and_a_part_is_merged() {
    assert_eq!(mapper(&["shape.radius_m=2"]).shape, Shape::Circle { radius_m: 2.0 });
    let mut layers = layers();
    layers.launcher(&json!({ "shape": { "kind": "square", "side_m": 3 } }));
    let (config, effective) = layers.read::<Mapper>().unwrap();
    assert_eq!(config.shape, Shape::Square { side_m: 3.0 });
    assert_eq!(effective.value()["shape"], json!({ "kind": "square", "side_m": 3 }));
}

#[test]
fn mistakes_on_the_command_line_are_told_with_what_was_meant() {
    assert_eq!(told(&["grid.cel_m=0.1"]), "argument grid.cel_m=0.1: grid.cel_m: no such key: did you mean \"cell_m\"?");
    assert_eq!(
        told(&["grid.size=a,2"]),
        "argument grid.size=a,2: grid.size: expected an integer from 0 to 65535, found \"a\""
    );
    assert_eq!(
        told(&["grid.size=1"]),
        "argument grid.size=1: grid.size: expected an array of 2 items, each an integer from 0 to 65535, found 1"
    );
    assert_eq!(
        told(&["rate_hz=fast"]),
        "argument rate_hz=fast: rate_hz: expected a number from 0.1 to 100.0, found \"fast\""
    );
    assert_eq!(told(&["rate_hz=500"]), "argument rate_hz=500: rate_hz: expected a number from 0.1 to 100.0, found 500");
    assert_eq!(
        told(&["rate_hz=NaN"]),
        "argument rate_hz=NaN: rate_hz: expected a number from 0.1 to 100.0, found \"NaN\""
    );
    assert_eq!(told(&["verbose=yes"]), "argument verbose=yes: verbose: expected a boolean, found \"yes\"");
    assert_eq!(
        told(&["mode=fats"]),
        "argument mode=fats: mode: expected \"fast\" or \"precise\", found \"fats\": did you mean \"fast\"?"
    );
    assert_eq!(
        told(&["limit=-1"]),
        "argument limit=-1: limit: expected an integer from 0 to 4294967295 or null, found -1"
    );
    assert_eq!(told(&["frame.x=1"]), "argument frame.x=1: frame.x: no such key: there are none here");
    assert_eq!(
        told(&["filters=[{\"name\":\"x\",\"dept\":2}]"]),
        "argument filters=[{\"name\":\"x\",\"dept\":2}]: filters[0].dept: no such key: did you mean \"depth\"?\nfilters[0].depth: is missing: expected an integer from -2147483648 to 2147483647"
    );
    assert_eq!(
        told(&["shape.kind=cirlce"]),
        "argument shape.kind=cirlce: shape.kind: expected \"circle\" or \"square\", found \"cirlce\": did you mean \"circle\"?"
    );
    assert_eq!(told(&["crop.from_m=1"]), "crop.to_m: is missing: expected a number");
    assert_eq!(
        told(&["verbose"]),
        "argument verbose: expected key=value, where key is like grid.cell_m, and a part with dots in it is in double quotes"
    );
    assert_eq!(
        told(&["filters=[{]"]),
        "argument filters=[{]: filters: expected an array, each an object, found \"[{]\", which is no JSON: key must be a string at line 1 column 3"
    );
}

#[test]
fn mistakes_in_a_file_show_the_line() {
    assert_eq!(
        told_of_file("frame = 'map'\n[grid]\ncell_m = \"wide\" # too wide\nsize = [1, 2]\n"),
        "\
mapper.toml:3:10: grid.cell_m: expected a number within ±3.4e38, found \"wide\"
3 | cell_m = \"wide\" # too wide
  |          ^^^^^^"
    );
    assert_eq!(
        told_of_file("\n\n\n\n\n\n\n\n\n\tgrid.cel_m = 1"),
        "\
mapper.toml:10:7: grid.cel_m: no such key: did you mean \"cell_m\"?
10 | \tgrid.cel_m = 1
   | \t     ^^^^^"
    );
    assert_eq!(
        told_of_file("frame = 'map\nverbose = true"),
        "\
mapper.toml:1:13: invalid literal string, expected `'`
1 | frame = 'map
  |             ^"
    );
    assert_eq!(
        told_of_file("rate_hz = inf"),
        "mapper.toml:1:11: rate_hz: expected a number from 0.1 to 100.0, found inf, which is not finite\n1 | rate_hz = inf\n  |           ^^^"
    );
    assert_eq!(
        told_of_file("filters = [\n  { name = 'a', depth = 1, dept = 2 },\n]").lines().next().unwrap(),
        "mapper.toml:1:11: filters[0].dept: no such key: did you mean \"depth\"?"
    );
}

#[test]
fn mistakes_in_the_environment_name_the_variable_that_was_meant() {
    let told =
        |name: &str, value: &str| layers().environment("M", [(name, value)]).read::<Mapper>().unwrap_err().to_string();
    assert_eq!(
        told("M__GRID__CELLM", "1"),
        "variable M__GRID__CELLM: no key is called so: did you mean M__GRID__CELL_M?"
    );
    assert_eq!(
        told("M__GRID_CELL_M", "1"),
        "variable M__GRID_CELL_M: no key is called so: did you mean M__GRID__CELL_M?"
    );
    assert_eq!(told("M__VERBOSE", "1"), "variable M__VERBOSE: verbose: expected a boolean, found \"1\"");
    assert!(
        told("M__", "1").starts_with("variable M__: no key is called so: there is M__CROP__FROM_M, "),
        "{}",
        told("M__", "1")
    );
    let mut map = layers();
    map.environment("M", [("M__GAINS__PITCH", "2"), ("MAPPER__X", "1"), ("M_GAINS", "1")]);
    assert_eq!(map.read::<Mapper>().unwrap().0.gains, BTreeMap::from([("pitch".to_owned(), 2.0)]));
}

#[test]
fn a_variable_that_may_mean_two_keys_is_refused() {
    let schema = json!({ "type": "object", "properties": {
        "a__b": { "type": "integer" }, "a": { "type": "object", "properties": { "b": { "type": "integer" } } }, "c-d": true, "c_d": true
    } });
    let layers = Layers::new(&schema, json!({})).unwrap();
    for (variable, told) in [
        ("M__A__B", "variable M__A__B: means \"a.b\" as well as \"a__b\": set it otherwise"),
        ("M__C_D", "variable M__C_D: means \"c-d\" as well as \"c_d\": set it otherwise"),
    ] {
        assert_eq!(layers.clone().environment("M", [(variable, "1")]).merge().unwrap_err().to_string(), told);
    }
}

#[test]
fn all_mistakes_are_told_together() {
    let mut layers = layers();
    layers
        .argument("rate=1")
        .launcher(&json!({ "verbose": "yes", "modes": 1, "grid": 5 }))
        .file("a.toml", "serial = 42");
    layers.environment("M", [("M__LIMIT", "many")]);
    let told = layers.read::<Mapper>().unwrap_err();
    assert_eq!(
        told.to_string(),
        "\
argument rate=1: rate: no such key: there is \"crop\", \"extra\", \"filters\", \"frame\", \"gains\", \"grid\", \"limit\", \"mode\" and 7 more
launcher: modes: no such key: did you mean \"mode\"?
variable M__LIMIT: limit: expected an integer from 0 to 4294967295 or null, found \"many\"
launcher: grid: expected an object, found 5
a.toml:1:10: serial: expected a string, found 42
1 | serial = 42
  |          ^^
launcher: verbose: expected a boolean, found \"yes\""
    );
    assert_eq!(told.problems.len(), 6);
    assert_eq!(layers_of_launcher(json!([1])).to_string(), "launcher: expected an object with keys, found [1]");
}

fn layers_of_launcher(value: Value) -> ConfigError {
    layers().launcher(&value).merge().unwrap_err()
}

#[test]
fn what_is_wrong_with_an_object_is_of_the_last_layer_that_added_to_it() {
    let schema = json!({ "type": "object", "properties": { "gains": { "type": "object", "additionalProperties": true, "maxProperties": 1 } } });
    let mut layers = Layers::new(&schema, json!({ "gains": { "a": 1 } })).unwrap();
    layers.launcher(&json!({ "gains": { "b": 1 } }));
    assert_eq!(layers.merge().unwrap_err().to_string(), "launcher: gains: has the wrong number of keys: 2");
}

#[test]
fn what_only_the_struct_refuses_is_told_with_its_key() {
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    struct Camera {
        address: Address,
    }
    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    struct Address {
        ip: Option<std::net::IpAddr>,
    }
    let mut layers = Layers::of::<Camera>().unwrap();
    layers.file("camera.toml", "[address]\nip = '10.0.0'");
    assert_eq!(
        layers.read::<Camera>().unwrap_err().to_string(),
        "camera.toml:2:6: address.ip: cannot be read: invalid IP address syntax\n2 | ip = '10.0.0'\n  |      ^^^^^^^^"
    );
}

#[test]
fn a_type_that_is_no_struct_is_no_configuration() {
    assert_eq!(
        Layers::of::<u8>().unwrap_err().to_string(),
        "the configuration is not a struct with named fields: its default is 0"
    );
    assert!(Layers::of::<()>().is_err());
}

#[test]
fn hostile_texts_are_told_in_few_words() {
    let huge = "x".repeat(1 << 20);
    let deep = "[".repeat(1 << 16);
    let mut layers = layers();
    layers.argument(&huge).argument(&format!("{huge}=1")).argument(&format!("{}=1", "a.".repeat(1 << 16)));
    layers.argument(&format!("rate_hz={huge}")).argument(&format!("filters={deep}")).argument(&format!("extra={deep}"));
    layers.environment(
        "M",
        [(format!("M__{huge}"), huge.clone()), (format!("M__GRID{}", "__GRID".repeat(1 << 16)), huge.clone())],
    );
    layers.file("huge.toml", &format!("frame = '{huge}' '{huge}'")).file("deep.toml", &format!("extra = {deep}"));
    layers.file("keys.toml", &format!("{}=1", "a.".repeat(1000))).file("nul.toml", "\0\u{feff}=\r\r\n");
    layers.launcher(&json!({ huge.clone(): huge, "extra": huge }));
    let told = layers.merge().unwrap_err().to_string();
    assert!(told.len() < 20_000, "{} bytes", told.len());
}

/// What a module without a schema of its own takes: anything.
fn anything() -> Layers {
    Layers::new(&json!({ "type": "object" }), json!({})).unwrap()
}

fn objects() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i8>().prop_map(Value::from),
        Just(Value::Null),
        prop::collection::vec(0..3, 0..2).prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(3, 16, 3, |inner| {
        prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|members| members.into_iter().collect())
    });
    prop::collection::btree_map("[abc]", value, 0..3).prop_map(|members| members.into_iter().collect())
}

/// Objects where some keys always have objects, and the others never.
fn objects_of_one_shape() -> impl Strategy<Value = Value> {
    let leaves = prop::collection::btree_map("[xy]", any::<i8>().prop_map(Value::from), 0..3);
    let inner = leaves.clone().prop_map(|members| members.into_iter().collect::<Value>());
    let middle = (leaves.clone(), prop::collection::btree_map("[ab]", inner, 0..3));
    let middle = middle.prop_map(|(leaves, objects)| leaves.into_iter().chain(objects).collect::<Value>());
    let outer = (leaves, prop::collection::btree_map("[ab]", middle, 0..3));
    outer.prop_map(|(leaves, objects)| leaves.into_iter().chain(objects).collect())
}

/// What these layers come to, from weak to strong.
fn all(values: &[&Value]) -> Value {
    let mut layers = anything();
    for value in values {
        layers.launcher(value);
    }
    layers.merge().unwrap().value()
}

/// The merge by its definition, on values.
fn merged(weaker: &Value, stronger: &Value) -> Value {
    match (weaker, stronger) {
        (Value::Object(one), Value::Object(other)) => {
            let mut all = one.clone();
            for (key, value) in other {
                all.insert(key.clone(), one.get(key).map_or_else(|| value.clone(), |former| merged(former, value)));
            }
            Value::Object(all)
        }
        _ => stronger.clone(),
    }
}

/// A text that is read as a value of an optional string, a string, a number and so on.
fn written(value: &Value, is_optional: bool) -> String {
    match value {
        Value::String(text) if is_optional => serde_json::to_string(text).unwrap(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn merging_is_right_biased_from_weak_to_strong(a in objects(), b in objects(), c in objects()) {
        let together = all(&[&a, &b, &c]);
        prop_assert_eq!(&together, &merged(&merged(&a, &b), &c));
        prop_assert_eq!(&together, &all(&[&all(&[&a, &b]), &c]));
        prop_assert_eq!(all(&[&together, &c]), together);
    }

    /// Where a number takes the place of an object in between, it matters what is merged first; elsewhere it does not.
    #[test]
    fn merging_is_associative_among_layers_of_one_shape(a in objects_of_one_shape(), b in objects_of_one_shape(), c in objects_of_one_shape()) {
        prop_assert_eq!(all(&[&all(&[&a, &b]), &c]), all(&[&a, &all(&[&b, &c])]));
    }

    /// A leaf is that of the last layer that has something there, and that layer is its source.
    #[test]
    fn the_source_of_a_leaf_is_the_last_layer_that_set_it(defaults in objects(), launcher in objects(), first in objects(), second in objects()) {
        let mut layers = Layers::new(&json!({ "type": "object" }), defaults.clone()).unwrap();
        let argument = |value: &Value| value.as_object().unwrap().iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        for text in argument(&first).iter().chain(&argument(&second)) {
            layers.argument(text);
        }
        layers.launcher(&launcher);
        for entry in layers.merge().unwrap().entries() {
            let pointer = format!("/{}", entry.key.replace('.', "/"));
            // An object that is there in a weaker layer, and empty in a stronger one, keeps its leaves.
            let sets = |value: &Value| value.pointer(&pointer).is_some_and(|found| *found == entry.value);
            let is_from = match entry.source {
                Source::Default => sets(&defaults),
                Source::Launcher => sets(&launcher),
                Source::CommandLine { text } => {
                    let (key, value) = text.split_once('=').unwrap();
                    let value: Value = serde_json::from_str(value).unwrap();
                    sets(&json!({ key: value }))
                }
                other => panic!("{other}"),
            };
            prop_assert!(is_from, "{} = {} is not from {}", entry.key, entry.value, entry.source);
            if !matches!(entry.source, Source::CommandLine { .. }) {
                for stronger in [&first, &second] {
                    prop_assert!(stronger.pointer(&pointer).is_none_or(|value| value.is_object()), "{}", entry.key);
                }
            }
        }
    }

    /// What is written as a text comes back.
    #[test]
    fn texts_come_back_as_they_were(
        rate_hz in 0.1..100.0, frame in any::<String>(), limit in any::<Option<u32>>(), note in any::<Option<String>>(),
        weights in prop::collection::vec(-1e9_f32..1e9, 0..4), sensors in prop::collection::vec("[^,\\[]{1,8}", 0..4), size in any::<[u16; 2]>(), verbose in any::<bool>()
    ) {
        let value = |value: &Value, is_optional| written(value, is_optional);
        let comma = |values: Vec<String>| values.join(",");
        let arguments = [
            format!("rate_hz={rate_hz}"), format!("frame={frame}"), format!("limit={}", value(&json!(limit), true)),
            format!("note={}", value(&json!(note), true)), format!("weights={}", comma(weights.iter().map(f32::to_string).collect())),
            format!("sensors={}", sensors.join(",")), format!("grid.size={},{}", size[0], size[1]), format!("verbose={verbose}"),
        ];
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let config = mapper(&arguments);
        prop_assert_eq!((config.rate_hz, config.frame, config.limit, config.note), (rate_hz, frame, limit, note));
        prop_assert_eq!((config.weights, config.sensors, config.grid.size, config.verbose), (weights, sensors, size, verbose));
    }

    /// Anything may be written, and no text does any harm.
    #[test]
    fn no_text_does_harm(key in "[a-z_.\"=]{0,12}|grid|shape.kind|extra", value in any::<String>(), toml in "[a-z_.=\"'\\[\\]{}0-9\\n#, -]{0,40}|\\PC*") {
        let mut layers = layers();
        layers.argument(&format!("{key}={value}")).option(&key, &value).file("any.toml", &toml);
        layers.environment("M", [(format!("M__{}", key.to_uppercase()), value)]);
        if let Err(error) = layers.read::<Mapper>() {
            prop_assert!(!error.problems.is_empty() && error.to_string().len() < 20_000);
        }
    }

    /// TOML and JSON of the same configuration come to the same.
    #[test]
    fn a_file_and_a_launcher_that_say_the_same_come_to_the_same(rate_hz in 1_u32..100, cell_m in 0.001_f32..10.0, names in prop::collection::vec("[a-z]{1,5}", 0..3)) {
        let names: Vec<_> = names.into_iter().map(|name| format!("{name:?}")).collect();
        let toml = format!("rate_hz = {rate_hz}\nsensors = [{0}]\n[grid]\ncell_m = {cell_m:?}\n", names.join(", "));
        let json = format!("{{\"rate_hz\":{rate_hz},\"sensors\":[{0}],\"grid\":{{\"cell_m\":{cell_m:?}}}}}", names.join(", "));
        let (mut file, mut launcher) = (layers(), layers());
        file.file("a.toml", &toml);
        launcher.launcher(&serde_json::from_str(&json).unwrap());
        prop_assert_eq!(file.merge().unwrap().value(), launcher.merge().unwrap().value());
    }
}
