//! Why a schema cannot be used.

use super::MAX_SUBSCHEMAS;

/// Why a schema cannot be used. `at` is a pointer into the schema, such as `#/properties/grid`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Where a schema belongs, there is something else.
    #[error("{at}: expected a schema, which is an object or a boolean, found {found}")]
    NotASchema {
        /// Where.
        at: String,
        /// What is there.
        found: String,
    },
    /// A keyword that is not checked here, or none at all.
    #[error(
        "{at}: the keyword {keyword:?} is not checked here: leave it out, or begin its name with x- if it asserts nothing"
    )]
    Keyword {
        /// Where.
        at: String,
        /// The keyword.
        keyword: String,
    },
    /// A keyword with a value that it cannot have.
    #[error("{at}: {keyword} takes {expected}, found {found}")]
    Operand {
        /// Where.
        at: String,
        /// The keyword.
        keyword: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it has.
        found: String,
    },
    /// A `$ref` to something that is not in this document.
    #[error("{at}: {reference:?} is not in this schema: references are # or begin with #/")]
    Reference {
        /// Where.
        at: String,
        /// The reference.
        reference: String,
    },
    /// A regular expression that cannot be used.
    #[error("{at}: the pattern {pattern} cannot be used: {reason}")]
    Pattern {
        /// Where.
        at: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A subschema that applies itself to the same value, without end.
    #[error("{at}: applies itself to the same value without end")]
    Circular {
        /// Where.
        at: String,
    },
    /// More than can be kept.
    #[error("{at}: a schema has at most {MAX_SUBSCHEMAS} subschemas, and 128 within each other")]
    TooLarge {
        /// Where it became too much.
        at: String,
    },
}
