//! Numbers and sizes of the messages that both sides use.

use std::time::Duration;

use lcm::Message;
use lcm_types::dimos_mesh::RpcRequest;

/// How arguments and results are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON.
    #[default]
    Json,
    /// bincode, between programs that were built from the same contract.
    Bincode,
}

impl Codec {
    /// The codec of this number on the wire.
    #[must_use]
    pub fn from_wire(wire: u8) -> Option<Self> {
        [Self::Json, Self::Bincode].into_iter().find(|codec| codec.to_wire() == wire)
    }

    /// Its number on the wire.
    #[must_use]
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Json => RpcRequest::JSON.cast_unsigned(),
            Self::Bincode => RpcRequest::BINCODE.cast_unsigned(),
        }
    }
}

/// A part of a body, as it is numbered on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) sequence: i64,
    pub(crate) kind: u8,
    pub(crate) total_bytes: i32,
    pub(crate) offset: i32,
    pub(crate) bytes: &'a [u8],
}

/// What one side has of what the other sends.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) received: i64,
    pub(crate) credit: i32,
    pub(crate) missing: Vec<i64>,
}

/// How many bytes a message can carry on a channel, beside those that it has already.
pub(crate) fn room(channel: &str, message: &impl Message) -> usize {
    // A message without its body is always measurable.
    let message_bytes = message.encoded_len().unwrap_or(MAX_DATAGRAM_BYTES);
    MAX_DATAGRAM_BYTES.saturating_sub(SHORT_HEADER_BYTES + channel.len() + 1 + message_bytes)
}

/// As `time_left_us` says it.
pub(crate) fn to_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// What a forged `time_left_us` can mean at most.
pub(crate) fn from_micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default()).min(MAX_TIME_LEFT)
}

/// The version of the protocol.
pub(crate) const VERSION: u8 = RpcRequest::VERSION.cast_unsigned();

/// Every datagram of RPC is under 1400 bytes: it fits an Ethernet frame, so no loss is multiplied by fragments.
const MAX_DATAGRAM_BYTES: usize = 1399;

/// Of LCM: magic and sequence number.
const SHORT_HEADER_BYTES: usize = 8;

const MAX_TIME_LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a caller waits for an acknowledgement unless told otherwise. A call that lay unread for as long was given up.
pub(crate) const ACKNOWLEDGE: Duration = Duration::from_secs(2);
