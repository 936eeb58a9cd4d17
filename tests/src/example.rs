//! Examples and programs of this workspace under test: Cargo builds those of other packages only when asked to.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// Builds the example `name` of `package`, in the profile and target directory of the test that asks, and tells where it is.
pub fn built(package: &str, name: &str) -> PathBuf {
    build(package, &["--example", name]).join("examples").join(name)
}

/// Builds the program `name` of `package` as [`built`] does an example.
pub fn built_program(package: &str, name: &str) -> PathBuf {
    build(package, &["--bin", name]).join(name)
}

/// Builds a target, and tells the directory of the profile.
fn build(package: &str, target: &[&str]) -> PathBuf {
    // Of the directory `<target>/<profile>/deps`.
    let executable = std::env::current_exe().expect("a test knows its executable");
    let directory = executable.ancestors().nth(2).expect("a test lies two directories deep");
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", package, "--profile", profile]).args(target);
    build.arg("--target-dir").arg(directory.parent().expect("a profile's directory lies in a target directory"));
    let mut build = Process::start(build.current_dir(env!("CARGO_MANIFEST_DIR")));
    let status = build.wait(BUILD_LIMIT);
    assert!(status.success(), "{target:?} cannot be built: {}", build.stderr());
    directory.to_owned()
}

/// For a compiler on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
