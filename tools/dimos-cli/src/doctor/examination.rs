//! The order in which facts are gathered, and what is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, select};
use dimos::Dimos;
use dimos::presence::Event;
use lcm::UdpmUrl;

use super::finding::{Finding, Rights, Status};
use super::kernel::Counters;
use super::netlink::{self, Interface, Route, UdpSocket};
use super::round_trip::Joined;
use super::{buffers, firewall, kernel, mesh, network, rights, round_trip, runs, traffic};
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// Who has which socket, by inode.
type Owners = BTreeMap<u32, (u32, String)>;

/// Looks at everything. About four seconds.
pub(super) fn examine(url: &UdpmUrl, context: &Context) -> Result<Vec<Finding>, Failure> {
    let rights = rights();
    let (trip, joined) = round_trip::try_it(url);
    context.interrupt.check()?;
    let network = network_facts(url, rights, &trip);
    let mut findings = network::findings(&network);
    let used = network.used().cloned();
    let works = trip.comes_back() == Some(true);
    let around = joined.map(|joined| Around::look(joined, works, url, context)).transpose()?;
    let sockets = netlink::udp_sockets().ok();
    let owners = kernel::owners();
    let traffic = traffic_facts(&network, around.as_ref(), used.as_ref());
    findings.push(firewall::finding(&firewall_facts(&network, &trip, &traffic, used.as_ref())));
    let before = around.as_ref().and_then(|around| around.sockets.as_ref());
    let receivers = sockets.as_ref().map(|sockets| receivers(url, sockets, before, &owners));
    let repaired = repaired(&findings);
    let others = receivers.as_deref().unwrap_or_default();
    findings.extend(round_trip::findings(&trip, url, rights, others, &repaired));
    let counted = around.as_ref().and_then(|around| around.counted);
    let buffers = buffer_facts(&network, &trip, &traffic, used.as_ref(), receivers, counted);
    findings.extend(buffers::findings(&buffers));
    if let Some(around) = &around {
        findings.extend(traffic::findings(&traffic));
        match &around.mesh {
            Some(Ok(mesh)) => findings.extend(mesh::findings(mesh, rights)),
            Some(Err(why)) => findings.push(Finding::unknown("names", why)),
            None => findings.push(Finding::unknown("names", "the mesh is not asked, since the bus does not work")),
        }
    }
    findings.push(runs::finding(&runs::look(url, sockets.as_deref().unwrap_or_default())));
    Ok(findings)
}

/// What came of looking around for a while.
struct Around {
    heard: traffic::Heard,
    /// None if the kernel does not tell.
    counted: Option<Counters>,
    /// The sockets as they were before; none if the kernel does not tell.
    sockets: Option<Vec<UdpSocket>>,
    /// Where this command sends from.
    own_ports: BTreeSet<u16>,
    /// None if it was not asked, and an error if it does not tell.
    mesh: Option<Result<mesh::Facts, String>>,
}

impl Around {
    fn look(mut joined: Joined, works: bool, url: &UdpmUrl, context: &Context) -> Result<Self, Failure> {
        let sockets = netlink::udp_sockets().ok();
        let before = Counters::now();
        let mesh = works.then(|| context.mesh());
        let mesh = mesh.map(|mesh| mesh.map(|dimos| (dimos.events(), dimos)));
        let heard = traffic::listen(&mut joined, LISTENED, &context.interrupt)?;
        let counted = before.zip(Counters::now()).map(|(before, after)| {
            let counted = after.since(before);
            // What this command lost is told apart.
            Counters { full_buffers: counted.full_buffers.saturating_sub(heard.kernel_drops), ..counted }
        });
        let own_ports = own_ports(url);
        drop(joined);
        context.interrupt.check()?;
        let asked = |(events, dimos)| ask(dimos, events, &context.interrupt);
        let mesh = match mesh {
            Some(Ok(joined)) => Some(asked(joined)?),
            Some(Err(failure)) => Some(Err(format!("the mesh cannot be joined: {}", failure.message()))),
            None => None,
        };
        Ok(Self { heard, counted, sockets, own_ports, mesh })
    }
}

/// Asks the mesh, for so long as it may take and no longer, whatever goes over the bus meanwhile.
fn ask(dimos: Dimos, events: Receiver<Event>, interrupt: &Interrupt) -> Result<Result<mesh::Facts, String>, Failure> {
    let (tell, told) = bounded(1);
    // It ends by itself, or with this process.
    std::thread::spawn(move || tell.send(mesh::ask(&dimos, &events)));
    select! {
        recv(told) -> facts => Ok(facts.map_err(|_| "the mesh cannot be asked".to_owned())),
        recv(interrupt.receiver()) -> _ => Err(Failure::interrupted()),
        default(ASKED_WITHIN) => Ok(Err(format!("the mesh did not tell within {ASKED_WITHIN:?}"))),
    }
}

fn network_facts(url: &UdpmUrl, rights: Rights, trip: &round_trip::Facts) -> network::Facts {
    let group = *url.group.ip();
    let (interfaces, untold) = match netlink::interfaces() {
        Ok(interfaces) => (interfaces, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    network::Facts {
        url: url.clone(),
        rights,
        interfaces,
        untold,
        route: netlink::route_to(group).unwrap_or(Route::Unknown),
        entry: netlink::entry_for(group).unwrap_or_default(),
        wireless: kernel::wireless(),
        comes_back: trip.comes_back(),
        source: trip.source.map(|source| *source.ip()),
        host: kernel::host(),
    }
}

fn traffic_facts(network: &network::Facts, around: Option<&Around>, used: Option<&Interface>) -> traffic::Facts {
    traffic::Facts {
        url: network.url.clone(),
        rights: network.rights,
        heard: around.map(|around| around.heard.clone()).unwrap_or_default(),
        own_ports: around.map(|around| around.own_ports.clone()).unwrap_or_default(),
        own_addresses: network.interfaces.iter().flat_map(addresses).collect(),
        leaves_host: network.leaves_host(),
        interface: used.map(|interface| interface.name.clone()),
    }
}

/// How the reverse path filter is set for an interface: the larger of two counts.
fn reverse_path_filter(interface: &Interface) -> Option<u64> {
    let [all, own] = ["all", &interface.name].map(|name| kernel::variable(&format!("net/ipv4/conf/{name}/rp_filter")));
    Some(all?.max(own?))
}

fn firewall_facts(
    network: &network::Facts,
    trip: &round_trip::Facts,
    traffic: &traffic::Facts,
    used: Option<&Interface>,
) -> firewall::Facts {
    let first_address = || used.and_then(|interface| addresses(interface).next());
    firewall::Facts {
        rights: network.rights,
        rules: firewall::read_rules(),
        has_legacy_rules: firewall::has_legacy_rules(),
        manager: firewall::manager(),
        interface: used.map(|interface| interface.name.clone()),
        source: trip.source.map(|source| *source.ip()).or_else(first_address),
        group: *network.url.group.ip(),
        port: network.url.group.port(),
        comes_back: trip.comes_back(),
        loses: trip.loses(),
        is_forbidden: trip.unsent.as_ref().is_some_and(|(_, is_forbidden)| *is_forbidden),
        meets_hosts: network.leaves_host(),
        hears_hosts: !traffic.other_hosts().is_empty(),
    }
}

fn buffer_facts(
    network: &network::Facts,
    trip: &round_trip::Facts,
    traffic: &traffic::Facts,
    used: Option<&Interface>,
    receivers: Option<Vec<buffers::Receiver>>,
    counted: Option<Counters>,
) -> buffers::Facts {
    let is_elsewhere =
        |other: &Interface| other.is_up && !other.is_loopback && used.is_none_or(|used| used.index != other.index);
    let mut elsewhere = network.interfaces.iter().filter(|other| is_elsewhere(other));
    buffers::Facts {
        url: network.url.clone(),
        rights: network.rights,
        obtained: trip.receive_buffer_bytes,
        rmem_max: kernel::variable("net.core.rmem_max"),
        rmem_default: kernel::variable("net.core.rmem_default"),
        receivers,
        ipfrag_high_thresh: kernel::variable("net.ipv4.ipfrag_high_thresh"),
        interface: used.map(|interface| interface.name.clone()),
        mtu: used.map(|interface| interface.mtu),
        leaves_host: network.leaves_host(),
        rp_filter: used.and_then(reverse_path_filter),
        filters_elsewhere: elsewhere.any(|other| reverse_path_filter(other).is_none_or(|filter| filter > 0)),
        counted,
        hears_hosts: !traffic.other_hosts().is_empty(),
        loses_of_hosts: traffic.loses_of_hosts(),
        listened_s: traffic.heard.span_s,
    }
}

fn addresses(interface: &Interface) -> impl Iterator<Item = Ipv4Addr> {
    interface.addresses.iter().map(|(address, _)| *address)
}

/// The other programs that are bound to the port of the bus, or were when it was looked before.
fn receivers(
    url: &UdpmUrl,
    now: &[UdpSocket],
    before: Option<&Vec<UdpSocket>>,
    owners: &Owners,
) -> Vec<buffers::Receiver> {
    let own = std::process::id();
    let is_there = |socket: &&UdpSocket| {
        socket.port == url.group.port() && (socket.address == *url.group.ip() || socket.address.is_unspecified())
    };
    let others =
        now.iter().filter(is_there).filter(|socket| owners.get(&socket.inode).is_none_or(|(pid, _)| *pid != own));
    let receiver = |socket: &UdpSocket| {
        let earlier = before.and_then(|before| before.iter().find(|earlier| earlier.inode == socket.inode));
        let memory = [earlier.and_then(|earlier| earlier.memory), socket.memory].map(Option::unwrap_or_default);
        buffers::Receiver {
            process: owners.get(&socket.inode).cloned(),
            buffer: socket.memory.map(|memory| memory.buffer),
            is_full: memory.iter().any(|memory| memory.buffer > 0 && memory.queued >= memory.buffer / 2),
            // One that was opened meanwhile has lost all that it lost meanwhile.
            dropped: memory[1].dropped.saturating_sub(memory[0].dropped),
        }
    };
    others.map(receiver).collect()
}

/// The ports that this process has sockets on, but for that of the bus.
fn own_ports(url: &UdpmUrl) -> BTreeSet<u16> {
    let (owners, own) = (kernel::owners(), std::process::id());
    let sockets = netlink::udp_sockets().unwrap_or_default();
    let is_own = |socket: &UdpSocket| owners.get(&socket.inode).is_some_and(|(pid, _)| *pid == own);
    let ports = sockets.into_iter().filter(is_own).map(|socket| socket.port);
    ports.filter(|port| *port != url.group.port()).collect()
}

/// What repairs that which keeps the bus from being joined, as far as it was found.
fn repaired(findings: &[Finding]) -> Vec<String> {
    let broken = findings.iter().filter(|finding| finding.status == Status::Fail);
    broken.flat_map(|finding| finding.remedy.iter().cloned()).collect()
}

/// How long it is listened to the others.
const LISTENED: Duration = Duration::from_secs(2);

/// For the whole mesh; it is known about a second after it was joined, and asked for some more.
const ASKED_WITHIN: Duration = Duration::from_secs(6);
