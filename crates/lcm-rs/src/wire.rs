//! The datagrams of LCM's UDP multicast: the two headers, the limits, and a total parser for what arrives.
//!
//! Putting fragments together again is the business of [`crate::reassembly`]; cutting a message into datagrams that of
//! [`crate::Parts`]. Nothing here does I/O.

use zerocopy::byteorder::{BE, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::channel::{Channel, MAX_CHANNEL_BYTES};

/// The largest UDP payload over IPv4.
pub const MAX_DATAGRAM_BYTES: usize = 65507;

/// The largest message LCM carries.
pub const MAX_MESSAGE_BYTES: usize = 1 << 28;

/// `"LC02"`: a whole message in one datagram.
pub const SHORT_MAGIC: u32 = 0x4c43_3032;

/// `"LC03"`: one fragment of a message.
pub const FRAGMENT_MAGIC: u32 = 0x4c43_3033;

/// Before the channel name of a message that fits one datagram.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ShortHeader {
    /// [`SHORT_MAGIC`].
    pub magic: U32<BE>,
    /// Counts the messages of one sender.
    pub seqno: U32<BE>,
}

/// Before each fragment of a larger message.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FragmentHeader {
    /// [`FRAGMENT_MAGIC`].
    pub magic: U32<BE>,
    /// Counts the messages of one sender; the same in all fragments of a message.
    pub seqno: U32<BE>,
    /// Bytes of the whole payload.
    pub message_bytes: U32<BE>,
    /// Where this fragment's part of the payload begins.
    pub offset: U32<BE>,
    /// Which fragment this is, from 0.
    pub number: U16<BE>,
    /// How many there are.
    pub count: U16<BE>,
}

/// Bytes of a [`ShortHeader`].
pub const SHORT_HEADER_BYTES: usize = size_of::<ShortHeader>();

/// Bytes of a [`FragmentHeader`].
pub const FRAGMENT_HEADER_BYTES: usize = size_of::<FragmentHeader>();

/// A datagram that passed every check that can be made on it alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Datagram<'a> {
    /// A whole message.
    Short {
        /// Counts the messages of the sender.
        seqno: u32,
        /// Where it goes.
        channel: Channel,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A part of a message.
    Fragment(Fragment<'a>),
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fragment<'a> {
    /// Counts the messages of the sender.
    pub seqno: u32,
    /// Bytes of the whole payload, at most [`MAX_MESSAGE_BYTES`].
    pub message_bytes: usize,
    /// Where `body` begins in the payload; `offset + body.len()` is at most `message_bytes`.
    pub offset: usize,
    /// Which fragment this is; less than `count`.
    pub number: u16,
    /// How many there are, at least 1.
    pub count: u16,
    /// The channel, which only fragment 0 carries.
    pub channel: Option<Channel>,
    /// This fragment's part of the payload.
    pub body: &'a [u8],
}

/// What is wrong with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Shorter than the header its magic announces, or than any.
    #[error("datagram of {length} bytes, too short for its header")]
    Truncated {
        /// Its length.
        length: usize,
    },
    /// The first four bytes are neither magic.
    #[error("magic {magic:#010x} is not LCM's")]
    BadMagic {
        /// What stands there.
        magic: u32,
    },
    /// No NUL ends the channel within the first 64 bytes after the header.
    #[error("no channel name of at most 63 bytes")]
    BadChannel,
    /// The header announces a message over [`MAX_MESSAGE_BYTES`].
    #[error("message of {length} bytes, the limit is 2^28")]
    MessageTooLarge {
        /// The announced size.
        length: u32,
    },
    /// The fragment's number is not below the number of fragments.
    #[error("fragment {number} of {count}")]
    BadFragmentNumber {
        /// Its number.
        number: u16,
        /// How many the header announces.
        count: u16,
    },
    /// The fragment reaches past the end of its message.
    #[error("fragment at {offset} with {length} bytes reaches past a message of {message_bytes}")]
    OutOfBounds {
        /// Where it begins.
        offset: u32,
        /// Its length.
        length: usize,
        /// The announced size of the message.
        message_bytes: u32,
    },
}

/// Reads one datagram.
///
/// # Errors
/// Whatever is wrong with it. Every input is either read in full or refused.
pub fn parse(datagram: &[u8]) -> Result<Datagram<'_>, Malformed> {
    let Some(magic) = datagram.first_chunk() else {
        return Err(Malformed::Truncated { length: datagram.len() });
    };
    match u32::from_be_bytes(*magic) {
        SHORT_MAGIC => {
            let (header, rest) =
                ShortHeader::ref_from_prefix(datagram).map_err(|_| Malformed::Truncated { length: datagram.len() })?;
            let (channel, payload) = split_channel(rest)?;
            Ok(Datagram::Short { seqno: header.seqno.get(), channel, payload })
        }
        FRAGMENT_MAGIC => {
            let (header, rest) = FragmentHeader::ref_from_prefix(datagram)
                .map_err(|_| Malformed::Truncated { length: datagram.len() })?;
            Fragment::new(header, rest).map(Datagram::Fragment)
        }
        magic => Err(Malformed::BadMagic { magic }),
    }
}

/// Whether a datagram says that it is a fragment.
pub(crate) fn is_fragment(datagram: &[u8]) -> bool {
    datagram.first_chunk() == Some(&FRAGMENT_MAGIC.to_be_bytes())
}

impl FragmentHeader {
    /// Checks that a fragment with a body of so many bytes (the channel not counted) can be part of a message.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn check(&self, body_bytes: usize) -> Result<(), Malformed> {
        let (message_bytes, offset) = (self.message_bytes.get(), self.offset.get());
        let (number, count) = (self.number.get(), self.count.get());
        let size = message_bytes as usize;
        if size > MAX_MESSAGE_BYTES {
            return Err(Malformed::MessageTooLarge { length: message_bytes });
        }
        if number >= count {
            return Err(Malformed::BadFragmentNumber { number, count });
        }
        if body_bytes > size || offset as usize > size - body_bytes {
            return Err(Malformed::OutOfBounds { offset, length: body_bytes, message_bytes });
        }
        Ok(())
    }
}

impl<'a> Fragment<'a> {
    fn new(header: &FragmentHeader, rest: &'a [u8]) -> Result<Self, Malformed> {
        let number = header.number.get();
        let (channel, body) = if number == 0 {
            let (channel, body) = split_channel(rest)?;
            (Some(channel), body)
        } else {
            (None, rest)
        };
        header.check(body.len())?;
        Ok(Self {
            seqno: header.seqno.get(),
            message_bytes: header.message_bytes.get() as usize,
            offset: header.offset.get() as usize,
            number,
            count: header.count.get(),
            channel,
            body,
        })
    }
}

/// Splits `channel, NUL, rest`.
fn split_channel(bytes: &[u8]) -> Result<(Channel, &[u8]), Malformed> {
    let end = memchr::memchr(0, &bytes[..bytes.len().min(MAX_CHANNEL_BYTES + 1)]).ok_or(Malformed::BadChannel)?;
    let (name, rest) = bytes.split_at(end);
    Ok((Channel::without_nul(name).ok_or(Malformed::BadChannel)?, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(message_bytes: u32, offset: u32, number: u16, count: u16, rest: &[u8]) -> Vec<u8> {
        let header = FragmentHeader {
            magic: FRAGMENT_MAGIC.into(),
            seqno: 7.into(),
            message_bytes: message_bytes.into(),
            offset: offset.into(),
            number: number.into(),
            count: count.into(),
        };
        [header.as_bytes(), rest].concat()
    }

    #[test]
    fn a_short_message_is_read() {
        let datagram = b"LC02\x00\x00\x00\x05EXAMPLE\0payload";
        let channel = Channel::new("EXAMPLE").unwrap();
        assert_eq!(parse(datagram), Ok(Datagram::Short { seqno: 5, channel, payload: b"payload" }));
    }

    #[test]
    fn the_empty_channel_and_the_empty_payload_are_valid() {
        let Ok(Datagram::Short { channel, payload, .. }) = parse(b"LC02\0\0\0\0\0") else { panic!() };
        assert_eq!((channel, payload), (Channel::EMPTY, &b""[..]));
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(parse(b"LC0"), Err(Malformed::Truncated { length: 3 }));
        assert_eq!(parse(b"LC02\0\0\0"), Err(Malformed::Truncated { length: 7 }));
        assert_eq!(parse(b"LC03\0\0\0\0\0\0\0\0"), Err(Malformed::Truncated { length: 12 }));
        assert_eq!(parse(b"HTTP/1.1"), Err(Malformed::BadMagic { magic: u32::from_be_bytes(*b"HTTP") }));
        assert_eq!(parse(b"LC02\0\0\0\0no end"), Err(Malformed::BadChannel));
        let long = [b"LC02\0\0\0\0".as_slice(), &[b'x'; 64], b"\0"].concat();
        assert_eq!(parse(&long), Err(Malformed::BadChannel));
        assert_eq!(
            parse(&fragment((1 << 28) + 1, 0, 1, 2, b"x")),
            Err(Malformed::MessageTooLarge { length: (1 << 28) + 1 })
        );
        assert_eq!(parse(&fragment(9, 0, 2, 2, b"x")), Err(Malformed::BadFragmentNumber { number: 2, count: 2 }));
        assert_eq!(parse(&fragment(9, 0, 0, 0, b"c\0x")), Err(Malformed::BadFragmentNumber { number: 0, count: 0 }));
        let out_of_bounds = Malformed::OutOfBounds { offset: 8, length: 2, message_bytes: 9 };
        assert_eq!(parse(&fragment(9, 8, 1, 2, b"xy")), Err(out_of_bounds));
        assert!(parse(&fragment(9, u32::MAX, 1, 2, b"xy")).is_err());
    }

    #[test]
    fn only_fragment_0_carries_the_channel() {
        let datagram = fragment(9, 0, 0, 2, b"C\0body");
        let Ok(Datagram::Fragment(first)) = parse(&datagram) else { panic!() };
        assert_eq!((first.channel, first.body), (Channel::new("C").ok(), &b"body"[..]));
        let datagram = fragment(9, 4, 1, 2, b"C\0bod");
        let Ok(Datagram::Fragment(second)) = parse(&datagram) else { panic!() };
        assert_eq!((second.channel, second.body), (None, &b"C\0bod"[..]));
    }
}
