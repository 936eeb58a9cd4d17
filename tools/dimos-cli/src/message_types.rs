//! The message types that a command knows: those of DimOS and those of the user.

use std::path::PathBuf;

use clap::Args;
use lcm::schema::{Catalog, MessageType};

use crate::failure::Failure;
use crate::similar;

/// Where message types come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Types {
    /// A directory of .lcm files with types of your own; DIMOS_IDL_PATH names more. May be given again.
    #[arg(long, value_name = "DIR")]
    idl: Vec<PathBuf>,
}

impl Types {
    /// The types of DimOS and those of the user.
    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        lcm_types::catalog_with(&self.idl).map_err(Failure::usage)
    }
}

/// The type of a name that the user gave.
pub(crate) fn named<'c>(catalog: &'c Catalog, name: &str) -> Result<MessageType<'c>, Failure> {
    catalog.get(name).map_err(|error| {
        // It has a guess of its own where only the package is wrong.
        let text = error.to_string();
        let names = catalog.iter().map(MessageType::name);
        let guess = if text.contains("mean") { String::new() } else { similar::did_you_mean(name, names) };
        Failure::usage(format_args!("{text}{guess}"))
    })
}
