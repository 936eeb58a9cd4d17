//! Going to a time: an index that grows with the part of the log that was searched, and no further.
//!
//! To build it, the headers of the log are read and large data is jumped over. What counts as an event is decided as in
//! reading.

use std::io::{Read, Seek};

use super::event::{HEADER_BYTES, Record};
use super::reader::{Cursor, LogReader, ReadError};

impl<R: Read + Seek> LogReader<R> {
    /// Goes to the first event, in the order of the log, that is not older than `timestamp_us`, and says whether there is
    /// one; where there is none, to the end of the log.
    ///
    /// Timestamps may go backwards, where a clock was set or recordings were put together. The first event that is new
    /// enough is then still found, but older ones may follow it.
    ///
    /// The first call reads the headers of the log up to that event, and remembers a place in each megabyte or, in a large
    /// log, at each of some thousand places. Later calls read only from such a place on. The log may grow meanwhile; if what
    /// was read changes, open it anew.
    ///
    /// ```no_run
    /// let mut log = lcm::log::LogReader::open("run.lcmlog")?;
    /// let Some(start_us) = log.next_event()?.map(|event| event.timestamp_us) else { return Ok(()) };
    /// // A minute into the recording.
    /// log.seek_to(start_us + 60_000_000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the source says on reading or seeking.
    pub fn seek_to(&mut self, timestamp_us: i64) -> Result<bool, ReadError> {
        self.seek_to_unless(timestamp_us, || false).map(|found| found == Some(true))
    }

    /// The same, unless it is given up on the way, which is asked at each event. Then `None`, and the log stands there.
    ///
    /// # Errors
    /// What the source says on reading or seeking.
    pub fn seek_to_unless(
        &mut self,
        timestamp_us: i64,
        mut is_given_up: impl FnMut() -> bool,
    ) -> Result<Option<bool>, ReadError> {
        let from = self.index.place_before(timestamp_us);
        self.cursor.seek(from)?;
        while let Some(stamp) = self.cursor.next_stamp()? {
            self.index.note(stamp, self.cursor.offset());
            if stamp.timestamp_us >= timestamp_us {
                self.cursor.seek(stamp.offset)?;
                return Ok(Some(true));
            }
            if is_given_up() {
                return Ok(None);
            }
        }
        Ok(Some(false))
    }

    /// Goes back to the beginning of the log.
    ///
    /// # Errors
    /// What the source says on seeking.
    pub fn rewind(&mut self) -> Result<(), ReadError> {
        self.cursor.seek(0)
    }

    /// Goes to a place that [`LogReader::position`] told.
    ///
    /// # Errors
    /// What the source says on seeking.
    pub fn go_to(&mut self, position: u64) -> Result<(), ReadError> {
        self.cursor.seek(position)
    }
}

/// Where an event begins, and when it was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    offset: u64,
    timestamp_us: i64,
}

impl<R: Read + Seek> Cursor<R> {
    fn seek(&mut self, offset: u64) -> Result<(), ReadError> {
        self.window.seek(offset).map_err(|source| ReadError { offset, source })?;
        self.forget_lent();
        Ok(())
    }

    /// Moves behind the next event, if possible without reading its data.
    fn next_stamp(&mut self) -> Result<Option<Stamp>, ReadError> {
        self.pass_lent();
        self.fill(HEADER_BYTES)?;
        let offset = self.offset();
        if let Some(record) = Record::parse(self.window.bytes())
            && self.window.bytes().len() + WORTH_JUMPING_BYTES < record.bytes()
        {
            self.seek(offset + record.bytes() as u64)?;
            self.fill(HEADER_BYTES)?;
            let next = Record::parse(self.window.bytes());
            if next.is_some_and(|next| next.number == record.number.wrapping_add(1)) {
                return Ok(Some(Stamp { offset, timestamp_us: record.timestamp_us }));
            }
            // Only with all of the data can be told whether this is an event.
            self.seek(offset)?;
        }
        let record = self.next(|_, _| {})?;
        Ok(record.map(|record| Stamp { offset: self.window.offset(), timestamp_us: record.timestamp_us }))
    }
}

/// Places in a log to search from, each with the newest timestamp before it.
#[derive(Debug)]
pub(super) struct Index {
    checkpoints: Vec<Checkpoint>,
    spacing_bytes: u64,
    /// Where the part of the log ends that the index knows, and the newest timestamp in it.
    end: u64,
    newest_us: i64,
}

#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    offset: u64,
    newest_before_us: i64,
}

impl Default for Index {
    fn default() -> Self {
        Self { checkpoints: Vec::new(), spacing_bytes: FIRST_SPACING_BYTES, end: 0, newest_us: i64::MIN }
    }
}

impl Index {
    /// A place before the first event that is not older than this, with as little as possible between them.
    fn place_before(&self, timestamp_us: i64) -> u64 {
        if self.newest_us < timestamp_us {
            return self.end;
        }
        let later = self.checkpoints.partition_point(|checkpoint| checkpoint.newest_before_us < timestamp_us);
        later.checked_sub(1).and_then(|last| self.checkpoints.get(last)).map_or(0, |checkpoint| checkpoint.offset)
    }

    /// Takes in the event that follows those it knows, and ends at `end`; others it knows already.
    fn note(&mut self, stamp: Stamp, end: u64) {
        if stamp.offset < self.end {
            return;
        }
        let last = self.checkpoints.last().map_or(0, |checkpoint| checkpoint.offset);
        if stamp.offset >= last + self.spacing_bytes {
            self.checkpoints.push(Checkpoint { offset: stamp.offset, newest_before_us: self.newest_us });
            if self.checkpoints.len() > MAX_CHECKPOINTS {
                let mut keep = false;
                self.checkpoints.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.spacing_bytes *= 2;
            }
        }
        self.end = end;
        self.newest_us = self.newest_us.max(stamp.timestamp_us);
    }
}

/// What may be read to save a jump, which throws away what was read ahead.
const WORTH_JUMPING_BYTES: usize = 64 << 10;

const FIRST_SPACING_BYTES: u64 = 1 << 20;
const MAX_CHECKPOINTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_huge_log_stays_small_and_its_places_stay_right() {
        let mut index = Index::default();
        // 10 TB of events of 1 MB.
        let events = 10_000_000_u64;
        for number in 0..events {
            let stamp = Stamp { offset: number * 1_000_000, timestamp_us: i64::try_from(number).unwrap() };
            index.note(stamp, (number + 1) * 1_000_000);
        }
        assert!(index.checkpoints.len() <= MAX_CHECKPOINTS);
        for wanted in [0_u64, 1, 5_000, 4_999_999, 9_999_999] {
            let place = index.place_before(i64::try_from(wanted).unwrap());
            assert!(place <= wanted * 1_000_000 && wanted * 1_000_000 - place <= 2 * index.spacing_bytes, "{wanted}");
        }
        assert_eq!(index.place_before(i64::try_from(events).unwrap()), events * 1_000_000);
    }
}
