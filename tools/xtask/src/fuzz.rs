//! `cargo xtask fuzz`: every fuzz target for a while, on stable Rust and without further tools.
//!
//! Owns finding, building and running the targets under `crates/*/fuzz`. What each target claims is written in the target.
//! Nothing here needs nightly: coverage comes from a pass of LLVM that stable rustc can be told to run, and a sanitizer
//! for memory would find little in code that forbids `unsafe`.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// How long each target runs unless told.
pub(crate) const DEFAULT_SECONDS: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// What makes a crate report its coverage to libFuzzer.
const COVERAGE_FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// One input that takes longer than this is a finding, and so is a process that holds more memory.
const LIMITS: &[&str] = &["-timeout=10", "-rss_limit_mb=1024"];

/// How much of its output a failing target shows: the panic, its backtrace and where the input was saved.
const SHOWN_LINES: usize = 60;

/// Runs all targets, each for this long.
pub(crate) fn run(seconds: NonZeroU32) -> Result<ExitCode> {
    let host = host()?;
    let mut failed = Vec::new();
    let mut count = 0;
    for folder in fuzz_crates()? {
        let programs = build(&folder, &host)?;
        for target in targets(&folder)? {
            count += 1;
            if !run_target(&folder, &programs, &target, seconds)? {
                failed.push(target);
            }
        }
    }
    if count == 0 {
        bail!("no fuzz targets under crates/*/fuzz/fuzz_targets");
    }
    if !failed.is_empty() {
        bail!("{} of {count} fuzz targets failed: {}", failed.len(), failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

fn fuzz_crates() -> Result<Vec<PathBuf>> {
    let mut folders: Vec<_> =
        list(&process::root().join("crates"))?.into_iter().map(|path| path.join("fuzz")).collect();
    folders.retain(|folder| folder.join("Cargo.toml").exists());
    Ok(folders)
}

/// The names of the targets of a fuzz crate.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = list(&folder.join("fuzz_targets"))?;
    let names = files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs"));
    Ok(names.filter_map(|file| file.file_stem()).map(|name| name.to_string_lossy().into_owned()).collect())
}

/// Builds all targets of a fuzz crate and tells in which folder the programs are.
fn build(folder: &Path, host: &str) -> Result<PathBuf> {
    let built = process::root().join("target/fuzz");
    eprintln!("fuzz: building {}", folder.display());
    let status = process::cargo()
        .args(["build", "--quiet", "--release", "--locked", "--bins"])
        // With a target named, the flags apply to the crates under test but not to build scripts, which could not link.
        .args(["--target", host])
        .arg("--target-dir")
        .arg(&built)
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE_FLAGS.join("\x1f"))
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("the fuzz targets of {} do not build; a C++ compiler is needed too", folder.display());
    }
    Ok(built.join(host).join("release"))
}

/// Runs one target; false when it found something.
fn run_target(folder: &Path, programs: &Path, target: &str, seconds: NonZeroU32) -> Result<bool> {
    // What libFuzzer finds worth keeping grows from run to run; both folders are ignored by git.
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for path in [&corpus, &artifacts] {
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    let mut command = Command::new(programs.join(target));
    command.arg(format!("-artifact_prefix={}/", artifacts.display())).args(LIMITS);
    let again = format!("{command:?} INPUT");
    command.arg(format!("-max_total_time={seconds}")).arg(&corpus);
    // Inputs that people wrote, for targets that need a start.
    command.args(Some(folder.join("seeds").join(target)).filter(|seeds| seeds.is_dir()));
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        eprintln!("fuzz: {target}: {}", said.lines().rfind(|line| line.starts_with("Done ")).unwrap_or("done"));
        return Ok(true);
    }
    let lines: Vec<&str> = said.lines().collect();
    let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    eprintln!("{shown}\nfuzz: {target} failed with {}; run the saved input again with\n  {again}", output.status);
    Ok(false)
}

/// The target triple of this host, as rustc names it.
fn host() -> Result<String> {
    let version = process::capture(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", folder.display());
    let entries = fs::read_dir(folder).with_context(context)?;
    let mut paths = entries.map(|entry| Ok(entry.with_context(context)?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
