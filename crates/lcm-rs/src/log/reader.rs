//! Reading a log from its beginning to its end, in constant memory, past whatever is damaged.
//!
//! What counts as damaged is decided in the file `scan.rs`; going to a time is left to `seek.rs`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::event::{Event, EventRef, Record};
use super::gaps::{Gap, Gaps, Skipped};
use super::scan::{Scanner, Step};
use super::seek::Index;
use super::window::Window;

/// Reads the events of a log.
///
/// Memory does not grow with the log: it follows the largest event, of at most 2^28 bytes of data, and never exceeds by more
/// than a small factor what was really read, whatever lengths a damaged log claims.
///
/// What belongs to no event is passed over and told by [`LogReader::skipped`] and [`LogReader::gaps`]: garbage between events,
/// events that were cut off, and a last event that a crash left incomplete. The good events around it all come out.
///
/// ```
/// use lcm::log::{LogReader, LogWriter};
///
/// let mut log = Vec::new();
/// let mut writer = LogWriter::new(&mut log);
/// writer.write(1_700_000_000_000_000, "POSE", b"1.0 2.0")?;
/// writer.flush()?;
/// drop(writer);
///
/// let mut reader = LogReader::new(&log[..]);
/// while let Some(event) = reader.next_event()? {
///     println!("{} {}: {} bytes", event.timestamp_us, event.channel_name(), event.data.len());
/// }
/// assert_eq!(reader.skipped().bytes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogReader<R = File> {
    pub(super) cursor: Cursor<R>,
    pub(super) index: Index,
    gaps: Gaps,
}

/// Why a log could not be read on.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the event log at byte {offset}: {source}")]
pub struct ReadError {
    /// Where the event begins that could not be read, counted from the beginning of the log.
    pub offset: u64,
    /// What the source says.
    pub source: io::Error,
}

impl LogReader<File> {
    /// Opens a log.
    ///
    /// # Errors
    /// What the system says on opening. A file without any event is an empty log.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        File::open(path).map(Self::new)
    }
}

impl<R: Read> LogReader<R> {
    /// Reads the log that begins where `source` stands. It is read in large pieces; a buffer around it would only cost.
    pub fn new(source: R) -> Self {
        Self { cursor: Cursor::new(source), index: Index::default(), gaps: Gaps::default() }
    }

    /// The next event, lent until the one after it is read; `None` at the end of the log.
    ///
    /// Whether an event is good shows in what follows it, so from a pipe it comes once the header of the next one is here.
    ///
    /// # Errors
    /// What the source says on reading. Calling again tries again at the same place.
    pub fn next_event(&mut self) -> Result<Option<EventRef<'_>>, ReadError> {
        let Self { cursor, gaps, .. } = self;
        let record = cursor.next(|offset, bytes| gaps.add(offset, bytes))?;
        Ok(record.map(|record| record.event(cursor.window.bytes())))
    }

    /// The events from here on, each with bytes of its own. [`LogReader::next_event`] copies nothing.
    pub fn events(&mut self) -> Events<'_, R> {
        Events { reader: self }
    }

    /// How much of what was read so far belongs to no event. What is read again is counted again.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.gaps.skipped()
    }

    /// Where the first 1000 gaps are.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.gaps.first()
    }

    /// Up to where the log was read; after an event, the place where the event ends.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor.offset()
    }
}

/// The events of a log, from [`LogReader::events`]. After an error it goes on, and tries again at the same place.
#[derive(Debug)]
pub struct Events<'a, R> {
    reader: &'a mut LogReader<R>,
}

impl<R: Read> Iterator for Events<'_, R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next_event().map(|event| event.map(|event| event.to_event())).transpose()
    }
}

/// A place in a log that moves from event to event.
#[derive(Debug)]
pub(super) struct Cursor<R> {
    pub(super) window: Window<R>,
    scanner: Scanner,
    /// Bytes of the event that the window begins with, if it was lent out.
    lent: usize,
}

impl<R: Read> Cursor<R> {
    fn new(source: R) -> Self {
        Self { window: Window::new(source), scanner: Scanner::new(), lent: 0 }
    }

    /// Moves to the next event, with which the window then begins, and tells of garbage on the way.
    pub(super) fn next(&mut self, mut on_garbage: impl FnMut(u64, usize)) -> Result<Option<Record>, ReadError> {
        self.pass_lent();
        loop {
            match self.scanner.step(self.window.bytes(), self.window.at_end()) {
                Step::Event(record) => {
                    self.lent = record.bytes();
                    return Ok(Some(record));
                }
                Step::Garbage(bytes) => {
                    on_garbage(self.window.offset(), bytes);
                    self.window.pass(bytes);
                }
                Step::More(bytes) => self.fill(bytes)?,
                Step::End => return Ok(None),
            }
        }
    }

    /// Where the next event is looked for.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset() + self.lent as u64
    }

    pub(super) fn fill(&mut self, bytes: usize) -> Result<(), ReadError> {
        let offset = self.window.offset();
        self.window.fill(bytes).map_err(|source| ReadError { offset, source })
    }

    /// Moves behind the event that was lent out.
    pub(super) fn pass_lent(&mut self) {
        self.window.pass(std::mem::take(&mut self.lent));
    }

    /// Forgets the event that was lent out, after the window was moved.
    pub(super) fn forget_lent(&mut self) {
        self.lent = 0;
    }
}
