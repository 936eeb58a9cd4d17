//! The thread that writes: it takes messages from the queue that the receive thread fills, so that nothing but the queue ever waits
//! for the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, select};
use lcm::log::{Recording, RecordingError, Written};
use lcm::{Channel, Sample, Subscription};

use crate::interrupt::Interrupt;

/// What the writing thread is told.
#[derive(Debug)]
pub(super) struct Orders {
    /// The file ends, and the next begins.
    pub(super) next_file: Receiver<()>,
    /// What has come until here is written, and nothing more. However many orders wait, this one comes.
    pub(super) end: Interrupt,
}

/// How far writing is, for everybody to look at.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) file: PathBuf,
    pub(super) files: u64,
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// Messages that the queue had no room for.
    pub(super) dropped: u64,
    /// Messages on the channel without a name, which C LCM cannot read back.
    pub(super) unnamed: u64,
}

/// How writing ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) written: Written,
    /// Messages that were taken in and are not in the file.
    pub(super) unwritten: u64,
    /// Whether nothing more could come, as at the end of a log that was the bus.
    pub(super) is_bus_over: bool,
    pub(super) error: Option<RecordingError>,
}

/// Writes what comes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) recording: Recording,
    pub(super) messages: Subscription,
    pub(super) orders: Orders,
    pub(super) flush_interval: Duration,
    pub(super) state: Arc<Mutex<State>>,
    events: u64,
    left_out: u64,
    unnamed: u64,
}

impl Writer {
    pub(super) fn new(
        recording: Recording,
        messages: Subscription,
        orders: Orders,
        flush_interval: Duration,
        state: Arc<Mutex<State>>,
    ) -> Self {
        Self { recording, messages, orders, flush_interval, state, events: 0, left_out: 0, unnamed: 0 }
    }

    /// Writes until it is told to end, or cannot go on.
    pub(super) fn run(mut self) -> Ended {
        let outcome = self.write_until_end();
        let error = outcome.as_ref().err();
        // What waits cannot be written any more, nor what the message was that failed.
        let waiting = if error.is_some() { self.messages.receiver().len() as u64 } else { 0 };
        self.tell();
        let written = self.recording.written();
        Ended {
            written,
            unwritten: self.events.saturating_sub(written.events) + waiting,
            is_bus_over: *outcome.as_ref().unwrap_or(&false),
            error: outcome.err(),
        }
    }

    /// Whether nothing more could come.
    fn write_until_end(&mut self) -> Result<bool, RecordingError> {
        let mut next_flush = Instant::now() + self.flush_interval;
        loop {
            self.tell();
            let patience = next_flush.saturating_duration_since(Instant::now());
            select! {
                recv(self.messages.receiver()) -> message => match message {
                    Ok(message) => self.write(&message)?,
                    Err(_) => return self.recording.flush().map(|()| true),
                },
                recv(self.orders.next_file) -> turn => match turn {
                    Ok(()) => self.recording.next_file()?,
                    Err(_) => return self.write_rest().map(|()| false),
                },
                recv(self.orders.end.receiver()) -> _ => return self.write_rest().map(|()| false),
                default(patience) => {}
            }
            if !self.write_waiting()? {
                // Whoever rests need not be woken for each message, which costs more than writing it.
                std::thread::sleep(REST.min(self.flush_interval));
            }
            if Instant::now() >= next_flush {
                self.recording.flush()?;
                next_flush = Instant::now() + self.flush_interval;
            }
        }
    }

    /// Writes what has come until here: what waits in the queue, and what the kernel has and the receive thread has not put there yet.
    fn write_rest(&mut self) -> Result<(), RecordingError> {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (end_ns, deadline) = (since_epoch.as_nanos(), Instant::now() + SETTLED_BY);
        while Instant::now() < deadline {
            match self.messages.receiver().recv_timeout(SETTLED) {
                Ok(message) if u128::from(message.receive_time_ns()) > end_ns => return self.recording.flush(),
                Ok(message) => self.write(&message)?,
                Err(_) => return self.recording.flush(),
            }
        }
        // The disk is slow, or the bus is a log, whose messages all are old.
        for _ in 0..self.messages.receiver().len() {
            let Ok(message) = self.messages.receiver().try_recv() else { break };
            self.write(&message)?;
        }
        self.recording.flush()
    }

    /// Writes what waits, a bounded part of it. Whether it is worth to go on at once.
    fn write_waiting(&mut self) -> Result<bool, RecordingError> {
        let before_bytes = self.recording.written_bytes();
        for count in 0..MOST_AT_ONCE {
            let Ok(message) = self.messages.receiver().try_recv() else { return Ok(count == 0) };
            self.write(&message)?;
            if self.recording.written_bytes().saturating_sub(before_bytes) > MOST_BYTES_AT_ONCE {
                break;
            }
        }
        Ok(true)
    }

    fn write(&mut self, message: &Sample) -> Result<(), RecordingError> {
        if *message.channel() == Channel::SELF_TEST {
            return Ok(());
        }
        let channel = message.channel().as_bytes();
        if channel.is_empty() {
            self.unnamed += 1;
            return Ok(());
        }
        let dropped = self.messages.dropped();
        if dropped > self.left_out {
            // About here: they came while those were in the queue that are written now.
            self.recording.leave_out(dropped - self.left_out);
            self.left_out = dropped;
        }
        self.events += 1;
        let time_us = i64::try_from(message.receive_time_ns() / 1000).unwrap_or(i64::MAX);
        self.recording.write(time_us, channel, message.payload())
    }

    fn tell(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.recording.written().files;
        if files != state.files {
            state.files = files;
            state.file = self.recording.file().to_owned();
        }
        state.events = self.events;
        state.bytes = self.recording.written_bytes();
        state.dropped = self.messages.dropped();
        state.unnamed = self.unnamed;
    }
}

/// How long it rests after it has written what was there.
const REST: Duration = Duration::from_millis(2);

/// Before it looks whether it is told something.
const MOST_AT_ONCE: usize = 1000;
const MOST_BYTES_AT_ONCE: u64 = 8 << 20;

/// When nothing has come for so long, everything has come.
const SETTLED: Duration = Duration::from_millis(30);

/// How long it is waited for that.
const SETTLED_BY: Duration = Duration::from_secs(1);
