//! For the build script of a crate that has messages of its own.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::directory::{self, DirectoryError};
use crate::sources::{ReadError, Sources};

/// Generates Rust for the `.lcm` files below `idl`, a directory within the package, into `messages/` of the build's output.
/// It runs again only when they change. They may refer to the types of the crate `lcm-types`, if the package depends on it.
///
/// In `build.rs`:
/// ```no_run
/// fn main() -> Result<(), lcm_gen::BuildError> {
///     lcm_gen::build("idl")
/// }
/// ```
/// and in the crate, which depends on `lcm-rs`:
/// ```ignore
/// pub mod messages {
///     include!(concat!(env!("OUT_DIR"), "/messages/mod.rs"));
/// }
/// ```
///
/// # Errors
/// Everything that is wrong with the files, shown as a compiler shows it.
pub fn build(idl: impl AsRef<Path>) -> Result<(), BuildError> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or(BuildError::NoBuildScript(name));
    let idl = variable("CARGO_MANIFEST_DIR")?.join(idl);
    let out = variable("OUT_DIR")?;
    let mut sources = Sources::default();
    // Cargo reads these lines of a build script's output.
    let mut directives = format!("cargo::rerun-if-changed={}\n", idl.display());
    sources.add_path(&idl)?;
    if let Ok(lcm_types) = variable(LCM_TYPES_IDL) {
        directives += &format!("cargo::rerun-if-changed={}\n", lcm_types.display());
        sources.add_external("lcm_types", lcm_types)?;
    }
    for warning in sources.warnings()? {
        let message = warning.message;
        directives += &format!("cargo::warning={}:{}: {message}\n", warning.file, warning.line);
    }
    io::Write::write_all(&mut io::stdout(), directives.as_bytes()).map_err(BuildError::Output)?;
    directory::write(&out.join("messages"), &sources.generate()?)?;
    Ok(())
}

/// Why [`build`] failed. What `main` prints of it is meant for people.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It was not called from a build script.
    #[error("{0} is not set: only a build script can call this")]
    NoBuildScript(&'static str),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files have faults.
    #[error("\n{0}")]
    Faults(Diagnostics),
    /// The generated files could not be written.
    #[error(transparent)]
    Write(#[from] DirectoryError),
    /// Cargo could not be told what the build depends on.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

// By hand, because the faults are all in the text: as a source they would be shown twice.
impl From<Diagnostics> for BuildError {
    fn from(faults: Diagnostics) -> Self {
        Self::Faults(faults)
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Set by the build script of `lcm-types` for those who depend on it.
const LCM_TYPES_IDL: &str = "DEP_LCM_TYPES_IDL";
