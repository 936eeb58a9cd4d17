//! Several hosts on one machine: network namespaces beside that of the test, each joined to it by a pair of virtual Ethernet
//! devices, and the loss on the wire.

use std::process::Command;

use crate::netns::{ip, route_multicast};
use crate::peers::skip;
use crate::process::{Process, run};

/// Another host, at the far end of a wire; it is gone when dropped.
#[derive(Debug)]
pub struct FarHost {
    // Holds the namespace open by living in it.
    _holder: Process,
    namespace: String,
    link: String,
}

impl FarHost {
    /// Joins another host to this one, and lets multicast leave by the wire. `isolated!` comes first.
    pub fn join() -> Self {
        let far = Self::join_by("wire", 1);
        route_multicast(far.link());
        far
    }

    /// Joins another host by a wire of this name, 10.1.`net`.1 here and 10.1.`net`.2 there. Multicast leaves by the wire there,
    /// and here as before.
    pub fn join_by(wire: &str, net: u8) -> Self {
        // The shell tells its id as `/proc` knows it and as this process namespace knows it; the two differ.
        let mut holder = Process::start(Command::new("unshare").args([
            "--net",
            "sh",
            "-c",
            "read id rest < /proc/self/stat; echo $id $$; exec sleep infinity",
        ]));
        let ids = holder.expect_line("two process ids", |line| !line.is_empty());
        let (proc_id, id) = ids.split_once(' ').expect("the holder tells two ids");
        let link = format!("{wire}0");
        ip(&format!("link add {link} type veth peer name far0 netns {id}"));
        ip(&format!("addr add 10.1.{net}.1/24 dev {link}"));
        ip(&format!("link set {link} up"));
        let far = Self { namespace: format!("/proc/{proc_id}/ns/net"), _holder: holder, link };
        far.ip("link set lo up");
        far.ip(&format!("addr add 10.1.{net}.2/24 dev far0"));
        far.ip("link set far0 up");
        far.ip("route add 224.0.0.0/4 dev far0");
        far
    }

    /// The device at this end of the wire.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The same command, run on the far host.
    #[must_use]
    pub fn command(&self, command: &Command) -> Command {
        let mut far = Command::new("nsenter");
        far.arg(format!("--net={}", self.namespace)).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => far.env(name, value),
                None => far.env_remove(name),
            };
        }
        far
    }

    /// Loses this share of the multicast IP packets that reach the far host; [`lose_percent`] has told that this system can.
    pub fn lose_percent(&self, percent: u32) {
        run(&mut self.command(Command::new("nft").arg(loss_rules(percent))));
    }

    /// Runs `ip` with these words on the far host.
    pub fn ip(&self, words: &str) {
        run(&mut self.command(Command::new("ip").args(words.split_whitespace())));
    }
}

/// Loses this share of the multicast IP packets that reach this host, fragments of a large datagram one by one. False after
/// saying that `test` is skipped because this system cannot do that.
#[must_use]
pub fn lose_percent(test: &str, percent: u32) -> bool {
    match Command::new("nft").arg(loss_rules(percent)).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            skip(test, &format!("loss by nftables: {}", reason.trim()), "use a kernel with nf_tables and nft_numgen");
            false
        }
        Err(error) => {
            skip(test, &format!("`nft`: {error}"), "install nftables");
            false
        }
    }
}

fn loss_rules(percent: u32) -> String {
    // Before defragmentation, which happens at priority -400.
    format!(
        "add table ip loss; \
         add chain ip loss ingress {{ type filter hook prerouting priority -450; }}; \
         add rule ip loss ingress ip daddr 224.0.0.0/4 ip protocol udp numgen random mod 100 < {percent} counter drop"
    )
}
