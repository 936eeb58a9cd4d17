//! The log of a run: what its modules and the coordinator say, in one file that one thread at a time writes, line by line.
//!
//! The form is that of Python DimOS: `main.jsonl`, a JSON object a line with `event`, `level`, `logger`, `timestamp` and whatever else.
//! Lines are numbered (`seq`), so that one that is missing is missed.

mod flood;
mod followers;
mod level;
mod recent;
mod record;
mod tail;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use crossbeam_channel::Receiver;
use dimos::coordinator::LogLine;
use serde_json::Value;

use flood::{Floods, Verdict};
use followers::Followers;
pub use level::{Level, UnknownLevel};
use recent::Recent;
pub use record::{from_module, own};
pub use tail::{MAX_LINES, is_wanted, last_lines};
use writer::Writer;

use crate::process::Stream;

/// The log of a run.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    writer: Writer,
    followers: Followers,
    floods: Floods,
    recent: Recent,
    next_seq: u64,
    lost: u64,
}

impl Log {
    /// Begins the log in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// If the directory or the file cannot be made.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        let writer = Writer::open(directory)?;
        let shared = Shared {
            writer,
            followers: Followers::default(),
            floods: Floods::default(),
            recent: Recent::default(),
            next_seq: 0,
            lost: 0,
        };
        Ok(Self { shared: Arc::new(Mutex::new(shared)) })
    }

    /// Takes in a line that a module has said, unless it says too much.
    pub fn heard(&self, module: &str, stream: Stream, bytes: &[u8], left_out: usize) {
        let now = SystemTime::now();
        let mut shared = self.lock();
        match shared.floods.judge(module, Instant::now()) {
            Verdict::LeftOut => {
                shared.lost += 1;
                return;
            }
            Verdict::Taken { left_out: 0 } => {}
            Verdict::Taken { left_out } => {
                let event = format!("{left_out} lines were left out: it said too much at once");
                let mut line = own(Level::Warning, &event, [], now);
                module.clone_into(&mut line.logger);
                shared.add(line);
            }
        }
        shared.lost += u64::from(left_out > 0);
        shared.add(from_module(module, stream, bytes, left_out, now));
    }

    /// Takes in a line of the coordinator's own.
    pub fn say(&self, level: Level, event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
        self.lock().add(own(level, event, fields, SystemTime::now()));
    }

    /// The lines from now on. Whoever reads them too slowly misses some, and is told how many.
    #[must_use]
    pub fn follow(&self) -> Receiver<Arc<LogLine>> {
        self.lock().followers.add()
    }

    /// The last lines of a module, as far as they are remembered.
    #[must_use]
    pub fn recent(&self, module: &str) -> Vec<Arc<LogLine>> {
        self.lock().recent.of(module)
    }

    /// Forgets what modules said that are gone for good.
    pub fn keep(&self, is_there: impl Fn(&str) -> bool) {
        let mut shared = self.lock();
        shared.floods.keep(&is_there);
        shared.recent.keep(is_there);
    }

    /// Ends the following: whoever follows learns that nothing comes any more.
    pub fn close(&self) {
        self.lock().followers.close();
    }

    /// How many lines were lost or cut.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn add(&mut self, mut line: LogLine) {
        line.fields.insert("seq".to_owned(), self.next_seq.into());
        self.next_seq += 1;
        if let Err(error) = self.writer.write(&line) {
            self.lost += 1;
            // Once, not for each line, and for whoever reads along: the file is what does not work.
            if self.lost == 1 {
                let event = format!("cannot write the log of the run: {error}");
                self.followers.tell(&Arc::new(own(Level::Error, &event, [], SystemTime::now())));
            }
        }
        let line = Arc::new(line);
        self.recent.add(&line);
        self.followers.tell(&line);
    }
}
