//! Which types can contain themselves, so that the depth of their messages needs a limit.

use std::collections::{BTreeMap, BTreeSet};

use super::{Definition, Schema, Type};

/// The types that contain themselves, directly or through others; and those that lie between two such.
pub(super) fn recursive_types(schema: &Schema) -> BTreeSet<&str> {
    let mut parts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for definition in schema.iter() {
        let Definition::Struct(structure) = definition else { continue };
        for member in &structure.members {
            if let Type::User(part) = &member.kind {
                parts.entry(&structure.name).or_default().insert(part);
                users.entry(part).or_default().insert(&structure.name);
            }
        }
    }
    let mut left: BTreeSet<&str> = schema.iter().map(Definition::name).collect();
    // What contains nothing that is left is on no cycle, and neither is what nothing that is left contains.
    take_away(&mut left, &parts, &users);
    take_away(&mut left, &users, &parts);
    left
}

/// Takes away what refers to nothing that is left, until there is no such type.
fn take_away<'a>(
    left: &mut BTreeSet<&'a str>,
    references: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    back: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) {
    let count = |name: &str| references.get(name).map_or(0, |to| to.iter().filter(|to| left.contains(*to)).count());
    let mut counts: BTreeMap<&str, usize> = left.iter().map(|name| (*name, count(name))).collect();
    let mut ready: Vec<&str> = counts.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ready.pop() {
        left.remove(name);
        for from in back.get(name).into_iter().flatten() {
            if let Some(count) = counts.get_mut(from) {
                *count -= 1;
                if *count == 0 {
                    ready.push(from);
                }
            }
        }
    }
}
