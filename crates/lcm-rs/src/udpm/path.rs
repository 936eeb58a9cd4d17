//! Which way datagrams leave and come in: the interface, and the group membership on it.
//!
//! Noticing that the way has changed is the business of [`super::watch`].
//!
//! As in C LCM the kernel's multicast route decides, so that both are heard by each other on one host. Where there is no
//! route (a laptop without network, a fresh namespace) the loopback interface serves, and C LCM would refuse to start.
//!
//! A membership belongs to a socket of its own, not to the one that receives: on Linux a socket hears a group that anyone on
//! the host has joined (`IP_MULTICAST_ALL`, on by default), so moving to another interface is opening a new membership and
//! closing the old one, without a moment of deafness. It also lets joiners on different interfaces of one host hear each
//! other.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use rustix::io::Errno;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::route;
use crate::url::{Interface, UdpmUrl};

/// A way onto the bus.
#[derive(Debug)]
pub(crate) struct Path {
    /// Connected to the group, on its own ephemeral port.
    pub(crate) socket: Socket,
    /// Held, not used: it keeps this host in the group.
    pub(crate) membership: Socket,
    /// Where datagrams come from.
    pub(crate) local: SocketAddrV4,
    /// What tells this way from another.
    pub(crate) route: Route,
}

/// What tells one way onto the bus from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The address datagrams are sent from.
    pub(crate) source: Ipv4Addr,
    /// Whether it is the loopback interface for want of a route.
    pub(crate) fallback: bool,
}

/// Why there is no way onto the bus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The URL names an interface that is not there, or cannot be used.
    #[error("interface {interface} cannot be used for {group}: {source}; `ip address` lists the interfaces")]
    Interface {
        /// The interface.
        interface: String,
        /// The multicast group and port.
        group: SocketAddrV4,
        /// What the kernel says.
        source: io::Error,
    },
    /// There is no route, and loopback does not work either.
    #[error("no multicast route to {group}, and loopback does not work: {source}; try `ip link set lo up`")]
    Loopback {
        /// The multicast group and port.
        group: SocketAddrV4,
        /// What the kernel says.
        source: io::Error,
    },
    /// A socket could not be made or set up.
    #[error("cannot set up a socket for {group}: {source}")]
    Socket {
        /// The multicast group and port.
        group: SocketAddrV4,
        /// What the kernel says.
        source: io::Error,
    },
}

impl Path {
    /// Finds the way that the URL and the kernel's routes ask for now.
    pub(crate) fn find(url: &UdpmUrl) -> Result<Self, PathError> {
        let group = url.group;
        if let Some(interface) = &url.iface {
            let error = |source| PathError::Interface { interface: interface.to_string(), group, source };
            return Self::open(url, Some(resolve(interface).map_err(error)?), None, false).map_err(error);
        }
        // Where the kernel does not tell, the socket finds its way alone.
        let hop = route::hop_to(*group.ip()).ok();
        let source = hop.and_then(|hop| hop.source);
        let routed = hop.map(|hop| InterfaceIndexOrAddress::Index(hop.interface));
        match Self::open(url, routed, source, false) {
            Ok(path) => Ok(path),
            Err(error) if is_want_of_route(&error) => {
                let error = |source| PathError::Loopback { group, source };
                let loopback = InterfaceIndexOrAddress::Index(index_of("lo").map_err(error)?);
                Self::open(url, Some(loopback), None, true).map_err(error)
            }
            Err(source) => Err(PathError::Socket { group, source }),
        }
    }

    /// `source` is the address to send from; without it the kernel chooses one.
    fn open(
        url: &UdpmUrl,
        interface: Option<InterfaceIndexOrAddress>,
        source: Option<Ipv4Addr>,
        fallback: bool,
    ) -> io::Result<Self> {
        let group = url.group;
        let membership = udp_socket()?;
        let any = InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED);
        membership.join_multicast_v4_n(group.ip(), interface.as_ref().unwrap_or(&any))?;
        let socket = udp_socket()?;
        socket.set_multicast_ttl_v4(url.ttl.into())?;
        match interface {
            Some(InterfaceIndexOrAddress::Index(index)) => {
                // The kernel finds an address to send from on any interface but this one.
                let chosen = source.unwrap_or(Ipv4Addr::UNSPECIFIED);
                let source = if index == index_of("lo")? { Ipv4Addr::LOCALHOST } else { chosen };
                rustix::net::sockopt::set_ip_multicast_if_with_ifindex(
                    &socket,
                    &Ipv4Addr::UNSPECIFIED,
                    &source,
                    index,
                )?;
            }
            Some(InterfaceIndexOrAddress::Address(address)) => socket.set_multicast_if_v4(&address)?,
            None => {}
        }
        // Never from the group's own port: two senders with one source port make C LCM merge their messages.
        socket.connect(&SocketAddr::V4(group).into())?;
        let local = socket.local_addr()?.as_socket_ipv4().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { socket, membership, local, route: Route { source: *local.ip(), fallback } })
    }
}

impl Route {
    /// Logs which way is used.
    pub(crate) fn report(self, url: &UdpmUrl) {
        let Self { source, fallback } = self;
        let group = url.group;
        if fallback {
            tracing::info!(%group, "no multicast route: on the loopback interface, so only this host is reached");
        } else {
            tracing::debug!(%group, %source, "on the bus");
        }
    }
}

/// Errors with which sending fails when an interface or route has gone.
pub(crate) fn is_lost_route(error: &io::Error) -> bool {
    use Errno as E;
    matches!(
        Errno::from_io_error(error),
        Some(E::NETUNREACH | E::NETDOWN | E::HOSTUNREACH | E::ADDRNOTAVAIL | E::NODEV | E::NXIO | E::INVAL)
    )
}

fn is_want_of_route(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NETUNREACH | Errno::NODEV | Errno::NETDOWN | Errno::HOSTUNREACH | Errno::ADDRNOTAVAIL)
    )
}

fn resolve(interface: &Interface) -> io::Result<InterfaceIndexOrAddress> {
    match interface {
        Interface::Name(name) => index_of(name).map(InterfaceIndexOrAddress::Index),
        Interface::Address(address) => Ok(InterfaceIndexOrAddress::Address(*address)),
    }
}

fn index_of(name: &str) -> io::Result<u32> {
    let socket = udp_socket()?;
    Ok(rustix::net::netdevice::name_to_index(&socket, name)?)
}

/// A UDP socket that a started program does not inherit.
pub(crate) fn udp_socket() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::DGRAM.cloexec(), Some(Protocol::UDP))
}
