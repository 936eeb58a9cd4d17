//! The shape of a launch file: what editors complete, what files are checked against, and what is read.
//!
//! What its texts mean is decided elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A launch file: which modules run, and how. Any text but keys and `[args]` may have `${argument}` in it; a text that is only that
/// takes the argument's value with its type, and `$${` stands for `${`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "launch file")]
pub(super) struct File {
    /// The bus, such as `udpm://239.255.76.67:7667?ttl=1`. Without it, that of `LCM_DEFAULT_URL`.
    pub(super) bus: Option<String>,
    /// Whether the modules take the time from `/clock`, but for the one that publishes it.
    pub(super) simulated_time: Option<bool>,
    /// Topics that are fed from outside of the run, such as `/cmd_vel`.
    pub(super) external: Vec<String>,
    /// Arguments: `seed = 1` has a default, `log = { help = "an event log" }` has none and is required. On the command line,
    /// `seed=3` sets one.
    args: BTreeMap<String, Argument>,
    /// Other launch files that are part of this one.
    pub(super) include: Vec<Include>,
    /// The modules, by their names.
    pub(super) modules: BTreeMap<String, Module>,
}

/// An argument: its default, or a table of what is known of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Argument {
    /// What is known of it.
    Described(#[expect(dead_code, reason = "see `File::args`")] ArgumentDescription),
    /// Its default.
    #[schemars(schema_with = "plain_value")]
    Default(#[expect(dead_code, reason = "see `File::args`")] Value),
}

/// What is known of an argument.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArgumentDescription {
    /// Its value unless it is set. Without one it has to be set.
    #[serde(default)]
    pub(super) default: Option<Value>,
    /// Whether it is a path: on the command line it is relative to where the command is given.
    #[serde(default, rename = "path")]
    pub(super) is_path: bool,
    /// What it is for.
    #[serde(default)]
    #[expect(dead_code, reason = "for people and editors")]
    help: Option<String>,
}

/// Another launch file that is part of this one. Its definitions come before those of this file, which may change them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Include {
    /// The file, relative to this one.
    pub(super) file: String,
    /// Goes before the names of its modules and before their topics.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Its arguments.
    #[serde(default)]
    #[expect(dead_code, reason = "arguments are read with their places, before anything else")]
    args: BTreeMap<String, Value>,
    /// Topics in it that do not get the namespace, such as `/map`.
    #[serde(default)]
    pub(super) expose: Vec<String>,
    /// What is different from how the file defines its modules.
    #[serde(default)]
    pub(super) modules: BTreeMap<String, Module>,
}

/// A module. What an earlier definition of the same name says holds where this one says nothing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Module {
    /// What runs: a module that comes with `dimos`, or an executable beside the file, relative to it, or on `PATH`; or a list of it
    /// and its arguments.
    pub(super) run: Option<Run>,
    /// Its configuration.
    pub(super) config: BTreeMap<String, Value>,
    /// Topics in place of those that its ports have by themselves, by port.
    pub(super) remap: BTreeMap<String, String>,
    /// The modules that it calls, by the names that it has for them.
    pub(super) references: BTreeMap<String, String>,
    /// Variables that are added to its environment.
    pub(super) env: BTreeMap<String, String>,
    /// What happens when it ends by itself.
    pub(super) restart: Option<Restart>,
    /// Where it works, relative to the file.
    pub(super) directory: Option<String>,
    /// How nice it is to other processes: -20 goes first, 19 last.
    #[schemars(range(min = -20, max = 19))]
    pub(super) nice: Option<i32>,
    /// The processors that it may run on.
    #[schemars(inner(range(min = 0, max = 1023)))]
    pub(super) cpus: Option<Vec<usize>>,
    /// Whether it takes the time from `/clock`.
    pub(super) simulated_time: Option<bool>,
    /// How long starting may take, such as `30s`.
    pub(super) start_within: Option<String>,
    /// Topics of its ports that do not get its namespace, such as `/map`.
    pub(super) expose: Vec<String>,
    /// Whether it is a program that is not written with the SDK: it is started as it is, and declares its ports here.
    pub(super) foreign: Option<bool>,
    /// A foreign program is up once it has run for so long, such as `500ms`.
    pub(super) ready_after: Option<String>,
    /// A foreign program is up once something is heard on this channel, such as `/scan#sensor_msgs.LaserScan`.
    pub(super) ready_on: Option<String>,
    /// The message types of ports that it reads and does not declare itself, such as `geometry_msgs.Twist`.
    pub(super) inputs: BTreeMap<String, String>,
    /// The message types of ports that it writes and does not declare itself, such as `sensor_msgs.LaserScan`.
    pub(super) outputs: BTreeMap<String, String>,
}

/// What runs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Run {
    /// A module that comes with `dimos`, or an executable.
    Program(String),
    /// The same with arguments.
    WithArguments(#[schemars(length(min = 1))] Vec<String>),
}

/// What happens when a module ends by itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Restart {
    /// When it is started again.
    When(When),
    /// The same, and how often.
    Policy(RestartPolicy),
}

/// When and how often a module is started again.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestartPolicy {
    /// When it is started again.
    #[serde(default)]
    pub(super) when: Option<When>,
    /// How long it rests before the second restart in a row, such as `500ms`; it doubles with each further one.
    #[serde(default)]
    pub(super) back_off: Option<String>,
    /// How often in a row it is started again.
    #[serde(default)]
    pub(super) limit: Option<u32>,
}

/// When a module is started again.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    /// It is not.
    Never,
    /// When it crashed, or ended with an exit code other than 0.
    OnFailure,
    /// However it ended.
    Always,
}

/// The JSON Schema of launch files, without what only editors want.
pub(super) fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<File>().to_value();
    without_null(&mut schema);
    schema
}

/// TOML has no null: a key is left out.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("default") == Some(&Value::Null) {
                members.remove("default");
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(alternatives)) = members.get_mut("anyOf") {
                alternatives.retain(|alternative| alternative["type"] != "null");
                if let [Value::Object(only)] = alternatives.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// The JSON Schema of launch files, for editors: where a value is no text, a text with an argument in it will do as well.
pub(super) fn editor_schema() -> Value {
    let mut schema = schema();
    loosen(&mut schema);
    schema
}

fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(loosen);
            let is_plain = |name: &Value| matches!(name.as_str(), Some("integer" | "boolean" | "number" | "array"));
            let takes_others = match members.get("type") {
                Some(Value::Array(types)) => types.iter().any(is_plain) && !types.contains(&Value::from("string")),
                Some(one) => is_plain(one),
                None => false,
            };
            if takes_others {
                let annotations = ["description", "default"].map(|name| (name.to_owned(), members.remove(name)));
                let strict = Value::Object(std::mem::take(members));
                let argument = serde_json::json!({ "type": "string", "pattern": r"^\$\{[^}]+\}$" });
                members.insert("anyOf".to_owned(), Value::Array(vec![strict, argument]));
                members.extend(annotations.into_iter().filter_map(|(name, value)| Some((name, value?))));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

fn plain_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["string", "integer", "number", "boolean", "array"] })
}
