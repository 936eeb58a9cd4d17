//! Files that a command makes: they appear under their name once they are whole, replace nothing unasked, and are never what is read.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use lcm::log::{EventRef, LogWriter, WriteError};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::log_file::is_same_file;

/// Whether a file that is there is replaced.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Replace {
    /// Replaces what is there.
    #[arg(short, long)]
    pub(super) force: bool,
}

/// A file that is being made. Unless it is finished, nothing is left of it.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    temporary: PathBuf,
    replaces: bool,
    is_finished: bool,
}

/// A log that is being made. Events on the channel without a name are left out, since C LCM reads a log up to the first of them.
#[derive(Debug)]
pub(super) struct UnfinishedLog {
    file: Unfinished,
    writer: LogWriter<File>,
    made: Made,
}

/// What a log has that was made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Made {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// Events on the channel without a name.
    pub(super) unnamed: u64,
}

impl Unfinished {
    /// Begins a file, which is none of those that are read.
    pub(super) fn begin(path: &Path, read: &[&Path], replace: Replace) -> Result<(Self, File), Failure> {
        let shown = path.display();
        if let Ok(there) = path.metadata() {
            if read.iter().any(|other| is_same_file(path, other)) {
                return Err(Failure::usage(format_args!("{shown} is read, so it cannot be written, too")));
            }
            if !there.is_file() {
                return Err(Failure::usage(format_args!("{shown} is there, and no file")));
            }
            if !replace.force {
                return Err(exists(path));
            }
        }
        path.file_name().ok_or_else(|| Failure::usage(format_args!("{shown} is no name of a file")))?;
        let temporary = unfinished(path);
        let create = || File::options().write(true).create_new(true).open(&temporary);
        let file = create().map_err(|error| unwritable(path, &error))?;
        Ok((Self { path: path.to_owned(), temporary, replaces: replace.force, is_finished: false }, file))
    }

    /// What it will be called.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole, and gets its name, once it would survive a power cut.
    pub(super) fn finish(mut self, file: &File) -> Result<(), Failure> {
        match file.sync_data() {
            // Not every file can do that.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => return Err(unwritable(&self.path, &error)),
            _ => {}
        }
        let flags = if self.replaces { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let renamed = match renameat_with(CWD, &self.temporary, CWD, &self.path, flags) {
            // Not every file system can do that.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(&self.temporary, &self.path),
            outcome => outcome.map_err(io::Error::from),
        };
        match renamed {
            Ok(()) => {
                self.is_finished = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&self.path)),
            Err(error) => Err(unwritable(&self.path, &error)),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // If it is gone already, all is well.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl UnfinishedLog {
    /// Begins a log, which is none of those that are read.
    pub(super) fn begin(path: &Path, read: &[&Path], replace: Replace) -> Result<Self, Failure> {
        let (file, written) = Unfinished::begin(path, read, replace)?;
        Ok(Self { file, writer: LogWriter::new(written), made: Made::default() })
    }

    /// Writes an event with the next number.
    pub(super) fn write(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        if event.channel.is_empty() {
            self.made.unnamed += 1;
            return Ok(());
        }
        let written = self.writer.write(event.timestamp_us, event.channel, event.data);
        written.map_err(|error| self.failed(error))?;
        self.made.events += 1;
        Ok(())
    }

    /// Writes an event with the number that it has.
    pub(super) fn write_numbered(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        self.writer.set_next_number(event.number);
        self.write(event)
    }

    /// It is whole, and gets its name.
    pub(super) fn finish(mut self) -> Result<Made, Failure> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| unwritable(&self.file.path, &error))?;
        let bytes = self.writer.written_bytes();
        self.file.finish(self.writer.sink())?;
        Ok(Made { bytes, ..self.made })
    }

    fn failed(&self, error: WriteError) -> Failure {
        match error {
            WriteError::Io(error) => unwritable(&self.file.path, &error),
            error => Failure::unexpected(error),
        }
    }
}

impl Made {
    /// More words, where events were left out.
    pub(super) fn more(&self) -> String {
        match self.unnamed {
            0 => String::new(),
            unnamed => format!("; {unnamed} on the channel without a name left out"),
        }
    }

    /// The failure of a command that has left events out which nobody told it to.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        match self.unnamed {
            0 => Ok(()),
            unnamed => Err(Failure::incomplete(format_args!(
                "{unnamed} events on the channel without a name are left out: programs of LCM stop reading a log there"
            ))),
        }
    }
}

/// A name for what is being made, that no one else has or guesses, beside what it will be and short enough for any file system.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let seed = RandomState::new().hash_one(std::process::id());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(50).collect();
    path.with_file_name(format!(".{name}.{seed:016x}.unfinished"))
}

/// Why a file is not made.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::unexpected(format_args!("cannot write {}: {error}", path.display()))
}

/// It is there, and not to be replaced.
pub(super) fn exists(path: &Path) -> Failure {
    Failure::usage(format_args!("{} exists: --force replaces it", path.display()))
}
