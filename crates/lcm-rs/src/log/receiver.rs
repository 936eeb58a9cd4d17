//! Receiving from a log in place of a bus: `file://` with `mode=r`, each message when it is due.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use super::event::EventRef;
use super::{LogReader, Pacing};
use crate::channel::Channel;
use crate::sample::Sample;
use crate::statistics::Counters;
use crate::subscriptions::Dispatcher;
use crate::url::{FileMode, FileUrl};

/// The receiving end. What is written to a log is not received: in the other modes it has ended from the beginning.
#[derive(Debug)]
pub(crate) struct Receiver {
    log: Option<LogReader>,
    pacing: Pacing,
    /// The next message and when it is due.
    next: Option<(Sample, Instant)>,
    /// What reading ahead failed with.
    failed: Option<io::Error>,
    timer: Arc<Timer>,
    counters: Arc<Counters>,
}

impl Receiver {
    pub(crate) fn open(url: &FileUrl, counters: Arc<Counters>) -> io::Result<Self> {
        let log = match url.mode {
            FileMode::Read => Some(open_at(url)?),
            FileMode::Write | FileMode::Append => None,
        };
        let timer = Arc::new(Timer::new()?);
        // The first message is due whenever it is asked for, and the end of nothing too.
        timer.fire_in(Duration::ZERO);
        Ok(Self { log, pacing: Pacing::new(url.speed), next: None, failed: None, timer, counters })
    }

    /// Becomes readable when the next message is due, or none will come any more.
    pub(crate) fn poll_fd(&self) -> BorrowedFd<'_> {
        self.timer.fd.as_fd()
    }

    /// Ends a wait in progress and all later ones, from any thread.
    pub(crate) fn closer(&self) -> impl Fn() + Send + Sync + 'static {
        let timer = Arc::clone(&self.timer);
        move || timer.close()
    }

    /// Whether no message will come any more.
    pub(crate) fn ended(&self) -> bool {
        self.log.is_none() && self.next.is_none() && self.failed.is_none()
    }

    /// Whether messages come as fast as they are taken, and it was not closed.
    pub(crate) fn waits_for_subscribers(&self) -> bool {
        self.pacing.is_unpaced() && !self.timer.closed.load(SeqCst)
    }

    /// Waits until the next message that the dispatcher wants is due, at most `timeout`. False when that is over, at the end of
    /// the log, or when closed. After an error the log has ended.
    pub(crate) fn receive(
        &mut self,
        timeout: Option<Duration>,
        dispatcher: &mut Dispatcher,
        message: &mut Sample,
    ) -> io::Result<bool> {
        let start = Instant::now();
        if self.next.is_none() && self.failed.is_none() {
            self.read_ahead(start);
        }
        let mut unwanted = 0;
        loop {
            if self.timer.closed.load(SeqCst) {
                return Ok(false);
            }
            let now = Instant::now();
            let remaining = timeout.map(|timeout| timeout.saturating_sub(now.saturating_duration_since(start)));
            let over = remaining.is_some_and(|remaining| remaining.is_zero());
            let Some((_, due)) = &self.next else { return self.failed.take().map_or(Ok(false), Err) };
            let until_due = due.saturating_duration_since(now);
            if over && (!until_due.is_zero() || unwanted >= MAX_UNWANTED_AT_ONCE) {
                return Ok(false);
            }
            if !until_due.is_zero() {
                self.timer.fire_in(until_due);
                self.timer.wait(remaining)?;
                continue;
            }
            let next = self.next.take();
            // Now, so that whoever polls learns when the next one is due.
            self.read_ahead(now);
            if let Some((next, _)) = next
                && dispatcher.wants(&next.channel)
            {
                *message = next;
                return Ok(true);
            }
            unwanted += 1;
        }
    }

    /// Reads the next message, and sets the timer for it, for the end or for the error.
    fn read_ahead(&mut self, now: Instant) {
        match self.read_next() {
            Ok(Some((message, timestamp_us))) => {
                let due = self.pacing.due(timestamp_us, now);
                self.next = Some((message, due));
                self.timer.fire_in(due.saturating_duration_since(now));
            }
            Ok(None) => {
                self.log = None;
                self.timer.fire_in(Duration::ZERO);
            }
            Err(error) => {
                self.log = None;
                self.failed = Some(error);
                self.timer.fire_in(Duration::ZERO);
            }
        }
    }

    /// The next event that is a message.
    fn read_next(&mut self) -> io::Result<Option<(Sample, i64)>> {
        let Some(log) = &mut self.log else { return Ok(None) };
        loop {
            let gaps_before = log.skipped();
            let event = log.next_event().map_err(|error| io::Error::new(error.source.kind(), error))?;
            let message = event.map(|event| to_message(event).map(|message| (message, event.timestamp_us)));
            let skipped = log.skipped();
            if skipped != gaps_before {
                let (position, bytes) = (log.position(), skipped.bytes - gaps_before.bytes);
                tracing::warn!(bytes, position, "passed over bytes of the event log that are no event");
                self.counters.malformed.add(1);
            }
            match message {
                Some(Some(message)) => return Ok(Some(message)),
                Some(None) => self.counters.malformed.add(1),
                None => return Ok(None),
            }
        }
    }
}

fn open_at(url: &FileUrl) -> io::Result<LogReader> {
    let file = File::open(&url.path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut log = LogReader::new(file);
    if url.start_timestamp > 0 {
        log.seek_to(url.start_timestamp).map_err(|error| error.source)?;
    }
    Ok(log)
}

/// `None` where no bus could have carried the event.
fn to_message(event: EventRef<'_>) -> Option<Sample> {
    let channel = Channel::new(event.channel).ok();
    if channel.is_none() {
        tracing::debug!(channel = %event.channel_name(), "passed over an event whose channel no bus carries");
    }
    Some(Sample {
        channel: channel?,
        payload: event.data.to_vec().into(),
        receive_time_ns: u64::try_from(event.timestamp_us).unwrap_or(0).saturating_mul(1000),
        sender: None,
    })
}

/// How many messages that nobody wants are passed over when the time is over already.
const MAX_UNWANTED_AT_ONCE: usize = 64;

/// A timer that can be polled, and fires for good when it is closed.
#[derive(Debug)]
struct Timer {
    fd: OwnedFd,
    closed: AtomicBool,
}

impl Timer {
    fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let fd = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { fd, closed: AtomicBool::new(false) })
    }

    /// Makes it unreadable now and readable after this time.
    fn fire_in(&self, time: Duration) {
        // Zero would disarm it.
        let nonzero = time.max(Duration::from_nanos(1));
        self.set(nonzero);
        if self.closed.load(SeqCst) {
            // Closed meanwhile, perhaps just before the timer was set.
            self.set(Duration::from_nanos(1));
        }
    }

    fn close(&self) {
        self.closed.store(true, SeqCst);
        self.set(Duration::from_nanos(1));
    }

    fn set(&self, time: Duration) {
        let value = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 });
        let timer = Itimerspec { it_interval: Timespec::default(), it_value: value };
        // Fails only for what is no timer, or no time.
        let _ = rustix::time::timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &timer);
    }

    /// Waits until it fires, at most `timeout`.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.and_then(|timeout| rustix::event::Timespec::try_from(timeout).ok());
        match rustix::event::poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
