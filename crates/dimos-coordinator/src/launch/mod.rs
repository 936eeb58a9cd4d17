//! Launch files: TOML that says which modules a run has, and how each is started.
//!
//! Owns the format, how files include, change and compose each other, arguments and namespaces, and the words for what is wrong
//! with them. It reads files and looks for executables, and does nothing else; whether the modules fit together is the business of
//! [`crate::wiring`].
//!
//! ```toml
//! #:schema ./schema.json
//! simulated_time = true
//! external = ["/goal"]                    # fed from outside of the run
//!
//! [args]
//! seed = 1                                # set by `seed=3` on the command line
//! log = { path = true }                   # has to be set; a path of the command line is relative to where that is given
//!
//! [modules.robot]
//! run = "robot-sim"                       # comes with dimos, lies beside the file, or is on PATH
//! config = { seed = "${seed}" }           # with the argument's type
//! remap = { scan = "/lidar" }
//!
//! [[include]]
//! file = "mapping.toml"
//! namespace = "robot0"                    # before its modules' names and their topics
//! expose = ["/map"]                       # but not before this one
//! modules.mapper.config.cell_m = 0.1      # differs from what the file says
//! ```
//!
//! # Which definition wins
//! A later one, field by field: what a file includes comes first, then what the include changes, then the file's own modules; a
//! later file on the command line comes after an earlier one, and the command line itself comes last. `config`, `remap`,
//! `references`, `env`, `inputs` and `outputs` are merged key by key, `expose` adds up, all else is replaced.
//!
//! # Namespaces
//! Names of modules, topics and paths are relative to the file that they stand in; that also holds for what an include changes. A
//! topic in `expose` is what it is called within the namespace, and keeps out of that one only: with namespaces around it, those
//! go before it.

mod arguments;
mod definition;
mod document;
mod format;
mod reader;
mod scope;
mod words;

use std::path::PathBuf;

use dimos::Name;
use serde_json::Value;

use crate::diagnostic::{Diagnostics, Sources};
use crate::plan::Plan;
use reader::Reader;

pub(crate) use reader::meant;

/// What is to be launched.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Launch files, from the earliest to the latest.
    pub files: Vec<PathBuf>,
    /// Texts of launch files, which come after the files.
    pub texts: Vec<Text>,
    /// Values of arguments, as on the command line: names and values.
    pub arguments: Vec<(String, String)>,
    /// Goes before all names and topics.
    pub namespace: Option<Name>,
    /// The only modules to run, by their names; empty for all.
    pub only: Vec<String>,
    /// Modules that are left out, by their names.
    pub disable: Vec<String>,
    /// Configuration, as on the command line: `module.key=value`.
    pub set: Vec<String>,
    /// The modules that come with `dimos`.
    pub stock: Vec<String>,
    /// The directories below which the files have to lie that are read; canonical ones. Without them, files may lie anywhere.
    pub within: Option<Vec<PathBuf>>,
}

/// The text of a launch file.
#[derive(Debug, Clone)]
pub struct Text {
    /// What people call it, such as `sim.toml`.
    pub name: String,
    /// What stands in it.
    pub text: String,
    /// What its paths are relative to.
    pub directory: PathBuf,
}

/// What launch files come to.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The modules, and how each is started.
    pub plan: Plan,
    /// Where it is said.
    pub sources: Sources,
}

/// Reads launch files.
///
/// # Errors
/// Everything that is wrong with them, as far as that can be told at once.
pub fn read(request: &Request) -> Result<Launch, Diagnostics> {
    Reader::new(request).read()
}

impl Launch {
    /// Adds the modules of another launch, whose names must not be there yet.
    pub fn add(&mut self, other: Self) {
        let offset = self.sources.append(other.sources);
        let Plan { modules, left_out, external, directories, .. } = other.plan;
        for (name, mut module) in modules {
            module.place.source += offset;
            module.ports.values_mut().for_each(|port| port.place.source += offset);
            self.plan.modules.insert(name, module);
        }
        self.plan.left_out.extend(left_out);
        self.plan.external.extend(external);
        self.plan.directories.extend(directories);
    }
}

/// The JSON Schema of launch files, for editors.
#[must_use]
pub fn schema() -> Value {
    format::editor_schema()
}

/// What a part of a module's definition is called among the marks of [`Sources`]: `remap.scan`.
pub(crate) fn mark(word: &str, key: &str) -> String {
    if key.is_empty() { word.to_owned() } else { document::joined(word, key) }
}

#[cfg(test)]
mod tests;
