//! A received message.

use std::net::SocketAddrV4;
use std::time::{Duration, SystemTime};

use crate::channel::Channel;
use crate::payload::Payload;

/// A message as it came from the bus.
///
/// Handlers borrow it; cloning keeps it, at the cost that [`Payload`] states.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub(crate) channel: Channel,
    pub(crate) payload: Payload,
    pub(crate) receive_time_ns: u64,
    pub(crate) sender: Option<SocketAddrV4>,
}

impl Sample {
    /// Where it was published.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What it carries.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// When the kernel received it (its last datagram, if there were several), or when it was recorded, if it comes from an
    /// event log; nanoseconds since the epoch.
    #[must_use]
    pub fn receive_time_ns(&self) -> u64 {
        self.receive_time_ns
    }

    /// [`Sample::receive_time_ns`] as a point in time.
    #[must_use]
    pub fn receive_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.receive_time_ns)
    }

    /// A message that this one carried for another channel: everything but channel and payload is the same. The payload is copied.
    #[must_use]
    pub fn carried(&self, channel: Channel, payload: &[u8]) -> Self {
        Self { channel, payload: payload.to_vec().into(), ..self.clone() }
    }

    /// The address and port it was sent from; `None` on a bus without addresses.
    #[must_use]
    pub fn sender(&self) -> Option<SocketAddrV4> {
        self.sender
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self { channel: Channel::EMPTY, payload: Payload::default(), receive_time_ns: 0, sender: None }
    }
}
