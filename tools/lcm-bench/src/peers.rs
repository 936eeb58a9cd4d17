//! C LCM: where it is installed, and the programs that are generated and compiled with it.

use std::ffi::OsStr;
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

/// An installed C LCM.
#[derive(Debug)]
pub(crate) struct CLcm {
    /// With `bin`, `include` and `lib`.
    packages: PathBuf,
}

/// Compiles the worker against the library under `peers`, the directory that `cargo xtask peers` fills by default.
pub(crate) fn compile(peers: Option<&Path>) -> Result<CWorker> {
    CLcm::find(peers)?.compile("lcm-bench-c", &[source("bench.c")], &[])
}

/// A C file of this tool.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(PACKAGE).join("peers").join(name)
}

/// A path beside this program, for what is made during a run.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe().context("cannot find the own executable")?.with_file_name(name))
}

impl CLcm {
    /// The one under `peers`.
    pub(crate) fn find(peers: Option<&Path>) -> Result<Self> {
        let peers = peers.map_or_else(|| Path::new(PACKAGE).join("../../target/peers"), Path::to_path_buf);
        match find_packages(&peers) {
            Some(packages) => Ok(Self { packages }),
            None => bail!("no liblcm.so under {}/venv; run `cargo xtask peers`", peers.display()),
        }
    }

    /// A program that came with it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.packages.join("bin").join(name)
    }

    /// Its version.
    pub(crate) fn version(&self) -> String {
        version(&self.packages.join("lib"))
    }

    /// Makes a program of `sources`, which may include what is in `includes`.
    pub(crate) fn compile(&self, name: &str, sources: &[PathBuf], includes: &[&Path]) -> Result<CWorker> {
        let library = self.packages.join("lib");
        let program = scratch(name)?;
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-o"]).arg(&program).args(sources);
        for include in includes {
            cc.arg("-I").arg(include);
        }
        cc.arg("-I").arg(self.packages.join("include")).arg("-L").arg(&library).args(["-llcm", "-pthread"]);
        run(cc.arg(format!("-Wl,-rpath,{}", library.display())))?;
        Ok(CWorker { program, version: version(&library) })
    }

    /// Has lcm-gen write the C code of IDL files into the directory `out`.
    pub(crate) fn generate(&self, idl: &[PathBuf], out: &Path) -> Result<()> {
        let mut lcm_gen = Command::new(self.packages.join("bin/lcm-gen"));
        run(lcm_gen.arg("-c").arg("--c-cpath").arg(out).arg("--c-hpath").arg(out).args(idl))
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot run `{program}`"))?;
    if !output.status.success() {
        let files: Vec<&OsStr> = command.get_args().collect();
        bail!("`{program}` fails with {files:?}:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
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

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");
