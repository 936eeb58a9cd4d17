//! Whether a firewall keeps datagrams of the bus away, by which of its rules, and what lets them through.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::command::output_of_system;
use super::finding::{Finding, Rights};
use super::rules::{Drop, Packet, Ruleset};
use crate::output::plain;

/// What is known of the rules.
#[derive(Debug, Clone)]
pub(super) enum Rules {
    Read(Ruleset),
    /// Why they cannot be read.
    Hidden(String),
}

/// What is known of firewalls.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) rights: Rights,
    pub(super) rules: Rules,
    /// Whether there are rules of iptables that nftables does not know of.
    pub(super) has_legacy_rules: bool,
    /// What manages the rules, as far as its files tell.
    pub(super) manager: Option<Manager>,
    /// The interface that is used, and the address that is sent from.
    pub(super) interface: Option<String>,
    pub(super) source: Option<Ipv4Addr>,
    pub(super) group: Ipv4Addr,
    pub(super) port: u16,
    /// Whether what this host sends comes back to it; none if that was not tried.
    pub(super) comes_back: Option<bool>,
    /// Whether some of it does not.
    pub(super) loses: bool,
    /// Whether sending was forbidden.
    pub(super) is_forbidden: bool,
    /// Whether datagrams of other hosts can come.
    pub(super) meets_hosts: bool,
    /// Whether they do.
    pub(super) hears_hosts: bool,
}

/// A program that manages rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Ufw,
    Firewalld,
}

/// Reads the rules.
pub(super) fn read_rules() -> Rules {
    let json = match output_of_system("nft", &["-j", "list", "ruleset"]) {
        Ok(json) => json,
        Err(why) => return Rules::Hidden(why),
    };
    let listing = output_of_system("nft", &["-a", "list", "ruleset"]).unwrap_or_default();
    // Without any tables some versions print nothing at all.
    let json = if json.trim().is_empty() { r#"{"nftables":[]}"#.to_owned() } else { json };
    Ruleset::parse(&json, &listing).map_or_else(|| Rules::Hidden("nft prints what is no JSON".to_owned()), Rules::Read)
}

/// Whether the older iptables is in use beside nftables.
pub(super) fn has_legacy_rules() -> bool {
    fs::read_to_string("/proc/net/ip_tables_names").is_ok_and(|names| !names.trim().is_empty())
}

/// What manages the rules of this host.
pub(super) fn manager() -> Option<Manager> {
    let ufw = fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
    if ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes")) {
        Some(Manager::Ufw)
    } else {
        Path::new("/run/firewalld.pid").exists().then_some(Manager::Firewalld)
    }
}

pub(super) fn finding(facts: &Facts) -> Finding {
    const CODE: &str = "firewall";
    let them = format!("datagrams to {} port {}", facts.group, facts.port);
    let ruleset = match &facts.rules {
        Rules::Read(ruleset) => ruleset,
        Rules::Hidden(why) => return hidden(facts, why, &them),
    };
    let interface = facts.interface.as_deref();
    let own = Packet { input: None, output: interface, source: facts.source, group: facts.group, port: facts.port };
    let came = Packet { input: interface, output: None, ..own };
    if facts.comes_back == Some(false) {
        let sent = if facts.is_forbidden { Vec::new() } else { ruleset.drops(came, &INWARD) };
        let drops = [ruleset.drops(own, &OUTWARD), sent].concat();
        if drops.is_empty() {
            return nothing_found(facts, &them);
        }
        let text = format!("{them} do not get through: {}", listed(&drops));
        return Finding::fatal(CODE, text).repaired_by(drops.iter().map(|drop| accept(facts, ruleset, drop)));
    }
    if facts.meets_hosts && !facts.hears_hosts {
        let foreign = Packet { source: None, ..came };
        let drops = ruleset.drops(foreign, &INWARD);
        if drops.iter().any(|drop| drop.is_certain) {
            let text = format!("{them} of other hosts do not get in: {}", listed(&drops));
            return Finding::fail(CODE, text).repaired_by(drops.iter().map(|drop| accept(facts, ruleset, drop)));
        }
        if !drops.is_empty() {
            let text = format!("{them} of other hosts may not get in: {}", listed(&drops));
            return Finding::warn(CODE, text).repaired_by(drops.iter().map(|drop| accept(facts, ruleset, drop)));
        }
    }
    if facts.has_legacy_rules {
        return legacy(facts);
    }
    let drops = [ruleset.drops(own, &OUTWARD), ruleset.drops(came, &INWARD)].concat();
    if facts.loses && !drops.is_empty() {
        let text = format!("{them} do not all get through: {}", listed(&drops));
        return Finding::fail(CODE, text).repaired_by(drops.iter().map(|drop| accept(facts, ruleset, drop)));
    }
    // What is said to drop them does not, since they come.
    Finding::pass(CODE, format!("no rule of nftables drops {them}"))
}

/// The rules cannot be read.
fn hidden(facts: &Facts, why: &str, them: &str) -> Finding {
    let why = plain(why);
    match facts.comes_back {
        Some(true) => Finding::unknown(
            "firewall",
            format!("this host hears itself; whether {them} of other hosts get in cannot be seen: {why}"),
        )
        .repaired_by([facts.rights.root("dimos doctor")].into_iter().filter(|_| !facts.rights.is_root)),
        None => Finding::unknown("firewall", format!("its rules cannot be seen: {why}")),
        Some(false) => {
            let text = format!("{them} do not get through, and the rules that may say why cannot be seen: {why}");
            Finding::fatal("firewall", text).repaired_by(opened_by_manager(facts).into_iter().chain(look(facts)))
        }
    }
}

/// Nothing comes back, and no rule that can be read is why.
fn nothing_found(facts: &Facts, them: &str) -> Finding {
    if facts.has_legacy_rules {
        return legacy(facts);
    }
    let why = if facts.is_forbidden {
        "sending is forbidden, but by no rule of nftables: by a BPF program of a control group or by a security module"
    } else {
        "no rule of nftables drops them: look for BPF programs and traffic control"
    };
    Finding::unknown("firewall", format!("{them} do not get through; {why}")).repaired_by(look(facts))
}

fn legacy(facts: &Facts) -> Finding {
    let text = "there are rules of the older iptables, which doctor does not read; no rule of nftables drops anything of the bus";
    let show = facts.rights.root("iptables-legacy-save");
    if facts.comes_back == Some(false) {
        let opened = opened_by_manager(facts).unwrap_or_else(|| iptables(facts, "iptables-legacy", "filter", "INPUT"));
        return Finding::fatal("firewall", text).repaired_by([show, opened]);
    }
    Finding::unknown("firewall", text).repaired_by([show])
}

fn listed(drops: &[Drop]) -> String {
    let texts: Vec<_> = drops.iter().take(MAX_LISTED).map(|drop| plain(&drop.to_text())).collect();
    texts.join("; ")
}

/// A command that lets the bus through before what drops it.
fn accept(facts: &Facts, ruleset: &Ruleset, drop: &Drop) -> String {
    let (group, port) = (facts.group, facts.port);
    let Drop { family, table, chain, is_outward, .. } = drop;
    let is_of_iptables = ruleset.is_of_iptables(family, table);
    if chain.starts_with("ufw") || is_of_iptables && facts.manager == Some(Manager::Ufw) {
        return ufw(facts, *is_outward);
    }
    if table == "firewalld" {
        return firewalld(facts);
    }
    if is_of_iptables {
        return iptables(facts, "iptables", table, chain);
    }
    let rule = format!("nft insert rule {family} {table} {chain} ip daddr {group} udp dport {port} accept");
    facts.rights.root(&rule)
}

fn opened_by_manager(facts: &Facts) -> Option<String> {
    Some(match facts.manager? {
        Manager::Ufw => ufw(facts, false),
        Manager::Firewalld => firewalld(facts),
    })
}

fn ufw(facts: &Facts, is_outward: bool) -> String {
    let way = if is_outward { "out" } else { "in" };
    facts.rights.root(&format!("ufw allow {way} proto udp to {} port {}", facts.group, facts.port))
}

fn firewalld(facts: &Facts) -> String {
    facts.rights.root(&format!("firewall-cmd --add-port={}/udp", facts.port))
}

fn iptables(facts: &Facts, program: &str, table: &str, chain: &str) -> String {
    let (group, port) = (facts.group, facts.port);
    facts.rights.root(&format!("{program} -t {table} -I {chain} -d {group} -p udp --dport {port} -j ACCEPT"))
}

/// Commands that show what may be in the way.
fn look(facts: &Facts) -> Vec<String> {
    ["nft list ruleset", "bpftool cgroup tree"].map(|command| facts.rights.root(command)).to_vec()
}

/// Where a datagram passes on its way out, and on its way in.
const OUTWARD: [&str; 3] = ["output", "postrouting", "egress"];
const INWARD: [&str; 3] = ["ingress", "prerouting", "input"];

const MAX_LISTED: usize = 4;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::doctor::finding::Status;

    fn facts(objects: &[Value]) -> Facts {
        let ruleset = Ruleset::parse(&json!({ "nftables": objects }).to_string(), "").unwrap();
        Facts {
            rights: Rights { is_root: false },
            rules: Rules::Read(ruleset),
            has_legacy_rules: false,
            manager: None,
            interface: Some("eth0".to_owned()),
            source: Some([10, 1, 1, 1].into()),
            group: [239, 255, 76, 67].into(),
            port: 7667,
            comes_back: Some(true),
            loses: false,
            is_forbidden: false,
            meets_hosts: true,
            hears_hosts: false,
        }
    }

    fn chain(family: &str, table: &str, name: &str, hook: &str, policy: &str) -> Value {
        json!({ "chain": { "family": family, "table": table, "name": name, "hook": hook, "prio": 0, "policy": policy } })
    }

    #[test]
    fn what_drops_is_opened_by_whoever_made_it() {
        let remedy = |family, table, name, hook| {
            let facts = Facts { comes_back: Some(false), ..facts(&[chain(family, table, name, hook, "drop")]) };
            let finding = finding(&facts);
            assert!(finding.is_fatal && finding.status == Status::Fail, "{finding:?}");
            finding.remedy[0].clone()
        };
        assert_eq!(
            remedy("inet", "mine", "in", "input"),
            "sudo nft insert rule inet mine in ip daddr 239.255.76.67 udp dport 7667 accept"
        );
        assert_eq!(
            remedy("ip", "filter", "OUTPUT", "output"),
            "sudo iptables -t filter -I OUTPUT -d 239.255.76.67 -p udp --dport 7667 -j ACCEPT"
        );
        // One that is not of iptables.
        assert!(remedy("ip", "filter", "input", "input").starts_with("sudo nft insert rule ip filter input"));
        let by_ufw = |name, hook| {
            let blocked = facts(&[chain("ip", "filter", name, hook, "drop")]);
            finding(&Facts { comes_back: Some(false), manager: Some(Manager::Ufw), ..blocked }).remedy
        };
        assert_eq!(by_ufw("INPUT", "input"), ["sudo ufw allow in proto udp to 239.255.76.67 port 7667"]);
        assert_eq!(by_ufw("OUTPUT", "output"), ["sudo ufw allow out proto udp to 239.255.76.67 port 7667"]);
        assert_eq!(remedy("inet", "firewalld", "filter_INPUT", "input"), "sudo firewall-cmd --add-port=7667/udp");
    }

    #[test]
    fn what_works_is_not_said_to_be_blocked_but_others_may_be() {
        let blocked = [chain("inet", "mine", "in", "input", "drop")];
        let found = finding(&facts(&blocked));
        assert_eq!((found.status, found.is_fatal), (Status::Fail, false), "{found:?}");
        assert!(found.message.contains("of other hosts do not get in"), "{found:?}");
        assert_eq!(finding(&Facts { hears_hosts: true, ..facts(&blocked) }).status, Status::Pass);
        let lossy = finding(&Facts { hears_hosts: true, loses: true, ..facts(&blocked) });
        assert_eq!((lossy.status, lossy.is_fatal), (Status::Fail, false), "{lossy:?}");
        assert_eq!(finding(&Facts { meets_hosts: false, ..facts(&blocked) }).status, Status::Pass);
        assert_eq!(finding(&facts(&[])).status, Status::Pass);
    }

    #[test]
    fn what_cannot_be_seen_is_said_with_how_to_look() {
        let hidden = || Facts { rules: Rules::Hidden("Operation not permitted".to_owned()), ..facts(&[]) };
        let found = finding(&hidden());
        assert_eq!((found.status, &found.remedy[..]), (Status::Unknown, &["sudo dimos doctor".to_owned()][..]));
        let found = finding(&Facts { comes_back: Some(false), manager: Some(Manager::Ufw), ..hidden() });
        assert_eq!((found.status, found.is_fatal), (Status::Fail, true));
        assert_eq!(found.remedy[0], "sudo ufw allow in proto udp to 239.255.76.67 port 7667");
        let found = finding(&Facts { comes_back: Some(false), has_legacy_rules: true, ..facts(&[]) });
        assert!(found.remedy[1].starts_with("sudo iptables-legacy -t filter -I INPUT"), "{found:?}");
        let found = finding(&Facts { comes_back: Some(false), is_forbidden: true, ..facts(&[]) });
        assert_eq!((found.status, found.message.contains("BPF program")), (Status::Unknown, true), "{found:?}");
    }
}
