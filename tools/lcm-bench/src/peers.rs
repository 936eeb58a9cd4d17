//! C LCM: where it is installed, and the worker that is compiled against it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// C LCM's worker, ready to run.
#[derive(Debug)]
pub(crate) struct CWorker {
    pub(crate) program: PathBuf,
    /// The version of its `liblcm.so`.
    pub(crate) version: String,
}

/// Compiles the worker against the library under `peers`, the directory that `cargo xtask peers` fills by default.
pub(crate) fn compile(peers: Option<&Path>) -> Result<CWorker> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = peers.map_or_else(|| package.join("../../target/peers"), Path::to_path_buf);
    let Some(installed) = find_packages(&peers) else {
        bail!("no liblcm.so under {}/venv; run `cargo xtask peers`", peers.display());
    };
    let library = installed.join("lib");
    let program = std::env::current_exe().context("cannot find the own executable")?.with_file_name("lcm-bench-c");
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-o"]).arg(&program);
    cc.arg(package.join("peers/bench.c")).arg("-I").arg(installed.join("include")).arg("-L").arg(&library);
    cc.args(["-llcm", "-pthread"]).arg(format!("-Wl,-rpath,{}", library.display()));
    let output = cc.output().context("cannot run the C compiler `cc`")?;
    if !output.status.success() {
        bail!("bench.c does not compile:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(CWorker { program, version: version(&library) })
}

/// The `site-packages` with the library, whatever the version of Python.
fn find_packages(peers: &Path) -> Option<PathBuf> {
    let pythons = std::fs::read_dir(peers.join("venv/lib")).ok()?.filter_map(Result::ok);
    // The linker is given a path that works from anywhere.
    let packages = pythons.filter_map(|python| python.path().join("site-packages").canonicalize().ok());
    packages.into_iter().find(|packages| packages.join("lib/liblcm.so").exists())
}

/// What the library's full name says: `liblcm.so.1.5.3`.
fn version(library: &Path) -> String {
    let files = std::fs::read_dir(library).into_iter().flatten().filter_map(Result::ok);
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let versions = names.filter_map(|name| name.strip_prefix("liblcm.so.").map(str::to_owned));
    versions.max_by_key(String::len).unwrap_or_else(|| "of unknown version".to_owned())
}
