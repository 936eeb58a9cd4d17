//! `dimos type show`: the definition of a message type.

use clap::Args;
use lcm::schema::{Catalog, ConstantValue, Definition, MessageType, Struct};
use serde::Serialize;
use serde_json::Value;

use super::idl;
use super::size::Size;
use crate::context::Context;
use crate::failure::Failure;
use crate::message_types::{Types, named};

/// Shows the definition of a message type, as IDL with its comments, with fingerprint and size.
///
/// What is printed is a .lcm file again. With --json it is {"name":..., "kind":..., "doc":..., "fingerprint":...,
/// "same_fingerprint":[...], "size_bytes":{"min":..., "is_fixed":...}, "fields":[{"name":..., "type":..., "dimensions":[...],
/// "doc":...}], "constants":[{"name":..., "type":..., "value":..., "doc":...}], "values":[{"name":..., "value":...}], "idl":...};
/// "values" are those of an enumeration, and sizes in "dimensions" are numbers, or names of the fields that tell them.
///
/// Exits with 2 if there is no such type.
///
/// Examples:
///   dimos type show sensor_msgs.LaserScan
///   dimos type show depot.Pick --idl my/idl
///   dimos type show geometry_msgs.Twist --json | jq -r .fingerprint
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The full name.
    #[arg(value_name = "PKG.TYPE")]
    name: String,
    #[command(flatten)]
    types: Types,
}

#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    kind: &'static str,
    doc: String,
    fingerprint: String,
    /// Types whose messages cannot be told from those of this one, but for the name of the channel.
    same_fingerprint: Vec<String>,
    size_bytes: Option<Size>,
    fields: Vec<Field>,
    constants: Vec<Constant>,
    values: Vec<NamedValue>,
    idl: String,
}

#[derive(Debug, Serialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    dimensions: Vec<Value>,
    doc: String,
}

#[derive(Debug, Serialize)]
struct Constant {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Value,
    doc: String,
}

#[derive(Debug, Serialize)]
struct NamedValue {
    name: String,
    value: i32,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let message_type = named(&catalog, &options.name)?;
    context.print(&shown(&catalog, message_type), readable)
}

fn shown(catalog: &Catalog, message_type: MessageType<'_>) -> Shown {
    let same = catalog.of_fingerprint(message_type.fingerprint()).filter(|same| *same != message_type);
    let mut shown = Shown {
        name: message_type.name().to_owned(),
        kind: "struct",
        doc: String::new(),
        fingerprint: message_type.fingerprint().to_string(),
        same_fingerprint: same.map(|same| same.name().to_owned()).collect(),
        size_bytes: Size::of(catalog.schema(), message_type),
        fields: Vec::new(),
        constants: Vec::new(),
        values: Vec::new(),
        idl: message_type.definition().map(idl::text).unwrap_or_default(),
    };
    match message_type.definition() {
        Some(Definition::Struct(definition)) => shown.describe(definition),
        Some(Definition::Enum(definition)) => {
            shown.kind = "enum";
            shown.doc.clone_from(&definition.doc);
            let values = definition.values.iter();
            shown.values = values.map(|(name, value)| NamedValue { name: name.clone(), value: *value }).collect();
        }
        None => {}
    }
    shown
}

impl Shown {
    fn describe(&mut self, definition: &Struct) {
        self.doc.clone_from(&definition.doc);
        let fields = definition.members.iter().map(|member| Field {
            name: member.name.clone(),
            kind: member.kind.to_string(),
            dimensions: member.dimensions.iter().map(|one| number_or_text(idl::size_of(one), one)).collect(),
            doc: member.doc.clone(),
        });
        self.fields = fields.collect();
        let constants = definition.constants.iter().map(|constant| Constant {
            name: constant.name.clone(),
            kind: constant.kind.name(),
            value: match constant.value {
                ConstantValue::Integer(value) => value.into(),
                // Infinity is no number of JSON.
                ConstantValue::Float(value) if value.is_finite() => value.into(),
                ConstantValue::Float(_) => constant.text.clone().into(),
            },
            doc: constant.doc.clone(),
        });
        self.constants = constants.collect();
    }
}

fn number_or_text(text: &str, dimension: &lcm::schema::Dimension) -> Value {
    match dimension {
        lcm::schema::Dimension::Fixed { size, .. } => (*size).into(),
        lcm::schema::Dimension::Variable { .. } => text.into(),
    }
}

/// The IDL, under what is known besides, as comments.
fn readable(shown: &Shown) -> String {
    let size = shown.size_bytes.map(|size| format!(", {}", size.text())).unwrap_or_default();
    let mut text = format!("// Fingerprint {}{size}.\n", shown.fingerprint);
    if !shown.same_fingerprint.is_empty() {
        text.push_str(&format!("// The same fingerprint: {}.\n", shown.same_fingerprint.join(", ")));
    }
    format!("{text}{}", shown.idl)
}
