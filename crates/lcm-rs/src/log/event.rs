//! One event as it lies in a log: a header, a channel name, data; and what lengths a header may claim.
//!
//! Where one event ends and the next begins, in a log that may be damaged, is the business of the file `scan.rs`.

use std::borrow::Cow;
use std::fmt;

use zerocopy::byteorder::{BE, I64, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::wire::MAX_MESSAGE_BYTES;

/// The longest channel name in a log, in bytes. Longer than on a bus ([`crate::MAX_CHANNEL_BYTES`]), because the programs
/// of C LCM read names up to this length.
pub const MAX_EVENT_CHANNEL_BYTES: usize = 999;

/// An event, borrowed from the reader that read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// Counts the events of one recording, from 0.
    pub number: i64,
    /// When it was received; microseconds since the epoch.
    pub timestamp_us: i64,
    /// Where it was published. Bytes, because a log may hold names that no bus carries: up to
    /// [`MAX_EVENT_CHANNEL_BYTES`], and with any bytes in them. [`crate::Channel::new`] tells whether a bus would.
    pub channel: &'a [u8],
    /// What it carries.
    pub data: &'a [u8],
}

/// An event that owns its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Counts the events of one recording, from 0.
    pub number: i64,
    /// When it was received; microseconds since the epoch.
    pub timestamp_us: i64,
    /// Where it was published; see [`EventRef::channel`].
    pub channel: Vec<u8>,
    /// What it carries.
    pub data: Vec<u8>,
}

impl<'a> EventRef<'a> {
    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_event(&self) -> Event {
        let Self { number, timestamp_us, channel, data } = *self;
        Event { number, timestamp_us, channel: channel.to_vec(), data: data.to_vec() }
    }

    /// The channel as text, with what is not UTF-8 replaced.
    #[must_use]
    pub fn channel_name(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.channel)
    }
}

impl Event {
    /// The event, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> EventRef<'_> {
        let Self { number, timestamp_us, channel, data } = self;
        EventRef { number: *number, timestamp_us: *timestamp_us, channel, data }
    }
}

impl fmt::Debug for EventRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.data[..self.data.len().min(16)];
        let more = if shown.len() < self.data.len() { "..." } else { "" };
        f.debug_struct("Event")
            .field("number", &self.number)
            .field("timestamp_us", &self.timestamp_us)
            .field("channel", &self.channel_name())
            .field("data", &format_args!("{} bytes {}{more}", self.data.len(), shown.escape_ascii()))
            .finish()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// What every event begins with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    sync: U32<BE>,
    number: I64<BE>,
    timestamp_us: I64<BE>,
    channel_bytes: U32<BE>,
    data_bytes: U32<BE>,
}

impl Header {
    /// The header of an event whose lengths are within the limits.
    pub(super) fn new(number: i64, timestamp_us: i64, channel_bytes: u32, data_bytes: u32) -> Self {
        Self {
            sync: U32::from_bytes(SYNC),
            number: number.into(),
            timestamp_us: timestamp_us.into(),
            channel_bytes: channel_bytes.into(),
            data_bytes: data_bytes.into(),
        }
    }
}

/// A header that passed every check that can be made on it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) number: i64,
    pub(super) timestamp_us: i64,
    channel_bytes: usize,
    data_bytes: usize,
}

impl Record {
    /// Reads the header at the beginning of `bytes`. `None` if there is none, or one that claims impossible lengths.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, _) = Header::ref_from_prefix(bytes).ok()?;
        let channel_bytes = usize::try_from(header.channel_bytes.get()).ok()?;
        let data_bytes = usize::try_from(header.data_bytes.get()).ok()?;
        let plausible = header.sync.to_bytes() == SYNC
            && channel_bytes <= MAX_EVENT_CHANNEL_BYTES
            && data_bytes <= MAX_MESSAGE_BYTES;
        plausible.then_some(Self {
            number: header.number.get(),
            timestamp_us: header.timestamp_us.get(),
            channel_bytes,
            data_bytes,
        })
    }

    /// Bytes of the whole event: header, channel and data.
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.channel_bytes + self.data_bytes
    }

    /// Bytes before its data: header and channel.
    pub(super) fn bytes_before_data(&self) -> usize {
        HEADER_BYTES + self.channel_bytes
    }

    /// The event, of which `bytes` has the whole.
    pub(super) fn event<'a>(&self, bytes: &'a [u8]) -> EventRef<'a> {
        let (channel, rest) = bytes[HEADER_BYTES..].split_at(self.channel_bytes);
        EventRef { number: self.number, timestamp_us: self.timestamp_us, channel, data: &rest[..self.data_bytes] }
    }
}

/// The word that marks where an event begins.
pub(super) const SYNC: [u8; 4] = 0xeda1_da01_u32.to_be_bytes();

/// Bytes before the channel name.
pub(super) const HEADER_BYTES: usize = size_of::<Header>();

#[cfg(test)]
mod tests {
    use super::*;

    fn record(channel_bytes: u32, data_bytes: u32) -> Option<Record> {
        Record::parse(Header::new(7, -1, channel_bytes, data_bytes).as_bytes())
    }

    #[test]
    fn a_header_is_28_bytes_in_the_order_of_c() {
        let expected = b"\xed\xa1\xda\x01\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x05\0\0\x01\0";
        assert_eq!(Header::new(7, -1, 5, 256).as_bytes(), expected);
        assert_eq!(
            Record::parse(expected),
            Some(Record { number: 7, timestamp_us: -1, channel_bytes: 5, data_bytes: 256 })
        );
    }

    #[test]
    fn impossible_lengths_are_no_event() {
        assert!(record(0, 0).is_some());
        assert!(record(999, 1 << 28).is_some());
        assert!(record(1000, 0).is_none());
        assert!(record(0, (1 << 28) + 1).is_none());
        assert!(record(u32::MAX, u32::MAX).is_none());
    }

    #[test]
    fn a_header_that_is_cut_off_is_no_event() {
        assert!(Record::parse(&Header::new(0, 0, 0, 0).as_bytes()[..27]).is_none());
        assert!(Record::parse(&[]).is_none());
    }
}
