//! The files of a run's log: `main.jsonl`, and older parts `main.1.jsonl` (the newest of them) and on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dimos::coordinator::LogLine;

/// Writes the log, whole lines at a time.
#[derive(Debug)]
pub(super) struct Writer {
    directory: PathBuf,
    file: File,
    bytes: u64,
    line: Vec<u8>,
}

impl Writer {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let file = OpenOptions::new().create(true).append(true).open(part(directory, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self { directory: directory.to_owned(), file, bytes, line: Vec::new() })
    }

    pub(super) fn write(&mut self, line: &LogLine) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        let length = self.line.len() as u64;
        if self.bytes + length > PART_BYTES {
            self.begin_part()?;
        }
        if let Err(error) = self.file.write_all(&self.line) {
            // Where the disk is full, a part of it may be there: the next line is not to be torn by that.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += length;
        Ok(())
    }

    fn begin_part(&mut self) -> io::Result<()> {
        // First of all what may fail: otherwise every further line would move the older parts.
        let next = self.directory.join("main.next.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&next)?;
        for number in (0..PARTS - 1).rev() {
            match fs::rename(part(&self.directory, number), part(&self.directory, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(next, part(&self.directory, 0))?;
        (self.file, self.bytes) = (file, 0);
        Ok(())
    }
}

/// Where a part of the log stands: 0 is the one that is written, the others are older the larger their number.
pub(super) fn part(directory: &Path, number: u32) -> PathBuf {
    directory.join(if number == 0 { "main.jsonl".to_owned() } else { format!("main.{number}.jsonl") })
}

/// How large a part becomes.
const PART_BYTES: u64 = 16 << 20;

/// How many there are at most.
pub(super) const PARTS: u32 = 5;
