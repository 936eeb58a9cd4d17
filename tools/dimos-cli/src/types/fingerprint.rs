//! `dimos type fingerprint`: what the messages of a type begin with, and which types a fingerprint is that of.

use std::path::Path;

use clap::Args;
use lcm::schema::{Catalog, Fingerprint};
use lcm_gen::{ReadError, Sources};
use serde::Serialize;

use super::idl;
use crate::context::Context;
use crate::failure::Failure;
use crate::message_types::{Types, named};

/// Prints the fingerprints of types, or of the types that .lcm files define; or, with --find, the types of a fingerprint.
///
/// Files may refer to types of each other, of DimOS, of --idl and of DIMOS_IDL_PATH. A line each: FINGERPRINT PKG.TYPE. With --json a
/// list of {"type":..., "fingerprint":...}. Types that differ only in their names have the same fingerprint: --find lists all.
///
/// Exits with 2 if there is no such type or a file has faults, with 4 if there is no such file, or no type of the fingerprint.
///
/// Examples:
///   dimos type fingerprint geometry_msgs.Twist sensor_msgs.Image
///   dimos type fingerprint my/idl/Pick.lcm
///   dimos type fingerprint --find 2e7c07d7cdf7e027
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Types; or files, and directories with such, which have a / in their names or end in .lcm.
    #[arg(value_name = "PKG.TYPE|FILE.lcm", required_unless_present = "find", conflicts_with = "find")]
    of: Vec<String>,
    /// Which types have this fingerprint, in 16 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    find: Option<Fingerprint>,
    #[command(flatten)]
    types: Types,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(rename = "type")]
    name: String,
    fingerprint: String,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let row = |(name, fingerprint): (String, Fingerprint)| Row { name, fingerprint: fingerprint.to_string() };
    let rows: Vec<_> = match options.find {
        Some(wanted) => {
            let found: Vec<_> =
                catalog.of_fingerprint(wanted).map(|one| row((one.name().to_owned(), wanted))).collect();
            if found.is_empty() {
                return Err(Failure::not_found(format_args!("no known type has the fingerprint {wanted}")));
            }
            found
        }
        None => {
            let mut rows = Vec::new();
            for of in &options.of {
                if of.contains('/') || of.ends_with(".lcm") {
                    rows.extend(of_files(Path::new(of), &catalog)?.into_iter().map(row));
                } else {
                    let message_type = named(&catalog, of)?;
                    rows.push(row((message_type.name().to_owned(), message_type.fingerprint())));
                }
            }
            rows
        }
    };
    context.print(&rows, |rows| {
        let lines = rows.iter().map(|row| format!("{} {}", row.fingerprint, row.name));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// Of the types that a file or a directory of them defines, in the order of their names.
fn of_files(path: &Path, catalog: &Catalog) -> Result<Vec<(String, Fingerprint)>, Failure> {
    let mut sources = Sources::default();
    sources.add_path(path).map_err(|error| match error {
        ReadError::Io { .. } => Failure::not_found(error),
        error => Failure::usage(error),
    })?;
    let names = sources.defined_types();
    for definition in catalog.schema().iter() {
        sources.add("the known types", idl::text(definition));
    }
    let mut fingerprints = sources.fingerprints().map_err(Failure::usage)?;
    fingerprints.retain(|name, _| names.contains(name));
    Ok(fingerprints.into_iter().collect())
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| is_hex);
    number.map(Fingerprint).ok_or_else(|| "expected 16 hexadecimal digits, such as 2e7c07d7cdf7e027".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_sixteen_digits() {
        assert_eq!(fingerprint("1ebef06a50950e3e"), Ok(Fingerprint(0x1ebe_f06a_5095_0e3e)));
        assert_eq!(fingerprint("0x1EBEF06A50950E3E"), Ok(Fingerprint(0x1ebe_f06a_5095_0e3e)));
        for wrong in ["", "0x", "1ebef06a50950e3", "+ebef06a50950e3e", "1ebef06a50950e3e0", "twist"] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }
}
