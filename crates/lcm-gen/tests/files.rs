//! Files that are read, and directories that are written: what is found in them, and what is left alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use lcm_gen::directory::{self, Difference, DirectoryError};
use lcm_gen::{GeneratedFile, ReadError, Sources};

#[test]
fn what_files_define_is_told_even_if_they_refer_to_what_is_not_there() {
    let mut sources = Sources::default();
    sources.add("one", "package a; struct x { b.z away[n]; } enum k { one, two }");
    sources.add("two", "struct y { byte n; } package a; struct x { byte n; }");
    assert_eq!(sources.defined_types().into_iter().collect::<Vec<_>>(), ["a.k", "a.x", "y"]);
    assert!(sources.compile().is_err());
}

#[test]
fn only_what_the_old_module_names_is_left_over() {
    let scratch = Scratch::new("left-over");
    let old = generate("package a; struct x { byte n; } package type.b; struct y { byte n; } package no; struct t { }");
    directory::write(&scratch.path("out"), &old).unwrap();
    // Another run's, within and beside.
    directory::write(&scratch.path("out/one"), &old).unwrap();
    directory::write(&scratch.path("other"), &old).unwrap();
    assert_eq!(directory::write(&scratch.path("out"), &old).unwrap(), [] as [PathBuf; 0]);

    let new = generate("package c; struct x { byte n; }");
    let removed = directory::write(&scratch.path("out"), &new).unwrap();
    assert_eq!(removed, ["a.rs", "no.rs", "type/b.rs", "type.rs"].map(|path| scratch.path("out").join(path)));
    directory::write(&scratch.path("."), &new).unwrap();
    for directory in ["out/one", "other"] {
        assert_eq!(directory::compare(&scratch.path(directory), &old).unwrap(), [], "{directory}");
    }
    assert_eq!(directory::compare(&scratch.path("out"), &new).unwrap(), []);
}

#[test]
fn types_without_a_package_are_left_over_too() {
    let scratch = Scratch::new("no-package");
    directory::write(&scratch.0, &generate("struct x { byte n; }")).unwrap();
    let removed = directory::write(&scratch.0, &generate("package a; struct x { byte n; }")).unwrap();
    assert_eq!(removed, [scratch.path("no_package.rs")]);
}

#[test]
fn handwritten_files_are_not_overwritten() {
    for name in ["mod.rs", "a.rs"] {
        let scratch = Scratch::new(&format!("handwritten-{name}"));
        fs::write(scratch.path(name), "pub mod a;\n").unwrap();
        let files = generate("package a; struct x { byte n; }");
        let error = directory::write(&scratch.0, &files).unwrap_err();
        assert!(matches!(&error, DirectoryError::NotGenerated { path } if *path == scratch.path(name)), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
        assert!(
            directory::compare(&scratch.0, &files).unwrap().contains(&Difference::NotGenerated(scratch.path(name)))
        );
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1, "nothing was written");
        assert_eq!(fs::read_to_string(scratch.path(name)).unwrap(), "pub mod a;\n");
    }
    // Nor is one removed that the module names.
    let scratch = Scratch::new("handwritten");
    directory::write(&scratch.0, &generate("package a; struct x { byte n; }")).unwrap();
    fs::write(scratch.path("a.rs"), "pub struct Own;").unwrap();
    assert!(directory::write(&scratch.0, &generate("package b; struct x { byte n; }")).unwrap().is_empty());
    assert!(scratch.path("a.rs").exists());
}

#[cfg(unix)]
#[test]
fn links_are_neither_followed_nor_overwritten() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new("links");
    let old = generate("package a.b; struct x { byte n; }");
    directory::write(&scratch.path("elsewhere"), &old).unwrap();
    directory::write(&scratch.path("out"), &old).unwrap();
    fs::remove_dir_all(scratch.path("out/a")).unwrap();
    symlink(scratch.path("elsewhere/a"), scratch.path("out/a")).unwrap();
    let new = generate("package c; struct x { byte n; }");
    assert_eq!(directory::write(&scratch.path("out"), &new).unwrap(), [scratch.path("out/a.rs")]);
    assert_eq!(directory::compare(&scratch.path("elsewhere"), &old).unwrap(), []);
    let changed = generate("package a.b; struct x { byte m; }");
    assert!(matches!(directory::write(&scratch.path("out"), &changed), Err(DirectoryError::NotGenerated { .. })));
    fs::remove_file(scratch.path("out/c.rs")).unwrap();
    symlink(scratch.path("elsewhere/a.rs"), scratch.path("out/c.rs")).unwrap();
    assert!(matches!(directory::write(&scratch.path("out"), &new), Err(DirectoryError::NotGenerated { .. })));
    assert_eq!(directory::compare(&scratch.path("elsewhere"), &old).unwrap(), []);
}

#[cfg(unix)]
#[test]
fn a_loop_of_links_is_no_endless_way() {
    let scratch = Scratch::new("round");
    fs::create_dir(scratch.path("idl")).unwrap();
    fs::write(scratch.path("idl/a.lcm"), "struct a { byte n; }").unwrap();
    for link in ["idl/loop", "idl/loop.lcm", "link"] {
        std::os::unix::fs::symlink(scratch.path("idl"), scratch.path(link)).unwrap();
    }
    // What is given is followed, though.
    for path in ["idl", "link"] {
        let mut sources = Sources::default();
        sources.add_path(scratch.path(path)).unwrap();
        assert_eq!(sources.compile().unwrap().iter().count(), 1);
        assert!(!format!("{sources:?}").contains("loop"));
    }
}

#[test]
fn a_directory_without_files_is_an_error() {
    let scratch = Scratch::new("empty");
    fs::create_dir(scratch.path("inner")).unwrap();
    let error = Sources::default().add_path(&scratch.0).unwrap_err();
    assert!(matches!(&error, ReadError::NoFiles { path } if *path == scratch.0), "{error}");
}

#[test]
fn an_error_is_told_once() {
    let error = anyhow::Error::new(Sources::default().add_path("/nowhere/a.lcm").unwrap_err());
    assert_eq!(format!("{error:#}").matches("No such file").count(), 1, "{error:#}");
    let mut sources = Sources::default();
    sources.add("a.lcm", "strct");
    let error = anyhow::Error::new(lcm_gen::BuildError::from(sources.compile().unwrap_err()));
    assert_eq!(format!("{error:#}").matches("not strct").count(), 1, "{error:#}");
}

#[test]
fn comments_may_be_in_latin_1_and_nothing_else() {
    let scratch = Scratch::new("latin-1");
    let read = |bytes: &[u8]| {
        fs::write(scratch.path("a.lcm"), bytes).unwrap();
        let mut sources = Sources::default();
        sources.add_path(scratch.path("a.lcm")).unwrap();
        sources.compile()
    };
    let schema = read(b"\xef\xbb\xbf// Gr\xf6\xdfe, \xc3\xa9.\nstruct a { byte x; }").unwrap();
    assert!(format!("{schema:?}").contains("Größe, é."), "{schema:?}");
    let fault = read(b"struct a {\n  byte gr\xf6\xdfe;\n}").unwrap_err().0.remove(0);
    assert_eq!((fault.line, fault.column), (2, 8));
    assert!(fault.message.starts_with("größe cannot be a name: expected ASCII letters"), "{fault}");
}

#[test]
fn an_equal_type_of_another_crate_is_taken_instead() {
    let scratch = Scratch::new("external");
    fs::create_dir(scratch.path("theirs")).unwrap();
    fs::write(scratch.path("theirs/Header.lcm"), "package m; // Theirs.\nstruct Header { int32_t seq; }").unwrap();
    let mut sources = Sources::default();
    sources.add("Header.lcm", "package m;\n// A copy.\nstruct Header {\n  // Counts.\n  int32_t seq;\n}");
    sources.add("own.lcm", "package m; struct Own { Header header; }");
    sources.add_external("theirs", scratch.path("theirs")).unwrap();
    let files = sources.generate().unwrap();
    let code = &files.iter().find(|file| file.path == "m.rs").unwrap().text;
    assert!(code.contains("::theirs::m::Header"), "{code}");
    assert!(!code.contains("pub struct Header"), "{code}");
    assert_eq!(sources.fingerprints().unwrap().into_keys().collect::<Vec<_>>(), ["m.Own"]);

    let mut sources = Sources::default();
    sources.add("Header.lcm", "package m;\nstruct Header { int64_t seq; }");
    sources.add_external("theirs", scratch.path("theirs")).unwrap();
    let fault = sources.generate().unwrap_err().0.remove(0);
    let theirs = scratch.path("theirs/Header.lcm");
    let expected = format!("m.Header is defined twice, differently: the other is at {}:2", theirs.display());
    assert_eq!((&*fault.file, fault.line, &*fault.message), ("Header.lcm", 2, &*expected));
}

#[test]
fn code_is_written_for_arrays_of_the_highest_rank() {
    let (fixed, variable) = ("[1]".repeat(16), "[n]".repeat(16));
    let files = generate(&format!("struct a {{ byte n; double x{fixed}; a y{variable}; string z{variable}; }}"));
    assert!(files.iter().any(|file| file.text.contains("pub struct a ")));
}

#[test]
fn what_no_crate_is_called_is_refused() {
    for name in ["", "1 x", "my::types", "my-types", "crate", "self", "größe"] {
        let error = Sources::default().add_external(name, ".").unwrap_err();
        assert!(matches!(&error, ReadError::CrateName { name: refused } if refused == name), "{error}");
    }
}

fn generate(text: &str) -> Vec<GeneratedFile> {
    let mut sources = Sources::default();
    sources.add("test.lcm", text);
    sources.generate().unwrap_or_else(|faults| panic!("{faults}"))
}

/// A directory of a test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
