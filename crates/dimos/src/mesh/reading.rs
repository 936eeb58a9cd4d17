//! Who reads the bus: one thread at a time, and always one.
//!
//! A thread that waits for something reads itself, so that what comes is handled where it is waited for, without a hand-off. If
//! several wait, one of them reads for all. When nobody has read for a while, because a handler runs for long or a client does
//! nothing at all, a thread that stands by reads, until somebody wants to do it himself.
//!
//! # The rules
//! - Whoever has the reader reads. Who wants it takes it, or counts himself in `wanted` and wakes whoever has it, who then gives way.
//! - Whoever has had the reader sets the alarm when he leaves it: nobody may be reading then. If others wait, who gave way or came
//!   second, it rings at once.
//! - The alarm is a timer of the kernel, set only if it is not set already. When it rings for nothing, since somebody reads, the next
//!   pause is twice as long, up to [`LONGEST_PAUSE`], so that short handlers do not pay for it; when it was needed, the next is
//!   [`SHORTEST_PAUSE`] again.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, never, select};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::Shared;
use super::interruption::Interrupted;
use super::reader::Reader;

#[derive(Debug)]
pub(super) struct Reading {
    /// Whoever has it reads.
    reader: Mutex<Reader>,
    /// How many threads want to read in place of the one that does.
    wanted: AtomicUsize,
    /// How many threads wait for what comes of reading.
    waiting: AtomicUsize,
    alarm: Alarm,
}

/// Wakes the thread that stands by.
#[derive(Debug)]
struct Alarm {
    start: Instant,
    timer: OwnedFd,
    /// Whether it will ring.
    is_set: AtomicBool,
    /// When somebody read last, in ns since the start.
    left_ns: AtomicU64,
    /// How long nobody may read before the thread that stands by does, in us.
    pause_us: AtomicU64,
}

impl Reading {
    pub(super) fn new(reader: Reader) -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let (is_set, left_ns) = (AtomicBool::new(false), AtomicU64::new(0));
        let pause_us = AtomicU64::new(SHORTEST_PAUSE);
        let alarm = Alarm { start: Instant::now(), timer, is_set, left_ns, pause_us };
        let (wanted, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Self { reader: Mutex::new(reader), wanted, waiting, alarm })
    }

    /// Reads once, until something has happened, or `until`. Whoever reads meanwhile gives way. What he read may be what this thread
    /// waits for, so `has_work` is asked when nobody else can read any more.
    pub(super) fn turn(&self, shared: &Shared, until: Option<Instant>, has_work: &dyn Fn() -> bool) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.demand(shared).turn(until, has_work);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        // This thread comes back soon, and if not, the one that stands by is in time.
        self.left(false);
    }

    /// Works on the reader without reading.
    pub(super) fn with_reader<T>(&self, shared: &Shared, work: impl FnOnce(&mut Reader) -> T) -> T {
        let result = work(&mut self.demand(shared));
        // Whoever gave way may wait for somebody to read.
        self.left(true);
        result
    }

    /// Waits for what another thread sends, or what comes of reading. `None` when the time is over, nobody can send any more, or the
    /// wait is interrupted.
    pub(super) fn wait_for<T>(
        &self,
        shared: &Shared,
        receiver: &Receiver<T>,
        until: Option<Instant>,
        interrupted: Option<&Interrupted>,
    ) -> Option<T> {
        let others = self.waiting.fetch_add(1, Ordering::SeqCst);
        // Whoever waits alone reads; only the thread that stands by can be in the way.
        let received = if others == 0 { self.read_for(shared, receiver, until, interrupted) } else { None };
        let received = received.unwrap_or_else(|| receive(receiver, until, interrupted));
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if others == 0 {
            self.left(true);
        }
        received
    }

    /// The reader, from whoever reads now. Whoever took it tells that he has left.
    fn demand(&self, shared: &Shared) -> MutexGuard<'_, Reader> {
        if let Some(reader) = self.try_lock() {
            return reader;
        }
        self.wanted.fetch_add(1, Ordering::SeqCst);
        shared.wake.wake();
        let reader = self.lock();
        self.wanted.fetch_sub(1, Ordering::SeqCst);
        reader
    }

    /// The work of the thread that stands by, until the process has left the mesh.
    pub(super) fn stand_by(&self, shared: &Shared) {
        loop {
            if let Err(error) = self.alarm.wait() {
                tracing::error!(%error, "the standby thread cannot read its timer and ends");
                return;
            }
            if shared.lock().is_stopped() {
                return;
            }
            // Whoever reads sets the alarm again when he leaves.
            let Some(mut reader) = self.try_lock() else {
                self.alarm.was_needless();
                continue;
            };
            let (free, pause) = (self.alarm.since_left(), self.alarm.pause());
            if free < pause && self.waiting.load(Ordering::SeqCst) == 0 {
                drop(reader);
                self.alarm.set(pause - free);
                continue;
            }
            self.alarm.was_needed();
            while !self.is_wanted() && !shared.lock().is_stopped() {
                reader.turn(None, &|| false);
            }
            drop(reader);
            // Who wanted it may have been gone before he got it.
            self.alarm.set(self.alarm.pause());
        }
    }

    /// Wakes the thread that stands by.
    pub(super) fn ring(&self) {
        self.alarm.is_set.store(true, Ordering::SeqCst);
        self.alarm.ring_after(Duration::ZERO);
    }

    /// Reads until it has what is waited for. `None` when somebody else reads now, `Some(None)` when the time is over.
    fn read_for<T>(
        &self,
        shared: &Shared,
        receiver: &Receiver<T>,
        until: Option<Instant>,
        interrupted: Option<&Interrupted>,
    ) -> Option<Option<T>> {
        let is_closed = |signal: &Interrupted| signal.try_recv() == Err(TryRecvError::Disconnected);
        let is_interrupted = || interrupted.is_some_and(is_closed);
        let mut reader = self.demand(shared);
        // What was waited for, once it is there, or that it will never be.
        let received = RefCell::new(None);
        let has_received = || {
            let mut received = received.borrow_mut();
            if received.is_none() {
                *received = match receiver.try_recv() {
                    Ok(it) => Some(Some(it)),
                    Err(TryRecvError::Disconnected) => Some(None),
                    Err(TryRecvError::Empty) => None,
                };
            }
            received.is_some()
        };
        loop {
            if has_received() {
                return received.take();
            }
            if is_interrupted() || until.is_some_and(|until| Instant::now() >= until) {
                return Some(None);
            }
            if self.is_wanted() {
                return None;
            }
            reader.turn(until, &|| has_received() || is_interrupted());
        }
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }

    /// Nobody may be reading now. If others wait for that, the thread that stands by is to read at once.
    fn left(&self, for_others: bool) {
        self.alarm.leave();
        if for_others && self.waiting.load(Ordering::SeqCst) > 0 {
            self.ring();
        } else {
            self.alarm.set(self.alarm.pause());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Reader>> {
        match self.reader.try_lock() {
            Ok(reader) => Some(reader),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Alarm {
    /// Rings after so long, unless it will ring anyhow.
    fn set(&self, after: Duration) {
        if !self.is_set.swap(true, Ordering::SeqCst) {
            self.ring_after(after);
        }
    }

    fn leave(&self) {
        let now_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.left_ns.store(now_ns, Ordering::SeqCst);
    }

    fn pause(&self) -> Duration {
        Duration::from_micros(self.pause_us.load(Ordering::SeqCst))
    }

    fn was_needless(&self) {
        let longer = self.pause_us.load(Ordering::SeqCst).saturating_mul(2).min(LONGEST_PAUSE);
        self.pause_us.store(longer, Ordering::SeqCst);
    }

    fn was_needed(&self) {
        self.pause_us.store(SHORTEST_PAUSE, Ordering::SeqCst);
    }

    fn since_left(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_nanos(self.left_ns.load(Ordering::SeqCst)))
    }

    /// Until it rings.
    fn wait(&self) -> io::Result<()> {
        let mut expirations = [0; 8];
        loop {
            match rustix::io::read(&self.timer, &mut expirations) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.is_set.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn ring_after(&self, time: Duration) {
        // Zero would stop it.
        let time = time.max(Duration::from_nanos(1));
        let it_value = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once) {
            tracing::error!(%error, "cannot set the timer of the standby thread");
        }
    }
}

fn receive<T>(receiver: &Receiver<T>, until: Option<Instant>, interrupted: Option<&Interrupted>) -> Option<T> {
    let Some(interrupted) = interrupted else {
        return match until {
            None => receiver.recv().ok(),
            Some(until) => receiver.recv_deadline(until).ok(),
        };
    };
    let over = until.map_or_else(never, crossbeam_channel::at);
    select! {
        recv(receiver) -> received => received.ok(),
        recv(interrupted) -> _ => None,
        recv(over) -> _ => None,
    }
}

/// In us. A handler that runs longer than this does not keep others waiting.
const SHORTEST_PAUSE: u64 = 1_000;

/// In us. For processes in which nothing has taken longer yet.
const LONGEST_PAUSE: u64 = 16_000;
