//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

use crate::json_schema::shortened;

/// Where a value comes from. The order is that of the layers: the greater one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// The defaults of the module.
    Default,
    /// A configuration file.
    File {
        /// What the file is called.
        path: Arc<str>,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
    },
    /// The environment.
    Environment {
        /// The name of the variable.
        variable: String,
    },
    /// Whoever started the module.
    Launcher,
    /// The command line.
    CommandLine {
        /// The argument as it was written.
        text: String,
    },
}

/// A line of a file, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The line's number, counted from 1.
    pub line: usize,
    /// The line, or the part of it that is of interest.
    pub text: String,
    /// How many characters of it stand before what is meant.
    pub indent: usize,
    /// How many characters are meant.
    pub width: usize,
}

impl Source {
    /// Which layer it belongs to; the greater one wins.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Environment { .. } => 2,
            Self::Launcher => 3,
            Self::CommandLine { .. } => 4,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Environment { variable } => write!(f, "variable {}", shortened(variable, MAX_BYTES)),
            Self::Launcher => f.write_str("launcher"),
            Self::CommandLine { text } => write!(f, "argument {}", shortened(text, MAX_BYTES)),
        }
    }
}

/// As in compilers' messages: the line, and marks below what is meant.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let marks = "^".repeat(self.width.max(1));
        write!(f, "{number} | {}\n{:2$} | ", self.text, "", number.len())?;
        // Tabs stay, so that the marks stand below what they mean.
        self.text.chars().take(self.indent).try_for_each(|c| write!(f, "{}", if c == '\t' { '\t' } else { ' ' }))?;
        f.write_str(&marks)
    }
}

/// How much is shown of what somebody wrote.
const MAX_BYTES: usize = 120;
