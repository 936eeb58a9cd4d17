//! `unsafe` stays in the few files whose purpose needs it.
//!
//! The compiler enforces most of this through attributes of crate roots; here we make sure that the attributes are there,
//! and that no file takes the exception for itself.

use super::Finding;
use super::tokens::Token;

/// The only files with unsafe code, and why.
const ALLOWED_FILES: &[&str] = &[
    // `recvmmsg`, `sendmsg` and the control messages they carry have no safe wrapper.
    "crates/lcm-rs/src/udpm/datagram.rs",
    // What a process does between `fork` and `exec` has no safe form.
    "crates/dimos-coordinator/src/process/spawn.rs",
];

pub(super) fn check(path: &str, text: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !ALLOWED_FILES.contains(&path) {
        findings.extend(tokens.iter().filter(|token| token.text == "unsafe").map(|token| {
            Finding::new(path, token.line, "unsafe code outside the allowed files: find a safe way (rustix, zerocopy)")
        }));
    }
    if is_crate_root(path) {
        findings.extend(check_attribute(path, text));
    }
    findings
}

fn check_attribute(path: &str, text: &str) -> Option<Finding> {
    let has = |attribute: &str| text.lines().any(|line| line.trim_end() == attribute);
    let (present, wanted) = if has_allowed_file(path) {
        // `forbid` could not be lifted for the allowed file.
        (has("#![deny(unsafe_code)]") || has("#![forbid(unsafe_code)]"), "#![deny(unsafe_code)]")
    } else {
        (has("#![forbid(unsafe_code)]"), "#![forbid(unsafe_code)]")
    };
    (!present).then(|| Finding::new(path, 1, format!("crate root without `{wanted}`: add it after the head")))
}

/// Whether the compiler starts reading a library, a binary or a fuzz target here, going by where cargo looks for them.
fn is_crate_root(path: &str) -> bool {
    let path = format!("/{path}");
    path.ends_with("/src/lib.rs")
        || path.ends_with("/src/main.rs")
        || path.contains("/src/bin/") && (path.ends_with("/main.rs") || is_directly_in(&path, "bin"))
        || is_directly_in(&path, "fuzz_targets")
}

fn is_directly_in(path: &str, folder: &str) -> bool {
    path.rsplit('/').nth(1) == Some(folder)
}

/// Whether the crate with this root owns one of the allowed files.
fn has_allowed_file(root: &str) -> bool {
    let Some((source, _)) = root.rsplit_once('/') else { return false };
    ALLOWED_FILES.iter().any(|allowed| allowed.strip_prefix(source).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(path, text, &tokens::read(text).expect("valid tokens"));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unsafe_code_is_found_in_every_form() {
        assert_eq!(lines("a/b.rs", "//! A head.\nfn f() { unsafe {} }\nunsafe fn g() {}\n"), [2, 3]);
        assert_eq!(lines("a/b.rs", "#[unsafe(no_mangle)]\nfn f() {}"), [1]);
    }

    #[test]
    fn the_word_alone_is_no_unsafe_code() {
        assert_eq!(lines("a/b.rs", "//! unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";"), []);
    }

    #[test]
    fn the_allowed_file_may_use_it() {
        assert_eq!(lines(ALLOWED_FILES[0], "fn f() { unsafe {} }"), []);
    }

    #[test]
    fn a_crate_root_forbids_it() {
        for root in
            ["crates/x/src/lib.rs", "src/main.rs", "x/src/bin/a.rs", "x/src/bin/a/main.rs", "x/fuzz/fuzz_targets/a.rs"]
        {
            assert_eq!(lines(root, "//! A head.\n"), [1], "{root}");
            assert_eq!(lines(root, "#![deny(unsafe_code)]\n"), [1], "{root}");
            assert_eq!(lines(root, "//! A head.\n#![forbid(unsafe_code)]\n"), [], "{root}");
        }
        assert_eq!(lines("x/src/bin/a/part.rs", "//! A head.\n"), []);
    }

    #[test]
    fn the_root_above_an_allowed_file_denies_it() {
        assert_eq!(lines("crates/lcm-rs/src/lib.rs", "//! A head.\n"), [1]);
        assert_eq!(lines("crates/lcm-rs/src/lib.rs", "#![deny(unsafe_code)]\n"), []);
    }
}
