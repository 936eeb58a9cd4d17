//! A set of IDL files that are read together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lcm::schema::{Fingerprint, Schema};

use crate::check::{self, Linked};
use crate::diagnostic::{Diagnostic, Diagnostics, MAX_FAULTS};
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

/// Why files could not be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A file or directory could not be read.
    #[error("cannot read {}: {error}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A directory has none.
    #[error("no .lcm files in {}", .path.display())]
    NoFiles {
        /// Which.
        path: PathBuf,
    },
    /// The types are in no crate that Rust could name.
    #[error("`{name}` cannot be the name of a crate: expected one as Rust code writes it, such as lcm_types")]
    CrateName {
        /// What was given.
        name: String,
    },
}

impl Sources {
    /// Adds the text of a file; `name` is what faults are reported with.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.add_text(name.into(), text.into(), None);
    }

    /// Adds a file, or all files that end in `.lcm` below a directory, in the order of their names. Links to directories are
    /// not followed, except for `path` itself.
    ///
    /// Bytes that are not UTF-8 are read as Latin-1, and have their place in comments only.
    ///
    /// # Errors
    /// If one of them cannot be read, or if there is none.
    pub fn add_path(&mut self, path: impl AsRef<Path>) -> Result<(), ReadError> {
        self.add_files(path.as_ref(), None)
    }

    /// As [`Sources::add_path`], of types that others may refer to and for which no code is generated, because the crate
    /// `crate_name` has it. That goes for an equal definition among the other files too.
    ///
    /// # Errors
    /// If one of them cannot be read, if there is none, or if no crate can have that name.
    pub fn add_external(&mut self, crate_name: &str, path: impl AsRef<Path>) -> Result<(), ReadError> {
        // These mean something else at the beginning of a path.
        let is_taken = matches!(crate_name, "crate" | "self" | "super" | "Self" | "_");
        if is_taken || !parser::is_name(crate_name) {
            return Err(ReadError::CrateName { name: crate_name.to_owned() });
        }
        self.add_files(path.as_ref(), Some(crate_name))
    }

    /// The full names of the types that the files define, external ones included, as far as the files can be read.
    #[must_use]
    pub fn defined_types(&self) -> BTreeSet<String> {
        let definitions = self.files.iter().flat_map(|source| parser::parse(source).0);
        definitions.map(|parsed| parsed.definition.name().to_owned()).collect()
    }

    /// Reads and checks all files together.
    ///
    /// # Errors
    /// Everything that is wrong with them, not only the first fault.
    pub fn compile(&self) -> Result<Schema, Diagnostics> {
        self.link().map(|linked| linked.schema)
    }

    /// The fingerprints of all types, external ones left out, by full name.
    ///
    /// # Errors
    /// As [`Sources::compile`], and if types are too entangled to have one.
    pub fn fingerprints(&self) -> Result<BTreeMap<String, Fingerprint>, Diagnostics> {
        let mut faults = Vec::new();
        let fingerprints = fingerprints(&self.link()?, &mut faults);
        if faults.is_empty() { Ok(fingerprints) } else { Err(Diagnostics::sorted(faults)) }
    }

    /// What is not wrong, but worth knowing: types, external ones left out, whose messages cannot be told from those of
    /// another type.
    ///
    /// # Errors
    /// As [`Sources::compile`].
    pub fn warnings(&self) -> Result<Vec<Diagnostic>, Diagnostics> {
        Ok(Diagnostics::sorted(check::same_fingerprints(&self.link()?)).0)
    }

    /// Generates Rust for all types that are not external.
    ///
    /// # Errors
    /// As [`Sources::fingerprints`], and if two types would have the same name in Rust.
    #[cfg(feature = "generate")]
    pub fn generate(&self) -> Result<Vec<GeneratedFile>, Diagnostics> {
        let linked = self.link()?;
        let mut faults = Vec::new();
        let fingerprints = fingerprints(&linked, &mut faults);
        for (name, message) in generate::collisions(&linked.schema) {
            if faults.len() < MAX_FAULTS {
                faults.extend(linked.diagnostic(&name, message));
            }
        }
        if !faults.is_empty() {
            return Err(Diagnostics::sorted(faults));
        }
        let external =
            linked.places.iter().filter_map(|(name, place)| Some((name.clone(), place.source.external.clone()?)));
        let external = external.collect();
        Ok(generate::generate(&generate::Input { schema: &linked.schema, external, fingerprints }))
    }

    fn add_text(&mut self, name: String, mut text: String, external: Option<&str>) {
        // A mark of the encoding, which editors do not show.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        self.files.push(Source { name, text, external: external.map(str::to_owned) });
    }

    fn add_files(&mut self, path: &Path, external: Option<&str>) -> Result<(), ReadError> {
        let mut files = Vec::new();
        if !path.is_dir() {
            files.push(path.to_owned());
        } else {
            find_files(path, &mut files)?;
            files.sort();
            if files.is_empty() {
                return Err(ReadError::NoFiles { path: path.to_owned() });
            }
        }
        for path in files {
            let bytes = fs::read(&path).map_err(|error| ReadError::Io { path: path.clone(), error })?;
            self.add_text(path.display().to_string(), decoded(&bytes), external);
        }
        Ok(())
    }

    fn link(&self) -> Result<Linked<'_>, Diagnostics> {
        let mut faults = Vec::new();
        let mut parsed = Vec::new();
        // External ones first, which thus are taken in place of equal ones.
        let (external, own): (Vec<_>, Vec<_>) = self.files.iter().partition(|source| source.external.is_some());
        for source in external.into_iter().chain(own) {
            let (definitions, file_faults) = parser::parse(source);
            faults.extend(file_faults);
            if faults.len() >= MAX_FAULTS {
                break;
            }
            parsed.push((source, definitions));
        }
        // What is said of files that belong together would be wrong without some of them.
        if faults.len() < MAX_FAULTS {
            let linked = check::link(parsed, &mut faults);
            if faults.is_empty() {
                return Ok(linked);
            }
        }
        Err(Diagnostics::sorted(faults))
    }
}

/// Of the types that are not external.
fn fingerprints(linked: &Linked<'_>, faults: &mut Vec<Diagnostic>) -> BTreeMap<String, Fingerprint> {
    let mut fingerprints = BTreeMap::new();
    for (name, fingerprint) in linked.schema.fingerprints().filter(|(name, _)| linked.is_own(name)) {
        match fingerprint {
            Ok(fingerprint) => drop(fingerprints.insert(name.to_owned(), fingerprint)),
            Err(error) if faults.len() < MAX_FAULTS => faults.extend(linked.diagnostic(name, error.to_string())),
            Err(_) => {}
        }
    }
    fingerprints
}

fn find_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |error| ReadError::Io { path, error }
    };
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let entry = entry.map_err(failed(directory))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            find_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "lcm") && !(kind.is_symlink() && path.is_dir())
        {
            files.push(path);
        }
    }
    Ok(())
}

/// UTF-8, and what is not as Latin-1, where each byte is the character of its number.
fn decoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(char::from));
    }
    text
}
