//! What can be told only with all files at hand: types that are defined twice, and types that are not defined.

use lcm::schema::{Definition, Schema};

use crate::diagnostic::Diagnostic;
use crate::parser::Parsed;
use crate::sources::Source;

/// Puts the definitions of all files together, and notes what does not fit.
pub(crate) fn link(files: &[(&Source, Vec<Parsed>)], faults: &mut Vec<Diagnostic>) -> Schema {
    let mut schema = Schema::default();
    let mut fault = |source: &Source, place, message| {
        faults.push(Diagnostic::new(&source.name, &source.text, place, message));
    };
    for (source, definitions) in files {
        for Parsed { definition, place, .. } in definitions {
            if let Err(duplicate) = schema.insert(definition.clone()) {
                fault(source, *place, duplicate.to_string());
            }
        }
    }
    for (source, definitions) in files {
        for Parsed { references, .. } in definitions {
            for (name, place) in references {
                if schema.get(name).is_none() {
                    fault(source, *place, unknown_type(&schema, name));
                }
            }
        }
    }
    schema
}

fn unknown_type(schema: &Schema, name: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    // The usual slip is a package that was left out.
    let elsewhere: Vec<_> =
        schema.iter().map(Definition::name).filter(|known| last(known) == last(name)).take(3).collect();
    if elsewhere.is_empty() {
        format!("there is no type {name}")
    } else {
        format!("there is no type {name}: did you mean {}?", elsewhere.join(" or "))
    }
}
