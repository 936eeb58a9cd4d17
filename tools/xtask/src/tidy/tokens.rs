//! Rust source as one flat list of tokens with their lines.
//!
//! Checks look at tokens and not at text, because the words they look for may stand in comments and strings. Doc comments
//! appear as `#`, `[`, `doc`, `=`, a literal and `]`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A word, punctuation character, literal or bracket.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Splits a file into tokens, or tells the line at which it stops being Rust.
pub(crate) fn read(text: &str) -> Result<Vec<Token>, usize> {
    let stream: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| error.span().start().line)?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

/// Whether `tokens` begins with these words.
pub(crate) fn begins_with(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.text == *word)
}

/// How many tokens the bracket that opens `tokens` spans, both brackets included.
pub(crate) fn bracketed(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let TokenTree::Group(group) = tree else {
            tokens.push(Token { line, text: tree.to_string() });
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{", "}"),
            // Invisible brackets come out of macros, never out of a file.
            Delimiter::None => ("", ""),
        };
        tokens.push(Token { line, text: open.to_owned() });
        flatten(group.stream(), tokens);
        tokens.push(Token { line: group.span_close().start().line, text: close.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_hold_no_words() {
        let tokens = read("// unsafe\nlet a = \"unsafe\"; /* unsafe */ // unsafe").expect("valid tokens");
        assert!(tokens.iter().all(|token| token.text != "unsafe"));
    }

    #[test]
    fn lines_count_from_one_and_brackets_span_lines() {
        let tokens = read("a {\n b\n}\n c").expect("valid tokens");
        let seen: Vec<_> = tokens.iter().map(|token| (token.line, token.text.as_str())).collect();
        assert_eq!(seen, [(1, "a"), (1, "{"), (2, "b"), (3, "}"), (4, "c")]);
        assert_eq!(bracketed(&tokens[1..]), 3);
    }

    #[test]
    fn an_open_bracket_is_an_error() {
        assert!(read("fn f() {").is_err());
    }
}
