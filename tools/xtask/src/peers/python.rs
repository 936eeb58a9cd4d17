//! The peers that come from the Python package index.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{debian, step};
use crate::process;

/// What goes into the environment, each at one version.
pub(super) const PACKAGES: &[&str] = &[
    "dimos-lcm==0.1.6",
    "lcm==1.5.3",
    "mcap==1.6.0",
    "mcap-ros1-support==0.9.0",
    // What those of MCAP need.
    "lz4==4.4.5",
    "pyyaml==6.0.3",
    "zstandard==0.25.0",
];

/// The first Python of the user's path, and the one of the system in case the first was built without `venv`.
const INTERPRETERS: &[&str] = &["python3", "/usr/bin/python3"];

pub(super) fn install(peers: &Path) -> Result<()> {
    let python = interpreter()?;
    let venv = peers.join("venv");
    step(&format!("creating a Python environment with {python}"));
    process::capture(Command::new(python).args(["-m", "venv"]).arg(&venv))?;
    step(&format!("installing {} from the Python package index", PACKAGES.join(" and ")));
    process::capture(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            // Wheels only: the source of lcm would need CMake, and would not be the program that users run.
            .args(["--only-binary", ":all:"])
            // Those of dimos-lcm serve a bridge to a viewer, and none are pinned; what the others need is listed.
            .arg("--no-deps")
            .args(PACKAGES),
    )
    .context("pip failed: check the network, and that this Python is one that lcm has wheels for (3.11 is)")?;
    Ok(())
}

pub(super) fn prove(peers: &Path) -> Result<()> {
    let program =
        "import lcm, mcap.reader, mcap_ros1.decoder; from dimos_lcm.std_msgs import String; String().lcm_encode()";
    process::capture(Command::new(peers.join("venv/bin/python")).args(["-c", program]))?;
    process::capture(Command::new(peers.join("venv/bin/lcm-gen")).arg("--version"))?;
    Ok(())
}

/// A Python that can make environments; Debian packs that ability separately, so it may have to be installed.
fn interpreter() -> Result<&'static str> {
    let able = || INTERPRETERS.iter().copied().find(|python| can_make_environments(python));
    if let Some(python) = able() {
        return Ok(python);
    }
    if debian::can_install() {
        debian::install(&["python3-venv"])?;
        if let Some(python) = able() {
            return Ok(python);
        }
    }
    bail!("no Python with the modules venv and ensurepip: install python3 and python3-venv, then run this again")
}

fn can_make_environments(python: &str) -> bool {
    process::capture(Command::new(python).args(["-c", "import ensurepip, venv"])).is_ok()
}
