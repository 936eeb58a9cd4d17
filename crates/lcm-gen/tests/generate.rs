//! What is generated: pairs of input and expected files, which compile; and what is said of names that collide.
//!
//! `UPDATE_EXPECTED=1 cargo test -p lcm-gen` writes the expected files anew: look at the difference before it is committed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[rustfmt::skip]
#[path = "generated/everything/mod.rs"]
mod everything;
#[rustfmt::skip]
#[path = "generated/no_package/mod.rs"]
mod no_package;
mod random;

use std::path::Path;

use lcm::schema::Catalog;
use lcm_gen::{Sources, directory};

#[test]
fn the_output_is_what_was_expected() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated");
    for case in ["everything", "no_package"] {
        let mut sources = Sources::default();
        sources.add(format!("{case}.lcm"), std::fs::read_to_string(cases.join(case).with_extension("lcm")).unwrap());
        let files = sources.generate().unwrap_or_else(|faults| panic!("{faults}"));
        let expected = cases.join(case);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            directory::write(&expected, &files).unwrap();
        }
        assert_eq!(directory::compare(&expected, &files).unwrap(), []);
    }
}

#[test]
fn generated_types_read_and_write_every_message() {
    use everything::{demo, other};
    use random::checks::{agrees_with_schema, check};

    let mut sources = Sources::default();
    sources.add_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/everything.lcm")).unwrap();
    sources.add_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/no_package.lcm")).unwrap();
    let schema = sources.compile().unwrap();
    let mut messages = random::Messages { schema: &schema, random: fastrand::Rng::with_seed(3), nan: true };
    agrees_with_schema::<demo::Everything>(&mut messages, &Catalog::new(schema.clone()), 12);
    check::<demo::Everything>(&mut messages, 12);
    check::<demo::Color>(&mut messages, 10);
    check::<demo::Crowd>(&mut messages, 10);
    check::<demo::Empty>(&mut messages, 10);
    check::<demo::String>(&mut messages, 10);
    check::<demo::Option>(&mut messages, 50);
    check::<demo::f64_>(&mut messages, 10);
    check::<demo::r#match>(&mut messages, 10);
    check::<other::deep::Leaf>(&mut messages, 50);
    check::<no_package::path>(&mut messages, 50);
}

#[test]
fn names_that_would_collide_in_rust_are_refused_where_they_stand() {
    for (text, expected) in [
        ("struct a { } struct aView { }", "1:21: aView and a would both be aView in Rust"),
        ("struct a { byte self, self_; }", "1:8: self and self_ would both be self_ in Rust"),
        ("struct b { } package b; struct c { }", "1:8: b and package b would both be b in Rust"),
    ] {
        let mut sources = Sources::default();
        sources.add("test.lcm", text);
        let faults = sources.generate().expect_err("faults").0;
        let shown: Vec<_> = faults.iter().map(|f| format!("{}:{}: {}", f.line, f.column, f.message)).collect();
        assert_eq!(shown, [expected], "{text}");
        assert!(sources.compile().is_ok(), "only Rust minds: {text}");
    }
}

#[test]
fn generated_files_are_kept_in_step_and_others_left_alone() {
    let directory = std::env::temp_dir().join(format!("lcm-gen-{}", std::process::id()));
    let generate = |text: &str| {
        let mut sources = Sources::default();
        sources.add("test.lcm", text);
        sources.generate().unwrap()
    };
    let two = generate("package a; struct x { byte n; } package b; struct y { byte n; }");
    directory::write(&directory, &two).unwrap();
    std::fs::write(directory.join("own.rs"), "// Somebody's own.").unwrap();
    assert_eq!(directory::compare(&directory, &two).unwrap(), []);
    let one = generate("package a; struct x { byte m; }");
    let path = |name| directory.join(name);
    let differences = directory::compare(&directory, &one).unwrap();
    let expected = [
        directory::Difference::Changed(path("mod.rs")),
        directory::Difference::Changed(path("a.rs")),
        directory::Difference::LeftOver(path("b.rs")),
    ];
    assert_eq!(differences, expected);
    let written_before = std::fs::metadata(path("own.rs")).unwrap().modified().unwrap();
    directory::write(&directory, &one).unwrap();
    assert_eq!(directory::compare(&directory, &one).unwrap(), []);
    assert!(!path("b.rs").exists());
    assert_eq!(std::fs::metadata(path("own.rs")).unwrap().modified().unwrap(), written_before);
    std::fs::remove_dir_all(&directory).unwrap();
}
