//! Which datagrams the kernel need not deliver: subscriptions compiled to a classic BPF program over the channel bytes.
//!
//! What the program refuses never wakes this process. It is exact where it refuses: a datagram it cannot judge (a fragment
//! that carries no channel, anything of four bytes and more that is not LCM) passes, and is judged again above. Fragments of
//! this process's own messages are the exception: what those are is known to who sends them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use libc::{BPF_ABS, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_RET, BPF_W};
use socket2::{SockFilter, Socket};

use crate::wire::{FRAGMENT_HEADER_BYTES, FRAGMENT_MAGIC, SHORT_HEADER_BYTES, SHORT_MAGIC};

/// Bytes that a channel name, followed by its NUL, must begin with.
///
/// A whole name is asked for by ending with the NUL, a prefix without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Beginning(Vec<u8>);

impl Beginning {
    /// The one channel of this name.
    pub(crate) fn exact(name: &[u8]) -> Self {
        Self([name, b"\0"].concat())
    }

    /// All channels that begin so.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        Self(prefix.to_vec())
    }
}

/// A receiving socket with a filter.
#[derive(Debug)]
pub(crate) struct FilteredSocket(pub(crate) Arc<Socket>);

impl FilteredSocket {
    /// Has the kernel deliver what begins with any of `wanted`, and no fragments from `unwanted_sender`. Where everything is
    /// wanted (`None`), or it cannot be expressed, the filter is taken off, and the answer is `None`.
    pub(crate) fn filter(self, wanted: Option<&[Beginning]>, unwanted_sender: Option<SocketAddrV4>) -> Option<Self> {
        if let Some(program) = wanted.and_then(|wanted| program(wanted, unwanted_sender))
            && self.0.attach_filter(&program).is_ok()
        {
            return Some(self);
        }
        // Fails only where there is none.
        let _ = self.0.detach_filter();
        None
    }
}

/// A program that passes what begins with any of `wanted`, and of fragments without a channel those that are not from
/// `unwanted_sender`; `None` where it would be too long.
fn program(wanted: &[Beginning], unwanted_sender: Option<SocketAddrV4>) -> Option<Vec<SockFilter>> {
    // A read past the end of a datagram refuses it. With the short beginnings first, that can only happen where those that
    // remain are longer than the datagram too.
    let mut wanted: Vec<&[u8]> = wanted.iter().map(|beginning| &beginning.0[..]).collect();
    wanted.sort_by_key(|beginning| (beginning.len(), *beginning));
    wanted.dedup();
    // No datagram comes from there, so without a sender the comparison fails.
    let unwanted_sender = unwanted_sender.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut program = vec![
        statement(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER_BYTES),
        // A short message: the name begins here, and the ten instructions about fragments are passed over.
        jump_if_equal(SHORT_MAGIC, 0, 2),
        statement(BPF_LDX | BPF_W | BPF_IMM, UDP_HEADER_BYTES + to_u32(SHORT_HEADER_BYTES)),
        statement(BPF_JMP | libc::BPF_JA, 10),
        // What is not LCM goes to PASS below.
        jump_if_equal(FRAGMENT_MAGIC, 0, 6),
        // Fragment 0 goes to where its name begins; the others have none, and their sender decides.
        statement(BPF_LD | BPF_H | BPF_ABS, UDP_HEADER_BYTES + FRAGMENT_NUMBER_OFFSET),
        jump_if_equal(0, 6, 0),
        statement(BPF_LD | BPF_W | BPF_ABS, IP_HEADER + SOURCE_ADDRESS_OFFSET),
        jump_if_equal(unwanted_sender.ip().to_bits(), 0, 2),
        statement(BPF_LD | BPF_H | BPF_ABS, SOURCE_PORT_OFFSET),
        jump_if_equal(unwanted_sender.port().into(), 1, 0),
        PASS,
        REFUSE,
        statement(BPF_LDX | BPF_W | BPF_IMM, UDP_HEADER_BYTES + to_u32(FRAGMENT_HEADER_BYTES)),
    ];
    for beginning in wanted {
        compare(&mut program, beginning);
    }
    program.push(REFUSE);
    (program.len() <= MAX_INSTRUCTIONS).then_some(program)
}

/// Appends instructions that pass a datagram whose name begins so, and go on behind them otherwise.
fn compare(program: &mut Vec<SockFilter>, beginning: &[u8]) {
    let pieces: Vec<(u32, u32, u32)> = pieces(beginning);
    // Two instructions a piece, and the one that passes.
    let mut left = 2 * pieces.len() + 1;
    for (width, offset, value) in pieces {
        program.push(statement(BPF_LD | width | BPF_IND, offset));
        left -= 2;
        // At most 64 bytes in pieces of four and three smaller ones, so this fits a byte.
        program.push(jump_if_equal(value, 0, u8::try_from(left).unwrap_or(u8::MAX)));
    }
    program.push(PASS);
}

/// Words as long as there are any, then at most a half-word and a byte: width, offset, value.
fn pieces(beginning: &[u8]) -> Vec<(u32, u32, u32)> {
    let (words, rest) = beginning.as_chunks::<4>();
    let mut pieces = Vec::new();
    let mut offset = 0;
    for word in words {
        pieces.push((BPF_W, offset, u32::from_be_bytes(*word)));
        offset += 4;
    }
    let (halves, rest) = rest.as_chunks::<2>();
    for half in halves {
        pieces.push((BPF_H, offset, u16::from_be_bytes(*half).into()));
        offset += 2;
    }
    for &byte in rest {
        pieces.push((BPF_B, offset, byte.into()));
    }
    pieces
}

fn statement(code: u32, k: u32) -> SockFilter {
    SockFilter::new(to_u16(code), 0, 0, k)
}

fn jump_if_equal(value: u32, then: u8, otherwise: u8) -> SockFilter {
    SockFilter::new(to_u16(BPF_JMP | BPF_JEQ | BPF_K), then, otherwise, value)
}

const fn to_u32(bytes: usize) -> u32 {
    assert!(bytes < 1024);
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    {
        bytes as u32
    }
}

const fn to_u16(code: u32) -> u16 {
    assert!(code < 0x100);
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    {
        code as u16
    }
}

const PASS: SockFilter = SockFilter::new(to_u16(BPF_RET | BPF_K), 0, 0, u32::MAX);
const REFUSE: SockFilter = SockFilter::new(to_u16(BPF_RET | BPF_K), 0, 0, 0);

/// What a filter sees of a datagram begins with its UDP header, and that with the source port.
const UDP_HEADER_BYTES: u32 = 8;
const SOURCE_PORT_OFFSET: u32 = 0;

/// Offsets from here on (`SKF_NET_OFF`) reach into the IP header.
const IP_HEADER: u32 = libc::SKF_NET_OFF.cast_unsigned();
const SOURCE_ADDRESS_OFFSET: u32 = 12;

/// Where [`crate::wire::FragmentHeader`] has its fragment number.
const FRAGMENT_NUMBER_OFFSET: u32 = 16;

/// What the kernel takes (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use socket2::SockRef;

    use super::*;
    use crate::channel::Channel;
    use crate::fragment::Parts;

    /// A socket with the program, and one that sends to it.
    struct Pair {
        receiver: UdpSocket,
        sender: UdpSocket,
    }

    impl Pair {
        fn new(wanted: &[Beginning]) -> Self {
            let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
            receiver.set_nonblocking(true).unwrap();
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            sender.connect(receiver.local_addr().unwrap()).unwrap();
            let pair = Self { receiver, sender };
            pair.attach(wanted, None);
            pair
        }

        fn attach(&self, wanted: &[Beginning], unwanted_sender: Option<SocketAddrV4>) {
            SockRef::from(&self.receiver).attach_filter(&program(wanted, unwanted_sender).unwrap()).unwrap();
        }

        fn passes(&self, datagram: &[u8]) -> bool {
            self.sender.send(datagram).unwrap();
            // On loopback a datagram is there when `send` returns, or never comes.
            self.receiver.recv(&mut [0; 2000]).is_ok()
        }
    }

    fn datagrams(channel: &str, payload: usize) -> Vec<Vec<u8>> {
        Parts::new(Channel::new(channel).unwrap(), 3, payload, 1400)
            .unwrap()
            .map(|part| [part.header(), &vec![0; part.payload.len()]].concat())
            .collect()
    }

    #[test]
    fn exactly_what_begins_so_passes() {
        let mut random = fastrand::Rng::with_seed(5);
        let name = |random: &mut fastrand::Rng| -> String {
            (0..random.usize(..10)).map(|_| random.choice(['a', 'b']).unwrap()).collect()
        };
        for _ in 0..300 {
            let exact: Vec<_> = (0..random.usize(..6)).map(|_| name(&mut random)).collect();
            let prefixes: Vec<_> = (0..random.usize(..3)).map(|_| name(&mut random) + "ab").collect();
            let wanted: Vec<_> = exact
                .iter()
                .map(|name| Beginning::exact(name.as_bytes()))
                .chain(prefixes.iter().map(|prefix| Beginning::prefix(prefix.as_bytes())))
                .collect();
            let pair = Pair::new(&wanted);
            for _ in 0..20 {
                let channel = name(&mut random);
                let expected = exact.contains(&channel) || prefixes.iter().any(|prefix| channel.starts_with(prefix));
                for payload in [0, 1, 7, 5000] {
                    let datagrams = datagrams(&channel, payload);
                    assert_eq!(pair.passes(&datagrams[0]), expected, "{channel} for {exact:?} {prefixes:?}");
                    assert!(datagrams[1..].iter().all(|datagram| pair.passes(datagram)));
                }
            }
        }
    }

    #[test]
    fn fragments_without_a_channel_are_refused_from_the_unwanted_sender_only() {
        let pair = Pair::new(&[]);
        let std::net::SocketAddr::V4(own) = pair.sender.local_addr().unwrap() else { panic!() };
        let wanted = [Beginning::exact(b"A")];
        let fragments = datagrams("A", 5000);
        for (sender, passes) in [
            (own, false),
            (SocketAddrV4::new(*own.ip(), own.port() ^ 1), true),
            (SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), own.port()), true),
        ] {
            pair.attach(&wanted, Some(sender));
            assert!(pair.passes(&fragments[0]));
            assert_eq!(pair.passes(&fragments[1]), passes);
            assert!(pair.passes(&datagrams("A", 5)[0]));
        }
    }

    #[test]
    fn what_is_not_lcm_passes_to_be_counted() {
        let pair = Pair::new(&[Beginning::exact(b"A")]);
        assert!(pair.passes(b"HTTP/1.1 200 OK"));
        assert!(!pair.passes(&datagrams("B", 0)[0]));
    }

    #[test]
    fn a_name_of_63_bytes_is_told_from_its_neighbours() {
        let name = "n".repeat(63);
        let pair = Pair::new(&[Beginning::exact(name.as_bytes())]);
        assert!(pair.passes(&datagrams(&name, 0)[0]));
        assert!(!pair.passes(&datagrams(&name[1..], 0)[0]));
        assert!(!pair.passes(&datagrams(&(name[1..].to_owned() + "m"), 0)[0]));
    }

    #[test]
    fn too_many_names_make_no_program() {
        let names =
            |count: usize| -> Vec<_> { (0..count).map(|n| Beginning::exact(format!("{n:063}").as_bytes())).collect() };
        assert!(program(&names(100), None).is_some());
        assert!(program(&names(200), None).is_none());
    }
}
