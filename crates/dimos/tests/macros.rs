//! What the macros accept, and what is told of what they do not: at which of the user's words, and in which.
//!
//! After a change of the texts, `TRYBUILD=overwrite cargo test -p dimos --test macros` writes them anew; read the difference.

// For clippy, which sees nothing of programs that only the tests compile.
#[path = "macros/pass/robot.rs"]
#[expect(dead_code, reason = "it is a program of its own")]
mod robot;

#[test]
fn modules_are_what_their_definitions_say() {
    trybuild::TestCases::new().pass("tests/macros/pass/*.rs");
}

#[test]
fn the_macros_tell_what_is_wrong_where_it_is_written() {
    trybuild::TestCases::new().compile_fail("tests/macros/compile-fail/*.rs");
}

/// What types are the macros cannot see. The texts are the compiler's, and another one may have others: what matters is the lines
/// that they are told at.
#[test]
fn what_is_wrong_with_types_the_compiler_tells_where_they_are_written() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = std::process::Command::new(rustc).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !version.starts_with(TEXTS_OF) {
        eprintln!("skipped: the texts are those of {TEXTS_OF}, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/macros/told-by-compiler/*.rs");
}

/// The compiler whose texts stand in `told-by-compiler`.
const TEXTS_OF: &str = "rustc 1.95.";
