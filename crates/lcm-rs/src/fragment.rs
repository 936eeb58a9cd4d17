//! Cutting a message into datagrams: which header goes before which part of the payload.
//!
//! The payload itself is never touched here; whoever sends gathers it from where it lies. Nothing here does I/O.

use std::ops::Range;

use zerocopy::IntoBytes;

use crate::channel::{Channel, MAX_CHANNEL_BYTES};
use crate::wire::{
    FRAGMENT_HEADER_BYTES, FRAGMENT_MAGIC, FragmentHeader, MAX_MESSAGE_BYTES, SHORT_HEADER_BYTES, SHORT_MAGIC,
    ShortHeader,
};

/// One datagram of a message: its header, and which part of the payload follows.
#[derive(Debug, Clone)]
pub struct Part {
    header: [u8; MAX_HEADER_BYTES],
    header_bytes: usize,
    /// The part of the payload that follows the header.
    pub payload: Range<usize>,
}

impl Part {
    /// Everything that stands before the payload: header, and where there is one the channel name with its NUL.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header[..self.header_bytes]
    }
}

/// The datagrams of one message, in the order that every deployed receiver needs: fragment 0 first.
#[derive(Debug, Clone)]
pub struct Parts {
    channel: Channel,
    seqno: u32,
    message_bytes: usize,
    body_bytes: usize,
    count: u16,
    next: u16,
    offset: usize,
}

/// The message is larger than LCM, or than its fragments at this datagram size, can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message of {length} bytes, the limit is {limit} with datagrams of {datagram_bytes} bytes")]
pub struct MessageTooLarge {
    /// Bytes of the payload.
    pub length: usize,
    /// The most that can be sent.
    pub limit: usize,
    /// The largest datagram.
    pub datagram_bytes: usize,
}

impl Parts {
    /// Cuts a message of `message_bytes` into datagrams of at most `datagram_bytes` (at least 128).
    ///
    /// # Errors
    /// A message over 2^28 bytes, or one that would need more than 65535 fragments.
    ///
    /// # Panics
    /// If `datagram_bytes` is below 128.
    pub fn new(
        channel: Channel,
        seqno: u32,
        message_bytes: usize,
        datagram_bytes: usize,
    ) -> Result<Self, MessageTooLarge> {
        assert!(datagram_bytes >= 128, "datagrams of {datagram_bytes} bytes");
        let named_bytes = channel.as_bytes().len() + 1 + message_bytes;
        let body_bytes = datagram_bytes - FRAGMENT_HEADER_BYTES;
        let count = if named_bytes + SHORT_HEADER_BYTES <= datagram_bytes {
            Some(1)
        } else {
            u16::try_from(named_bytes.div_ceil(body_bytes)).ok()
        };
        match count {
            Some(count) if message_bytes <= MAX_MESSAGE_BYTES => {
                Ok(Self { channel, seqno, message_bytes, body_bytes, count, next: 0, offset: 0 })
            }
            _ => {
                let limit = (body_bytes * usize::from(u16::MAX) - channel.as_bytes().len() - 1).min(MAX_MESSAGE_BYTES);
                Err(MessageTooLarge { length: message_bytes, limit, datagram_bytes })
            }
        }
    }

    fn put_channel(&self, header: &mut [u8; MAX_HEADER_BYTES], at: usize) -> usize {
        let name = self.channel.as_bytes();
        header[at..at + name.len()].copy_from_slice(name);
        at + name.len() + 1
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.next == self.count {
            return None;
        }
        let mut header = [0; MAX_HEADER_BYTES];
        if self.count == 1 {
            let short = ShortHeader { magic: SHORT_MAGIC.into(), seqno: self.seqno.into() };
            header[..SHORT_HEADER_BYTES].copy_from_slice(short.as_bytes());
            let header_bytes = self.put_channel(&mut header, SHORT_HEADER_BYTES);
            self.next = 1;
            return Some(Part { header, header_bytes, payload: 0..self.message_bytes });
        }
        let fragment = FragmentHeader {
            magic: FRAGMENT_MAGIC.into(),
            seqno: self.seqno.into(),
            message_bytes: as_u32(self.message_bytes).into(),
            offset: as_u32(self.offset).into(),
            number: self.next.into(),
            count: self.count.into(),
        };
        header[..FRAGMENT_HEADER_BYTES].copy_from_slice(fragment.as_bytes());
        let header_bytes =
            if self.next == 0 { self.put_channel(&mut header, FRAGMENT_HEADER_BYTES) } else { FRAGMENT_HEADER_BYTES };
        let room = self.body_bytes + FRAGMENT_HEADER_BYTES - header_bytes;
        let payload = self.offset..self.message_bytes.min(self.offset + room);
        self.offset = payload.end;
        self.next += 1;
        Some(Part { header, header_bytes, payload })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.count - self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Parts {}

#[expect(clippy::cast_possible_truncation, reason = "Parts::new refuses messages over 2^28 bytes")]
fn as_u32(bytes: usize) -> u32 {
    bytes as u32
}

const MAX_HEADER_BYTES: usize = FRAGMENT_HEADER_BYTES + MAX_CHANNEL_BYTES + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{self, Datagram, MAX_DATAGRAM_BYTES};

    fn channel(length: usize) -> Channel {
        Channel::new("c".repeat(length)).unwrap()
    }

    #[test]
    fn a_message_is_short_while_channel_nul_and_payload_fit_65499_bytes() {
        for length in [0, 1, 63] {
            let fits = 65499 - length - 1;
            assert_eq!(Parts::new(channel(length), 0, fits, MAX_DATAGRAM_BYTES).unwrap().len(), 1);
            let parts: Vec<_> = Parts::new(channel(length), 0, fits + 1, MAX_DATAGRAM_BYTES).unwrap().collect();
            assert_eq!(parts.len(), 2);
            assert_eq!(parts[0].header().len() + parts[0].payload.len(), MAX_DATAGRAM_BYTES);
            assert_eq!(parts[1].payload.end, fits + 1);
        }
    }

    #[test]
    fn parts_cover_the_payload_without_gap_and_parse_to_what_they_say() {
        for datagram_bytes in [128, 129, 1400, 65506, MAX_DATAGRAM_BYTES] {
            for name in [0, 7, 63] {
                let body = datagram_bytes - FRAGMENT_HEADER_BYTES;
                for message_bytes in [0, 1, body - 65, body - 64, body - 1, body, body + 1, 2 * body, 9 * body + 5] {
                    let parts = Parts::new(channel(name), 9, message_bytes, datagram_bytes).unwrap();
                    let count = parts.len();
                    let payload = vec![0xa5; message_bytes];
                    let mut end = 0;
                    for (number, part) in parts.enumerate() {
                        let datagram = [part.header(), &payload[part.payload.clone()]].concat();
                        assert!(datagram.len() <= datagram_bytes);
                        assert_eq!(part.payload.start, end);
                        end = part.payload.end;
                        match wire::parse(&datagram).unwrap() {
                            Datagram::Short { seqno, channel: got, payload } => {
                                assert_eq!((count, seqno, got, payload.len()), (1, 9, channel(name), message_bytes));
                            }
                            Datagram::Fragment(fragment) => {
                                assert_eq!(usize::from(fragment.number), number);
                                assert_eq!(usize::from(fragment.count), count);
                                assert_eq!(fragment.offset, part.payload.start);
                                assert_eq!(fragment.message_bytes, message_bytes);
                                assert_eq!(fragment.channel, (number == 0).then(|| channel(name)));
                            }
                        }
                    }
                    assert_eq!(end, message_bytes);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        assert!(Parts::new(channel(3), 0, MAX_MESSAGE_BYTES, MAX_DATAGRAM_BYTES).is_ok());
        assert!(Parts::new(channel(3), 0, MAX_MESSAGE_BYTES + 1, MAX_DATAGRAM_BYTES).is_err());
        let limit = 108 * 65535 - 4;
        assert_eq!(Parts::new(channel(3), 0, limit, 128).unwrap().len(), 65535);
        let error = Parts::new(channel(3), 0, limit + 1, 128).unwrap_err();
        assert_eq!(error, MessageTooLarge { length: limit + 1, limit, datagram_bytes: 128 });
    }
}
