//! Where in a value something is.

use std::fmt;

use super::MAX_MESSAGE_BYTES;
use super::words::shortened;

/// The way from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub(crate) struct Path(pub(crate) Vec<Step>);

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an element of an array.
    Index(usize),
}

impl Path {
    /// The way one key further.
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) if is_plain(key) && text.is_empty() => text.push_str(key),
                Step::Key(key) if is_plain(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                Step::Key(key) => text.push_str(&format!("[{:?}]", shortened(key, MAX_KEY_BYTES))),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
            if text.len() > MAX_MESSAGE_BYTES {
                break;
            }
        }
        f.write_str(&shortened(&text, MAX_MESSAGE_BYTES))
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.len() <= MAX_KEY_BYTES && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// Keys longer than this are cut.
const MAX_KEY_BYTES: usize = 64;
