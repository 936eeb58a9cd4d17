//! Message bytes that are shared instead of copied, and the spare buffers they are assembled in.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The bytes of a message, shared.
///
/// Cloning costs a reference count, whatever the size. A small payload in a large receive buffer is copied instead (at most
/// a quarter of the buffer, so under 16 KiB), so that keeping many small messages does not keep as many receive buffers.
#[derive(Default)]
pub struct Payload {
    // `None` only for the empty payload.
    buffer: Option<Arc<Vec<u8>>>,
    range: Range<usize>,
}

impl Payload {
    /// The part of `buffer` that is the payload.
    pub(crate) fn new(buffer: Arc<Vec<u8>>, range: Range<usize>) -> Self {
        debug_assert!(range.start <= range.end && range.end <= buffer.len());
        Self { buffer: Some(buffer), range }
    }

    /// What a clone keeps in memory: the whole buffer where it shares that.
    pub(crate) fn bytes_of_clone(&self) -> usize {
        match &self.buffer {
            Some(buffer) if self.is_worth_sharing(buffer) => buffer.capacity(),
            _ => self.len(),
        }
    }

    fn is_worth_sharing(&self, buffer: &[u8]) -> bool {
        self.len() >= buffer.len() / WORTH_SHARING
    }

    /// A part of these bytes, shared with them.
    ///
    /// # Panics
    /// If the range lies outside, as slicing does.
    #[must_use]
    pub fn slice(&self, part: Range<usize>) -> Self {
        assert!(part.start <= part.end && part.end <= self.len(), "slice {part:?} of a payload of {}", self.len());
        let range = self.range.start + part.start..self.range.start + part.end;
        Self { buffer: self.buffer.clone(), range }
    }
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        match &self.buffer {
            Some(buffer) if self.is_worth_sharing(buffer) => {
                Self { buffer: Some(Arc::clone(buffer)), range: self.range.clone() }
            }
            _ => Self::from(self.to_vec()),
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { buffer: Some(Arc::new(bytes)), range }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.buffer {
            Some(buffer) => &buffer[self.range.clone()],
            None => &[],
        }
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self[..self.len().min(16)];
        let more = if shown.len() < self.len() { "..." } else { "" };
        write!(f, "{} bytes {}{more}", self.len(), shown.escape_ascii())
    }
}

/// Buffers of messages that went by, for the next ones: their pages are already there, and already zeroed once.
///
/// A buffer is lent again once no subscriber holds it, which its reference count tells; there is nothing to give back.
#[derive(Debug, Default)]
pub(crate) struct SpareBuffers {
    buffers: Vec<Arc<Vec<u8>>>,
}

impl SpareBuffers {
    /// A free buffer for a message of `bytes`, or an empty one.
    pub(crate) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let mut best: Option<(usize, usize)> = None;
        for (index, buffer) in self.buffers.iter().enumerate() {
            // One that is far too large would make the message too small a part of it to be shared.
            let fits = buffer.len() / WORTH_SHARING <= bytes;
            let free = fits && Arc::strong_count(buffer) == 1;
            // The smallest that is large enough, or else the largest.
            let distance = if buffer.len() >= bytes { buffer.len() - bytes } else { usize::MAX - buffer.len() };
            if free && best.is_none_or(|(_, least)| distance < least) {
                best = Some((index, distance));
            }
        }
        let Some((index, _)) = best else { return Vec::new() };
        let buffer = self.buffers.swap_remove(index);
        // Only this thread could have cloned it since the count was read, and it did not.
        Arc::try_unwrap(buffer).unwrap_or_default()
    }

    /// Remembers a buffer, for when its last holder lets go.
    pub(crate) fn remember(&mut self, buffer: Arc<Vec<u8>>) {
        if buffer.is_empty() || buffer.len() > MAX_SPARE_BYTES {
            return;
        }
        self.buffers.push(buffer);
        while self.buffers.len() > MAX_SPARE_BUFFERS
            || self.buffers.iter().map(|buffer| buffer.len()).sum::<usize>() > MAX_SPARE_BYTES
        {
            self.buffers.remove(0);
        }
    }

    /// The bytes of `buffer`, or of another one as long in its place if someone shares it.
    pub(crate) fn writable<'a>(&mut self, buffer: &'a mut Arc<Vec<u8>>) -> &'a mut [u8] {
        if Arc::get_mut(buffer).is_none() {
            let mut bytes = self.take(buffer.len());
            bytes.resize(buffer.len(), 0);
            self.remember(std::mem::replace(buffer, Arc::new(bytes)));
        }
        Arc::<Vec<u8>>::make_mut(buffer)
    }

    /// Lets all of them go.
    pub(crate) fn clear(&mut self) {
        self.buffers.clear();
    }
}

/// A payload is shared where it is at least one part in this many of its buffer.
const WORTH_SHARING: usize = 4;

const MAX_SPARE_BUFFERS: usize = 8;
const MAX_SPARE_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_payload_does_not_keep_its_large_buffer() {
        let buffer = Arc::new(vec![7; 65536]);
        let payload = Payload::new(Arc::clone(&buffer), 100..200);
        let kept = payload.clone();
        assert_eq!(kept, payload);
        assert_eq!(Arc::strong_count(&buffer), 2);
        let large = Payload::new(Arc::clone(&buffer), 0..20000);
        let shared = large.clone();
        assert_eq!(shared.as_ptr(), large.as_ptr());
    }

    #[test]
    fn a_buffer_is_lent_again_only_when_nobody_holds_it() {
        let mut spare = SpareBuffers::default();
        let held = Arc::new(vec![1; 5000]);
        spare.remember(Arc::clone(&held));
        assert!(spare.take(5000).is_empty());
        let address = held.as_ptr();
        drop(held);
        let lent = spare.take(5000);
        assert_eq!(lent.as_ptr(), address);
    }

    #[test]
    fn spare_buffers_are_bounded_in_number_and_bytes() {
        let mut spare = SpareBuffers::default();
        for _ in 0..20 {
            spare.remember(Arc::new(vec![0; 1000]));
        }
        assert_eq!(spare.buffers.len(), MAX_SPARE_BUFFERS);
        spare.remember(Arc::new(vec![0; MAX_SPARE_BYTES + 1]));
        spare.remember(Arc::new(vec![0; MAX_SPARE_BYTES - 10]));
        assert!(spare.buffers.iter().map(|buffer| buffer.len()).sum::<usize>() <= MAX_SPARE_BYTES);
    }

    #[test]
    fn a_slice_shares_the_bytes() {
        let payload = Payload::from(b"0123456789".to_vec());
        let part = payload.slice(2..5);
        assert_eq!(&*part, b"234");
        assert_eq!(&*part.slice(1..3), b"34");
        assert_eq!(&*Payload::default(), b"");
    }
}
