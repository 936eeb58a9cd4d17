//! JSON Schemas of Rust types.

use schemars::JsonSchema;
use serde_json::Value;

use super::Config;

/// The schema of a type, without what only names the format.
pub(super) fn schema_of<T: JsonSchema + ?Sized>() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.remove("$schema");
    // Structs have names that say something; those of plain types are schemars' own.
    if schema.get("properties").is_none() {
        schema.remove("title");
    }
    schema.to_value()
}

/// The schema of a configuration, with the default of every field.
pub(super) fn config_schema<C: Config>() -> Value {
    let mut schema = schema_of::<C>();
    let defaults = serde_json::to_value(C::default()).unwrap_or_default();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties.iter_mut().filter(|(name, _)| !defaults[*name].is_null()) {
            property["default"] = defaults[name].clone();
        }
    }
    schema
}
