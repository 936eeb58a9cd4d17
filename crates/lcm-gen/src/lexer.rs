//! Cutting an IDL file into words, signs and comments.

use crate::diagnostic::Place;

/// A piece of an IDL file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) place: Place,
}

impl Token<'_> {
    /// The offset behind it.
    pub(crate) fn end(&self) -> usize {
        self.place.0 + self.text.len()
    }
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// One of `{ } [ ] ; , =`.
    Sign,
    /// A comment, with its marks.
    Comment,
    /// A comment that is not closed.
    OpenComment,
    /// A character that has no place in an IDL file.
    Stray,
}

/// The pieces of a file, comments included.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let (kind, length) = match first {
            '/' if rest.starts_with("//") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            // The star that opens it does not close it.
            '/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                Some(end) => (Kind::Comment, end + 4),
                None => (Kind::OpenComment, rest.len()),
            },
            '{' | '}' | '[' | ']' | ';' | ',' | '=' => (Kind::Sign, 1),
            first if is_word(first) => (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            other => (Kind::Stray, other.len_utf8()),
        };
        let token = Token { kind, text: &rest[..length], place: Place(at) };
        at += length;
        Some(token)
    })
}

/// Words hold names, dotted names and numbers with sign, fraction and exponent. (Letters that no name has are part of the word,
/// so that what is said of it shows all of it.)
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn signs_need_no_spaces_around_them() {
        let found: Vec<_> = texts("struct a{int8_t b[3],c;}").into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, ["struct", "a", "{", "int8_t", "b", "[", "3", "]", ",", "c", ";", "}"]);
    }

    #[test]
    fn comments_end_where_they_end() {
        use Kind::{Comment, OpenComment, Word};
        assert_eq!(
            texts("// a\nb /* c */d/**/e"),
            [(Comment, "// a"), (Word, "b"), (Comment, "/* c */"), (Word, "d"), (Comment, "/**/"), (Word, "e"),]
        );
        assert_eq!(texts("/*/ a */ b"), [(Comment, "/*/ a */"), (Word, "b")]);
        assert_eq!(texts("a /* b"), [(Word, "a"), (OpenComment, "/* b")]);
    }

    #[test]
    fn numbers_are_words_and_the_rest_is_stray() {
        use Kind::{Stray, Word};
        assert_eq!(texts("-1 0x1F 1.5e-3 §"), [(Word, "-1"), (Word, "0x1F"), (Word, "1.5e-3"), (Stray, "§")]);
    }
}
