//! Messages as they arrive: encoded, at any address.

use lcm::Message;

/// An encoded message at a given distance from an address that suits everything.
pub(crate) struct Received {
    buffer: Vec<u8>,
    start: usize,
}

impl Received {
    pub(crate) fn new(message: &impl Message, shift: usize) -> Self {
        let encoded = message.encode().unwrap();
        let mut buffer = vec![0; encoded.len() + shift + ALIGNMENT];
        let start = buffer.as_ptr().align_offset(ALIGNMENT) + shift;
        buffer[start..start + encoded.len()].copy_from_slice(&encoded);
        Self { buffer, start }
    }

    /// What follows the end of the message does not matter.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

/// Shifts that give every address relative to any number.
pub(crate) const SHIFTS: std::ops::Range<usize> = 0..ALIGNMENT;

const ALIGNMENT: usize = 8;
