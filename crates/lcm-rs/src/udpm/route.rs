//! Which interface the kernel's routes lead to, asked over netlink.
//!
//! A socket that is connected to a group does not follow the route by itself: connecting looks it up twice, the second time with the
//! source address that the first one found, and for multicast that address alone decides on the interface (`ip_route_connect` and
//! `ip_route_output_key_hash_rcu` in Linux). With the multicast route on `lo` and an address on `eth0`, it would send on `eth0`
//! what this host joined on `lo`.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// The way by which datagrams leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hop {
    /// The index of the interface.
    pub(super) interface: u32,
    /// The address that they are sent from, where the kernel says so.
    pub(super) source: Option<Ipv4Addr>,
}

/// The way by which datagrams to `destination` leave.
///
/// # Errors
/// That there is no route, as sending would say, or that the kernel does not tell.
pub(super) fn hop_to(destination: Ipv4Addr) -> io::Result<Hop> {
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    rustix::net::send(&socket, &question(destination), SendFlags::empty())?;
    let mut answer = [0; 4096];
    let (bytes, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    understood(answer.get(..bytes).unwrap_or_default())
}

/// `RTM_GETROUTE`: a header of 16 bytes, a `rtmsg` of 12, and the destination as its attribute of 8.
fn question(destination: Ipv4Addr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    bytes.extend_from_slice(&36_u32.to_ne_bytes());
    bytes.extend_from_slice(&RTM_GETROUTE.to_ne_bytes());
    bytes.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&[AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&8_u16.to_ne_bytes());
    bytes.extend_from_slice(&RTA_DST.to_ne_bytes());
    bytes.extend_from_slice(&destination.octets());
    bytes
}

fn understood(answer: &[u8]) -> io::Result<Hop> {
    let senseless = || io::Error::from(io::ErrorKind::InvalidData);
    match u16_at(answer, 4).ok_or_else(senseless)? {
        NLMSG_ERROR => {
            let code = u32_at(answer, 16).ok_or_else(senseless)?.cast_signed();
            Err(io::Error::from_raw_os_error(code.saturating_neg()))
        }
        RTM_NEWROUTE => {
            let (mut interface, mut source) = (None, None);
            let mut attributes = answer.get(28..).unwrap_or_default();
            while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
                match kind {
                    RTA_OIF => interface = u32_at(attributes, 4),
                    RTA_PREFSRC => source = u32_at(attributes, 4).map(|bytes| Ipv4Addr::from(bytes.to_ne_bytes())),
                    _ => {}
                }
                // Each begins at a multiple of four.
                attributes = attributes.get((usize::from(length).max(4) + 3) & !3..).unwrap_or_default();
            }
            Ok(Hop { interface: interface.ok_or_else(senseless)?, source })
        }
        _ => Err(senseless()),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The kernel answers at once.
const PATIENCE: Duration = Duration::from_millis(500);

// See netlink(7) and rtnetlink(7).
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_PREFSRC: u16 = 7;
const AF_INET: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_this_host_goes_by_its_loopback_interface() {
        let lo = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
        let hop = hop_to(Ipv4Addr::LOCALHOST).unwrap();
        assert_eq!(hop.interface.to_string(), lo.trim());
        assert_eq!(hop.source, Some(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn answers_that_are_cut_or_make_no_sense_are_errors() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..80)).map(|_| random.u8(..) >> random.u8(..8)).collect();
            if bytes.len() > 6 {
                bytes[4..6].copy_from_slice(&[RTM_NEWROUTE, NLMSG_ERROR][random.usize(..2)].to_ne_bytes());
            }
            let _ = understood(&bytes);
        }
        assert!(understood(&[]).is_err());
    }
}
