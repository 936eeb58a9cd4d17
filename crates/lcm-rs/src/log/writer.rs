//! Writing a log, byte for byte as C LCM does.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::Path;

use zerocopy::IntoBytes;

use super::event::{Header, MAX_EVENT_CHANNEL_BYTES, Record};
use crate::wire::MAX_MESSAGE_BYTES;

/// Writes events to a log and numbers them from 0.
///
/// Small events are gathered in memory: [`LogWriter::flush`] hands them to the file, and tells what went wrong. Dropping the
/// writer does so too, but nobody hears of errors then. Numbers begin at 0 again where a log is appended to, as with C LCM.
///
/// ```no_run
/// let mut log = lcm::log::LogWriter::create("run.lcmlog")?;
/// log.write(1_700_000_000_000_000, "POSE", b"1.0 2.0")?;
/// log.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogWriter<W: Write = File> {
    sink: W,
    /// Whole events, of which so many bytes are handed on already.
    gathered: Vec<u8>,
    gathered_handed_on: usize,
    /// Before those.
    handed_on: HandedOn,
    next_number: i64,
}

/// What the sink of a [`LogWriter`] has: so many whole events, of so many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandedOn {
    /// How many.
    pub events: u64,
    /// Their bytes in the log, headers included. Where less than an event was handed on behind them, it begins here.
    pub bytes: u64,
}

/// Why an event was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The channel name is longer than programs of LCM read. Nothing was written.
    #[error("channel name of {length} bytes, the limit of event logs is {MAX_EVENT_CHANNEL_BYTES}")]
    ChannelTooLong {
        /// Its length.
        length: usize,
    },
    /// The data is larger than a message of LCM. Nothing was written.
    #[error("event with {length} bytes of data, the limit is {MAX_MESSAGE_BYTES}")]
    DataTooLarge {
        /// Its length.
        length: usize,
    },
    /// The file refused it, for instance because the disk is full.
    #[error("cannot write to the event log: {0}")]
    Io(#[from] io::Error),
}

impl LogWriter<File> {
    /// Creates a log, in place of what the file contains.
    ///
    /// # Errors
    /// What the system says on creating the file.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        File::create(path).map(Self::new)
    }

    /// Opens a log to write behind what it contains, and creates it where there is none. What a crash left incomplete at its
    /// end stays, and readers skip it.
    ///
    /// # Errors
    /// What the system says on opening the file.
    pub fn append(path: impl AsRef<Path>) -> io::Result<Self> {
        File::options().append(true).create(true).open(path).map(Self::new)
    }
}

impl<W: Write> LogWriter<W> {
    /// Writes to any sink. Events are gathered before they are handed on, so it needs no buffer of its own.
    pub fn new(sink: W) -> Self {
        let handed_on = HandedOn::default();
        Self { sink, gathered: Vec::new(), gathered_handed_on: 0, handed_on, next_number: 0 }
    }

    /// Writes an event and returns its number.
    ///
    /// An empty channel is written as it is; this crate reads it, but C LCM stops reading a log there.
    ///
    /// # Errors
    /// A channel or data over the limits, or what the sink says. An event that was refused is not in the log and takes no
    /// number; of a large one (64 KiB or more) a part may be in it, which readers skip. Events that were gathered before stay
    /// so, and are tried again with the next call.
    pub fn write(&mut self, timestamp_us: i64, channel: impl AsRef<[u8]>, data: &[u8]) -> Result<i64, WriteError> {
        self.write_gathered(timestamp_us, channel, &[IoSlice::new(data)])
    }

    /// Writes an event whose data is the concatenation of `data`.
    ///
    /// # Errors
    /// As [`LogWriter::write`].
    pub fn write_gathered(
        &mut self,
        timestamp_us: i64,
        channel: impl AsRef<[u8]>,
        data: &[IoSlice<'_>],
    ) -> Result<i64, WriteError> {
        let channel = channel.as_ref();
        let channel_bytes = match u32::try_from(channel.len()) {
            Ok(bytes) if channel.len() <= MAX_EVENT_CHANNEL_BYTES => bytes,
            _ => return Err(WriteError::ChannelTooLong { length: channel.len() }),
        };
        let length = data.iter().map(|slice| slice.len()).sum();
        let data_bytes = match u32::try_from(length) {
            Ok(bytes) if length <= MAX_MESSAGE_BYTES => bytes,
            _ => return Err(WriteError::DataTooLarge { length }),
        };
        if self.gathered.len() + length > GATHERED_BYTES {
            self.hand_on()?;
        }
        let number = self.next_number;
        let header = Header::new(number, timestamp_us, channel_bytes, data_bytes);
        self.gathered.extend_from_slice(header.as_bytes());
        self.gathered.extend_from_slice(channel);
        if length < GATHERED_BYTES {
            data.iter().for_each(|slice| self.gathered.extend_from_slice(slice));
        } else {
            self.write_large(data)?;
        }
        self.next_number += 1;
        Ok(number)
    }

    /// Hands everything written so far to the sink, and has the sink do so too. A file then has it, as far as other programs
    /// can see; whether it survives a power cut is another matter ([`File::sync_data`]).
    ///
    /// # Errors
    /// What the sink says; calling again tries again.
    pub fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.sink.flush()
    }

    /// The number of the next event. By leaving numbers out a recorder tells how many events it could not write.
    pub fn set_next_number(&mut self, number: i64) {
        self.next_number = number;
    }

    /// The number of the next event.
    pub fn next_number(&self) -> i64 {
        self.next_number
    }

    /// What the sink has so far. After an error a file that is cut off there has no half event at its end.
    pub fn handed_on(&self) -> HandedOn {
        let mut handed_on = self.handed_on;
        let mut place = 0;
        while let Some(record) = Record::parse(&self.gathered[place..])
            && place + record.bytes() <= self.gathered_handed_on
        {
            place += record.bytes();
            handed_on.events += 1;
            handed_on.bytes += record.bytes() as u64;
        }
        handed_on
    }

    /// Bytes of all events that were written, handed on or not.
    pub fn written_bytes(&self) -> u64 {
        self.handed_on.bytes + self.gathered.len() as u64
    }

    /// The sink, behind what was gathered and not handed on yet.
    pub fn sink(&self) -> &W {
        &self.sink
    }

    /// Forgets what was gathered: it is not to be tried again.
    pub(super) fn forget(&mut self) {
        self.handed_on = self.handed_on();
        self.gathered.clear();
        self.gathered_handed_on = 0;
    }

    /// Writes the header that was gathered and then data that was not, one call for both where the system allows.
    fn write_large(&mut self, data: &[IoSlice<'_>]) -> io::Result<()> {
        // What is written of it cannot be taken back, and the rest of it is not tried again.
        let header = std::mem::take(&mut self.gathered);
        let mut slices = Vec::with_capacity(1 + data.len());
        slices.push(IoSlice::new(&header));
        slices.extend_from_slice(data);
        let mut bytes = 0;
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match self.sink.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.handed_on.events += 1;
        self.handed_on.bytes += bytes;
        self.gathered = header;
        self.gathered.clear();
        Ok(())
    }

    /// Hands on what was gathered, and keeps it until the sink has all of it.
    fn hand_on(&mut self) -> io::Result<()> {
        while self.gathered_handed_on < self.gathered.len() {
            match self.sink.write(&self.gathered[self.gathered_handed_on..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.gathered_handed_on += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.forget();
        Ok(())
    }
}

impl<W: Write> Drop for LogWriter<W> {
    fn drop(&mut self) {
        // Who wants to know flushes before.
        let _ = self.flush();
    }
}

/// Up to so many bytes of events are gathered before they are handed on.
const GATHERED_BYTES: usize = 64 << 10;
