//! Strings as they lie in a message.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use super::error::{DecodeError, DecodeErrorKind};
use super::reader::Reader;

/// A string of a received message, without the NUL at its end.
///
/// LCM does not say what a string's bytes mean. UTF-8 is usual, but C programs send any bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// These bytes as a string.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// As UTF-8.
    ///
    /// # Errors
    /// If it is not.
    pub const fn to_str(self) -> Result<&'a str, Utf8Error> {
        str::from_utf8(self.0)
    }

    /// As UTF-8, with U+FFFD in place of what is not.
    #[must_use]
    pub fn to_str_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// A copy in UTF-8, for the member `field` of an owned message.
    ///
    /// # Errors
    /// If it is not UTF-8.
    #[inline]
    pub fn into_owned(self, field: &str) -> Result<String, DecodeError> {
        match self.to_str() {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(DecodeError::at_address(DecodeErrorKind::NotUtf8(error), field, self.0.as_ptr())),
        }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// An array of strings of a received message. Nothing is stored of it: reading element `n` walks the ones before it.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Texts<'a> {
    /// `len` encoded strings whose bounds were checked.
    pub(super) const fn new(bytes: &'a [u8], len: usize) -> Self {
        Self { bytes, len }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The string at `index`.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Text<'a>> {
        self.iter().nth(index)
    }

    /// Copies in UTF-8, for the member `field` of an owned message.
    ///
    /// # Errors
    /// If one is not UTF-8.
    pub fn copy_out(self, field: &str) -> Result<Vec<String>, DecodeError> {
        let mut copies = Vec::with_capacity(self.len);
        for (index, text) in self.iter().enumerate() {
            copies.push(text.into_owned("").map_err(|error| error.within_element(field, index))?);
        }
        Ok(copies)
    }

    /// The strings in order.
    #[must_use]
    pub fn iter(self) -> TextsIter<'a> {
        TextsIter { reader: Reader::new(self.bytes), left: self.len }
    }
}

impl<'a> IntoIterator for Texts<'a> {
    type Item = Text<'a>;
    type IntoIter = TextsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Walks over [`Texts`].
#[derive(Debug, Clone)]
pub struct TextsIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for TextsIter<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        self.left = self.left.checked_sub(1)?;
        // The bounds were checked when the array was read.
        self.reader.text("").ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for TextsIter<'_> {}
