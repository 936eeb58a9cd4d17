//! `lcm-gen`: checks IDL files, prints the fingerprints of their types, and generates Rust.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lcm_gen::{Diagnostics, ReadError, Sources, directory};

/// Reads LCM's IDL files and says what is wrong with them. Without --out and --check it prints a line `FINGERPRINT TYPE` for each type.
///
/// Exit codes: 0 the files are good, 1 they have faults or are not what --check expects, 2 wrong usage.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Writes Rust into this directory: a mod.rs, and a file for each package. The code needs the crate lcm-rs. Of what is in
    /// the directory, only the modules of an earlier run are overwritten or removed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes and prints nothing but what is wrong: with the files, and with what is in --out if that is not what would be
    /// written.
    #[arg(long)]
    check: bool,
    /// Types that the files refer to, and that another crate has already: its name, as in Rust, and where its .lcm files are.
    #[arg(long = "extern", value_name = "CRATE=DIR", value_parser = external)]
    external: Vec<(String, PathBuf)>,
    /// Files, or directories that are searched for files ending in .lcm. They are read together, so types may refer to each
    /// other across files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lcm-gen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut sources = Sources::default();
    for (crate_name, path) in &options.external {
        match sources.add_external(crate_name, path) {
            Err(error @ ReadError::CrateName { .. }) => {
                eprintln!("lcm-gen: --extern: {error}");
                return Ok(ExitCode::from(EXIT_USAGE));
            }
            added => added?,
        }
    }
    for path in &options.paths {
        sources.add_path(path)?;
    }
    match sources.warnings() {
        Ok(warnings) => warnings.iter().for_each(|warning| eprintln!("warning: {warning}")),
        Err(faults) => return Ok(faulty(&faults)),
    }
    match &options.out {
        None if options.check => Ok(ExitCode::SUCCESS),
        None => print_fingerprints(&sources),
        Some(out) => generate(&sources, out, options.check),
    }
}

fn generate(sources: &Sources, out: &Path, check: bool) -> anyhow::Result<ExitCode> {
    let files = match sources.generate() {
        Ok(files) => files,
        Err(faults) => return Ok(faulty(&faults)),
    };
    if !check {
        let removed = directory::write(out, &files).context("cannot write")?;
        removed.iter().for_each(|path| eprintln!("removed {}", path.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let differences = directory::compare(out, &files).context("cannot read")?;
    differences.iter().for_each(|difference| eprintln!("{difference}"));
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("run without --check to write them");
    Ok(ExitCode::FAILURE)
}

fn print_fingerprints(sources: &Sources) -> anyhow::Result<ExitCode> {
    let fingerprints = match sources.fingerprints() {
        Ok(fingerprints) => fingerprints,
        Err(faults) => return Ok(faulty(&faults)),
    };
    let mut out = io::stdout().lock();
    for (name, fingerprint) in fingerprints {
        match writeln!(out, "{fingerprint} {name}") {
            // Whoever reads this has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            written => written?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn faulty(faults: &Diagnostics) -> ExitCode {
    eprintln!("{faults}");
    ExitCode::FAILURE
}

fn external(text: &str) -> Result<(String, PathBuf), String> {
    let (crate_name, path) = text.split_once('=').ok_or("expected CRATE=DIR, such as lcm_types=lcm-types/idl")?;
    Ok((crate_name.replace('-', "_"), path.into()))
}

const EXIT_USAGE: u8 = 2;
