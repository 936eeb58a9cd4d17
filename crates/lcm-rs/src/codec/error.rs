//! Why bytes are no message of a type, and why a message cannot be put into bytes.

use std::fmt;
use std::str::Utf8Error;

use crate::schema::Fingerprint;

/// Why bytes are not a message of the type they were read as.
///
/// It takes one word, so that results of the readers stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeDetails>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct DecodeDetails {
    kind: DecodeErrorKind,
    field: String,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From the start of the message.
    Offset(usize),
    /// In memory, where the start of the message is not known yet.
    Address(usize),
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The message is of another type, or of another version of the type.
    #[error("the fingerprint is {found}, that of {name} is {expected}")]
    Fingerprint {
        /// The type it was read as.
        name: String,
        /// That type's fingerprint.
        expected: Fingerprint,
        /// What the message begins with.
        found: Fingerprint,
    },
    /// The bytes end too early.
    #[error("{needed} bytes are needed, {left} are left")]
    Truncated {
        /// What this member takes, as far as is known.
        needed: usize,
        /// What is there.
        left: usize,
    },
    /// The size of an array is negative.
    #[error("the array size {size} is negative")]
    NegativeSize {
        /// What was read.
        size: i64,
    },
    /// An array has more elements than can be counted.
    #[error("the array sizes are larger than any message")]
    TooLarge,
    /// The length of a string, which includes the NUL at its end, is below 1.
    #[error("the string length {length} is below 1")]
    StringLength {
        /// What was read.
        length: i32,
    },
    /// A string does not end with a NUL.
    #[error("the string ends with byte {last:#04x}, not with NUL")]
    Unterminated {
        /// The byte where the NUL should be.
        last: u8,
    },
    /// A string is not in UTF-8. Views give its bytes.
    #[error("the string is not UTF-8 from its byte {} on", .0.valid_up_to())]
    NotUtf8(Utf8Error),
    /// Messages of a recursive type contain each other too deeply.
    #[error("messages nest too deep: a type may contain itself {} times", super::MAX_DEPTH)]
    TooDeep,
    /// Arrays have more elements that take no bytes than a message of this length may have.
    #[error("{count} array elements take no bytes, and only {left} more such may be in a message of this length")]
    EmptyElements {
        /// The elements of this array.
        count: usize,
        /// How many more there may be in this message.
        left: usize,
    },
    /// A tree of values would have far more of them than the message has bytes.
    #[error("{count} values here, and only {left} more may be in a message of this length")]
    TooManyValues {
        /// The values of this member.
        count: usize,
        /// How many more there may be in this message.
        left: usize,
    },
}

impl DecodeError {
    /// A fault of `field` at `offset` bytes from the start of the message.
    #[cold]
    #[must_use]
    pub fn new(kind: DecodeErrorKind, field: &str, offset: usize) -> Self {
        Self(Box::new(DecodeDetails { kind, field: field.to_owned(), place: Place::Offset(offset) }))
    }

    #[cold]
    pub(super) fn at_address(kind: DecodeErrorKind, field: &str, at: *const u8) -> Self {
        Self(Box::new(DecodeDetails { kind, field: field.to_owned(), place: Place::Address(at.addr()) }))
    }

    /// The same, knowing where the message begins.
    #[cold]
    pub(super) fn in_message(mut self, bytes: &[u8]) -> Self {
        if let Place::Address(address) = self.0.place {
            self.0.place = Place::Offset(address.wrapping_sub(bytes.as_ptr().addr()));
        }
        self
    }

    /// The same, with the member `field` around it.
    #[cold]
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.0.field = join(field, &self.0.field);
        self
    }

    /// The same, with the element `index` of the array `field` around it.
    #[cold]
    #[must_use]
    pub fn within_element(self, field: &str, index: usize) -> Self {
        self.within(&format!("{field}[{index}]"))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// The path of the member, such as `poses[17].header.frame_id`; empty for the fingerprint.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }

    /// Where in the message the member begins, in bytes; `None` if the error comes from a view, which does not know where its
    /// message began.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        match self.0.place {
            Place::Offset(offset) => Some(offset),
            Place::Address(_) => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecodeDetails { kind, field, .. } = &*self.0;
        let colon = if field.is_empty() { "" } else { ": " };
        match self.offset() {
            Some(offset) => write!(f, "{field}{colon}at byte {offset}: {kind}"),
            None => write!(f, "{field}{colon}{kind}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Why a message cannot be put into bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError(Box<EncodeDetails>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct EncodeDetails {
    kind: EncodeErrorKind,
    field: String,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// An array has another length than the type or another member says.
    #[error("the length of the array is {found}, by `{size}` it should be {expected}")]
    Length {
        /// The elements it has.
        found: usize,
        /// Those it should have.
        expected: usize,
        /// The size in the IDL: a number, or the name of the member that holds it.
        size: String,
    },
    /// An array has more elements than the member that holds its size can say.
    #[error("{length} elements are more than `{size}`, which ends at {limit}, can say")]
    TooManyElements {
        /// The elements it has.
        length: usize,
        /// The member that holds the size.
        size: String,
        /// The largest value of that member.
        limit: i64,
    },
    /// A member that holds the size of an array is negative.
    #[error("the array size {size} is negative")]
    NegativeSize {
        /// Its value.
        size: i64,
    },
    /// A string is longer than LCM can say.
    #[error("a string of {bytes} bytes is longer than {} bytes", i32::MAX - 1)]
    StringTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Messages of a recursive type contain each other too deeply.
    #[error("messages nest too deep: a type may contain itself {} times", super::MAX_DEPTH)]
    TooDeep,
    /// Arrays have more elements that take no bytes than readers allow in a message.
    #[error(
        "array elements that take no bytes are more than the {limit} that readers allow in a message of this length"
    )]
    EmptyElements {
        /// How many there may be.
        limit: usize,
    },
    /// A tree of values has more of them than can be read from a message of this length.
    #[error("{count} values are more than the {limit} that can be read from a message of this length")]
    TooManyValues {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A value is not one of the member's type.
    #[error("{value} is not a value of {expected}")]
    Type {
        /// The value that was given.
        value: String,
        /// The type of the member.
        expected: String,
    },
    /// A member of the message is not one of its type.
    #[error("type {name} has no such member")]
    UnknownMember {
        /// The type.
        name: String,
    },
}

impl EncodeError {
    /// A fault of `field`.
    #[cold]
    #[must_use]
    pub fn new(kind: EncodeErrorKind, field: &str) -> Self {
        Self(Box::new(EncodeDetails { kind, field: field.to_owned() }))
    }

    /// The same, with the member `field` around it.
    #[cold]
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.0.field = join(field, &self.0.field);
        self
    }

    /// The same, with the element `index` of the array `field` around it.
    #[cold]
    #[must_use]
    pub fn within_element(self, field: &str, index: usize) -> Self {
        self.within(&format!("{field}[{index}]"))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &EncodeErrorKind {
        &self.0.kind
    }

    /// The path of the member, such as `poses[17].header.frame_id`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.field, self.0.kind)
    }
}

impl std::error::Error for EncodeError {}

fn join(outer: &str, inner: &str) -> String {
    let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    format!("{outer}{dot}{inner}")
}
