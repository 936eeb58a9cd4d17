//! How grave a line is.

use std::str::FromStr;

/// How grave a line is, in the words of Python DimOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault. `trace` is that, too.
    Debug,
    /// What happens.
    Info,
    /// What should not happen, and does no harm yet.
    Warning,
    /// What is broken.
    Error,
    /// What breaks everything.
    Critical,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "trace" | "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" | "warning" => Self::Warning,
            "error" => Self::Error,
            "critical" | "fatal" => Self::Critical,
            _ => return Err(UnknownLevel(text.to_owned())),
        })
    }
}

/// What is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no level {0:?}: expected debug, info, warning, error or critical")]
pub struct UnknownLevel(String);
