//! Every package we borrow has its purpose written beside it in the root manifest.
//!
//! Our own packages, which are path dependencies, explain themselves.

use super::Finding;

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        if section.starts_with("[workspace.dependencies.") && section == line {
            findings.push(Finding::new(path, index + 1, "a table per dependency: write it as one line with a comment"));
        }
        if section != "[workspace.dependencies]" {
            continue;
        }
        if let Some((name, value)) = entry(line)
            && !is_path(value)
            && comment(value).is_empty()
        {
            let message = format!("dependency `{name}` without a comment: say on its line what it is for");
            findings.push(Finding::new(path, index + 1, message));
        }
    }
    findings
}

/// The name and the value of a line that begins an entry; lines that continue one begin with something else.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    named.then_some((name, value))
}

fn is_path(value: &str) -> bool {
    value.split(['{', ',', '}']).any(|part| part.trim_start().starts_with("path ="))
}

/// What follows the first `#` outside of a string.
fn comment(value: &str) -> &str {
    let mut quoted = false;
    for (index, character) in value.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted => return value[index + 1..].trim(),
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check("Cargo.toml", text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_dependency_without_a_comment_is_found() {
        assert_eq!(lines("[workspace.dependencies]\nlibc = \"0.2\"\n"), [2]);
        assert_eq!(lines("[workspace.dependencies]\nlibc = \"0.2\" #\n"), [2]);
        assert_eq!(lines("[workspace.dependencies]\na = { version = \"1#2\" }\nb.version = \"1\"\n"), [2, 3]);
        assert_eq!(lines("[workspace.dependencies.libc]\nversion = \"1\" # system calls\n"), [1]);
    }

    #[test]
    fn a_comment_a_path_or_another_section_passes() {
        let text = "[profile.dev]\nx = 1\n[workspace.dependencies]\n# Ours.\na = { path = \"a\" }\n\
                    b = { version = \"1\", features = [ # numbers\n  \"c\",\n] }\n[workspace.lints.rust]\nd = \"warn\"\n";
        assert_eq!(lines(text), []);
    }
}
