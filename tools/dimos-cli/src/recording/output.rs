//! Files that a command makes: they appear under their name once they are whole, replace nothing unasked, and are never what is read.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;
use lcm::log::{EventRef, LogWriter, WriteError};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::failure::Failure;

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

/// A log that is being made.
#[derive(Debug)]
pub(super) struct UnfinishedLog {
    file: Unfinished,
    writer: LogWriter<File>,
}

impl Unfinished {
    /// Begins a file, which is none of those that are read.
    pub(super) fn begin(path: &Path, read: &[&Path], replace: Replace) -> Result<(Self, File), Failure> {
        let shown = path.display();
        if let Ok(there) = path.metadata() {
            let is_same = |other: &&&Path| {
                other.metadata().is_ok_and(|other| (other.dev(), other.ino()) == (there.dev(), there.ino()))
            };
            if read.iter().any(|other| is_same(&other)) {
                return Err(Failure::usage(format_args!("{shown} is read, so it cannot be written, too")));
            }
            if !there.is_file() {
                return Err(Failure::usage(format_args!("{shown} is there, and no file")));
            }
            if !replace.force {
                return Err(exists(path));
            }
        }
        let name = path.file_name().ok_or_else(|| Failure::usage(format_args!("{shown} is no name of a file")))?;
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.unfinished", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let file = File::create(&temporary).map_err(|error| unwritable(path, &error))?;
        Ok((Self { path: path.to_owned(), temporary, replaces: replace.force, is_finished: false }, file))
    }

    /// What it will be called.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole, and gets its name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
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
        Ok(Self { file, writer: LogWriter::new(written) })
    }

    /// Writes an event with the next number.
    pub(super) fn write(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        let written = self.writer.write(event.timestamp_us, event.channel, event.data);
        written.map(drop).map_err(|error| self.failed(error))
    }

    /// Writes an event with the number that it has.
    pub(super) fn write_numbered(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        self.writer.set_next_number(event.number);
        self.write(event)
    }

    /// It is whole, and gets its name. Returns its size.
    pub(super) fn finish(mut self) -> Result<u64, Failure> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| unwritable(&self.file.path, &error))?;
        let bytes = self.writer.written_bytes();
        self.file.finish().map(|()| bytes)
    }

    fn failed(&self, error: WriteError) -> Failure {
        match error {
            WriteError::Io(error) => unwritable(&self.file.path, &error),
            error => Failure::unexpected(error),
        }
    }
}

/// Why a file is not made.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::unexpected(format_args!("cannot write {}: {error}", path.display()))
}

/// It is there, and not to be replaced.
pub(super) fn exists(path: &Path) -> Failure {
    Failure::usage(format_args!("{} exists: --force replaces it", path.display()))
}
