//! What can be wrong with a configuration.

use std::fmt;

use super::source::{Excerpt, Source};
use crate::json_schema::SchemaError;

/// Why there is no configuration: everything that is wrong, in the order in which it was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub struct ConfigError {
    /// What is wrong; never empty.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub untold: usize,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file is not TOML.
    #[error("{source_of_it}: {message}{}", below(.excerpt.as_ref()))]
    Syntax {
        /// Where.
        source_of_it: Source,
        /// What is wrong there.
        message: String,
        /// The line.
        excerpt: Option<Excerpt>,
    },
    /// A layer that has to be an object is something else.
    #[error("{source_of_it}: expected an object with keys, found {found}")]
    NotAnObject {
        /// Which layer.
        source_of_it: Source,
        /// What it is.
        found: String,
    },
    /// A key that the configuration does not have.
    #[error("{source_of_it}: {key}: {remedy}{}", below(.excerpt.as_ref()))]
    UnknownKey {
        /// The key, with dots between its parts.
        key: String,
        /// Who has it.
        source_of_it: Source,
        /// What there is instead.
        remedy: String,
        /// The line, if it is one of a file.
        excerpt: Option<Excerpt>,
    },
    /// A variable with the module's prefix that names no key.
    #[error("{source_of_it}: {remedy}")]
    UnknownVariable {
        /// The variable.
        source_of_it: Source,
        /// What there is instead.
        remedy: String,
    },
    /// An argument without a key, or with a malformed one.
    #[error(
        "{source_of_it}: expected key=value, where key is like grid.cell_m, and a part with dots in it is in double quotes"
    )]
    Argument {
        /// The argument.
        source_of_it: Source,
    },
    /// A value that is not what its key takes.
    #[error("{source_of_it}: {key}: {message}{}", below(.excerpt.as_ref()))]
    Value {
        /// The key, with dots between its parts.
        key: String,
        /// Where the value comes from.
        source_of_it: Source,
        /// What was expected and what was found.
        message: String,
        /// The line, if it is one of a file.
        excerpt: Option<Excerpt>,
    },
    /// A key without a value, where no default helps.
    #[error("{key}: {message}")]
    Missing {
        /// The key, with dots between its parts.
        key: String,
        /// What was expected.
        message: String,
    },
    /// What the schema accepts, but the struct does not.
    #[error("{source_of_it}: {key}: cannot be read: {message}{}", below(.excerpt.as_ref()))]
    Unreadable {
        /// The key, with dots between its parts.
        key: String,
        /// Where its value comes from.
        source_of_it: Source,
        /// What the struct says.
        message: String,
        /// The line, if it is one of a file.
        excerpt: Option<Excerpt>,
    },
}

/// Why a type cannot be a configuration: a mistake in the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// Its schema cannot be checked.
    #[error("the schema of the configuration cannot be used")]
    Schema(#[from] SchemaError),
    /// Its defaults have no form in JSON.
    #[error("the defaults of the configuration cannot be written as JSON")]
    Defaults(#[from] serde_json::Error),
    /// Its defaults are no object.
    #[error("the configuration is not a struct with named fields: its default is {found}")]
    NotAStruct {
        /// Its default, as JSON.
        found: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let end_of_former = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_former}{problem}")?;
        }
        if self.untold > 0 { write!(f, "\nand {} more", self.untold) } else { Ok(()) }
    }
}

fn below(excerpt: Option<&Excerpt>) -> String {
    excerpt.map(|excerpt| format!("\n{excerpt}")).unwrap_or_default()
}
