//! Takes over reading while a handler runs for long, so that acknowledgements, beats and cancels go on, and the newest data of each
//! port is there when the handler ends.
//!
//! A timer of the kernel wakes it, which is set at most once in [`LONG`]: short handlers cost no system call each.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::mesh::Mesh;

/// The thread that stands by.
#[derive(Debug)]
pub(super) struct Standby {
    alarm: Arc<Alarm>,
    mesh: Arc<Mesh>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Alarm {
    timer: OwnedFd,
    /// Whether it will ring.
    is_set: AtomicBool,
    is_over: AtomicBool,
}

impl Standby {
    pub(super) fn new(mesh: Arc<Mesh>) -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let alarm = Arc::new(Alarm { timer, is_set: AtomicBool::new(false), is_over: AtomicBool::new(false) });
        let (watching, standing_in) = (Arc::clone(&alarm), Arc::clone(&mesh));
        let thread = std::thread::Builder::new().name("dimos-standby".to_owned());
        let thread = thread.spawn(move || watching.watch(&standing_in))?;
        Ok(Self { alarm, mesh, thread: Some(thread) })
    }

    /// A handler begins.
    pub(super) fn begin(&self) {
        self.mesh.busy().begin();
        if !self.alarm.is_set.swap(true, Ordering::SeqCst) {
            self.alarm.ring_after(LONG);
        }
    }

    /// It ends.
    pub(super) fn end(&self) {
        self.mesh.busy().end();
    }
}

impl Alarm {
    fn watch(&self, mesh: &Mesh) {
        loop {
            let mut expirations = [0; 8];
            match rustix::io::read(&self.timer, &mut expirations) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "the standby thread cannot read its timer and ends");
                    return;
                }
            }
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            self.is_set.store(false, Ordering::SeqCst);
            match mesh.busy().age() {
                None => {}
                Some(age) if age < LONG => {
                    // A later handler than the one it was set for.
                    if !self.is_set.swap(true, Ordering::SeqCst) {
                        self.ring_after(LONG - age);
                    }
                }
                Some(_) => mesh.stand_in(|| mesh.busy().age().is_none()),
            }
        }
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

impl Drop for Standby {
    fn drop(&mut self) {
        self.alarm.is_over.store(true, Ordering::SeqCst);
        self.alarm.ring_after(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            // It does nothing that panics.
            let _ = thread.join();
        }
    }
}

/// A handler that runs longer than this does not keep others waiting.
const LONG: Duration = Duration::from_millis(1);
