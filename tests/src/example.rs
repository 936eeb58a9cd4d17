//! Examples of this workspace as programs under test: Cargo builds those of other packages only when asked to.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// Builds the example `name` of `package`, in the profile and target directory of the test that asks, and tells where it is.
pub fn built(package: &str, name: &str) -> PathBuf {
    // Of the directory `<target>/<profile>/deps`.
    let executable = std::env::current_exe().expect("a test knows its executable");
    let directory = executable.ancestors().nth(2).expect("a test lies two directories deep");
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", package, "--example", name, "--profile", profile]);
    build.arg("--target-dir").arg(directory.parent().expect("a profile's directory lies in a target directory"));
    let mut build = Process::start(build.current_dir(env!("CARGO_MANIFEST_DIR")));
    let status = build.wait(BUILD_LIMIT);
    assert!(status.success(), "{name} cannot be built: {}", build.stderr());
    directory.join("examples").join(name)
}

/// For a compiler on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
