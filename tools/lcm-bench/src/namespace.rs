//! A network of the benchmark's own, so that nothing on the host hears or disturbs what is measured.
//!
//! The tool starts itself again in fresh user, network and process namespaces. The first process of a process namespace takes
//! all others with it when it ends, and dies with the process outside, so no worker survives however the tool ends.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::launch;
use crate::rmem_max::Keeper;

/// Runs this program again inside, with the same arguments, [`MARKER`] and `additional` ones, and returns how that ended.
pub(crate) fn run_inside(additional: &[OsString]) -> Result<ExitCode> {
    let Some(unshare) = unshare_arguments() else {
        bail!(
            "cannot make a network namespace: neither `unshare {}` nor the same without --map-root-user brings up `lo`; \
             run as root, allow user namespaces, or install util-linux and iproute2",
            UNSHARE.join(" ")
        );
    };
    let executable = std::env::current_exe().context("cannot find the own executable")?;
    let keeper = Keeper::start()?;
    let mut inside = launch::command("unshare", None);
    inside.args(unshare).arg("--").arg(executable).args(std::env::args_os().skip(1)).arg(MARKER).args(additional);
    inside.stdin(keeper.other_end()?);
    let status = inside.status().context("cannot start the benchmark in its namespace")?;
    // The command holds an end of the keeper's socket.
    drop(inside);
    keeper.finish()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// Makes multicast work inside, as C LCM needs it: it refuses to start without a route.
pub(crate) fn prepare() -> Result<()> {
    for words in ["link set lo up", "link set lo multicast on", "route replace 224.0.0.0/4 dev lo"] {
        let output =
            Command::new("ip").args(words.split(' ')).stdin(Stdio::null()).output().context("cannot run `ip`")?;
        if !output.status.success() {
            bail!("`ip {words}` failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
    }
    Ok(())
}

/// How this system lets us have namespaces: an ordinary user as root of its own, or root as itself.
fn unshare_arguments() -> Option<&'static [&'static str]> {
    [UNSHARE, &UNSHARE[1..]].into_iter().find(|arguments| {
        let mut probe = Command::new("unshare");
        probe.args(*arguments).args(["--", "ip", "link", "set", "lo", "up"]).stdin(Stdio::null());
        probe.output().is_ok_and(|output| output.status.success())
    })
}

/// Tells this program that it is inside.
const MARKER: &str = "--isolated";

const UNSHARE: &[&str] = &["--map-root-user", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"];
