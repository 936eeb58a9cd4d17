//! Keys as they are written on a command line: `grid.cell_m`, `gains."a.b"`.

/// The parts of a key; `None` if one is empty, or a quotation mark is not closed.
pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if part.is_empty() && !rest.starts_with('"') || parts.len() == MAX_PARTS {
            return None;
        }
        parts.push(part.to_owned());
        if behind.is_empty() {
            return Some(parts);
        }
        rest = behind.strip_prefix('.')?;
    }
}

/// Cuts an argument at the `=` behind its key.
pub(super) fn argument(text: &str) -> Option<(Vec<String>, &str)> {
    let is_quoted = |end: usize| text[..end].matches('"').count() % 2 == 1;
    let end = text.match_indices('=').map(|(at, _)| at).find(|&at| !is_quoted(at))?;
    Some((parts(&text[..end])?, &text[end + 1..]))
}

/// How deep a key may be.
const MAX_PARTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_dots_outside_of_quotes() {
        let cut = |text| parts(text).map(|parts| parts.join("|"));
        assert_eq!(cut("grid.cell_m").as_deref(), Some("grid|cell_m"));
        assert_eq!(cut("gains.\"a.b\".x").as_deref(), Some("gains|a.b|x"));
        for text in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "a.\""] {
            assert_eq!(cut(text), None, "{text}");
        }
        assert_eq!(cut(&"a.".repeat(100_000)), None);
    }

    #[test]
    fn values_may_have_equals_signs_and_quoted_keys_too() {
        assert_eq!(argument("a=b=c"), Some((vec!["a".to_owned()], "b=c")));
        assert_eq!(argument("\"a=b\"=c"), Some((vec!["a=b".to_owned()], "c")));
        assert_eq!(argument("a="), Some((vec!["a".to_owned()], "")));
        assert_eq!(argument("a"), None);
        assert_eq!(argument("=a"), None);
    }
}
