//! Lines of a limited length, and the way back to the next line after one that is longer.

use std::io::{self, BufRead, Read};

/// A line of the input, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole(Vec<u8>),
    /// It was skipped.
    TooLong,
}

/// The next line; none at the end of the input. No more than `limit` bytes of it are kept.
pub(crate) fn next(input: &mut impl BufRead, limit: usize) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    input.by_ref().take(most).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > limit {
        input.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Whole(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end_and_the_next_one_is_read() {
        let mut input = &b"four\n\n12345\n123456789\nlast"[..];
        let mut lines = Vec::new();
        while let Some(line) = next(&mut input, 4).unwrap() {
            lines.push(line);
        }
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(lines, [whole("four"), whole(""), Line::TooLong, Line::TooLong, whole("last")]);
        assert_eq!(next(&mut &b"12345"[..], 4).unwrap(), Some(Line::TooLong));
    }
}
