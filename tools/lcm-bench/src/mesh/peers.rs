//! What calls are measured beside: gRPC, which is built for it, and Python DimOS, where it is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::peers::scratch;

/// Compiles the gRPC peer, beside this program. The first time cargo fetches what it is made of.
pub(super) fn build_grpc() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("grpc-peer/Cargo.toml");
    let target = scratch("lcm-bench-grpc")?;
    eprintln!("lcm-bench: building the gRPC peer");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]).arg(&manifest);
    let status = cargo.arg("--target-dir").arg(&target).stdin(Stdio::null()).status().context("cannot run `cargo`")?;
    ensure!(status.success(), "`cargo build --manifest-path {}` failed", manifest.display());
    Ok(target.join("release/grpc-peer"))
}

/// What versions it is made of, as its lock file says.
pub(super) fn grpc_version() -> String {
    let lock = include_str!("../../grpc-peer/Cargo.lock");
    let version = |name: &str| locked_version(lock, name).unwrap_or("of unknown version");
    format!("tonic {}, prost {}, tokio {}", version("tonic"), version("prost"), version("tokio"))
}

/// A Python with Python DimOS.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) executable: PathBuf,
    /// Versions of Python and of DimOS.
    pub(crate) version: String,
}

impl Python {
    /// The one that [`PYTHON`] names: an executable, or a virtual environment. Otherwise the reason for the page, which is no
    /// place for the paths of this machine.
    pub(crate) fn find() -> Result<Self, String> {
        let Some(path) = std::env::var_os(PYTHON).filter(|path| !path.is_empty()).map(PathBuf::from) else {
            return Err(format!("{PYTHON} is not set"));
        };
        Self::look(path).map_err(|error| {
            eprintln!("lcm-bench: nothing of Python DimOS: {error:#}");
            format!("{PYTHON} names no Python with dimos")
        })
    }

    fn look(path: PathBuf) -> Result<Self> {
        let executable = if path.is_dir() { path.join("bin/python") } else { path };
        let mut python = Command::new(&executable);
        python.args(["-c", VERSIONS]).stdin(Stdio::null());
        let output = python.output().with_context(|| format!("cannot run {}", executable.display()))?;
        ensure!(output.status.success(), "{} has no Python DimOS", executable.display());
        Ok(Self { executable, version: String::from_utf8_lossy(&output.stdout).trim().to_owned() })
    }
}

/// The version of a package in a lock file.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split('"').next()
}

/// Names a Python executable or a virtual environment that has Python DimOS.
pub(super) const PYTHON: &str = "DIMOS_BENCH_PYTHON";

const VERSIONS: &str = "import sys, importlib.metadata as m; print('dimos', m.version('dimos') + ', lcm', m.version('lcm') + ', Python', sys.version.split()[0])";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock = "[[package]]\nname = \"tonic-prost\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"tonic\"\nversion = \"2.0.0\"\n";
        assert_eq!(locked_version(lock, "tonic"), Some("2.0.0"));
        assert_eq!(locked_version(lock, "tokio"), None);
        assert!(!grpc_version().contains("unknown"));
    }
}
