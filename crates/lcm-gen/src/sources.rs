//! A set of IDL files that are read together.

use lcm::schema::Schema;

use crate::check;
use crate::diagnostic::Diagnostics;
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
}

impl Sources {
    /// Adds the text of a file; `name` is what faults are reported with.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.files.push(Source { name: name.into(), text: text.into() });
    }

    /// Reads and checks all files together.
    ///
    /// # Errors
    /// Everything that is wrong with them, not only the first fault.
    pub fn compile(&self) -> Result<Schema, Diagnostics> {
        let mut faults = Vec::new();
        let parsed: Vec<_> = self
            .files
            .iter()
            .map(|source| {
                let (definitions, file_faults) = parser::parse(source);
                faults.extend(file_faults);
                (source, definitions)
            })
            .collect();
        let schema = check::link(&parsed, &mut faults);
        if faults.is_empty() { Ok(schema) } else { Err(Diagnostics(faults)) }
    }
}
