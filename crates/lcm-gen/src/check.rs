//! What can be told only with all files at hand: types that are defined twice, are not defined, or contain themselves, and
//! types that share a fingerprint.

use std::collections::BTreeMap;

use lcm::schema::{Definition, Dimension, Fingerprint, Primitive, Schema, Type};

use crate::diagnostic::{Diagnostic, Place};
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
    /// Something to say of a type.
    pub(crate) fn diagnostic(&self, name: &str, message: String) -> Option<Diagnostic> {
        let TypePlace { source, place } = self.places.get(name)?;
        Some(Diagnostic::new(&source.name, &source.text, *place, message))
    }
}

/// Puts the definitions of all files together, and notes what does not fit.
pub(crate) fn link<'a>(files: Vec<(&'a Source, Vec<Parsed>)>, faults: &mut Vec<Diagnostic>) -> Linked<'a> {
    let mut linked = Linked { schema: Schema::default(), places: BTreeMap::new() };
    let mut references = Vec::new();
    for (source, definitions) in files {
        for Parsed { definition, place, references: of_type } in definitions {
            references.push((source, of_type));
            linked.places.entry(definition.name().to_owned()).or_insert(TypePlace { source, place });
            if let Err(duplicate) = linked.schema.insert(definition) {
                faults.push(Diagnostic::new(&source.name, &source.text, place, duplicate.to_string()));
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
        }
    }
    if all_known {
        for name in within_themselves(&linked.schema) {
            let message = format!("{name} contains itself: only through an array of variable size can it end");
            faults.extend(linked.diagnostic(name, message));
        }
    }
    linked
}

/// Types that others cannot be told from by the messages alone.
pub(crate) fn same_fingerprints(linked: &Linked<'_>) -> Vec<Diagnostic> {
    let mut types: BTreeMap<Fingerprint, Vec<&str>> = BTreeMap::new();
    for definition in linked.schema.iter() {
        if let Ok(fingerprint) = linked.schema.fingerprint(definition.name()) {
            types.entry(fingerprint).or_default().push(definition.name());
        }
    }
    let mut warnings = Vec::new();
    for (fingerprint, names) in types.iter().filter(|(_, names)| names.len() > 1) {
        let is_own = |name: &&&str| linked.places.get(**name).is_some_and(|place| place.source.external.is_none());
        if let Some(name) = names.iter().find(is_own) {
            let message = format!(
                "{} have the same fingerprint {fingerprint}: receivers can tell them apart only by the channel",
                names.join(" and ")
            );
            warnings.extend(linked.diagnostic(name, message));
        }
    }
    warnings
}

/// Types whose messages would have no end.
fn within_themselves(schema: &Schema) -> Vec<&str> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Open,
        Done,
    }
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let mut endless = Vec::new();
    for definition in schema.iter() {
        // Depth first without recursion, because types may nest as deep as a file is long.
        let mut path = vec![(definition.name(), direct_members(schema, definition.name()))];
        if states.contains_key(definition.name()) {
            continue;
        }
        states.insert(definition.name(), State::Open);
        while let Some((name, members)) = path.last_mut() {
            match members.pop() {
                Some(member) => match states.get(member) {
                    Some(State::Open) => endless.push(member),
                    Some(State::Done) => {}
                    None => {
                        states.insert(member, State::Open);
                        path.push((member, direct_members(schema, member)));
                    }
                },
                None => {
                    states.insert(name, State::Done);
                    path.pop();
                }
            }
        }
    }
    endless
}

/// The types of members that every message of a type has.
fn direct_members<'a>(schema: &'a Schema, name: &str) -> Vec<&'a str> {
    let Some(Definition::Struct(structure)) = schema.get(name) else { return Vec::new() };
    let is_fixed = |dimension: &Dimension| matches!(dimension, Dimension::Fixed { .. });
    let direct = structure.members.iter().filter(|member| member.dimensions.iter().all(is_fixed));
    direct.filter_map(|member| if let Type::User(name) = &member.kind { Some(&**name) } else { None }).collect()
}

fn unknown_type(schema: &Schema, name: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    if let Some(primitive) = Primitive::from_name(&format!("{}_t", last(name))) {
        return format!("there is no type {name}: did you mean {}?", primitive.name());
    }
    // The usual slip is a package that was left out.
    let elsewhere: Vec<_> =
        schema.iter().map(Definition::name).filter(|known| last(known) == last(name)).take(3).collect();
    if elsewhere.is_empty() {
        format!("there is no type {name}")
    } else {
        format!("there is no type {name}: did you mean {}?", elsewhere.join(" or "))
    }
}
