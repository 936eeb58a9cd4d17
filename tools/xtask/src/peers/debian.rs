//! The peers and tools that come from Debian.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::step;
use crate::process;

/// The packages of the old LCM, in the version that Debian 12 has.
pub(super) const OLD_LCM: &[&str] = &["liblcm1=1.3.1*", "liblcm-bin=1.3.1*", "liblcm-dev=1.3.1*"];

/// Where they are unpacked.
const OLD_LCM_FOLDER: &str = "lcm-1.3.1";

/// What the tests need of the host itself.
const HOST_PACKAGES: &[&str] = &[
    "gcc",          // compiles small C programs against the peers
    "libc6-dev",    // the headers for it
    "g++",          // compiles the fuzzing engine
    "iproute2",     // network namespaces: several hosts on one machine
    "nftables",     // lost packets
    "libglib2.0-0", // C LCM links to it
];

/// Installs the missing host packages where we may, and names them where we may not.
pub(super) fn complete_host() -> Result<()> {
    if !is_debian() {
        step(&format!("not a Debian host, so not looking for {}", HOST_PACKAGES.join(", ")));
        return Ok(());
    }
    let missing: Vec<&str> = HOST_PACKAGES.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if can_install() {
        return install(&missing);
    }
    // No error: the host may have the same programs from elsewhere.
    step(&format!("not root, and missing on this host; some tests need it: apt-get install {}", missing.join(" ")));
    Ok(())
}

/// Installs packages on this host.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    step(&format!("installing on this host: {}", packages.join(" ")));
    with_fresh_lists(|| {
        let mut command = apt_get();
        command.args(["install", "--yes", "--no-install-recommends"]).args(packages);
        command
    })
    .with_context(|| format!("install them by hand: apt-get install {}", packages.join(" ")))
}

/// Whether [`install`] can work: Debian and root.
pub(super) fn can_install() -> bool {
    is_debian() && process::capture(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

/// Downloads the old LCM and unpacks it without installing it.
pub(super) fn unpack_old_lcm(peers: &Path) -> Result<()> {
    let packages = peers.join("deb");
    fs::create_dir_all(&packages).with_context(|| format!("cannot create {}", packages.display()))?;
    step(&format!("downloading {} from Debian", OLD_LCM.join(", ")));
    with_fresh_lists(|| {
        let mut command = apt_get();
        command.current_dir(&packages).arg("download").args(OLD_LCM);
        command
    })
    .context("LCM 1.3.1 comes from Debian 12 (bookworm) only: check the network, and `apt-cache policy liblcm1`")?;
    step(&format!("unpacking them to {OLD_LCM_FOLDER}"));
    for package in fs::read_dir(&packages).with_context(|| format!("cannot list {}", packages.display()))? {
        let package = package.with_context(|| format!("cannot list {}", packages.display()))?.path();
        process::capture(Command::new("dpkg").arg("-x").args([package, peers.join(OLD_LCM_FOLDER)]))?;
    }
    fs::remove_dir_all(&packages).with_context(|| format!("cannot remove {}", packages.display()))
}

pub(super) fn prove(peers: &Path) -> Result<()> {
    let version = process::capture(Command::new(peers.join(OLD_LCM_FOLDER).join("usr/bin/lcm-gen")).arg("--version"))?;
    anyhow::ensure!(version.trim() == "lcm-gen 1.3.1", "expected lcm-gen 1.3.1, but it says {}", version.trim());
    Ok(())
}

/// Runs an apt command; when it fails, fetches the package lists, which a fresh host lacks, and tries once more.
fn with_fresh_lists(command: impl Fn() -> Command) -> Result<()> {
    let Err(first) = process::capture(&mut command()) else { return Ok(()) };
    if !can_install() {
        return Err(first);
    }
    step("fetching the package lists of Debian");
    process::capture(apt_get().arg("update"))?;
    process::capture(&mut command())?;
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // Without its own user, apt as root can write to a folder that only root can enter.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "--option", "APT::Sandbox::User=root"]);
    command
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

fn is_installed(package: &str) -> bool {
    process::capture(Command::new("dpkg-query").args(["--show", "--showformat", "${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}
