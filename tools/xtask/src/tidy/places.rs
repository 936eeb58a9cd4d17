//! Words that belong to certain places: pure cores read no clock, and bincode, which nobody maintains, is named by one file.

use super::Finding;
use super::tokens::{Token, begins_with};

/// What reads no clock: time is passed in.
const PURE: &[&str] = &[
    "crates/lcm-rs/src/wire.rs",
    "crates/lcm-rs/src/fragment.rs",
    "crates/lcm-rs/src/reassembly.rs",
    "crates/lcm-rs/src/sequence.rs",
    "crates/lcm-rs/src/inbound.rs",
    "crates/lcm-rs/src/pace.rs",
    "crates/lcm-rs/src/codec/",
    "crates/lcm-rs/src/schema/",
    "crates/dimos/src/presence/",
    "crates/dimos/src/rpc/",
    "crates/dimos/src/transforms/",
    "crates/dimos-coordinator/src/supervisor/",
    "crates/dimos-coordinator/src/wiring/",
];

/// The only file that names bincode.
const BINCODE: &str = "crates/dimos/src/wire/codec.rs";

pub(super) fn check(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_pure = PURE.iter().any(|pure| path == *pure || (pure.ends_with('/') && path.starts_with(pure)));
    // Tests begin somewhere.
    let end = (0..tokens.len()).find(|&index| begins_with(&tokens[index..], &["cfg", "(", "test", ")"]));
    for (index, token) in tokens[..end.unwrap_or(tokens.len())].iter().enumerate() {
        let rest = &tokens[index..];
        let reads_clock = ["Instant", "SystemTime"].iter().any(|clock| begins_with(rest, &[clock, ":", ":", "now"]));
        if is_pure && reads_clock {
            findings.push(Finding::new(path, token.line, "a pure core reads no clock: have the time passed in"));
        }
        if token.text == "bincode" && path != BINCODE && path.ends_with(".rs") {
            findings.push(Finding::new(path, token.line, format!("only {BINCODE} names bincode: use `crate::wire`")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tokens;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, &tokens::read(text).expect("valid tokens")).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn clocks_are_found_in_pure_cores_only() {
        let text = "fn f() {\n let now = std::time::Instant::now();\n SystemTime::now();\n}";
        assert_eq!(lines("crates/dimos/src/rpc/caller/mod.rs", text), [2, 3]);
        assert_eq!(lines("crates/lcm-rs/src/wire.rs", text), [2, 3]);
        assert_eq!(lines("crates/dimos/src/mesh/cores.rs", text), []);
        assert_eq!(lines("crates/lcm-rs/src/wire.rs", &format!("#[cfg(test)]\nmod tests {{ {text} }}")), []);
        assert_eq!(lines("crates/dimos/src/rpc/mod.rs", "//! Instant::now()\nfn f(now: Instant) {}"), []);
    }

    #[test]
    fn bincode_is_named_by_one_file() {
        assert_eq!(lines("crates/dimos/src/body.rs", "\nuse bincode::Options;"), [2]);
        assert_eq!(lines(BINCODE, "use bincode::Options;"), []);
    }
}
