//! The way onto the bus: the interface, the multicast route and the ttl, and whether they fit together. No I/O.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

use lcm::{Interface as Wanted, UdpmUrl};

use super::finding::{Finding, Rights};
use super::netlink::{Interface, Route, RouteEntry};

/// What is known of the way onto the bus.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) url: UdpmUrl,
    pub(super) rights: Rights,
    pub(super) interfaces: Vec<Interface>,
    /// Where the kernel sends what goes to the group.
    pub(super) route: Route,
    /// The line of the routing table that says so.
    pub(super) entry: Option<RouteEntry>,
    /// The names of the interfaces that are wireless.
    pub(super) wireless: Vec<String>,
    /// Why the kernel does not tell of its interfaces, if it does not.
    pub(super) untold: Option<String>,
    /// Whether what this host sends comes back to it, and where it is sent from; none if that was not tried.
    pub(super) comes_back: Option<bool>,
    pub(super) source: Option<Ipv4Addr>,
    /// What is this host's and no other's.
    pub(super) host: String,
}

/// Why an interface is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Url,
    Route,
    /// There is no route.
    Fallback,
}

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    match &facts.untold {
        Some(why) => vec![Finding::unknown("interface", format!("the kernel does not tell of its interfaces: {why}"))],
        None => vec![interface(facts), route(facts), ttl(facts)],
    }
}

impl Facts {
    /// The interface that our programs use, if it is there.
    pub(super) fn used(&self) -> Option<&Interface> {
        let loopback = || self.interfaces.iter().find(|interface| interface.name == "lo");
        match self.reason() {
            Reason::Url => self.interfaces.iter().find(|interface| match &self.url.iface {
                Some(Wanted::Name(name)) => interface.name == *name,
                Some(Wanted::Address(wanted)) => interface.addresses.iter().any(|(address, _)| address == wanted),
                None => false,
            }),
            Reason::Route => self.routed(),
            Reason::Fallback => loopback(),
        }
    }

    /// Whether datagrams can leave this host: the URL lets them, and the interface leads somewhere.
    pub(super) fn leaves_host(&self) -> bool {
        self.url.ttl > 0 && self.used().is_some_and(|interface| !interface.is_loopback)
    }

    fn reason(&self) -> Reason {
        match (&self.url.iface, self.route) {
            (Some(_), _) => Reason::Url,
            (None, Route::Via(_)) => Reason::Route,
            (None, Route::None | Route::Refused | Route::Unknown) => Reason::Fallback,
        }
    }

    /// Where the kernel's route leads.
    fn routed(&self) -> Option<&Interface> {
        match self.route {
            Route::Via(index) => self.interfaces.iter().find(|interface| interface.index == index),
            Route::None | Route::Refused | Route::Unknown => None,
        }
    }

    /// An interface that leads to other hosts, as far as can be told: one that works if there is any.
    fn outward(&self) -> Option<&Interface> {
        let rank = |interface: &&Interface| {
            let leads_to_lan = !OF_CONTAINERS_AND_TUNNELS.iter().any(|start| interface.name.starts_with(start));
            let works = interface.is_up && interface.has_multicast && !interface.addresses.is_empty();
            (leads_to_lan, works && interface.has_carrier, works, interface.is_up, std::cmp::Reverse(interface.index))
        };
        self.interfaces.iter().filter(|interface| !interface.is_loopback).max_by_key(rank)
    }
}

/// The URL with something changed, as a command that makes it that of this shell.
pub(super) fn export(url: &UdpmUrl, change: impl FnOnce(&mut UdpmUrl)) -> String {
    let mut url = url.clone();
    change(&mut url);
    format!("export {}='{}'", lcm::DEFAULT_URL_VARIABLE, lcm::Url::Udpm(url))
}

/// A command that makes receive buffers larger: the URL may ask for less than it could.
pub(super) fn larger_buffer(url: &UdpmUrl, rights: Rights) -> String {
    match url.recv_buf_size {
        Some(bytes) if bytes < ENOUGH_BYTES => export(url, |url| url.recv_buf_size = None),
        _ => rights.sysctl("net.core.rmem_max", 16 << 20),
    }
}

fn interface(facts: &Facts) -> Finding {
    const CODE: &str = "interface";
    let rights = facts.rights;
    if facts.url.iface.is_none() && facts.route == Route::Unknown {
        return Finding::unknown(
            CODE,
            "which interface is used cannot be told, since the kernel does not tell of its routes",
        );
    }
    let Some(used) = facts.used() else { return no_interface(facts) };
    let name = &used.name;
    let why = match facts.reason() {
        Reason::Url => "which the URL names",
        Reason::Route => "where the multicast route leads",
        Reason::Fallback => "for want of a multicast route",
    };
    if !used.is_up {
        return Finding::fatal(CODE, format!("{name}, {why}, is down"))
            .repaired_by([rights.root(&format!("ip link set {name} up"))]);
    }
    if used.addresses.is_empty() {
        let text = format!("{name}, {why}, has no IPv4 address");
        // The kernel takes that of another interface if there is one, and none at all otherwise.
        let finding = match facts.source.filter(|_| facts.comes_back == Some(true)) {
            Some(Ipv4Addr::UNSPECIFIED) if facts.leaves_host() => {
                Finding::fail(CODE, format!("{text}: what this host sends is from 0.0.0.0, and dropped by other hosts"))
            }
            Some(source) => Finding::warn(CODE, format!("{text}: what this host sends is from {source}")),
            None => Finding::fatal(CODE, format!("{text}, and LCM needs one to send from")),
        };
        return finding
            .repaired_by([rights.root(&format!("ip address add {}/16 dev {name}", link_local_address(facts, name)))]);
    }
    let addresses: Vec<_> = used.addresses.iter().map(|(address, bits)| format!("{address}/{bits}")).collect();
    let text = format!("{name}, {why}: up, {}, mtu {}", addresses.join(" "), used.mtu);
    if used.is_loopback {
        return Finding::pass(CODE, text);
    }
    if !used.has_multicast {
        let text = format!("{name}, {why}, is not set up for multicast: what other hosts send may not get in");
        return Finding::warn(CODE, text).repaired_by([rights.root(&format!("ip link set {name} multicast on"))]);
    }
    if !used.has_carrier {
        let text =
            format!("{name}, {why}, has nothing at its other end: no cable, no access point, or a peer that is down");
        return Finding::warn(CODE, text).repaired_by([format!("ip link show {name}")]);
    }
    if facts.wireless.contains(name) && facts.url.ttl > 0 {
        let text =
            format!("{text}; it is wireless: access points send multicast slowly and do not repeat what is lost");
        return Finding::warn(CODE, text).repaired_by([export(&facts.url, |url| url.frag = ETHERNET_PAYLOAD)]);
    }
    Finding::pass(CODE, text)
}

/// The interface is not there at all.
fn no_interface(facts: &Facts) -> Finding {
    let names: Vec<_> = facts.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let wanted = match &facts.url.iface {
        Some(Wanted::Name(name)) => format!("there is no interface {name}"),
        Some(Wanted::Address(address)) => format!("no interface has the address {address}"),
        None => "there is no interface lo".to_owned(),
    };
    let text = format!("{wanted}; there is {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    let instead = |name: &str| {
        let name = name.to_owned();
        export(&facts.url, move |url| url.iface = Some(Wanted::Name(name)))
    };
    let working = facts.interfaces.iter().filter(|interface| interface.is_up && !interface.addresses.is_empty());
    let instead = working.min_by_key(|interface| interface.is_loopback).map(|interface| instead(&interface.name));
    Finding::fatal("interface", text).repaired_by(instead)
}

fn route(facts: &Facts) -> Finding {
    const CODE: &str = "route";
    let group = facts.url.group.ip();
    match facts.route {
        Route::Refused => {
            let entry = facts.entry.filter(|entry| entry.refuses());
            let by = entry.map_or_else(|| "a rule of policy routing".to_owned(), |entry| entry.to_text());
            let text = format!("{by} refuses {group}: {}", without_route(facts));
            let remedy = match entry {
                Some(entry) => facts.rights.root(&format!("ip route del {}", entry.to_text())),
                None => "ip rule list".to_owned(),
            };
            return want_of_route(facts, text).repaired_by([remedy].into_iter().chain(new_route(facts)));
        }
        Route::None => {
            let text = format!("there is no multicast route to {group}: {}", without_route(facts));
            return want_of_route(facts, text).repaired_by(new_route(facts));
        }
        Route::Unknown => return Finding::unknown(CODE, "the kernel does not tell of its routes"),
        Route::Via(_) => {}
    }
    let Some(routed) = facts.routed() else {
        return Finding::unknown(CODE, "the multicast route leads to an interface that is gone meanwhile");
    };
    let name = &routed.name;
    let by = facts.entry.map_or_else(String::new, |entry| format!(" ({})", entry.to_text()));
    match facts.used() {
        Some(used) if used.index != routed.index => {
            let text = format!(
                "the URL names {}, but the multicast route{by} leads to {name}, where programs without iface= in their URLs go, \
                 those of C and Python LCM among them",
                used.name
            );
            Finding::warn(CODE, text).repaired_by([replaced_route(facts, &used.name)])
        }
        _ if routed.is_loopback && facts.url.ttl > 0 => {
            let text = format!(
                "the multicast route{by} leads to {name}: nothing leaves this host, though ttl={} asks for that",
                facts.url.ttl
            );
            Finding::fail(CODE, text).repaired_by(new_route(facts))
        }
        _ => Finding::pass(CODE, format!("{group} goes out on {name}{by}")),
    }
}

/// What becomes of programs where there is no route.
fn without_route(facts: &Facts) -> String {
    let ours = match (&facts.url.iface, facts.used()) {
        (Some(_), Some(used)) => format!("our programs use {}, which the URL names", used.name),
        (Some(_), None) => "our programs do not start either".to_owned(),
        (None, _) if facts.url.ttl > 0 => {
            format!("our programs use lo, so nothing leaves this host, though ttl={} asks for that", facts.url.ttl)
        }
        (None, _) => "our programs use lo".to_owned(),
    };
    format!("programs of C and Python LCM do not start; {ours}")
}

fn want_of_route(facts: &Facts, text: String) -> Finding {
    let is_short = facts.url.iface.is_none() && facts.url.ttl > 0;
    if is_short { Finding::fail("route", text) } else { Finding::warn("route", text) }
}

/// Commands that make a multicast route fit for the URL.
fn new_route(facts: &Facts) -> Vec<String> {
    let rights = facts.rights;
    let replace = |name: &str| replaced_route(facts, name);
    let used = facts.used().filter(|_| facts.url.iface.is_some());
    let outward = facts.outward().filter(|_| facts.url.ttl > 0);
    match used.or(outward) {
        Some(to) if to.is_up => vec![replace(&to.name)],
        Some(to) => vec![rights.root(&format!("ip link set {} up", to.name)), replace(&to.name)],
        // There is nothing to reach others by.
        None if facts.url.ttl > 0 && facts.used().is_none_or(|used| used.is_loopback) => {
            vec![export(&facts.url, |url| url.ttl = 0)]
        }
        None => vec![rights.root("ip link set lo multicast on"), replace("lo")],
    }
}

/// A command that has multicast leave by an interface: by the line of the routing table that says otherwise, if one does.
fn replaced_route(facts: &Facts, name: &str) -> String {
    let network = match facts.entry.filter(|entry| !entry.refuses() && entry.bits > 4) {
        Some(entry) => entry.to_text(),
        None => "224.0.0.0/4".to_owned(),
    };
    facts.rights.root(&format!("ip route replace {network} dev {name}"))
}

fn ttl(facts: &Facts) -> Finding {
    const CODE: &str = "ttl";
    let is_on_loopback = facts.used().is_some_and(|used| used.is_loopback);
    match facts.url.ttl {
        0 => Finding::pass(CODE, "ttl=0: messages stay on this host; with ttl=1 in the URL they reach this network"),
        ttl if is_on_loopback && facts.reason() == Reason::Url => {
            let text = format!("ttl={ttl} asks for other hosts, but the URL names lo, which leads to none");
            let remedy = match facts.outward().filter(|outward| outward.is_up) {
                Some(outward) => {
                    let name = outward.name.clone();
                    export(&facts.url, move |url| url.iface = Some(Wanted::Name(name)))
                }
                None => export(&facts.url, |url| url.ttl = 0),
            };
            Finding::fail(CODE, text).repaired_by([remedy])
        }
        1 => Finding::pass(CODE, "ttl=1: messages reach all hosts of this network, and no further"),
        ttl => {
            Finding::pass(CODE, format!("ttl={ttl}: messages pass up to {} routers, if those route multicast", ttl - 1))
        }
    }
}

/// An address for networks where nobody gives any: another one on each host.
fn link_local_address(facts: &Facts, interface: &str) -> Ipv4Addr {
    let mut hasher = DefaultHasher::new();
    (&facts.host, interface).hash(&mut hasher);
    let [third, fourth, ..] = hasher.finish().to_le_bytes().map(|byte| 1 + byte % 254);
    Ipv4Addr::new(169, 254, third, fourth)
}

/// How the names of interfaces begin by which no robot is reached as a rule.
const OF_CONTAINERS_AND_TUNNELS: [&str; 10] =
    ["docker", "br-", "veth", "virbr", "lxc", "tun", "tap", "wg", "tailscale", "zt"];

/// As a receive buffer, it takes some messages of a megabyte.
const ENOUGH_BYTES: usize = 2 << 20;

/// A datagram that fits into one packet of Ethernet.
pub(super) const ETHERNET_PAYLOAD: usize = 1472;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;
    use crate::doctor::netlink::RouteKind;

    fn lo() -> Interface {
        Interface {
            index: 1,
            name: "lo".to_owned(),
            is_up: true,
            is_loopback: true,
            has_carrier: true,
            mtu: 65536,
            addresses: vec![(Ipv4Addr::LOCALHOST, 8)],
            ..Interface::default()
        }
    }

    fn eth0() -> Interface {
        Interface {
            index: 2,
            name: "eth0".to_owned(),
            is_up: true,
            has_multicast: true,
            has_carrier: true,
            mtu: 1500,
            addresses: vec![(Ipv4Addr::new(10, 1, 1, 1), 24)],
            ..Interface::default()
        }
    }

    fn facts(url: &str, interfaces: Vec<Interface>, route: Route) -> Facts {
        let lcm::Url::Udpm(url) = url.parse().unwrap() else { panic!("no multicast: {url}") };
        Facts {
            url,
            rights: Rights { is_root: true },
            interfaces,
            route,
            entry: None,
            wireless: Vec::new(),
            untold: None,
            comes_back: None,
            source: None,
            host: "robot0".to_owned(),
        }
    }

    fn found(facts: &Facts) -> [(Status, String, Vec<String>); 3] {
        let found = findings(facts).into_iter().map(|finding| (finding.status, finding.message, finding.remedy));
        found.collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn a_host_with_a_route_to_its_network_is_well() {
        let found = found(&facts("udpm://?ttl=1", vec![lo(), eth0()], Route::Via(2)));
        assert!(found.iter().all(|(status, _, remedy)| *status == Status::Pass && remedy.is_empty()), "{found:?}");
        assert!(found[0].1.contains("eth0, where the multicast route leads: up, 10.1.1.1/24, mtu 1500"), "{found:?}");
    }

    #[test]
    fn without_a_route_only_what_stays_on_the_host_goes_on() {
        let [interface, route, _] = found(&facts("udpm://", vec![lo()], Route::None));
        assert_eq!((interface.0, route.0), (Status::Pass, Status::Warn));
        assert!(route.1.contains("C and Python LCM do not start; our programs use lo"), "{route:?}");
        assert_eq!(route.2, ["ip link set lo multicast on", "ip route replace 224.0.0.0/4 dev lo"]);
        let [_, route, _] = found(&facts("udpm://?ttl=1", vec![lo(), eth0()], Route::None));
        assert_eq!((route.0, &route.2[..]), (Status::Fail, &["ip route replace 224.0.0.0/4 dev eth0".to_owned()][..]));
        let mut down = eth0();
        down.is_up = false;
        let [_, route, _] = found(&facts("udpm://?ttl=1", vec![lo(), down], Route::None));
        assert_eq!(route.2, ["ip link set eth0 up", "ip route replace 224.0.0.0/4 dev eth0"]);
        let [_, route, _] = found(&facts("udpm://?ttl=1", vec![lo()], Route::None));
        assert_eq!(route.2, ["export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=0'"]);
    }

    #[test]
    fn what_leads_to_containers_is_not_taken_for_the_network() {
        let docker0 = Interface { index: 3, name: "docker0".to_owned(), ..eth0() };
        let unplugged = Interface { has_carrier: false, ..eth0() };
        let [_, route, _] = found(&facts("udpm://?ttl=1", vec![lo(), docker0, unplugged], Route::None));
        assert_eq!(route.2, ["ip route replace 224.0.0.0/4 dev eth0"]);
    }

    #[test]
    fn a_route_that_refuses_is_named() {
        let mut facts = facts("udpm://", vec![lo(), eth0()], Route::Refused);
        facts.entry = Some(RouteEntry { network: [239, 0, 0, 0].into(), bits: 8, kind: RouteKind::Prohibit });
        let [_, route, _] = found(&facts);
        assert_eq!((route.0, &route.2[0][..]), (Status::Warn, "ip route del prohibit 239.0.0.0/8"));
        assert!(route.1.starts_with("prohibit 239.0.0.0/8 refuses 239.255.76.67"), "{route:?}");
        facts.entry = None;
        assert_eq!(found(&facts)[1].2[0], "ip rule list");
    }

    #[test]
    fn a_route_elsewhere_than_the_url_says_splits_the_bus() {
        let mut wlan0 = eth0();
        (wlan0.index, wlan0.name) = (3, "wlan0".to_owned());
        let mut facts = facts("udpm://?ttl=1&iface=eth0", vec![lo(), eth0(), wlan0], Route::Via(3));
        let [interface, route, _] = found(&facts);
        assert_eq!((interface.0, route.0), (Status::Pass, Status::Warn));
        assert_eq!(route.2, ["ip route replace 224.0.0.0/4 dev eth0"]);
        facts.url.iface = Some(Wanted::Address([10, 9, 9, 9].into()));
        let [interface, ..] = found(&facts);
        assert_eq!((interface.0, interface.1.contains("no interface has the address 10.9.9.9")), (Status::Fail, true));
        facts.url.iface = None;
        facts.wireless = vec!["wlan0".to_owned()];
        let [interface, route, _] = found(&facts);
        assert_eq!((interface.0, route.0), (Status::Warn, Status::Pass));
        assert!(interface.2[0].contains("frag=1472"), "{interface:?}");
    }

    #[test]
    fn an_interface_without_an_address_is_fatal_only_where_nothing_comes_back() {
        let bare = Interface { addresses: Vec::new(), ..eth0() };
        let mut facts = facts("udpm://?ttl=1", vec![lo(), bare], Route::Via(2));
        (facts.comes_back, facts.source) = (Some(true), Some([10, 2, 2, 2].into()));
        let [(status, message, remedy), ..] = found(&facts);
        assert_eq!((status, message.contains("is from 10.2.2.2")), (Status::Warn, true), "{message}");
        // Each host is told another one.
        facts.host = "robot1".to_owned();
        assert_ne!(found(&facts)[0].2, remedy);
        // Nor has any other.
        facts.source = Some(Ipv4Addr::UNSPECIFIED);
        let found = findings(&facts).swap_remove(0);
        assert_eq!((found.status, found.is_fatal), (Status::Fail, false), "{found:?}");
        facts.url.ttl = 0;
        assert_eq!(findings(&facts)[0].status, Status::Warn);
        facts.comes_back = Some(false);
        assert!(findings(&facts)[0].is_fatal);
    }

    #[test]
    fn the_line_that_leads_elsewhere_is_the_one_that_is_replaced() {
        let mut facts = facts("udpm://?ttl=1", vec![lo(), eth0()], Route::Via(1));
        facts.entry = Some(RouteEntry { network: [239, 255, 0, 0].into(), bits: 16, kind: RouteKind::Unicast });
        assert_eq!(found(&facts)[1].2, ["ip route replace 239.255.0.0/16 dev eth0"]);
        facts.entry = Some(RouteEntry { network: [0; 4].into(), bits: 0, kind: RouteKind::Unicast });
        assert_eq!(found(&facts)[1].2, ["ip route replace 224.0.0.0/4 dev eth0"]);
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_unknown() {
        let mut facts = facts("udpm://", vec![lo()], Route::Unknown);
        let [interface, route, _] = found(&facts);
        assert_eq!((interface.0, route.0), (Status::Unknown, Status::Unknown));
        facts.untold = Some("no".to_owned());
        assert!(findings(&facts).iter().all(|finding| finding.status == Status::Unknown));
    }

    #[test]
    fn a_ttl_for_others_on_the_loopback_interface_reaches_nobody() {
        let [_, route, ttl] = found(&facts("udpm://?ttl=1&iface=lo", vec![lo(), eth0()], Route::Via(1)));
        assert_eq!((route.0, ttl.0), (Status::Fail, Status::Fail));
        assert_eq!(ttl.2, ["export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=1&iface=eth0'"]);
        let [_, route, ttl] = found(&facts("udpm://?ttl=3", vec![lo(), eth0()], Route::Via(1)));
        assert_eq!((route.0, ttl.0), (Status::Fail, Status::Pass));
        assert_eq!(route.2, ["ip route replace 224.0.0.0/4 dev eth0"]);
        assert!(ttl.1.contains("up to 2 routers"), "{ttl:?}");
    }

    #[test]
    fn whatever_is_wrong_with_an_interface_is_told_with_what_repairs_it() {
        let broken = |change: fn(&mut Interface)| {
            let mut interface = eth0();
            change(&mut interface);
            let [(status, message, remedy), ..] =
                found(&facts("udpm://?ttl=1&iface=eth0", vec![lo(), interface], Route::Via(2)));
            (status, message, remedy[0].clone())
        };
        let (status, message, remedy) = broken(|interface| interface.is_up = false);
        assert_eq!((status, &remedy[..]), (Status::Fail, "ip link set eth0 up"), "{message}");
        let (status, message, remedy) = broken(|interface| interface.addresses.clear());
        assert_eq!((status, remedy.starts_with("ip address add 169.254.")), (Status::Fail, true), "{message} {remedy}");
        let (status, message, remedy) = broken(|interface| interface.has_multicast = false);
        assert_eq!((status, &remedy[..]), (Status::Warn, "ip link set eth0 multicast on"), "{message}");
        let (status, message, _) = broken(|interface| interface.has_carrier = false);
        assert_eq!((status, message.contains("no cable")), (Status::Warn, true), "{message}");
        let mut down = lo();
        down.is_up = false;
        let [(status, message, remedy), ..] = found(&facts("udpm://", vec![down], Route::None));
        assert_eq!((status, &remedy[..]), (Status::Fail, &["ip link set lo up".to_owned()][..]), "{message}");
    }

    #[test]
    fn nothing_is_said_that_is_not_so_whatever_the_facts() {
        let flags = [false, true];
        for (url, route) in
            ["udpm://", "udpm://?ttl=1", "udpm://?iface=eth0", "udpm://?iface=lo&ttl=1"].into_iter().flat_map(|url| {
                [Route::None, Route::Refused, Route::Unknown, Route::Via(1), Route::Via(2), Route::Via(9)]
                    .map(|route| (url, route))
            })
        {
            for bits in 0..16_usize {
                let [up, multicast, carrier, address] = [0, 1, 2, 3].map(|bit| flags[bits >> bit & 1]);
                let mut eth0 = eth0();
                (eth0.is_up, eth0.has_multicast, eth0.has_carrier) = (up, multicast, carrier);
                if !address {
                    eth0.addresses.clear();
                }
                let facts = facts(url, vec![lo(), eth0], route);
                for finding in findings(&facts) {
                    // Whatever is wrong can be repaired, and nothing is repaired that is well.
                    let needs_remedy = matches!(finding.status, Status::Warn | Status::Fail);
                    assert_eq!(needs_remedy, !finding.remedy.is_empty(), "{facts:?}: {finding:?}");
                }
            }
        }
    }
}
