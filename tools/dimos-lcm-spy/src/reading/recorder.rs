//! Writes some of the messages to an event log, on a thread of its own: the reader never waits for a disk.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use lcm::log::LogWriter;
use lcm::{Channel, Sample};

use super::snapshot::Recording;
use crate::scope::Scope;

/// A recording under way; or one that has ended, of which it is still told. Dropping it waits until all is written.
#[derive(Debug)]
pub(super) struct Recorder {
    scope: Scope,
    path: PathBuf,
    progress: Arc<Progress>,
    /// Bounded by the bytes in it.
    samples: Option<Sender<Sample>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Progress {
    messages: AtomicU64,
    bytes: AtomicU64,
    queued_bytes: AtomicU64,
    dropped: AtomicU64,
    has_ended: AtomicBool,
    error: Mutex<Option<String>>,
}

impl Recorder {
    /// Begins to record into a new file; one that is there already is left alone, and another name is taken.
    pub(super) fn start(scope: Scope, path: &Path) -> io::Result<Self> {
        let (file, path) = create(path)?;
        let progress = Arc::new(Progress::default());
        let (samples, queue) = unbounded();
        let thread = std::thread::Builder::new().name("spy-recorder".to_owned());
        let shared = Arc::clone(&progress);
        let thread = thread.spawn(move || {
            if let Err(error) = write(&queue, LogWriter::new(file), &shared) {
                *shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
            shared.has_ended.store(true, Relaxed);
        })?;
        Ok(Self { scope, path, progress, samples: Some(samples), thread: Some(thread) })
    }

    /// Whether messages are wanted at all.
    pub(super) fn is_recording(&self) -> bool {
        self.samples.is_some()
    }

    /// Whether messages of a channel are wanted.
    pub(super) fn wants(&self, channel: &Channel) -> bool {
        self.is_recording() && self.scope.takes(channel)
    }

    /// Takes a message that is wanted; drops it if too many wait already.
    pub(super) fn take(&mut self, sample: &Sample) {
        let Some(samples) = &self.samples else { return };
        let bytes = sample.payload().len() as u64 + EACH_BYTES;
        if self.progress.queued_bytes.load(Relaxed) + bytes > QUEUE_BYTES {
            self.progress.dropped.fetch_add(1, Relaxed);
            return;
        }
        self.progress.queued_bytes.fetch_add(bytes, Relaxed);
        // It fails when the disk has refused something, which is told already.
        if samples.send(sample.clone()).is_err() {
            self.samples = None;
        }
    }

    /// Takes no more; what waits is written yet.
    pub(super) fn end(&mut self) {
        self.samples = None;
    }

    /// How it goes.
    pub(super) fn told(&self) -> Recording {
        Recording {
            what: self.scope.words(),
            path: self.path.clone(),
            messages: self.progress.messages.load(Relaxed),
            bytes: self.progress.bytes.load(Relaxed),
            dropped: self.progress.dropped.load(Relaxed),
            is_running: !self.progress.has_ended.load(Relaxed),
            error: self.progress.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.samples = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn write(queue: &Receiver<Sample>, mut log: LogWriter, progress: &Progress) -> Result<(), lcm::log::WriteError> {
    while let Ok(sample) = queue.recv() {
        let payload = &sample.payload()[..];
        let time_us = i64::try_from(sample.receive_time_ns() / 1000).unwrap_or(i64::MAX);
        log.write(time_us, sample.channel(), payload)?;
        progress.messages.fetch_add(1, Relaxed);
        let event_bytes = payload.len() + sample.channel().as_bytes().len();
        progress.bytes.fetch_add(event_bytes as u64 + HEADER_BYTES, Relaxed);
        progress.queued_bytes.fetch_sub(payload.len() as u64 + EACH_BYTES, Relaxed);
        // Whoever looks at the file while little comes sees it.
        if queue.is_empty() {
            log.flush()?;
        }
    }
    log.flush()?;
    log.sink()
        .sync_data()
        .or_else(|error| if error.kind() == ErrorKind::InvalidInput { Ok(()) } else { Err(error) })?;
    Ok(())
}

/// A file of this name, or with a number before its ending.
fn create(path: &Path) -> io::Result<(File, PathBuf)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    for number in 1..MAX_NAMES {
        let path = if number == 1 { path.to_owned() } else { path.with_file_name(format!("{stem}-{number}{ending}")) };
        match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (file, path)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// What may wait for the disk.
const QUEUE_BYTES: u64 = 64 << 20;

/// What a waiting message takes beside its payload.
const EACH_BYTES: u64 = 160;

/// Of an event in a log.
const HEADER_BYTES: u64 = 28;

const MAX_NAMES: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_full_ends_the_recording_and_says_so() {
        let everything = Scope::Filter { filter: crate::scope::Filter::default(), with_internal: true };
        let (samples, queue) = unbounded();
        let progress = Arc::new(Progress::default());
        let full = File::options().write(true).open("/dev/full").unwrap();
        progress.queued_bytes.store(EACH_BYTES, Relaxed);
        samples.send(Sample::default()).unwrap();
        let error = write(&queue, LogWriter::new(full), &progress).unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "{error}");
        drop(queue);
        let mut recorder =
            Recorder { scope: everything, path: PathBuf::new(), progress, samples: Some(samples), thread: None };
        assert!(recorder.wants(Sample::default().channel()));
        recorder.take(&Sample::default());
        assert!(!recorder.wants(Sample::default().channel()));
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_counted() {
        let everything = Scope::Filter { filter: crate::scope::Filter::default(), with_internal: true };
        let (samples, queue) = unbounded();
        let mut recorder = Recorder {
            scope: everything,
            path: PathBuf::new(),
            progress: Arc::default(),
            samples: Some(samples),
            thread: None,
        };
        let large = Sample::default().carried(Channel::new("/x").unwrap(), &vec![0; 20 << 20]);
        (0..5).for_each(|_| recorder.take(&large));
        assert_eq!((queue.len(), recorder.told().dropped), (3, 2));
    }
}
