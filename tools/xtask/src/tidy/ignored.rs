//! A test that does not run says why.

use super::Finding;
use super::tokens::{Token, begins_with, bracketed};

pub(super) fn check(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for start in 0..tokens.len() {
        if !begins_with(&tokens[start..], &["#", "["]) {
            continue;
        }
        let attribute = &tokens[start + 1..][..bracketed(&tokens[start + 1..])];
        if attribute.get(1).is_some_and(|name| name.text == "ignore" || name.text == "cfg_attr") {
            findings.extend(ignores_without_reason(attribute).map(|line| {
                Finding::new(path, line, "#[ignore] without a reason: write `#[ignore = \"why\"]`, or let the test run")
            }));
        }
    }
    findings
}

fn ignores_without_reason(attribute: &[Token]) -> impl Iterator<Item = usize> {
    (0..attribute.len())
        .filter(|&index| attribute[index].text == "ignore" && !has_reason(&attribute[index + 1..]))
        .map(|index| attribute[index].line)
}

fn has_reason(after: &[Token]) -> bool {
    begins_with(after, &["="]) && after.get(1).is_some_and(|reason| reason.text != "\"\"")
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let found = check("a.rs", &tokens::read(text).expect("valid tokens"));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_ignored_test_without_a_reason_is_found() {
        assert_eq!(lines("#[test]\n#[ignore]\nfn f() {}"), [2]);
        assert_eq!(lines("#[ignore = \"\"]\nfn f() {}"), [1]);
        assert_eq!(lines("#[cfg_attr(miri, ignore)]\nfn f() {}"), [1]);
    }

    #[test]
    fn a_reason_or_another_use_of_the_word_passes() {
        assert_eq!(lines("#[ignore = \"needs a robot\"]\nfn f() {}"), []);
        assert_eq!(lines("#[cfg_attr(miri, ignore = \"slow\")]\nfn f() { ignore(); }"), []);
    }
}
