//! What can be told only with all files at hand: types that are defined twice, are not defined, contain themselves, or are
//! larger than any message; and types that share a fingerprint.

use std::collections::{BTreeMap, BTreeSet};

use lcm::schema::{Definition, Dimension, Fingerprint, Member, Primitive, Schema, Type};
use lcm::wire::MAX_MESSAGE_BYTES;

use crate::diagnostic::{Diagnostic, MAX_FAULTS, Place};
use crate::parser::Parsed;
use crate::sources::Source;

/// All files put together.
#[derive(Debug)]
pub(crate) struct Linked<'a> {
    pub(crate) schema: Schema,
    /// Where the types are defined, by full name.
    pub(crate) places: BTreeMap<String, TypePlace<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TypePlace<'a> {
    pub(crate) source: &'a Source,
    pub(crate) place: Place,
}

impl Linked<'_> {
    /// Whether a type is not another crate's.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.places.get(name).is_some_and(|place| place.source.external.is_none())
    }

    /// Something to say of a type.
    pub(crate) fn diagnostic(&self, name: &str, message: String) -> Option<Diagnostic> {
        let TypePlace { source, place } = self.places.get(name)?;
        Some(Diagnostic::new(&source.name, &source.text, *place, message))
    }
}

/// Puts the definitions of all files together, and notes what does not fit. Of equal definitions the first one stays.
pub(crate) fn link<'a>(files: Vec<(&'a Source, Vec<Parsed>)>, faults: &mut Vec<Diagnostic>) -> Linked<'a> {
    let mut linked = Linked { schema: Schema::default(), places: BTreeMap::new() };
    let mut references = Vec::new();
    for (source, definitions) in files {
        for Parsed { definition, place, references: of_type } in definitions {
            references.push((source, of_type));
            let name = definition.name().to_owned();
            if let Err(duplicate) = linked.schema.insert(definition) {
                let other = linked.diagnostic(&name, String::new());
                let other = other.map(|other| format!(": the other is at {}:{}", other.file, other.line));
                let message = format!("{duplicate}{}", other.unwrap_or_default());
                faults.push(Diagnostic::new(&source.name, &source.text, place, message));
            } else {
                linked.places.entry(name).or_insert(TypePlace { source, place });
            }
            if faults.len() >= MAX_FAULTS {
                return linked;
            }
        }
    }
    let mut all_known = true;
    for (source, references) in references {
        for (name, place) in references {
            if linked.schema.get(&name).is_none() {
                all_known = false;
                faults.push(Diagnostic::new(&source.name, &source.text, place, unknown_type(&linked.schema, &name)));
            }
            if faults.len() >= MAX_FAULTS {
                return linked;
            }
        }
    }
    if all_known {
        let without_messages = without_messages(&linked.schema).into_iter().take(MAX_FAULTS);
        faults.extend(without_messages.filter_map(|(name, message)| linked.diagnostic(name, message)));
    }
    linked
}

/// Types that others cannot be told from by the messages alone.
pub(crate) fn same_fingerprints(linked: &Linked<'_>) -> Vec<Diagnostic> {
    let mut types: BTreeMap<Fingerprint, Vec<&str>> = BTreeMap::new();
    for (name, fingerprint) in linked.schema.fingerprints() {
        if let Ok(fingerprint) = fingerprint {
            types.entry(fingerprint).or_default().push(name);
        }
    }
    let mut warnings = Vec::new();
    for (fingerprint, names) in types.iter().filter(|(_, names)| names.len() > 1) {
        if let Some(name) = names.iter().find(|name| linked.is_own(name)) {
            let message = format!(
                "{} have the same fingerprint {fingerprint}: receivers can tell them apart only by the channel",
                enumerated(names)
            );
            warnings.extend(linked.diagnostic(name, message));
        }
        if warnings.len() >= MAX_FAULTS {
            break;
        }
    }
    warnings
}

/// Types of which there can be no message: those that have no end, and those that are too large.
fn without_messages(schema: &Schema) -> Vec<(&str, String)> {
    // The bytes of the smallest message of a type, without its fingerprint; `None` while those within are added up.
    let mut least_bytes: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    let mut endless = BTreeSet::new();
    let mut too_large = Vec::new();
    for definition in schema.iter() {
        if least_bytes.contains_key(definition.name()) {
            continue;
        }
        // Depth first without recursion, because types may nest as deep as a file is long.
        let mut path = vec![(definition.name(), direct_members(schema, definition.name()))];
        least_bytes.insert(definition.name(), None);
        while let Some((name, members)) = path.last_mut() {
            match members.pop() {
                Some(member) => match least_bytes.get(member) {
                    Some(None) => drop(endless.insert(member)),
                    Some(Some(_)) => {}
                    None => {
                        least_bytes.insert(member, None);
                        path.push((member, direct_members(schema, member)));
                    }
                },
                None => {
                    let bytes = sum_of_members(schema, name, &least_bytes);
                    let within = direct_members(schema, name);
                    let is_too_large = |bytes: u64| bytes > MAX_MESSAGE_BYTES as u64 - FINGERPRINT_BYTES;
                    let is_noted = |member| least_bytes.get(member).copied().flatten().is_some_and(is_too_large);
                    if is_too_large(bytes) && !within.into_iter().any(is_noted) {
                        too_large.push((*name, bytes.saturating_add(FINGERPRINT_BYTES)));
                    }
                    least_bytes.insert(name, Some(bytes));
                    path.pop();
                }
            }
        }
    }
    let endless = endless
        .into_iter()
        .map(|name: &str| (name, format!("{name} contains itself: only through an array of variable size can it end")));
    let too_large = too_large.into_iter().map(|(name, bytes)| {
        (name, format!("no message of {name} has less than {bytes} bytes: LCM carries at most {MAX_MESSAGE_BYTES}"))
    });
    endless.chain(too_large).collect()
}

/// The types of members that every message of a type has.
fn direct_members<'a>(schema: &'a Schema, name: &str) -> Vec<&'a str> {
    let Some(Definition::Struct(structure)) = schema.get(name) else { return Vec::new() };
    let direct = structure.members.iter().filter(|member| least_count(member) > 0);
    direct.filter_map(|member| if let Type::User(name) = &member.kind { Some(&**name) } else { None }).collect()
}

fn sum_of_members(schema: &Schema, name: &str, least_bytes: &BTreeMap<&str, Option<u64>>) -> u64 {
    let Some(Definition::Struct(structure)) = schema.get(name) else {
        // An enumeration is an int32.
        return 4;
    };
    let bytes = structure.members.iter().map(|member| {
        let element = match &member.kind {
            // A string has a length and a NUL.
            Type::Primitive(primitive) => primitive.wire_bytes().map_or(5, |bytes| bytes as u64),
            Type::User(name) => least_bytes.get(&**name).copied().flatten().unwrap_or(0),
        };
        element.saturating_mul(least_count(member))
    });
    bytes.fold(0, u64::saturating_add)
}

/// How many elements a member has at least.
fn least_count(member: &Member) -> u64 {
    member.dimensions.iter().fold(1, |count: u64, dimension| match dimension {
        Dimension::Fixed { size, .. } => count.saturating_mul((*size).into()),
        Dimension::Variable { .. } => 0,
    })
}

fn unknown_type(schema: &Schema, name: &str) -> String {
    let (package, last) = name.rsplit_once('.').unwrap_or(("", name));
    let hint = instead_of(last).or_else(|| {
        // The usual slip is a package that was left out.
        let known = schema.iter().map(Definition::name);
        let elsewhere: Vec<_> = known.filter(|known| known.rsplit('.').next() == Some(last)).take(3).collect();
        (!elsewhere.is_empty()).then(|| format!("did you mean {}?", elsewhere.join(" or ")))
    });
    let hint = hint.or_else(|| {
        let is_here = schema.iter().any(|known| known.name().starts_with(&format!("{package}.")));
        (PACKAGES_OF_LCM_TYPES.contains(&package) && !is_here).then(|| OF_LCM_TYPES.to_owned())
    });
    hint.map_or_else(|| format!("there is no type {name}"), |hint| format!("there is no type {name}: {hint}"))
}

/// What LCM has instead of a type that other languages have.
fn instead_of(name: &str) -> Option<String> {
    let unsigned = |signed: &str| format!("LCM has no unsigned integers, {signed} has as many bits");
    let instead = match name {
        "uint16_t" | "uint16" | "u16" => return Some(unsigned("int16_t")),
        "uint32_t" | "uint32" | "u32" | "unsigned" | "uint" => return Some(unsigned("int32_t")),
        "uint64_t" | "uint64" | "u64" | "size_t" => return Some(unsigned("int64_t")),
        "uint8_t" | "uint8" | "u8" | "uchar" | "octet" | "bytes" => "byte",
        "bool" | "Boolean" => "boolean",
        "char" | "i8" => "int8_t",
        "short" | "i16" => "int16_t",
        "int" | "integer" | "i32" => "int32_t",
        "long" | "i64" => "int64_t",
        "float32" | "float32_t" | "f32" => "float",
        "float64" | "float64_t" | "f64" => "double",
        "str" | "text" => "string",
        _ => Primitive::from_name(&format!("{name}_t"))?.name(),
    };
    Some(format!("did you mean {instead}?"))
}

/// Of a long list the first names.
fn enumerated(names: &[&str]) -> String {
    match names.split_at_checked(MAX_NAMES) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more types", first.join(", "), rest.len()),
        _ => names.join(" and "),
    }
}

/// Before each message.
const FINGERPRINT_BYTES: u64 = 8;

const MAX_NAMES: usize = 4;

/// What people miss most often.
const PACKAGES_OF_LCM_TYPES: [&str; 16] = [
    "actionlib_msgs",
    "builtin_interfaces",
    "control_msgs",
    "diagnostic_msgs",
    "dimos_mesh",
    "foxglove_msgs",
    "geometry_msgs",
    "nav_msgs",
    "sensor_msgs",
    "shape_msgs",
    "std_msgs",
    "stereo_msgs",
    "tf2_msgs",
    "trajectory_msgs",
    "vision_msgs",
    "visualization_msgs",
];

const OF_LCM_TYPES: &str =
    "the crate lcm-types has this package: depend on it, or give lcm-gen --extern lcm_types=DIR with its .lcm files";
