//! Whatever two senders claim in their fragments: no panic, no memory beyond what arrived, no message but a whole one.
//!
//! The input is a list of records, each one fragment: of which message, and which lies it tells. The lies are few and the
//! rest is honest, for otherwise hardly a message would ever be complete. The body is not in the input: each byte of it
//! follows from its place in its message, so that a message put together wrongly shows. Reading headers from raw bytes is
//! left to the target `datagram`.

#![no_main]
#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use lcm::reassembly::{Landing, Limits, Outcome, Reassembler};
use lcm::wire::{self, Datagram, FRAGMENT_MAGIC, FragmentHeader};
use libfuzzer_sys::fuzz_target;
use zerocopy::IntoBytes;

fuzz_target!(|input: &[u8]| {
    let mut receiver = Receiver { reassembler: Reassembler::new(LIMITS), now: Instant::now(), arrived_bytes: 0 };
    let (behind_filter, records) = input.split_first().map_or((false, input), |(first, rest)| (first & 1 == 1, rest));
    receiver.reassembler.set_unwanted_first_missing(behind_filter);
    for record in records.as_chunks().0 {
        receiver.receive(&Claim::read(*record));
    }
    receiver.now += LIMITS.age * 2;
    receiver.reassembler.expire(receiver.now);
    assert_eq!(receiver.reassembler.held_bytes(), 0, "bytes held for no message");
});

/// What one fragment says of itself, and how it is received.
struct Claim {
    port: u16,
    seqno: u8,
    message_bytes: u32,
    number: u8,
    count: u8,
    offset: u16,
    body_bytes: u16,
    /// Into the place where the next fragment is expected, as a socket would, and not through a buffer.
    lands: bool,
    /// Since the fragment before.
    pause: Duration,
    /// Whether old messages are given up first.
    expires: bool,
    /// Whether anyone wants its channel.
    wanted: bool,
}

struct Receiver {
    reassembler: Reassembler,
    now: Instant,
    arrived_bytes: usize,
}

impl Claim {
    fn read([flags, message, number, lies, low, high]: [u8; 6]) -> Self {
        // Few messages, so that fragments meet. All fragments of one are equally long.
        let seqno = message & 7;
        let count = 2 + seqno % 4;
        let number = number % count;
        let body_bytes = 300 + 200 * u16::from(seqno);
        let mut claim = Self {
            port: 1000 + u16::from(flags & 1),
            seqno,
            message_bytes: u32::from(body_bytes) * u32::from(count),
            number,
            count,
            offset: body_bytes * u16::from(number),
            body_bytes,
            lands: flags & 2 != 0,
            expires: flags & 4 != 0,
            wanted: flags & 8 == 0,
            pause: Duration::from_millis(u64::from(flags >> 4) * 100),
        };
        claim.lie(lies, low, u16::from_le_bytes([low, high]) & MAX_LIE_BYTES);
        claim
    }

    fn lie(&mut self, lies: u8, fragments: u8, bytes: u16) {
        let about = |bit: u8| lies & bit != 0;
        self.offset ^= if about(1) { bytes } else { 0 };
        self.body_bytes ^= if about(2) { bytes } else { 0 };
        self.message_bytes ^= if about(4) { u32::from(bytes) } else { 0 };
        // Up to the limit of LCM and beyond.
        self.message_bytes <<= if about(8) { 16 } else { 0 };
        self.number ^= if about(16) { fragments } else { 0 };
        self.count ^= if about(32) { fragments } else { 0 };
    }

    /// The byte at this place of the message that the fragment belongs to.
    fn byte_at(&self, place: usize) -> u8 {
        let message = u32::from(self.port) ^ u32::from(self.seqno) << 16 ^ self.message_bytes.rotate_left(8);
        let mixed = (message ^ place as u32).wrapping_mul(0x9e37_79b1);
        (mixed >> 24) as u8
    }
}

impl Receiver {
    fn receive(&mut self, claim: &Claim) {
        self.now += claim.pause;
        if claim.expires {
            self.reassembler.expire(self.now);
        }
        let header = FragmentHeader {
            magic: FRAGMENT_MAGIC.into(),
            seqno: u32::from(claim.seqno).into(),
            message_bytes: claim.message_bytes.into(),
            offset: u32::from(claim.offset).into(),
            number: u16::from(claim.number).into(),
            count: u16::from(claim.count).into(),
        };
        let offset = usize::from(claim.offset);
        let body: Vec<u8> =
            (offset..offset + usize::from(claim.body_bytes)).map(|place| claim.byte_at(place)).collect();
        let rest = if claim.number == 0 { [CHANNEL, b"\0", &body].concat() } else { body };
        let datagram = [header.as_bytes(), &rest].concat();
        let Ok(Datagram::Fragment(fragment)) = wire::parse(&datagram) else { return };
        self.arrived_bytes += rest.len() + DATAGRAM_COST_BYTES;

        let from = SocketAddrV4::new(Ipv4Addr::LOCALHOST, claim.port);
        let landed = if claim.lands { self.land(from, &header, &rest) } else { None };
        let outcome = landed.unwrap_or_else(|| self.reassembler.insert(from, &fragment, claim.wanted, self.now).0);

        let held_bytes = self.reassembler.held_bytes();
        assert!(held_bytes <= GROWTH * self.arrived_bytes, "{held_bytes} held, {} arrived", self.arrived_bytes);
        assert!(held_bytes <= LIMITS.total_bytes, "{held_bytes} held, over the budget");
        match outcome {
            Outcome::Complete { channel, payload } => {
                assert_eq!(channel.as_bytes(), CHANNEL);
                assert_eq!(payload.len(), claim.message_bytes as usize);
                let wrong = payload.iter().enumerate().find(|&(place, &byte)| byte != claim.byte_at(place));
                assert_eq!(wrong, None, "a byte from elsewhere");
            }
            Outcome::PassedBy { channel, message_bytes, beginning } => {
                assert_eq!(channel.as_bytes(), CHANNEL);
                assert_eq!(message_bytes, claim.message_bytes as usize);
                let wrong =
                    beginning.as_bytes().iter().enumerate().find(|&(place, &byte)| byte != claim.byte_at(place));
                assert_eq!(wrong, None, "a byte from elsewhere");
            }
            Outcome::Skipped | Outcome::Pending | Outcome::Repeated | Outcome::Contradiction => {}
        }
        for given_up in self.reassembler.take_given_up() {
            assert!(given_up.channel.is_none_or(|channel| channel.as_bytes() == CHANNEL));
        }
    }

    /// Writes the body where the next fragment is expected, even when this is another one.
    fn land(&mut self, from: SocketAddrV4, header: &FragmentHeader, body: &[u8]) -> Option<Outcome> {
        if let Landing::Place(place) = self.reassembler.landing()? {
            place.get_mut(..body.len())?.copy_from_slice(body);
        }
        self.reassembler.landed(from, header, body.len(), self.now)
    }
}

/// Small, so that short inputs reach them; the budget of one sender is more than half of the whole.
const LIMITS: Limits = Limits { sender_bytes: 10_000, total_bytes: 15_000, age: Duration::from_secs(2) };

const CHANNEL: &[u8] = b"CHANNEL";

/// Keeps bodies below 4 KiB, so that an input of some hundred fragments is quick.
const MAX_LIE_BYTES: u16 = 0x0fff;

/// What the bookkeeping of a datagram may cost, however short it is.
const DATAGRAM_COST_BYTES: usize = 512;

/// Buffers grow by a factor of four, and one more fragment may be expected.
const GROWTH: usize = 5;
