//! The files of a recording: how they are called, when one ends and the next begins, and that each ends with a whole event.
//!
//! Receiving is left to whoever records: a [`crate::Subscription`] with [`crate::Queue::keep_all`] holds what comes while the disk
//! is slow, and a thread of its own takes it from there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::reader::LogReader;
use super::writer::{HandedOn, LogWriter, WriteError};

/// What is recorded where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingPlan {
    /// The file, or what its files are called before their numbers.
    pub path: PathBuf,
    /// How they are called.
    pub naming: Naming,
    /// What becomes of a file that is there already.
    pub existing: Existing,
    /// No file becomes larger than that, unless its first event is; of no use with [`Naming::Single`].
    pub split_bytes: Option<u64>,
}

/// How the files of a recording are called. The names are those of `lcm-logger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// One file, as its path says.
    Single,
    /// `PATH.00`, `PATH.01` and so on, from the first that is not there.
    Increment,
    /// `PATH.0` is written. When it ends it becomes `PATH.1`, that one `PATH.2` and so on, and what would be more than `files` is
    /// deleted.
    Rotate {
        /// How many are kept, that which is written included; at least one.
        files: u32,
    },
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is recorded.
    Refuse,
    /// It is replaced.
    Replace,
    /// It is written on. What stands behind its last event, as after a crash, is cut off, since programs of LCM read nothing behind that.
    Append,
}

/// What was written: in all files, deleted ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Events.
    pub events: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// Files that were begun.
    pub files: u64,
}

/// Why nothing can be recorded, or nothing more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// It is there, and was not to be replaced.
    #[error("{} exists", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot write {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot make way for the next.
    #[error("cannot rename or delete {}: {source}", path.display())]
    Rotate {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file takes no more. It ends with its last whole event.
    #[error("cannot write to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has bytes, and none of an event at its end: whatever it is, it is not written on.
    #[error("{} is no event log that could be written on: it does not end with an event", path.display())]
    NoLog {
        /// The file.
        path: PathBuf,
    },
    /// An event that no log can have. Recording may go on.
    #[error(transparent)]
    Event(WriteError),
}

/// Writes events to the files of a plan.
///
/// When something goes wrong, the file is cut off behind its last whole event, so that any program reads it.
///
/// ```no_run
/// use lcm::log::{Existing, Naming, Recording, RecordingPlan};
///
/// let path = "run.lcmlog".into();
/// let plan = RecordingPlan { path, naming: Naming::Single, existing: Existing::Refuse, split_bytes: None };
/// let mut recording = Recording::begin(plan)?;
/// recording.write(1_700_000_000_000_000, b"POSE", b"1.0 2.0")?;
/// let written = recording.end()?;
/// println!("{} events, {} bytes", written.events, written.bytes);
/// # Ok::<(), lcm::log::RecordingError>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    plan: RecordingPlan,
    writer: LogWriter<File>,
    file: PathBuf,
    /// What the file had before.
    bytes_before: u64,
    /// In the files before this one; files with this one.
    written: Written,
    next_increment: u32,
    cut_off_bytes: u64,
}

impl Recording {
    /// Makes the first file.
    ///
    /// # Errors
    /// If it is there already and was not to be replaced, or cannot be made.
    pub fn begin(plan: RecordingPlan) -> Result<Self, RecordingError> {
        let mut next_increment = 0;
        let cut_off_bytes = match (plan.existing, plan.naming) {
            (Existing::Append, Naming::Single) => cut_off(&plan.path)?,
            _ => 0,
        };
        let (file, writer, bytes_before) = open(&plan, &mut next_increment)?;
        let written = Written { files: 1, ..Written::default() };
        Ok(Self { plan, writer, file, bytes_before, written, next_increment, cut_off_bytes })
    }

    /// What was cut off at the end of a file that is written on, since it belonged to no event.
    #[must_use]
    pub fn cut_off_bytes(&self) -> u64 {
        self.cut_off_bytes
    }

    /// Writes an event. Small ones reach the file with [`Recording::flush`], or when there are enough of them.
    ///
    /// # Errors
    /// If the file takes no more: the recording is then over. An event that no log can have is refused.
    pub fn write(&mut self, timestamp_us: i64, channel: &[u8], data: &[u8]) -> Result<(), RecordingError> {
        if let Some(split_bytes) = self.plan.split_bytes
            && self.plan.naming != Naming::Single
        {
            let written_bytes = self.bytes_before + self.writer.written_bytes();
            let next_bytes = written_bytes.saturating_add(event_bytes(channel, data));
            if written_bytes > 0 && next_bytes > split_bytes {
                self.next_file()?;
            }
        }
        match self.writer.write(timestamp_us, channel, data) {
            Ok(_) => Ok(()),
            Err(WriteError::Io(source)) => Err(self.fail(source)),
            Err(error) => Err(RecordingError::Event(error)),
        }
    }

    /// Leaves out the numbers of so many events, which could not be written.
    pub fn leave_out(&mut self, events: u64) {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        self.writer.set_next_number(self.writer.next_number().saturating_add(events));
    }

    /// Hands everything written so far to the file, for other programs to see.
    ///
    /// # Errors
    /// If the file takes no more: the recording is then over.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.writer.flush().map_err(|source| self.fail(source))
    }

    /// Ends the file and begins the next. With [`Naming::Single`] the file is only flushed.
    ///
    /// # Errors
    /// If the file takes no more, or the next cannot be made.
    pub fn next_file(&mut self) -> Result<(), RecordingError> {
        self.flush()?;
        if self.plan.naming == Naming::Single {
            return Ok(());
        }
        let HandedOn { events, bytes } = self.writer.handed_on();
        let number = self.writer.next_number();
        let (file, writer, bytes_before) = open(&self.plan, &mut self.next_increment)?;
        self.written = Written {
            events: self.written.events + events,
            bytes: self.written.bytes + bytes,
            files: self.written.files + 1,
        };
        (self.file, self.writer, self.bytes_before) = (file, writer, bytes_before);
        // Files of one recording are one sequence, so that what is missing between them shows.
        self.writer.set_next_number(number);
        Ok(())
    }

    /// What was written so far, and may not be in the file yet.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written.bytes + self.writer.written_bytes()
    }

    /// What the files have.
    #[must_use]
    pub fn written(&self) -> Written {
        let HandedOn { events, bytes } = self.writer.handed_on();
        let Written { events: events_before, bytes: bytes_before, files } = self.written;
        Written { events: events_before + events, bytes: bytes_before + bytes, files }
    }

    /// The file that is written.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Flushes, and ends the recording.
    ///
    /// # Errors
    /// If the file takes no more.
    pub fn end(mut self) -> Result<Written, RecordingError> {
        self.flush()?;
        Ok(self.written())
    }

    /// Cuts off what is no whole event.
    fn fail(&mut self, source: io::Error) -> RecordingError {
        let whole_bytes = self.bytes_before + self.writer.handed_on().bytes;
        // Pipes and devices cannot be cut off; readers skip what is no event.
        let _ = self.writer.sink().set_len(whole_bytes);
        self.writer.forget();
        RecordingError::Write { path: self.file.clone(), source }
    }
}

/// Makes the next file of a plan: its name, and how long it is already.
fn open(plan: &RecordingPlan, next_increment: &mut u32) -> Result<(PathBuf, LogWriter<File>, u64), RecordingError> {
    let path = match plan.naming {
        Naming::Single => plan.path.clone(),
        Naming::Increment => return open_next(plan, next_increment),
        Naming::Rotate { files } => {
            rotate(&plan.path, files.max(1))?;
            numbered(&plan.path, "0")
        }
    };
    let mut options = File::options();
    match plan.existing {
        Existing::Refuse => options.write(true).create_new(true),
        Existing::Replace => options.write(true).create(true).truncate(true),
        Existing::Append => options.append(true).create(true),
    };
    match options.open(&path) {
        Ok(file) => {
            let bytes = file.metadata().map_or(0, |metadata| metadata.len());
            Ok((path, LogWriter::new(file), bytes))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(RecordingError::Exists { path }),
        Err(source) => Err(RecordingError::Create { path, source }),
    }
}

/// Cuts off what stands behind the last event of a log. Returns how much that was.
fn cut_off(path: &Path) -> Result<u64, RecordingError> {
    let failed = |source| RecordingError::Create { path: path.to_owned(), source };
    let bytes = match fs::metadata(path) {
        // Pipes and devices have no end.
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => metadata.len(),
        _ => return Ok(0),
    };
    let mut file = File::options().read(true).write(true).open(path).map_err(failed)?;
    let whole = end_of_last_event(&mut file, bytes).map_err(failed)?;
    let whole = whole.ok_or_else(|| RecordingError::NoLog { path: path.to_owned() })?;
    if whole < bytes {
        file.set_len(whole).map_err(failed)?;
    }
    Ok(bytes - whole)
}

/// Where the last event of a log ends, which is looked for from its end on.
fn end_of_last_event(file: &mut File, bytes: u64) -> io::Result<Option<u64>> {
    for window in TAILS_BYTES {
        let from = bytes.saturating_sub(window);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = LogReader::new(&*file);
        let mut end = None;
        while tail.next_event().map_err(|error| error.source)?.is_some() {
            end = Some(from + tail.position());
        }
        if end.is_some() || from == 0 {
            return Ok(end);
        }
    }
    Ok(None)
}

fn open_next(
    plan: &RecordingPlan,
    next_increment: &mut u32,
) -> Result<(PathBuf, LogWriter<File>, u64), RecordingError> {
    loop {
        let path = numbered(&plan.path, &format!("{next_increment:02}"));
        *next_increment = next_increment.saturating_add(1);
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, LogWriter::new(file), 0)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && *next_increment < u32::MAX => {}
            Err(source) => return Err(RecordingError::Create { path, source }),
        }
    }
}

/// Makes way for `PATH.0`.
fn rotate(path: &Path, files: u32) -> Result<(), RecordingError> {
    let unless_missing = |outcome: io::Result<()>, path: PathBuf| match outcome {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(RecordingError::Rotate { path, source }),
        _ => Ok(()),
    };
    let name = |number: u32| numbered(path, &number.to_string());
    // Behind the first that is missing none has to move.
    let mut there = 0;
    while there < files && name(there).exists() {
        there += 1;
    }
    if there == files {
        unless_missing(fs::remove_file(name(files - 1)), name(files - 1))?;
    }
    for number in (0..there.min(files - 1)).rev() {
        unless_missing(fs::rename(name(number), name(number + 1)), name(number))?;
    }
    Ok(())
}

fn numbered(path: &Path, number: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(number);
    name.into()
}

/// The last one holds the largest event twice.
const TAILS_BYTES: [u64; 3] = [1 << 20, 1 << 25, 1 << 29];

fn event_bytes(channel: &[u8], data: &[u8]) -> u64 {
    (super::event::HEADER_BYTES + channel.len() + data.len()) as u64
}
