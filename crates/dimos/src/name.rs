//! Names that processes own, and the channels that follow from them.

use std::fmt;
use std::str::FromStr;

use lcm::MAX_CHANNEL_BYTES;
use sha1::{Digest, Sha1};

use crate::node::NodeId;

/// The name of an instance, such as `planner`, or `robot0/camera` in the namespace `robot0`: parts of letters, digits, `_`, `-` and
/// `.`, with `/` in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It has too many bytes, or none.
    #[error("a name of {bytes} bytes: expected 1 to {MAX_NAME_BYTES}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// A part between slashes is empty.
    #[error("{name:?} is no name: it begins or ends with /, or has two in a row")]
    EmptyPart {
        /// The text.
        name: String,
    },
    /// A character that names do not have.
    #[error("{name:?} is no name: {character:?} is not a letter, a digit, _, -, . or /")]
    Character {
        /// The text.
        name: String,
        /// Its first character of that kind.
        character: char,
    },
}

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `/`: `robot0` of `robot0/camera`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(namespace, _)| namespace)
    }

    /// What stands behind the last `/`: `camera` of `robot0/camera`.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Where its owner hears calls.
    #[must_use]
    pub fn request_channel(&self) -> String {
        channel(&self.0, "req#dimos_mesh.RpcRequest")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(NameError::Length { bytes: text.len() });
        }
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        if let Some(character) = text.chars().find(|&c| !is_good(c)) {
            return Err(NameError::Character { name: text.to_owned(), character });
        }
        if text.split('/').any(str::is_empty) {
            return Err(NameError::EmptyPart { name: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NodeId {
    /// Where a caller hears its answers.
    #[must_use]
    pub fn response_channel(self) -> String {
        channel(&self.to_string(), "res#dimos_mesh.RpcResponse")
    }
}

/// The channel of a name, or of its short id where that would be too long.
fn channel(name: &str, end: &str) -> String {
    let channel = format!("/rpc/{name}/{end}");
    if channel.len() <= MAX_CHANNEL_BYTES { channel } else { format!("/rpc/{}/{end}", short_id(name)) }
}

/// 18 characters that stand for a text of any length, as Python DimOS makes them: the first 16 bytes of its SHA-1 as a
/// big-endian integer in base 62.
pub(crate) fn short_id(text: &str) -> String {
    let hash = Sha1::digest(text.as_bytes());
    let mut number = hash.iter().take(16).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from(DIGITS[usize::try_from(number % 62).unwrap_or_default()]));
        number /= 62;
    }
    digits.iter().rev().take(18).collect()
}

const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Longer ones are no use to anybody.
const MAX_NAME_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_are_those_of_python_dimos() {
        assert_eq!(short_id("HelloWorld"), "6GgJmzi1KYf4iaHVxk");
    }

    #[test]
    fn long_names_have_channels_too() {
        let name: Name = "robot0/camera".parse().unwrap();
        assert_eq!(name.request_channel(), "/rpc/robot0/camera/req#dimos_mesh.RpcRequest");
        let long: Name = "a-rather-long-namespace/and-a-long-name-in-it".parse().unwrap();
        assert!(long.request_channel().len() <= MAX_CHANNEL_BYTES, "{}", long.request_channel());
        assert!(NodeId::random().response_channel().len() <= MAX_CHANNEL_BYTES);
    }

    #[test]
    fn what_is_no_name_is_told_why() {
        let why = |text: &str| text.parse::<Name>().unwrap_err().to_string();
        assert_eq!(why(""), "a name of 0 bytes: expected 1 to 200");
        assert_eq!(why("a//b"), "\"a//b\" is no name: it begins or ends with /, or has two in a row");
        assert_eq!(why("a#b"), "\"a#b\" is no name: '#' is not a letter, a digit, _, -, . or /");
    }

    #[test]
    fn a_name_has_a_namespace_and_a_last_part() {
        let name: Name = "site/robot0/camera".parse().unwrap();
        assert_eq!((name.namespace(), name.last()), (Some("site/robot0"), "camera"));
        let name: Name = "camera".parse().unwrap();
        assert_eq!((name.namespace(), name.last()), (None, "camera"));
    }
}
