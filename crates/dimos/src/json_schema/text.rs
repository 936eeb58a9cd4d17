//! What is asserted of strings, and the regular expressions of schemas.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::words::{quoted, shortened};

/// What is asserted of strings. Lengths count characters.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextRules {
    /// `minLength`
    pub(crate) min_chars: Option<u64>,
    /// `maxLength`
    pub(crate) max_chars: Option<u64>,
    /// `pattern`
    pub(crate) pattern: Option<Pattern>,
}

/// A regular expression, to be found anywhere in a text.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex, String);

impl TextRules {
    /// Whether a text obeys.
    pub(crate) fn accept(&self, text: &str) -> bool {
        let chars = if self.min_chars.or(self.max_chars).is_some() { text.chars().count() as u64 } else { 0 };
        self.min_chars.is_none_or(|min| chars >= min)
            && self.max_chars.is_none_or(|max| chars <= max)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
    }
}

/// As in `of at least 1 character`, behind the name of the type; empty without rules.
impl fmt::Display for TextRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_count(f, self.min_chars, self.max_chars, "character", "characters")?;
        self.pattern.as_ref().map_or(Ok(()), |Pattern(_, source)| write!(f, " that matches {}", quoted(source)))
    }
}

impl Pattern {
    /// Reads an expression as ECMA-262 means it, where `\d`, `\w` and `\s` are ASCII.
    ///
    /// # Errors
    /// What is wrong with it. Look-around and back references do not exist here; in return the time to match is linear.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(&ascii_classes(source)).size_limit(MAX_COMPILED_BYTES).build();
        // The library draws the whole expression and points at the fault; its last line says what the fault is.
        let reason =
            |error: regex::Error| shortened(error.to_string().lines().last().unwrap_or_default(), 100).into_owned();
        Ok(Self(regex.map_err(reason)?, source.to_owned()))
    }

    /// Whether it is found in a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// As in ` of 1 to 3 items`; empty without limits.
pub(crate) fn write_count(
    f: &mut impl fmt::Write,
    min: Option<u64>,
    max: Option<u64>,
    one: &str,
    many: &str,
) -> fmt::Result {
    let unit = |count| if count == 1 { one } else { many };
    match (min, max) {
        (Some(min), Some(max)) if min == max => write!(f, " of {min} {}", unit(min)),
        (Some(min), Some(max)) => write!(f, " of {min} to {max} {}", unit(max)),
        (Some(min), None) => write!(f, " of at least {min} {}", unit(min)),
        (None, Some(max)) => write!(f, " of at most {max} {}", unit(max)),
        (None, None) => Ok(()),
    }
}

/// Writes out the classes that mean Unicode to the library.
fn ascii_classes(source: &str) -> String {
    let mut written = String::with_capacity(source.len());
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            written.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => written.push_str("[0-9]"),
            Some('D') => written.push_str("[^0-9]"),
            Some('w') => written.push_str("[0-9A-Za-z_]"),
            Some('W') => written.push_str("[^0-9A-Za-z_]"),
            Some('s') => written.push_str(r"[ \t\n\r\x0B\x0C]"),
            Some('S') => written.push_str(r"[^ \t\n\r\x0B\x0C]"),
            Some('b') => written.push_str(r"(?-u:\b)"),
            Some(other) => written.extend(['\\', other]),
            None => written.push('\\'),
        }
    }
    written
}

/// What one expression may take, compiled: repetitions of repetitions grow without bound.
const MAX_COMPILED_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii() {
        let pattern = Pattern::compile(r"^[\w-]+\.\d{1,3}$").unwrap();
        assert!(pattern.matches("cam-0.12"));
        assert!(!pattern.matches("cam-0.١٢"));
        assert!(!pattern.matches("cam 0.12"));
        assert!(Pattern::compile(r"^\S+\s\S+$").unwrap().matches("a b"));
    }

    #[test]
    fn what_cannot_be_matched_in_linear_time_is_refused() {
        for source in [r"(?=x)", r"(a)\1", "(((a{100}){100}){100})", "[", r"\"] {
            assert!(Pattern::compile(source).is_err_and(|reason| !reason.is_empty()), "{source}");
        }
    }
}
