//! `cargo xtask peers`: the LCM programs of others, as their users run them, for the interop tests to talk to.
//!
//! Owns what is installed and when it is good. How each kind of package is fetched is left to the submodules, and what
//! the tests do with the peers to the tests. Everything lands under `target/peers`:
//!
//! - `venv`: a Python environment with C LCM 1.5.3 (`site-packages/{bin,include,lib}`), its Python binding, the DimOS
//!   message classes and a reader of MCAP files;
//! - `lcm-1.3.1`: an old LCM as Debian ships it, unpacked (`usr/{bin,include,lib}`), so that it never becomes the one that
//!   this host finds by itself.

mod debian;
mod python;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process;

/// Written last, so that an installation that was cut short is no installation.
const STAMP: &str = "stamp";

/// Installs whatever is missing. Quick when nothing is.
pub(crate) fn run() -> Result<()> {
    debian::complete_host()?;
    let peers = process::root().join("target/peers");
    let wanted = [python::PACKAGES, debian::OLD_LCM].concat().join("\n");
    let stamp = peers.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        match prove(&peers) {
            Ok(()) => {
                step(&format!("already in {}", peers.display()));
                return Ok(());
            }
            // A Python that was updated, a target folder that was moved: nothing to repair, only to repeat.
            Err(error) => step(&format!("installing again, since what is there does not start: {error:#}")),
        }
    }
    if peers.exists() {
        fs::remove_dir_all(&peers).with_context(|| format!("cannot remove the old {}", peers.display()))?;
    }
    fs::create_dir_all(&peers).with_context(|| format!("cannot create {}", peers.display()))?;
    python::install(&peers)?;
    debian::unpack_old_lcm(&peers)?;
    prove(&peers).context("the peers are installed but do not start; is libglib2.0-0 missing?")?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    step(&format!("complete in {}", peers.display()));
    Ok(())
}

/// Starts a program of each peer, since a file that is there may still not run on this host.
fn prove(peers: &Path) -> Result<()> {
    python::prove(peers)?;
    debian::prove(peers)
}

/// Tells the user what happens now.
fn step(what: &str) {
    eprintln!("peers: {what}");
}
