//! `dimos show-config`: values, and where each comes from: of this command, of modules on the bus, of launch files.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use dimos::{Configured, Name};
use dimos_coordinator::coordinator::{check, configurations};
use dimos_coordinator::run::Directories;
use lcm::Url;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::plain;
use crate::run::{LaunchOptions, own_executable, wrong_launch};
use crate::table::table;

/// Shows configuration: each value, and where it comes from.
///
/// Without arguments that of dimos itself: bus, directories, what the system allows. With the name of a module what the one on the bus works
/// with. With launch files what each of their modules would get, which starts nothing and needs no bus.
///
/// Sources of a module's values are default, FILE:LINE:COLUMN of a launch or configuration file, variable NAME, argument KEY=VALUE, and
/// launcher, which is whoever started it. With --json {"config":..., "sources":...}, by module where there are several. Exits with 4 if there
/// is no such module, with 11 if a launch file is wrong.
///
/// Examples:
///   dimos show-config
///   dimos show-config mapper
///   dimos show-config launch/sim.toml seed=7 --set mapper.cell_m=0.1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A module on the bus; or launch files (FILE.toml), and values for their arguments.
    #[arg(value_name = "MODULE|FILE|ARGUMENT=VALUE")]
    what: Vec<String>,
    /// Sets a value of a module's configuration, of launch files; again for more.
    #[arg(long, value_name = "MODULE.KEY=VALUE", requires = "what")]
    set: Vec<String>,
    /// Goes before all names and topics of launch files, such as robot0.
    #[arg(long, value_name = "NAMESPACE", requires = "what")]
    namespace: Option<Name>,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    match &options.what[..] {
        [] => context.print(&of_this_command(context)?, |own| settings(&own["config"], &sources(own))),
        [name] if !is_launch_file(name) => {
            if !options.set.is_empty() || options.namespace.is_some() {
                let message = format!(
                    "--set and --namespace are for launch files, and {name} is none: its name does not end with .toml"
                );
                return Err(Failure::usage(message));
            }
            of_module(name, context)
        }
        words => {
            let launch = LaunchOptions::of(words.to_vec(), options.set.clone(), options.namespace.clone());
            of_launch(&launch, context)
        }
    }
}

/// A table of keys, values and sources; nothing if there are no keys.
pub(crate) fn settings(config: &Value, sources: &BTreeMap<String, String>) -> String {
    let row = |(key, source): (&String, &String)| [key.clone(), shown(at(config, key)), source.clone()];
    table(["KEY", "VALUE", "SOURCE"], sources.iter().map(row))
}

fn is_launch_file(word: &str) -> bool {
    word.contains('=') || Path::new(word).extension().is_some_and(|extension| extension == "toml")
}

fn of_module(name: &str, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    // That there is none is told as for every other command.
    let module = dimos.module(name)?;
    let described = dimos.description(module.name().as_str());
    let described = described.map_err(|error| match error {
        dimos::DescribeError::Rpc { module, source } => Failure::from(source).within(module),
        error => Failure::unexpected(error),
    })?;
    context.interrupt.check()?;
    match described.configured {
        Some(configured) => context.print(&configured, text),
        None => Err(Failure::not_found(format_args!(
            "{} is no module with a configuration: it says of none",
            module.name()
        ))),
    }
}

fn of_launch(options: &LaunchOptions, context: &Context) -> Result<(), Failure> {
    let launch = options.read(context.colour)?;
    let dimos = own_executable()?;
    let checked = check(&launch, &dimos).map_err(|wrong| wrong_launch(&wrong, context.colour))?;
    let mut found = BTreeMap::new();
    for (name, configured) in configurations(&launch, &checked, &dimos) {
        let configured = configured.map_err(|error| Failure::unexpected(error).within(&name))?;
        found.insert(name.to_string(), configured);
    }
    context.print(&found, |found| {
        let part = |(name, configured): (&String, &Configured)| match text(configured) {
            text if text.is_empty() => format!("[{name}]\nnothing can be configured"),
            text => format!("[{name}]\n{text}"),
        };
        found.iter().map(part).collect::<Vec<_>>().join("\n\n")
    })
}

fn text(configured: &Configured) -> String {
    settings(&configured.config, &configured.sources)
}

/// What this command goes by.
fn of_this_command(context: &Context) -> Result<Value, Failure> {
    let url = context.url()?;
    let of_variable = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let bus_source = if context.given_url().is_some() {
        "argument --bus"
    } else if of_variable(lcm::DEFAULT_URL_VARIABLE).is_some() {
        "variable LCM_DEFAULT_URL"
    } else {
        "default"
    };
    let mut config = serde_json::Map::from_iter([("bus".to_owned(), Value::from(url.to_string()))]);
    let mut sources = BTreeMap::from([("bus".to_owned(), bus_source.to_owned())]);
    let mut set = |key: &str, value: Value, source: &str| {
        config.insert(key.to_owned(), value);
        sources.insert(key.to_owned(), source.to_owned());
    };
    if let Url::Udpm(_) = url {
        let of_system = "/proc/sys/net/core/rmem_max";
        let rmem_max = std::fs::read_to_string(of_system).ok().and_then(|text| text.trim().parse::<u64>().ok());
        set("receive_buffer_max_bytes", json!(rmem_max), of_system);
    }
    let directories = Directories::of_user().map_err(Failure::usage)?;
    let state = if of_variable("XDG_STATE_HOME").is_some() { "variable XDG_STATE_HOME" } else { "default" };
    set("logs", json!(directories.logs()), state);
    for (key, variable, default) in [
        ("types", "DIMOS_IDL_PATH", Value::Null),
        ("module_log_level", "DIMOS_LOG_LEVEL", json!("info")),
        ("module_log_filter", "RUST_LOG", Value::Null),
    ] {
        match of_variable(variable) {
            Some(value) => set(key, json!(value), &format!("variable {variable}")),
            None => set(key, default, "default"),
        }
    }
    Ok(json!({ "config": config, "sources": sources }))
}

fn sources(own: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(own["sources"].clone()).unwrap_or_default()
}

/// The value of a key: `grid.cell_m`, and `grid["cell.m"]` where a part is more than a word. Null if it is no key.
fn at<'v>(config: &'v Value, key: &str) -> &'v Value {
    let (mut value, mut rest) = (config, key);
    while !rest.is_empty() {
        let Some((part, behind)) = first_part(rest) else { return &Value::Null };
        (value, rest) = (&value[&part], behind);
    }
    value
}

/// The first part of a key, and what stands behind it.
fn first_part(key: &str) -> Option<(String, &str)> {
    if let Some(quoted) = key.strip_prefix('[') {
        let mut texts = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
        let part = texts.next()?.ok()?;
        return Some((part, quoted.get(texts.byte_offset()..)?.strip_prefix(']')?));
    }
    let key = key.strip_prefix('.').unwrap_or(key);
    let end = key.find(['.', '[']).unwrap_or(key.len());
    (end > 0).then(|| (key[..end].to_owned(), &key[end..]))
}

/// A value on one line, cut if it is long.
fn shown(value: &Value) -> String {
    let text = plain(&value.to_string());
    if text.chars().count() <= SHOWN {
        return text;
    }
    let cut: String = text.chars().take(SHOWN).collect();
    format!("{cut}...")
}

/// Characters of a value that people see.
const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_key() {
        let config = json!({ "grid": { "cell_m": 0.1, "a.b": { "c": 2 } }, "name": null, "grid2": 3 });
        assert_eq!(at(&config, "grid.cell_m"), &json!(0.1));
        assert_eq!(at(&config, "grid[\"a.b\"].c"), &json!(2));
        assert_eq!(at(&config, "grid2"), &json!(3));
        assert_eq!(at(&config, "grid.none"), &Value::Null);
        assert_eq!(at(&config, "name"), &Value::Null);
        for odd in ["[[", "..", "grid.", "grid[", "[\"grid\"", "."] {
            assert_eq!(at(&config, odd), &Value::Null, "{odd}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shown(&json!("a\u{1b}")), "\"a\\u001b\"");
        assert_eq!(shown(&json!("x".repeat(100))).len(), 63);
    }
}
