//! The definitions of the types as data, for programs that learn only at run time which messages they meet: those of this
//! crate, and a user's own.
//!
//! Reading definitions is left to [`lcm_gen`], decoding with them to [`lcm::schema`].

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use lcm::schema::Catalog;
use lcm_gen::{Diagnostics, ReadError, Sources};

/// The environment variable with directories of a user's own `.lcm` files, separated by colons.
pub const IDL_PATH_VARIABLE: &str = "DIMOS_IDL_PATH";

/// Why a user's own types are not available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdlError {
    /// A file or directory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files have faults.
    #[error("the message definitions have faults:\n{0}")]
    Faults(Diagnostics),
}

// By hand, because the faults are all in the text: as a source they would be shown twice.
impl From<Diagnostics> for IdlError {
    fn from(faults: Diagnostics) -> Self {
        Self::Faults(faults)
    }
}

/// The types of this crate.
///
/// ```
/// use lcm::Message;
///
/// let message = lcm_types::std_msgs::String { data: "dock".into() }.encode()?;
/// let value = lcm_types::catalog().get("std_msgs.String")?.decode(&message)?;
/// assert_eq!(value.at("data")?.as_str(), Some("dock"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        // These files were compiled into this crate's types already, so they have no faults.
        Catalog::new(built_in().compile().unwrap_or_default())
    });
    &CATALOG
}

/// The types of this crate, and those of all `.lcm` files in `directories` and in the directories that
/// [`IDL_PATH_VARIABLE`] names. A definition that is there twice counts once; only its comments may differ.
///
/// # Errors
/// If a directory cannot be read or has no `.lcm` files, or a definition has a fault or contradicts another one.
pub fn catalog_with<P: AsRef<Path>>(directories: impl IntoIterator<Item = P>) -> Result<Catalog, IdlError> {
    let mut sources = built_in();
    for directory in directories {
        sources.add_path(directory)?;
    }
    for directory in directories_of_environment() {
        sources.add_path(directory)?;
    }
    Ok(Catalog::new(sources.compile()?))
}

fn directories_of_environment() -> Vec<PathBuf> {
    let value = env::var_os(IDL_PATH_VARIABLE).unwrap_or_default();
    env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect()
}

fn built_in() -> Sources {
    let mut sources = Sources::default();
    for (name, text) in FILES {
        sources.add(*name, *text);
    }
    sources
}

/// Names and texts of the files that the types were generated from.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/idl.rs"));
