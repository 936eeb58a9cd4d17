//! No file grows past what one can keep in mind.
//!
//! Inline test modules do not count: tests are read one at a time.

use super::Finding;
use super::tokens::{Token, begins_with, bracketed};

const MAX_LINES: usize = 900;

pub(super) fn check(path: &str, text: &str, tokens: &[Token]) -> Option<Finding> {
    let lines = text.lines().count() - test_lines(tokens);
    (lines > MAX_LINES).then(|| {
        Finding::new(
            path,
            1,
            format!("{lines} lines without tests, the limit is {MAX_LINES}: split the file by purpose"),
        )
    })
}

/// The lines of all `#[cfg(test)] mod NAME { ... }`.
fn test_lines(tokens: &[Token]) -> usize {
    let mut lines = 0;
    let mut index = 0;
    while index < tokens.len() {
        let length = test_module(&tokens[index..]);
        if let Some(last) = length.checked_sub(1) {
            lines += tokens[index + last].line - tokens[index].line + 1;
        }
        index += length.max(1);
    }
    lines
}

/// How many tokens the inline test module spans that `tokens` begins with; none for anything else.
fn test_module(tokens: &[Token]) -> usize {
    if !begins_with(tokens, &["#", "[", "cfg", "(", "test", ")", "]"]) {
        return 0;
    }
    let mut index = 0;
    while begins_with(&tokens[index..], &["#", "["]) {
        index += 1 + bracketed(&tokens[index + 1..]);
    }
    let module = &tokens[index..];
    if begins_with(module, &["mod"]) && module.get(2).is_some_and(|token| token.text == "{") {
        index + 2 + bracketed(&module[2..])
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    fn found(text: &str) -> bool {
        check("a.rs", text, &tokens::read(text).expect("valid tokens")).is_some()
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(!found(&"struct A;\n".repeat(MAX_LINES)));
        assert!(found(&"struct A;\n".repeat(MAX_LINES + 1)));
    }

    #[test]
    fn an_inline_test_module_does_not_count() {
        let code = "struct A;\n".repeat(MAX_LINES);
        let tests = format!("#[cfg(test)]\n#[expect(x)]\nmod tests {{\n{code}}}\n");
        assert!(!found(&format!("{code}{tests}")));
        assert!(found(&format!("{code}{tests}struct Last;\n")));
    }

    #[test]
    fn other_test_items_do_not_hide_the_code_after_them() {
        let code = "struct A;\n".repeat(MAX_LINES);
        assert!(found(&format!("#[cfg(test)]\nmod tests;\n{code}")));
        assert!(found(&format!("#[cfg(test)]\nuse a::B;\n{code}")));
    }
}
