//! `cargo xtask tidy`: the rules of this tree that neither the compiler nor clippy can check.
//!
//! Owns the list of checks, finding the files and printing. Each check is a file of its own, a pure function from a path
//! and a text to findings, and its tests prove that it can fail.

mod dependencies;
mod head;
mod ignored;
mod length;
mod manifest;
mod places;
mod tokens;
mod unsafe_code;
mod words;

use std::fmt;
use std::fs;
use std::io;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use lcm_gen::directory::Difference;

use crate::{codegen, process};
use tokens::Token;

/// Something to repair, printed as `path:line: message` so that editors jump to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check over the tree and prints what it finds.
pub(crate) fn run() -> Result<ExitCode> {
    let files = text_files()?;
    let mut findings: Vec<Finding> = files.iter().flat_map(|(path, text)| check_file(path, text)).collect();
    findings.extend(dependencies::check_workspace()?);
    let stale =
        |difference: Difference| Finding::new("lcm-types", 1, format!("{difference}: run `cargo xtask codegen`"));
    findings.extend(codegen::differences()?.into_iter().map(stale));
    print(&findings);
    eprintln!("tidy: {} text files, {} findings", files.len(), findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = words::check(path, text);
    if path == "Cargo.toml" {
        findings.extend(manifest::check(path, text));
    }
    if path.ends_with(".rs") {
        match tokens::read(text) {
            Ok(tokens) => findings.extend(check_rust_file(path, text, &tokens)),
            Err(line) => {
                findings.push(Finding::new(path, line, "not Rust: make it compile, or give it another ending"))
            }
        }
    }
    findings
}

fn check_rust_file(path: &str, text: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = unsafe_code::check(path, text, tokens);
    findings.extend(ignored::check(path, tokens));
    findings.extend(places::check(path, tokens));
    // What a generator writes is as long as its input, and its head is the generator's choice.
    if !path.contains("/generated/") {
        findings.extend(head::check(path, text));
        findings.extend(length::check(path, text, tokens));
    }
    findings
}

/// Every text file that git tracks or would track: a new file is checked before it is committed, not after.
fn text_files() -> Result<Vec<(String, String)>> {
    let root = process::root();
    let listed = process::capture(Command::new("git").current_dir(&root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .context("tidy reads the list of files from git, and needs a clone")?;
    let mut files = Vec::new();
    for path in listed.split_terminator('\0') {
        let bytes = match fs::read(root.join(path)) {
            Ok(bytes) => bytes,
            // Deleted, and not yet committed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        };
        // A NUL byte or broken UTF-8 means a binary file, for which there are no rules.
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            files.push((path.to_owned(), text));
        }
    }
    Ok(files)
}

#[expect(clippy::print_stdout, reason = "the findings are the data of this program")]
fn print(findings: &[Finding]) {
    for finding in findings {
        println!("{finding}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        assert_eq!(Finding::new("a/b.rs", 7, "wrong").to_string(), "a/b.rs:7: wrong");
    }

    #[test]
    fn every_check_of_rust_files_is_wired_in() {
        let long = "fn f() {}\n".repeat(901);
        let text = format!("#[ignore]\nunsafe {{}}\n// FIX{}\n{long}", "ME");
        let found = check_file("crates/x/src/lib.rs", &text);
        for rule in ["unsafe", "forbid", "#[ignore]", "//!", "900", "FIX"] {
            assert!(found.iter().any(|finding| finding.message.contains(rule)), "{rule} missing in {found:?}");
        }
    }

    #[test]
    fn generated_files_need_no_head_and_may_be_long_but_stay_safe() {
        let found = check_file("x/src/generated/a.rs", &"fn f() {}\n".repeat(901));
        assert_eq!(found, []);
        assert_eq!(check_file("x/src/generated/a.rs", "unsafe fn f() {}").len(), 1);
    }

    #[test]
    fn a_file_that_does_not_lex_is_a_finding() {
        assert_eq!(check_file("a.rs", "//! A head.\nfn f() {").len(), 1);
    }
}
