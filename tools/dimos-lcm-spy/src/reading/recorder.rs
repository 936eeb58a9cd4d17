//! Writes some of the messages to an event log, on a thread of its own: whoever reads the bus never waits for a disk. The files are
//! those of [`lcm::log::Recording`], and what is left out is the same as with `dimos record`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use lcm::log::{self, Existing, Naming, RecordingError, RecordingPlan};
use lcm::{Channel, Sample};

use super::snapshot::Recording;
use super::tally::held_bytes;
use crate::scope::Scope;

/// A recording under way; or one that has ended, of which it is still told. Dropping it waits until all is written.
#[derive(Debug)]
pub(super) struct Recorder {
    scope: Scope,
    path: PathBuf,
    progress: Arc<Progress>,
    /// What was lost on the bus when it began, and what has been since.
    lost: (u64, u64),
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
    unnamed: AtomicU64,
    has_ended: AtomicBool,
    error: Mutex<Option<String>>,
}

/// Makes the file of a recording, with a number before its ending if there is one of this name.
pub(super) fn begin(path: &Path) -> Result<log::Recording, RecordingError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let mut number = 1;
    loop {
        let path = if number == 1 { path.to_owned() } else { path.with_file_name(format!("{stem}-{number}{ending}")) };
        let plan = RecordingPlan { path, naming: Naming::Single, existing: Existing::Refuse, split_bytes: None };
        match log::Recording::begin(plan) {
            Err(RecordingError::Exists { .. }) if number < MAX_NAMES => number += 1,
            outcome => return outcome,
        }
    }
}

impl Recorder {
    /// Begins to record; so much has been lost on the bus before.
    pub(super) fn start(scope: Scope, recording: log::Recording, lost: u64) -> io::Result<Self> {
        let path = recording.file().to_owned();
        let progress = Arc::new(Progress::default());
        let (samples, queue) = unbounded();
        let thread = std::thread::Builder::new().name("spy-recorder".to_owned());
        let shared = Arc::clone(&progress);
        let thread = thread.spawn(move || {
            if let Err(error) = write(&queue, recording, &shared) {
                *shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
            // Whoever sees this sees all that was counted before.
            shared.has_ended.store(true, Release);
        })?;
        Ok(Self { scope, path, progress, lost: (lost, lost), samples: Some(samples), thread: Some(thread) })
    }

    /// Whether messages are wanted at all.
    pub(super) fn is_recording(&self) -> bool {
        self.samples.is_some()
    }

    /// Whether it is still being written.
    pub(super) fn is_running(&self) -> bool {
        !self.progress.has_ended.load(Acquire)
    }

    /// Whether messages of a channel are wanted.
    pub(super) fn wants(&self, channel: &Channel) -> bool {
        self.is_recording() && self.scope.takes(channel)
    }

    /// The only channel that messages are wanted of.
    pub(super) fn only_channel(&self) -> Option<&Channel> {
        match &self.scope {
            Scope::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// So much has been lost on the bus so far.
    pub(super) fn hear(&mut self, lost: u64) {
        if self.is_recording() {
            self.lost.1 = lost;
        }
    }

    /// Takes a message that is wanted; drops it if too many wait already.
    pub(super) fn take(&mut self, sample: &Sample) {
        let Some(samples) = &self.samples else { return };
        let bytes = held_bytes(sample.payload().len()) as u64 + EACH_BYTES;
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

    /// Takes no more, waits until all is written, and tells how it went.
    pub(super) fn finish(mut self) -> Recording {
        self.end();
        self.wait();
        self.told()
    }

    /// How it goes.
    pub(super) fn told(&self) -> Recording {
        // Before the counts, so that those of a recording that has ended are the last ones.
        let is_running = self.is_running();
        Recording {
            what: self.scope.words(),
            path: self.path.clone(),
            messages: self.progress.messages.load(Relaxed),
            bytes: self.progress.bytes.load(Relaxed),
            dropped: self.progress.dropped.load(Relaxed),
            lost: self.lost.1.saturating_sub(self.lost.0),
            unnamed: self.progress.unnamed.load(Relaxed),
            is_running,
            error: self.progress.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
        self.wait();
    }
}

fn write(queue: &Receiver<Sample>, mut recording: log::Recording, progress: &Progress) -> Result<(), RecordingError> {
    let outcome = write_until_end(queue, &mut recording, progress);
    let written = recording.written();
    progress.messages.store(written.events, Relaxed);
    progress.bytes.store(written.bytes, Relaxed);
    outcome
}

fn write_until_end(
    queue: &Receiver<Sample>,
    recording: &mut log::Recording,
    progress: &Progress,
) -> Result<(), RecordingError> {
    let mut left_out = 0;
    while let Ok(sample) = queue.recv() {
        let (payload, channel) = (&sample.payload()[..], sample.channel().as_bytes());
        if channel.is_empty() {
            progress.unnamed.fetch_add(1, Relaxed);
        } else if channel != Channel::SELF_TEST.as_bytes() {
            let dropped = progress.dropped.load(Relaxed);
            // About here: they came while those were in the queue that are written at this time.
            recording.leave_out(dropped - left_out);
            left_out = dropped;
            let time_us = i64::try_from(sample.receive_time_ns() / 1000).unwrap_or(i64::MAX);
            recording.write(time_us, channel, payload)?;
            progress.messages.fetch_add(1, Relaxed);
            progress.bytes.store(recording.written_bytes(), Relaxed);
        }
        progress.queued_bytes.fetch_sub(held_bytes(payload.len()) as u64 + EACH_BYTES, Relaxed);
        // Whoever looks at the file while little comes sees it.
        if queue.is_empty() {
            recording.flush()?;
        }
    }
    recording.flush()
}

/// What may wait for the disk.
const QUEUE_BYTES: u64 = 64 << 20;

/// What a waiting message takes beside its payload.
const EACH_BYTES: u64 = 160;

const MAX_NAMES: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(scope: Scope, progress: Arc<Progress>, samples: Sender<Sample>) -> Recorder {
        Recorder { scope, path: PathBuf::new(), progress, lost: (0, 0), samples: Some(samples), thread: None }
    }

    #[test]
    fn a_disk_that_is_full_ends_the_recording_and_says_so() {
        let everything = Scope::Filter { filter: crate::scope::Filter::default(), with_internal: true };
        let (samples, queue) = unbounded();
        let progress = Arc::new(Progress::default());
        let plan = RecordingPlan {
            path: "/dev/full".into(),
            naming: Naming::Single,
            existing: Existing::Replace,
            split_bytes: None,
        };
        progress.queued_bytes.store(EACH_BYTES + 7, Relaxed);
        let sample = Sample::default().carried(Channel::new("/x").unwrap(), b"payload");
        samples.send(sample.clone()).unwrap();
        let error = write(&queue, log::Recording::begin(plan).unwrap(), &progress).unwrap_err();
        assert_eq!(progress.messages.load(Relaxed), 0);
        assert!(error.to_string().contains("No space left on device"), "{error}");
        drop(queue);
        let mut recorder = recorder(everything, progress, samples);
        assert!(recorder.wants(sample.channel()));
        recorder.take(&sample);
        assert!(!recorder.wants(sample.channel()));
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_counted() {
        let everything = Scope::Filter { filter: crate::scope::Filter::default(), with_internal: true };
        let (samples, queue) = unbounded();
        let mut recorder = recorder(everything, Arc::default(), samples);
        let large = Sample::default().carried(Channel::new("/x").unwrap(), &vec![0; 20 << 20]);
        (0..5).for_each(|_| recorder.take(&large));
        assert_eq!((queue.len(), recorder.told().dropped), (3, 2));
    }

    #[test]
    fn what_has_no_name_is_left_out_and_what_was_dropped_leaves_out_its_numbers() {
        let directory = std::env::temp_dir().join(format!("spy-recorder-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("x.lcmlog");
        let (samples, queue) = unbounded();
        let progress = Progress::default();
        let of = |channel: &str| Sample::default().carried(Channel::new(channel).unwrap(), b"1");
        progress.dropped.store(3, Relaxed);
        for channel in ["", "LCM_SELF_TEST", "/x"] {
            progress.queued_bytes.fetch_add(EACH_BYTES + 1, Relaxed);
            samples.send(of(channel)).unwrap();
        }
        drop(samples);
        write(&queue, begin(&path).unwrap(), &progress).unwrap();
        assert_eq!((progress.messages.load(Relaxed), progress.unnamed.load(Relaxed)), (1, 1));
        let bytes = std::fs::read(&path).unwrap();
        // Behind the mark: the number of the first event.
        assert_eq!(bytes[4..12], 3_i64.to_be_bytes());
        assert!(begin(&path).unwrap().file().ends_with("x-2.lcmlog"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
