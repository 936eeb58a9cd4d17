//! What this process says about itself.

use std::fs;

use rustix::system::uname;

use crate::name::short_id;
use crate::node::NodeId;
use crate::presence::Identity;

/// The identity of this process, under a new node.
pub(super) fn identity() -> Identity {
    let mut identity = Identity::new(NodeId::random());
    identity.host = uname().nodename().to_string_lossy().chars().take(64).collect();
    identity.host_id = host_id();
    identity.pid = i32::try_from(std::process::id()).unwrap_or_default();
    identity.run_id = std::env::var("DIMOS_RUN_ID").unwrap_or_default();
    identity
}

/// The machine and its boot: the same for all processes of a host. Containers on one machine share the boot and differ in their
/// names.
fn host_id() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let host = uname().nodename().to_string_lossy().into_owned();
    short_id(&format!("{} {host}", read("/proc/sys/kernel/random/boot_id").trim()))
}
