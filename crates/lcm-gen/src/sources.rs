//! A set of IDL files that are read together.

#[cfg(feature = "generate")]
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use lcm::schema::Schema;

use crate::check::{self, Linked};
use crate::diagnostic::{Diagnostic, Diagnostics};
#[cfg(feature = "generate")]
use crate::generate::{self, GeneratedFile};
use crate::parser;

/// IDL files that may refer to each other's types.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    /// The crate that has these types already.
    pub(crate) external: Option<String>,
}

/// A file or directory could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", .path.display())]
pub struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl Sources {
    /// Adds the text of a file; `name` is what faults are reported with.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.files.push(Source { name: name.into(), text: text.into(), external: None });
    }

    /// Adds a file, or all files that end in `.lcm` below a directory, in the order of their names.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn add_path(&mut self, path: impl AsRef<Path>) -> Result<(), ReadError> {
        self.add_files(path.as_ref(), None)
    }

    /// As [`Sources::add_path`], of types that others may refer to and for which no code is generated, because the crate
    /// `crate_name` has it.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn add_external(&mut self, crate_name: &str, path: impl AsRef<Path>) -> Result<(), ReadError> {
        self.add_files(path.as_ref(), Some(crate_name))
    }

    /// Reads and checks all files together.
    ///
    /// # Errors
    /// Everything that is wrong with them, not only the first fault.
    pub fn compile(&self) -> Result<Schema, Diagnostics> {
        self.link().map(|linked| linked.schema)
    }

    /// What is not wrong, but worth knowing: types, external ones left out, whose messages cannot be told from those of
    /// another type.
    ///
    /// # Errors
    /// As [`Sources::compile`].
    pub fn warnings(&self) -> Result<Vec<Diagnostic>, Diagnostics> {
        self.link().map(|linked| check::same_fingerprints(&linked))
    }

    /// Generates Rust for all types that are not external.
    ///
    /// # Errors
    /// As [`Sources::compile`], and if two types would have the same name in Rust.
    #[cfg(feature = "generate")]
    pub fn generate(&self) -> Result<Vec<GeneratedFile>, Diagnostics> {
        let linked = self.link()?;
        let mut faults = Vec::new();
        for (name, message) in generate::collisions(&linked.schema) {
            faults.extend(linked.diagnostic(&name, message));
        }
        let mut fingerprints = BTreeMap::new();
        for (name, place) in &linked.places {
            match linked.schema.fingerprint(name) {
                Ok(fingerprint) if place.source.external.is_none() => {
                    fingerprints.insert(name.clone(), fingerprint);
                }
                Ok(_) => {}
                Err(error) => faults.extend(linked.diagnostic(name, error.to_string())),
            }
        }
        if !faults.is_empty() {
            return Err(Diagnostics(faults));
        }
        let external =
            linked.places.iter().filter_map(|(name, place)| Some((name.clone(), place.source.external.clone()?)));
        let external = external.collect();
        Ok(generate::generate(&generate::Input { schema: &linked.schema, external, fingerprints }))
    }

    fn add_files(&mut self, path: &Path, external: Option<&str>) -> Result<(), ReadError> {
        let failed = |source| ReadError { path: path.to_owned(), source };
        if !path.is_dir() {
            let (name, text) = (path.display().to_string(), std::fs::read_to_string(path).map_err(failed)?);
            self.files.push(Source { name, text, external: external.map(str::to_owned) });
            return Ok(());
        }
        let entries = path.read_dir().and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = entries.map_err(failed)?;
        entries.sort();
        for entry in entries {
            if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "lcm") {
                self.add_files(&entry, external)?;
            }
        }
        Ok(())
    }

    fn link(&self) -> Result<Linked<'_>, Diagnostics> {
        let mut faults = Vec::new();
        let parsed = self
            .files
            .iter()
            .map(|source| {
                let (definitions, file_faults) = parser::parse(source);
                faults.extend(file_faults);
                (source, definitions)
            })
            .collect();
        let linked = check::link(parsed, &mut faults);
        if faults.is_empty() { Ok(linked) } else { Err(Diagnostics(faults)) }
    }
}
