//! What the kernel knows of interfaces, addresses, routes and sockets: asked over netlink, which needs no privilege and knows the
//! network namespace. What follows from the answers is decided elsewhere.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) is_up: bool,
    pub(super) is_loopback: bool,
    pub(super) has_multicast: bool,
    /// Whether something is at the other end.
    pub(super) has_carrier: bool,
    pub(super) mtu: u32,
    /// Its addresses, and how many bits of each are the network's.
    pub(super) addresses: Vec<(Ipv4Addr, u8)>,
}

/// Where the kernel would send datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Out of the interface with this index.
    Via(u32),
    /// Nowhere: there is none.
    None,
    /// Nowhere: one refuses them.
    Refused,
    /// The kernel does not tell.
    Unknown,
}

/// A line of the routing table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouteEntry {
    pub(super) network: Ipv4Addr,
    pub(super) bits: u8,
    pub(super) kind: RouteKind,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteKind {
    /// It leads somewhere.
    Unicast,
    /// It drops without a word.
    Blackhole,
    /// It answers that there is no way.
    Unreachable,
    /// It answers that it is forbidden.
    Prohibit,
    Other,
}

/// A UDP socket of this network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UdpSocket {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    pub(super) user: u32,
    pub(super) inode: u32,
    pub(super) memory: Option<Memory>,
}

/// What waits to be received, in bytes as the kernel counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) queued: u32,
    pub(super) buffer: u32,
    /// Datagrams that did not get into it since the socket was opened.
    pub(super) dropped: u32,
}

/// All interfaces with their IPv4 addresses.
pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut netlink = Netlink::open(None)?;
    let links = netlink.ask(GETLINK, DUMP, &[0; 16])?;
    let addresses = netlink.ask(GETADDR, DUMP, &[AF_INET, 0, 0, 0, 0, 0, 0, 0])?;
    let mut interfaces: Vec<_> = links.iter().filter_map(|body| interface(body)).collect();
    for (index, address) in addresses.iter().filter_map(|body| address(body)) {
        if let Some(interface) = interfaces.iter_mut().find(|interface| interface.index == index) {
            interface.addresses.push(address);
        }
    }
    Ok(interfaces)
}

/// Where datagrams to this address would go.
pub(super) fn route_to(destination: Ipv4Addr) -> io::Result<Route> {
    let mut body = vec![AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&8_u16.to_ne_bytes());
    body.extend_from_slice(&RTA_DST.to_ne_bytes());
    body.extend_from_slice(&destination.octets());
    match Netlink::open(None)?.ask(GETROUTE, 0, &body) {
        Ok(answers) => Ok(answers.first().and_then(|body| out_interface(body)).map_or(Route::None, Route::Via)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NETUNREACH) => Ok(Route::None),
            Some(Errno::HOSTUNREACH | Errno::ACCESS | Errno::INVAL) => Ok(Route::Refused),
            _ => Err(error),
        },
    }
}

/// The most special line of the main table that is about this address.
pub(super) fn entry_for(destination: Ipv4Addr) -> io::Result<Option<RouteEntry>> {
    let mut body = [0; 12];
    body[0] = AF_INET;
    let entries = Netlink::open(None)?.ask(GETROUTE, DUMP, &body)?;
    let entries = entries.iter().filter_map(|body| route_entry(body)).filter(|entry| entry.contains(destination));
    Ok(entries.max_by_key(|entry| entry.bits))
}

/// All UDP sockets over IPv4.
pub(super) fn udp_sockets() -> io::Result<Vec<UdpSocket>> {
    let mut body = [0; 56];
    (body[0], body[1], body[2]) = (AF_INET, IPPROTO_UDP, 1 << (DIAG_SKMEMINFO - 1));
    body[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    let sockets = Netlink::open(Some(SOCK_DIAG))?.ask(SOCK_DIAG_BY_FAMILY, DUMP, &body)?;
    Ok(sockets.iter().filter_map(|body| udp_socket(body)).collect())
}

impl RouteEntry {
    fn contains(&self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - u32::from(self.bits.min(32))).unwrap_or_default();
        u32::from(address) & mask == u32::from(self.network) & mask
    }

    /// As `ip route` writes it.
    pub(super) fn to_text(self) -> String {
        let kind = match self.kind {
            RouteKind::Blackhole => "blackhole ",
            RouteKind::Unreachable => "unreachable ",
            RouteKind::Prohibit => "prohibit ",
            RouteKind::Unicast | RouteKind::Other => "",
        };
        match self.bits {
            0 => format!("{kind}default"),
            bits => format!("{kind}{}/{bits}", self.network),
        }
    }

    pub(super) fn refuses(self) -> bool {
        matches!(self.kind, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit)
    }
}

struct Netlink {
    socket: OwnedFd,
}

impl Netlink {
    fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { socket })
    }

    /// Asks, and returns the bodies of all answers: one, or with [`DUMP`] many.
    fn ask(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
        let mut request = length.to_ne_bytes().to_vec();
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        request.extend_from_slice(&[0; 8]);
        request.extend_from_slice(body);
        rustix::net::send(&self.socket, &request, SendFlags::empty())?;
        let mut bodies = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (bytes, _) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
            if bytes == 0 || take_answers(&buffer[..bytes.min(buffer.len())], &mut bodies)? || flags != DUMP {
                return Ok(bodies);
            }
        }
    }
}

/// Takes the answers out of what came at once. True if they were the last.
fn take_answers(mut bytes: &[u8], bodies: &mut Vec<Vec<u8>>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = bytes.get(HEADER..length) else { return Err(io::ErrorKind::InvalidData.into()) };
        match kind {
            DONE => return Ok(true),
            ERROR => match u32_at(body, 0).unwrap_or_default().cast_signed() {
                0 => return Ok(true),
                code => return Err(io::Error::from_raw_os_error(code.saturating_neg())),
            },
            _ => bodies.push(body.to_vec()),
        }
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
    }
    Ok(false)
}

fn interface(body: &[u8]) -> Option<Interface> {
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let mut interface = Interface {
        index,
        is_up: flags & IFF_UP != 0,
        is_loopback: flags & IFF_LOOPBACK != 0,
        has_multicast: flags & IFF_MULTICAST != 0,
        has_carrier: flags & IFF_LOWER_UP != 0,
        ..Interface::default()
    };
    for (kind, value) in attributes(body, 16) {
        match kind {
            IFLA_IFNAME => interface.name = String::from_utf8_lossy(value.strip_suffix(b"\0").unwrap_or(value)).into(),
            IFLA_MTU => interface.mtu = u32_at(value, 0)?,
            _ => {}
        }
    }
    Some(interface)
}

fn address(body: &[u8]) -> Option<(u32, (Ipv4Addr, u8))> {
    let (bits, index) = (*body.get(1)?, u32_at(body, 4)?);
    let of_kind = |wanted| attributes(body, 8).find(|(kind, _)| *kind == wanted);
    // Where there is another end, that is `IFA_ADDRESS`.
    let (_, value) = of_kind(IFA_LOCAL).or_else(|| of_kind(IFA_ADDRESS))?;
    Some((index, (ipv4(value)?, bits)))
}

fn out_interface(body: &[u8]) -> Option<u32> {
    attributes(body, 12).find(|(kind, _)| *kind == RTA_OIF).and_then(|(_, value)| u32_at(value, 0))
}

fn route_entry(body: &[u8]) -> Option<RouteEntry> {
    let (bits, table, kind) = (*body.get(1)?, *body.get(4)?, *body.get(7)?);
    if table != MAIN_TABLE {
        return None;
    }
    let network = attributes(body, 12).find(|(kind, _)| *kind == RTA_DST).and_then(|(_, value)| ipv4(value));
    let kind = match kind {
        1 => RouteKind::Unicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        _ => RouteKind::Other,
    };
    Some(RouteEntry { network: network.unwrap_or(Ipv4Addr::UNSPECIFIED), bits, kind })
}

fn udp_socket(body: &[u8]) -> Option<UdpSocket> {
    let port = u16::from_be_bytes(body.get(4..6)?.try_into().ok()?);
    let memory = attributes(body, 72).find(|(kind, _)| *kind == u16::from(DIAG_SKMEMINFO));
    // Numbers of `SK_MEMINFO_RMEM_ALLOC`, `SK_MEMINFO_RCVBUF` and `SK_MEMINFO_DROPS`, of four bytes each.
    let memory = memory.and_then(|(_, value)| {
        Some(Memory { queued: u32_at(value, 0)?, buffer: u32_at(value, 4)?, dropped: u32_at(value, 32)? })
    });
    Some(UdpSocket {
        address: ipv4(body.get(8..12)?)?,
        port,
        user: u32_at(body, 64)?,
        inode: u32_at(body, 68)?,
        memory,
    })
}

/// The attributes that follow a fixed part of so many bytes.
fn attributes(body: &[u8], fixed: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(fixed..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let (kind, value) = (u16_at(rest, 2)? & KIND, rest.get(4..length)?);
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?))
}

// See rtnetlink(7), netlink(7) and sock_diag(7).
const HEADER: usize = 16;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const GETLINK: u16 = 18;
const GETADDR: u16 = 22;
const GETROUTE: u16 = 26;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const IPPROTO_UDP: u8 = 17;
const MAIN_TABLE: u8 = 254;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 1 << 3;
const IFF_MULTICAST: u32 = 1 << 12;
const IFF_LOWER_UP: u32 = 1 << 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const DIAG_SKMEMINFO: u8 = 7;
/// Without the bits that say how the value is laid out.
const KIND: u16 = 0x3fff;

/// The kernel answers at once.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_loopback_interface_and_its_sockets_are_seen() {
        let found = interfaces().unwrap();
        let lo = found.iter().find(|interface| interface.is_loopback).unwrap();
        assert_eq!(lo.name, "lo");
        assert!(lo.mtu > 1000, "{lo:?}");
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let seen = udp_sockets().unwrap();
        let own = seen.iter().find(|seen| seen.port == port).unwrap();
        assert!(own.memory.is_none_or(|memory| memory.buffer > 2000 && memory.dropped == 0), "{own:?}");
    }

    #[test]
    fn answers_that_are_cut_or_make_no_sense_are_no_answers() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(..120)).map(|_| random.u8(..) >> random.u8(..8)).collect();
            let mut bodies = Vec::new();
            let _ = take_answers(&bytes, &mut bodies);
            for body in bodies.iter().chain([&bytes]) {
                let _ = (interface(body), address(body), out_interface(body), route_entry(body), udp_socket(body));
            }
        }
    }

    #[test]
    fn a_route_is_about_what_lies_in_its_network() {
        let entry = |network: [u8; 4], bits| RouteEntry { network: network.into(), bits, kind: RouteKind::Prohibit };
        let group = Ipv4Addr::new(239, 255, 76, 67);
        assert!(entry([224, 0, 0, 0], 4).contains(group) && entry([0; 4], 0).contains(group));
        assert!(entry([239, 255, 76, 67], 32).contains(group) && !entry([239, 255, 76, 66], 32).contains(group));
        assert_eq!(entry([224, 0, 0, 0], 4).to_text(), "prohibit 224.0.0.0/4");
        assert_eq!(entry([0; 4], 0).to_text(), "prohibit default");
    }
}
