//! The part of a log that is in memory: buffered reading that can look ahead as far as it has to.
//!
//! What the bytes mean is left to the file `scan.rs`.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// The bytes of a source from some place on. Memory follows what was asked for and did arrive.
#[derive(Debug)]
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// The window is `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Where the window begins, counted from where the source stood at first.
    offset: u64,
    /// Whether the source has nothing behind the window.
    at_end: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), start: 0, end: 0, offset: 0, at_end: false }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Makes the window at least this long, if the source has so much.
    pub(super) fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while self.end - self.start < bytes && !self.at_end {
            self.make_room(bytes);
            // Not more than that, however large the buffer is: who goes on elsewhere would have read it for nothing.
            let missing = bytes - (self.end - self.start);
            let until = self.buffer.len().min(self.end + missing.max(READ_BYTES));
            match self.source.read(&mut self.buffer[self.end..until]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the beginning of the window forward, within it.
    pub(super) fn pass(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.end - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Makes room behind the window for some of these bytes.
    fn make_room(&mut self, bytes: usize) {
        let held = self.end - self.start;
        // Moving costs what is held, so it is done when as much was passed over since the last time.
        if self.buffer.len() - self.end < READ_BYTES && self.start >= held {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, held);
            if self.buffer.len() > KEPT_BYTES && bytes <= READ_BYTES {
                // The next event is small: what a large one needed is given back.
                self.buffer.truncate(held.max(READ_BYTES));
                self.buffer.shrink_to_fit();
            }
        }
        if self.end == self.buffer.len() {
            // Never more than twice what arrived, whatever length a header claims.
            let missing = bytes - held;
            let room = missing.clamp(READ_BYTES, held.max(READ_BYTES));
            self.buffer.resize(self.end + room, 0);
        }
    }
}

impl<R: Read + Seek> Window<R> {
    /// Has the window begin at this offset.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<()> {
        let first = self.offset - self.start as u64;
        let place = offset.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        match place.filter(|&place| place <= self.end) {
            Some(place) => self.start = place,
            None => {
                // Relative to where the source stands, because it need not have begun at its own beginning.
                let stands_at = self.offset + (self.end - self.start) as u64;
                let distance = i64::try_from(i128::from(offset) - i128::from(stands_at));
                let distance = distance.map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
                self.source.seek(SeekFrom::Current(distance))?;
                (self.start, self.end) = (0, 0);
            }
        }
        self.offset = offset;
        // A log that is being written may have grown meanwhile.
        self.at_end = false;
        Ok(())
    }
}

/// Bytes to read at once, if no more are asked for.
const READ_BYTES: usize = 64 << 10;

/// A buffer up to this size is kept, however small the next events are.
const KEPT_BYTES: usize = 32 << 20;
