//! An encoded message in pieces, of which the large ones still lie in the message itself.

use std::io::IoSlice;

use super::sink::Sink;

/// An encoded message for [`crate::Publisher::publish_gathered`]: its numbers in a small buffer, and in between references
/// to its blobs and strings. (Those under 128 bytes are copied: that costs less than one slice more for the kernel.)
#[derive(Debug)]
pub struct Gathered<'a> {
    copied: Vec<u8>,
    lent: Vec<Lent<'a>>,
}

#[derive(Debug)]
struct Lent<'a> {
    /// How many of the copied bytes come before it.
    after: usize,
    bytes: &'a [u8],
}

impl Gathered<'_> {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { copied: Vec::with_capacity(bytes.min(FIRST_BUFFER_BYTES)), lent: Vec::new() }
    }

    /// The pieces in order.
    #[must_use]
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(2 * self.lent.len() + 1);
        let mut at = 0;
        for lent in &self.lent {
            slices.push(IoSlice::new(&self.copied[at..lent.after]));
            slices.push(IoSlice::new(lent.bytes));
            at = lent.after;
        }
        if at < self.copied.len() {
            slices.push(IoSlice::new(&self.copied[at..]));
        }
        slices
    }
}

impl<'a> Sink<'a> for Gathered<'a> {
    #[inline]
    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.copied
    }

    #[inline]
    fn lend(&mut self, bytes: &'a [u8]) {
        if bytes.len() < WORTH_A_SLICE {
            self.copied.extend_from_slice(bytes);
        } else {
            self.lent.push(Lent { after: self.copied.len(), bytes });
        }
    }
}

/// Bytes from which on a slice of its own costs less than a copy.
const WORTH_A_SLICE: usize = 128;

/// What the numbers of most messages with a blob fit in.
const FIRST_BUFFER_BYTES: usize = 256;
