//! `lcm-gen`: checks IDL files and prints the fingerprints of their types.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lcm_gen::Sources;

/// Reads LCM's IDL files, says what is wrong with them, and prints a line `FINGERPRINT TYPE` for each type.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Files, or directories that are searched for files ending in .lcm. They are read together, so types may refer to each
    /// other across files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lcm-gen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut sources = Sources::default();
    for path in &options.paths {
        add(&mut sources, path)?;
    }
    let schema = match sources.compile() {
        Ok(schema) => schema,
        Err(diagnostics) => {
            eprintln!("{diagnostics}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut out = io::stdout().lock();
    for definition in schema.iter() {
        let name = definition.name();
        match writeln!(out, "{} {name}", schema.fingerprint(name)?) {
            // Whoever reads this has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            written => written?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds a file, or all that end in `.lcm` below a directory, in the order of their names.
fn add(sources: &mut Sources, path: &Path) -> anyhow::Result<()> {
    let at = || path.display().to_string();
    if !path.is_dir() {
        let text = std::fs::read_to_string(path).with_context(at)?;
        sources.add(at(), text);
        return Ok(());
    }
    let mut entries =
        path.read_dir().with_context(at)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "lcm") {
            add(sources, &entry)?;
        }
    }
    Ok(())
}
