//! Reads the bus, on a thread of its own that owns all that is counted: whoever wants to know asks it for a [`Snapshot`].
//!
//! It takes messages in batches and sleeps in between, so that it is woken some hundred times a second however much comes, and waits for
//! the next one where none comes. It decodes nothing but beats, and of large messages that nobody looks at only size and beginning are
//! received. What is counted is the business of [`tally`], how long it sleeps of `pace`.

mod pace;
mod recorder;
pub mod snapshot;
pub mod tally;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lcm::schema::Catalog;
use lcm::{Channel, Handle, Inline, OpenError, Overheard, Pattern, Statistics, Url};

use crate::scope::Scope;
use crate::selection::Selection;
use crate::traffic::beats;
use crate::traffic::channels::Heard;
use pace::{Batch, Missed, Pace, Rest};
use recorder::Recorder;
use snapshot::{Recording, Snapshot};
use tally::Tally;

/// The bus being read. Dropping it ends that, and waits until a recording is written.
#[derive(Debug)]
pub struct Reading {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    has_ended: Arc<AtomicBool>,
}

/// What the reader is asked for.
#[derive(Debug)]
enum Request {
    /// Tell all, into this snapshot, whose memory is used again.
    Tell(Box<Snapshot>, Sender<Box<Snapshot>>),
    Watch(Vec<Channel>),
    Record(Scope, Box<lcm::log::Recording>, Sender<io::Result<PathBuf>>),
    EndRecording,
    Finish(Sender<Option<Recording>>),
}

/// What the thread has.
struct Reader {
    bus: Inline,
    is_log: bool,
    tally: Tally,
    statistics: Statistics,
    receive_errors: u64,
    /// Of the channels that are looked at, so that their messages are received whole.
    watched: Vec<Handle>,
    recorder: Option<Recorder>,
    /// Of the only channel that is recorded, likewise.
    recorded: Option<Handle>,
    has_ended: Arc<AtomicBool>,
    pace: Pace,
    start: Instant,
    next_look: Instant,
}

impl Reading {
    /// Begins to read the bus of a URL: the channels of `only`, or all if there are none.
    ///
    /// # Errors
    /// If the bus cannot be joined.
    pub fn start(url: &Url, catalog: Arc<Catalog>, only: Vec<Selection>) -> Result<Self, OpenError> {
        let bus = Inline::open(&url.to_string())?;
        receive_whole(&bus, beats::CHANNEL);
        let now = Instant::now();
        let has_ended = Arc::new(AtomicBool::new(false));
        let mut reader = Reader {
            bus,
            is_log: matches!(url, Url::File(_)),
            tally: Tally::new(catalog, only),
            statistics: Statistics::default(),
            receive_errors: 0,
            watched: Vec::new(),
            recorder: None,
            recorded: None,
            has_ended: Arc::clone(&has_ended),
            pace: Pace::new(now),
            start: now,
            next_look: now,
        };
        let (requests, asked) = unbounded();
        let thread = std::thread::Builder::new().name("spy-reader".to_owned()).spawn(move || reader.run(&asked));
        let thread = thread.map_err(|source| OpenError::Receive { url: url.clone(), source })?;
        Ok(Self { requests: Some(requests), thread: Some(thread), has_ended })
    }

    /// What was counted up to this moment. The snapshot given is used again; none if reading has ended, which it does only by a fault.
    #[must_use]
    pub fn snapshot(&self, used: Box<Snapshot>) -> Option<Box<Snapshot>> {
        let (answer, told) = bounded(1);
        self.ask(Request::Tell(used, answer));
        told.recv().ok()
    }

    /// Keeps the messages of these channels for the next snapshot, of [`tally::MAX_WATCHED`] at most.
    pub fn watch(&self, channels: Vec<Channel>) {
        self.ask(Request::Watch(channels));
    }

    /// Whether an event log has come to its end, or reading has ended by a fault.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed) || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Begins to record into a new event log, when the last recording has ended. Tells its path, which has a number where the file was
    /// there already. It is made here, so that the reader does not wait for it.
    ///
    /// # Errors
    /// What the system says on creating the file, or that the last recording is still being written.
    pub fn record(&self, scope: Scope, path: &Path) -> io::Result<PathBuf> {
        let recording = recorder::begin(path).map_err(io::Error::other)?;
        let (answer, told) = bounded(1);
        self.ask(Request::Record(scope, Box::new(recording), answer));
        told.recv().unwrap_or_else(|_| Err(io::Error::other("nobody reads the bus any more")))
    }

    /// Ends the recording, if there is one.
    pub fn end_recording(&self) {
        self.ask(Request::EndRecording);
    }

    /// Ends the recording, waits until it is written, and tells how it went; none if nothing was recorded.
    #[must_use]
    pub fn finish(&self) -> Option<Recording> {
        let (answer, told) = bounded(1);
        self.ask(Request::Finish(answer));
        told.recv().ok().flatten()
    }

    fn ask(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // It fails when the thread has ended, which shows when its answer does not come.
            let _ = requests.send(request);
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Reader {
    fn run(&mut self, requests: &Receiver<Request>) {
        let mut batch = Batch::default();
        loop {
            self.take_batch(&mut batch);
            loop {
                match requests.try_recv() {
                    Ok(request) => self.answer(request),
                    Err(error) if error.is_empty() => break,
                    Err(_) => return,
                }
            }
            let now = Instant::now();
            if now >= self.next_look {
                self.look(now);
            }
            let taken = std::mem::take(&mut batch);
            if taken.messages >= MAX_BATCH {
                continue;
            }
            match self.pace.rest(taken, now) {
                Rest::Sleep(pause) => std::thread::sleep(pause),
                // Of a log that has ended nothing is waited for.
                Rest::Wait if self.bus.ended() => std::thread::sleep(WAIT),
                Rest::Wait => {
                    if let Some(bytes) = self.take(WAIT) {
                        batch.push(bytes);
                    }
                }
            }
        }
    }

    /// Takes in what is there, up to a limit.
    fn take_batch(&mut self, batch: &mut Batch) {
        while batch.messages < MAX_BATCH
            && let Some(bytes) = self.take(Duration::ZERO)
        {
            batch.push(bytes);
        }
    }

    /// Takes in the next message, and tells how large it was; none if none came in time.
    fn take(&mut self, wait: Duration) -> Option<usize> {
        let whole = |sample| Overheard { sample, message_bytes: sample.payload().len(), is_whole: true };
        let received = match &self.recorder {
            Some(recorder) if recorder.is_recording() && recorder.only_channel().is_none() => {
                self.bus.receive(Some(wait)).map(|came| came.map(whole))
            }
            _ => self.bus.overhear(Some(wait)),
        };
        match received {
            Ok(Some(overheard)) => {
                let Overheard { sample, message_bytes, is_whole } = overheard;
                let heard = Heard { bytes: message_bytes, ..Heard::of(sample) };
                self.tally.take(&heard);
                if is_whole && self.tally.wants_whole(heard.channel) {
                    self.tally.keep(sample);
                }
                // What was under way when the recording began is not in it.
                let recorder = self.recorder.as_mut().filter(|recorder| is_whole && recorder.wants(heard.channel));
                if let Some(recorder) = recorder {
                    recorder.take(sample);
                }
                Some(heard.bytes)
            }
            Ok(None) => None,
            Err(error) => {
                self.receive_errors += 1;
                tracing::debug!(%error, "receiving failed; trying again");
                std::thread::sleep(RETRY_AFTER);
                None
            }
        }
    }

    fn look(&mut self, now: Instant) {
        self.next_look = now + LOOK_EVERY;
        self.statistics = self.bus.statistics();
        let missed = Missed { drops: self.statistics.kernel_drops, incomplete: self.statistics.total().incomplete };
        let lost = self.lost();
        if let Some(recorder) = &mut self.recorder {
            recorder.hear(lost);
        }
        self.has_ended.store(self.bus.ended(), Ordering::Relaxed);
        self.pace.hear(self.statistics.receive_buffer_bytes, missed, now);
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Tell(mut snapshot, answer) => {
                self.look(Instant::now());
                let now_ns = if self.is_log { self.tally.last_ns().unwrap_or_default() } else { wall_clock_ns() };
                self.tally.tell(now_ns, &self.statistics, &mut snapshot);
                snapshot.span = if self.is_log { self.tally.span() } else { self.start.elapsed() };
                snapshot.totals.receive_errors += self.receive_errors;
                snapshot.totals.has_ended = self.bus.ended();
                snapshot.recording = self.recorder.as_ref().map(Recorder::told);
                // Whoever asked may not wait any more.
                let _ = answer.send(snapshot);
            }
            Request::Watch(channels) => {
                self.tally.watch(&channels);
                self.watched.drain(..).for_each(|handle| handle.unsubscribe());
                self.watched = channels.iter().filter_map(|channel| receive_whole(&self.bus, channel)).collect();
            }
            Request::Record(scope, recording, answer) => {
                let _ = answer.send(self.record(scope, *recording));
            }
            Request::EndRecording => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.end();
                }
                self.receive_recorded(None);
            }
            Request::Finish(answer) => {
                self.look(Instant::now());
                let _ = answer.send(self.recorder.take().map(Recorder::finish));
            }
        }
    }
}

impl Reader {
    fn record(&mut self, scope: Scope, recording: lcm::log::Recording) -> io::Result<PathBuf> {
        let path = recording.file().to_owned();
        if self.recorder.as_ref().is_some_and(Recorder::is_running) {
            // Nothing is in it, and fails to be deleted only if somebody else did so.
            let _ = std::fs::remove_file(path);
            return Err(io::Error::other("the recording before is still being written"));
        }
        self.look(Instant::now());
        let recorder = Recorder::start(scope, recording, self.lost())?;
        self.receive_recorded(recorder.only_channel().copied());
        self.recorder = Some(recorder);
        Ok(path)
    }

    /// Has messages of this channel received whole for the recording.
    fn receive_recorded(&mut self, channel: Option<Channel>) {
        if let Some(handle) = self.recorded.take() {
            handle.unsubscribe();
        }
        self.recorded = channel.and_then(|channel| receive_whole(&self.bus, channel));
    }

    /// What is known to have been lost on the whole bus.
    fn lost(&self) -> u64 {
        let total = self.statistics.total();
        total.lost.saturating_add(total.incomplete)
    }
}

/// Has messages of a channel received whole.
fn receive_whole(bus: &Inline, channel: impl AsRef<[u8]>) -> Option<Handle> {
    // Fails for what is no channel, on which nothing comes.
    bus.subscribe(Pattern::exact(channel).ok()?, |_| {}).ok()
}

fn wall_clock_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// After so many messages at once it is looked whether somebody asks for something.
const MAX_BATCH: u32 = 1024;

/// How long a message is waited for before it is looked whether somebody asks for something.
const WAIT: Duration = Duration::from_millis(20);

/// How often the counters of the bus are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const RETRY_AFTER: Duration = Duration::from_millis(10);
