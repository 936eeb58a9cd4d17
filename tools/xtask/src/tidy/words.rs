//! Nothing unfinished is called done: the marks that people leave for later do not stay in the tree.

use super::Finding;

/// The one file that may contain the marks: this one.
const OWN_PATH: &str = "tools/xtask/src/tidy/words.rs";

const MACROS: &[&str] = &["todo!(", "unimplemented!(", "dbg!("];
const MARKS: &[&str] = &["FIXME", "XXX"];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    if path == OWN_PATH {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let macros = MACROS.iter().filter(|word| line.contains(**word));
        let marks = MARKS.iter().filter(|word| has_word(line, word));
        findings.extend(
            macros
                .chain(marks)
                .map(|word| Finding::new(path, index + 1, format!("`{word}` left behind: finish it or remove it"))),
        );
    }
    findings
}

/// Whether `word` stands alone in `line`, so that the pattern of a temporary file's name is no finding.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].ends_with(part_of_word) && !line[start + word.len()..].starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_found_with_its_line() {
        for word in MACROS.iter().chain(MARKS) {
            let found = check("a.md", &format!("fine\nhere: {word} later)"));
            assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{word}");
        }
    }

    #[test]
    fn part_of_a_longer_word_is_no_mark() {
        assert_eq!(check("a.sh", "mktemp /tmp/a.XXXXXX\nlet MY_FIXME_COUNT\n"), []);
    }
}
