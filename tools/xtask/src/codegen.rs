//! `cargo xtask codegen`: the Rust of `lcm-types`, generated from its `.lcm` files.

use std::process::ExitCode;

use anyhow::{Context, Result};
use lcm_gen::directory::{self, Difference};
use lcm_gen::{GeneratedFile, Sources};

use crate::process;

/// Writes what changed.
pub(crate) fn run() -> Result<ExitCode> {
    directory::write(&process::root().join(GENERATED), &files()?).context("cannot write the generated code")?;
    Ok(ExitCode::SUCCESS)
}

/// What `run` would change.
pub(crate) fn differences() -> Result<Vec<Difference>> {
    directory::compare(&process::root().join(GENERATED), &files()?).context("cannot read the generated code")
}

fn files() -> Result<Vec<GeneratedFile>> {
    let mut sources = Sources::default();
    sources.add_path(process::root().join(IDL))?;
    Ok(sources.generate()?)
}

const IDL: &str = "lcm-types/idl";
const GENERATED: &str = "lcm-types/src/generated";
