//! Who else speaks on the bus, how much of it gets here, and whether it is what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use lcm::schema::Suffix;
use lcm::{Overheard, UdpmUrl};

use super::finding::{Finding, Rights};
use super::network::{ETHERNET_PAYLOAD, export, larger_buffer};
use super::round_trip::Joined;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::plain;
use crate::topic::units;

/// What was heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// How long it was listened.
    pub(super) span_s: f64,
    pub(super) senders: Vec<Sender>,
    /// Datagrams that are not LCM.
    pub(super) malformed: u64,
    /// Datagrams that the kernel dropped because this command was too slow.
    pub(super) kernel_drops: u64,
    /// Channels whose messages are not of the type that they name, and who sent those.
    pub(super) other_types: BTreeSet<(String, SocketAddrV4)>,
}

/// A connection that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) address: SocketAddrV4,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Messages of which nothing came, and those of which not all came.
    pub(super) lost: u64,
    pub(super) incomplete: u64,
}

/// What is known of the traffic.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) url: UdpmUrl,
    pub(super) rights: Rights,
    pub(super) heard: Heard,
    /// The addresses of this host, and the ports that this command itself sends from.
    pub(super) own_addresses: BTreeSet<Ipv4Addr>,
    pub(super) own_ports: BTreeSet<u16>,
    /// Whether datagrams can leave this host.
    pub(super) leaves_host: bool,
    pub(super) interface: Option<String>,
}

/// Listens for so long, whatever comes.
pub(super) fn listen(joined: &mut Joined, span: Duration, interrupt: &Interrupt) -> Result<Heard, Failure> {
    let bus = &mut joined.bus;
    let before = bus.statistics();
    let catalog = lcm_types::catalog();
    let start = Instant::now();
    let mut heard = Heard::default();
    while let Some(left) = span.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        interrupt.check()?;
        // Not one byte more than it looks at is copied out of the kernel.
        match bus.overhear(Some(left.min(LOOK_EVERY))) {
            Ok(Some(Overheard { sample, .. })) => {
                let channel = sample.channel().as_bytes();
                // What carries a type says so. All of a flood need not be remembered.
                if heard.other_types.len() < MAX_OTHER_TYPES
                    && channel.contains(&b'#')
                    && matches!(catalog.identify(channel, sample.payload()).suffix, Suffix::Disagrees(_))
                    && let Some(sender) = sample.sender()
                {
                    heard.other_types.insert((sample.channel().to_string(), sender));
                }
            }
            Ok(None) => {}
            // The lines to come may be better.
            Err(_) => interrupt.wait_until(Instant::now() + LOOK_EVERY)?,
        }
    }
    heard.span_s = start.elapsed().as_secs_f64();
    joined.catch_up();
    let after = joined.bus.statistics();
    heard.malformed = after.malformed.saturating_sub(before.malformed);
    heard.kernel_drops = after.kernel_drops.saturating_sub(before.kernel_drops);
    let since = |after: &lcm::SenderStatistics| {
        let (counts, before) = (after.counts, before.sender(after.address).unwrap_or_default());
        Sender {
            address: after.address,
            messages: counts.messages.saturating_sub(before.messages),
            bytes: counts.bytes.saturating_sub(before.bytes),
            lost: counts.lost.saturating_sub(before.lost),
            incomplete: counts.incomplete.saturating_sub(before.incomplete),
        }
    };
    let senders = after.senders.iter().map(since);
    heard.senders = senders.filter(|sender| sender.messages + sender.lost + sender.incomplete > 0).collect();
    Ok(heard)
}

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![senders(facts), loss(facts), types(facts)];
    findings.extend(foreign(facts));
    findings
}

impl Facts {
    /// The senders that are not this command.
    fn others(&self) -> impl Iterator<Item = &Sender> {
        self.heard
            .senders
            .iter()
            .filter(|sender| !(self.is_here(*sender.address.ip()) && self.own_ports.contains(&sender.address.port())))
    }

    fn is_here(&self, address: Ipv4Addr) -> bool {
        address.is_loopback() || address.is_unspecified() || self.own_addresses.contains(&address)
    }

    /// Whether messages of other hosts were lost, though this command was not too slow.
    pub(super) fn loses_of_hosts(&self) -> bool {
        let mut far = self.others().filter(|sender| !self.is_here(*sender.address.ip()));
        self.heard.kernel_drops == 0 && far.any(|sender| sender.lost + sender.incomplete > 0)
    }

    /// The other hosts that were heard, and how many connections of each.
    pub(super) fn other_hosts(&self) -> BTreeMap<Ipv4Addr, usize> {
        let mut hosts = BTreeMap::new();
        for sender in self.others().filter(|sender| !self.is_here(*sender.address.ip())) {
            *hosts.entry(*sender.address.ip()).or_default() += 1;
        }
        hosts
    }
}

fn senders(facts: &Facts) -> Finding {
    const CODE: &str = "senders";
    let (mut connections, mut messages, mut bytes) = (0_u64, 0_u64, 0_u64);
    for sender in facts.others() {
        connections += 1;
        messages = messages.saturating_add(sender.messages);
        bytes = bytes.saturating_add(sender.bytes);
    }
    let span_s = facts.heard.span_s;
    let hosts = facts.other_hosts();
    if connections == 0 {
        let hint = if facts.leaves_host {
            "; if other hosts should be: are they on the same network, group, port and ttl, and does a switch between need an IGMP querier?"
        } else {
            ""
        };
        return Finding::pass(CODE, format!("nobody else was heard within {span_s:.1} s{hint}"));
    }
    let named = hosts.iter().take(MAX_LISTED).map(|(address, count)| format!("{address} ({count})"));
    let named = named.collect::<Vec<_>>().join(", ");
    let listed = match hosts.len() {
        0 => "none of another host".to_owned(),
        count => format!("of {count} other hosts: {named}"),
    };
    let text = format!(
        "{connections} connections of others were heard within {span_s:.1} s, {listed}; {:.0} messages and {} a second",
        per_second(messages, span_s),
        units::bytes(per_second(bytes, span_s)),
    );
    if !hosts.is_empty() && facts.url.ttl == 0 {
        let text = format!("{text}; but with ttl=0 those hosts do not hear this one");
        return Finding::warn(CODE, text).repaired_by([export(&facts.url, |url| url.ttl = 1)]);
    }
    Finding::pass(CODE, text)
}

fn loss(facts: &Facts) -> Finding {
    const CODE: &str = "loss";
    let span_s = facts.heard.span_s;
    let lossy: Vec<_> = facts.others().filter(|sender| sender.lost + sender.incomplete > 0).collect();
    if lossy.is_empty() {
        let of: u64 = facts.others().map(|sender| sender.messages).sum();
        return Finding::pass(CODE, format!("none of {of} messages of others was lost within {span_s:.1} s"));
    }
    let named = lossy.iter().take(MAX_LISTED).map(|sender| {
        let Sender { address, messages, lost, incomplete, .. } = sender;
        format!("{address}: {messages} came, {lost} did not, of {incomplete} only a part")
    });
    let text = format!("messages of others were lost within {span_s:.1} s: {}", named.collect::<Vec<_>>().join("; "));
    if facts.heard.kernel_drops > 0 {
        let text = format!(
            "{text}; doctor itself was too slow for {} datagrams, or its receive buffer too small: programs that read as slowly lose as \
             much",
            facts.heard.kernel_drops
        );
        return Finding::warn(CODE, text).repaired_by([larger_buffer(&facts.url, facts.rights)]);
    }
    let is_cut = lossy.iter().any(|sender| sender.incomplete > 0);
    let text = format!("{text}; the receive buffer was never full, so it was on the way, or where they were sent");
    let remedy = if is_cut {
        export(&facts.url, |url| url.frag = ETHERNET_PAYLOAD)
    } else {
        format!("ip -s -s link show {}", facts.interface.as_deref().unwrap_or("lo"))
    };
    Finding::fail(CODE, text).repaired_by([remedy])
}

fn types(facts: &Facts) -> Finding {
    const CODE: &str = "types";
    let others = &facts.heard.other_types;
    if others.is_empty() {
        return Finding::pass(
            CODE,
            "all messages that were heard are of the types that their channels name, as far as those are known",
        );
    }
    let named = others.iter().take(MAX_LISTED).map(|(channel, sender)| format!("{} from {sender}", plain(channel)));
    let text = format!(
        "messages are of other types than their channels name, or of other versions of them: {}; build those programs of the same \
         definitions",
        named.collect::<Vec<_>>().join(", ")
    );
    let topic = others.first().map_or("", |(channel, _)| channel.split('#').next().unwrap_or_default());
    let topic = plain(topic).replace('\'', "?");
    Finding::fail(CODE, text).repaired_by([format!("dimos topic info '{topic}'")])
}

/// What else uses the group and the port.
fn foreign(facts: &Facts) -> Option<Finding> {
    let malformed = facts.heard.malformed;
    (malformed > 0).then(|| {
        let text = format!(
            "{malformed} datagrams that are no LCM came within {:.1} s: something else uses {}, and costs every program",
            facts.heard.span_s, facts.url.group
        );
        let next = |url: &mut UdpmUrl| url.group.set_port(url.group.port().checked_add(1).unwrap_or(7667));
        Finding::warn("foreign", text).repaired_by([export(&facts.url, next)])
    })
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn per_second(count: u64, span_s: f64) -> f64 {
    if span_s > 0.0 { count as f64 / span_s } else { 0.0 }
}

const LOOK_EVERY: Duration = Duration::from_millis(100);

const MAX_OTHER_TYPES: usize = 32;

const MAX_LISTED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn facts(url: &str, senders: &[(&str, u64, u64, u64)]) -> Facts {
        let lcm::Url::Udpm(url) = url.parse().unwrap() else { panic!("no multicast: {url}") };
        let senders = senders.iter().map(|&(address, messages, lost, incomplete)| Sender {
            address: address.parse().unwrap(),
            messages,
            bytes: messages * 100,
            lost,
            incomplete,
        });
        Facts {
            url,
            rights: Rights { is_root: true },
            heard: Heard { span_s: 2.0, senders: senders.collect(), ..Heard::default() },
            own_addresses: [[10, 1, 1, 1].into()].into(),
            own_ports: [5000].into(),
            leaves_host: true,
            interface: Some("eth0".to_owned()),
        }
    }

    fn of(facts: &Facts, code: &str) -> (Status, String, Vec<String>) {
        let finding = findings(facts).into_iter().find(|finding| finding.code == code).unwrap();
        (finding.status, finding.message, finding.remedy)
    }

    #[test]
    fn this_command_is_not_among_the_others() {
        let own = facts("udpm://?ttl=1", &[("10.1.1.1:5000", 9, 3, 0), ("127.0.0.1:5000", 9, 0, 0)]);
        let (status, message, _) = of(&own, "senders");
        assert_eq!(
            (status, message.contains("nobody else"), message.contains("IGMP")),
            (Status::Pass, true, true),
            "{message}"
        );
        assert_eq!(of(&own, "loss").0, Status::Pass);
        // Another host may have the same port.
        assert_eq!(facts("udpm://", &[("10.1.1.2:5000", 9, 0, 0)]).other_hosts(), [([10, 1, 1, 2].into(), 1)].into());
    }

    #[test]
    fn hosts_that_do_not_hear_this_one_are_a_surprise() {
        let senders = [("10.1.1.2:6000", 100, 0, 0), ("10.1.1.2:6001", 100, 0, 0), ("127.0.0.1:6000", 1, 0, 0)];
        let (status, message, remedy) = of(&facts("udpm://", &senders), "senders");
        assert_eq!(
            (status, &remedy[0][..]),
            (Status::Warn, "export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=1'")
        );
        assert!(
            message.contains("3 connections") && message.contains("10.1.1.2 (2)") && message.contains("100 messages"),
            "{message}"
        );
        assert_eq!(of(&facts("udpm://?ttl=1", &senders), "senders").0, Status::Pass);
    }

    #[test]
    fn loss_is_told_with_where_it_was() {
        let mut facts = facts("udpm://?ttl=1", &[("10.1.1.2:6000", 90, 10, 0)]);
        let (status, message, remedy) = of(&facts, "loss");
        assert_eq!((status, &remedy[0][..]), (Status::Fail, "ip -s -s link show eth0"), "{message}");
        facts.heard.senders[0].incomplete = 1;
        assert!(of(&facts, "loss").2[0].contains("frag=1472"));
        facts.heard.kernel_drops = 5;
        assert!(facts.heard.senders[0].lost > 0 && !facts.loses_of_hosts());
        let (status, message, remedy) = of(&facts, "loss");
        assert_eq!(
            (status, message.contains("5 datagrams"), &remedy[0][..]),
            (Status::Warn, true, "sysctl -w net.core.rmem_max=16777216"),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_what_it_says_and_what_is_no_lcm_is_told() {
        let mut facts = facts("udpm://", &[]);
        facts.heard.other_types.insert(("/a'b#std_msgs.String".to_owned(), "10.1.1.2:1".parse().unwrap()));
        facts.heard.malformed = 7;
        let (status, message, remedy) = of(&facts, "types");
        assert_eq!((status, &remedy[0][..]), (Status::Fail, "dimos topic info '/a?b'"), "{message}");
        let (status, message, remedy) = of(&facts, "foreign");
        assert_eq!((status, remedy[0].contains(":7668")), (Status::Warn, true), "{message}");
    }
}
