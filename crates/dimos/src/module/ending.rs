//! How the process ends: in order if it can, and in time all the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::log;
use crate::exit;
use crate::mesh::Mesh;
use crate::presence::Farewell;

/// Whether the process is to end, and why. Whoever wants it to says so here.
#[derive(Debug)]
pub(super) struct Ending {
    is_asked: AtomicBool,
    /// The module has done its last work; what is left is the farewell.
    is_leaving: AtomicBool,
    reason: Mutex<Option<End>>,
    /// For the thread that sees to it.
    asked: Sender<()>,
    mesh: OnceLock<Weak<Mesh>>,
}

/// Why a process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It was asked to, by itself or by SIGTERM.
    Stopped,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// It cannot go on.
    Failed(String),
    /// Another process has taken its name.
    Displaced,
}

impl Ending {
    /// Watches for SIGTERM and SIGINT, and sees to it that the process ends within [`GRACE`] once that was asked for, by whomever.
    pub(super) fn watch() -> std::io::Result<Arc<Self>> {
        let (asked, was_asked) = bounded(1);
        let (is_asked, is_leaving) = (AtomicBool::new(false), AtomicBool::new(false));
        let reason = Mutex::new(None);
        let ending = Arc::new(Self { is_asked, is_leaving, reason, asked, mesh: OnceLock::new() });
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let told = Arc::clone(&ending);
        std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if told.is_asked() && signal == SIGINT {
                    // Who says it twice does not want to wait. SIGTERM the kernel may send several times by itself when the process
                    // ends that started this one: once for each of its threads that had taken this one over.
                    told.end_now();
                }
                told.ask(if signal == SIGINT { End::Interrupted } else { End::Stopped });
            }
        })?;
        let watched = Arc::clone(&ending);
        std::thread::Builder::new().name("dimos-end".to_owned()).spawn(move || watched.see_to_it(&was_asked))?;
        Ok(ending)
    }

    /// The mesh to wake, and to leave, then.
    pub(super) fn set_mesh(&self, mesh: &Arc<Mesh>) {
        // It is set once.
        let _: Result<(), _> = self.mesh.set(Arc::downgrade(mesh));
        if self.is_asked() {
            self.stop_waiting(mesh);
        }
    }

    /// The process is to end. The first reason counts.
    pub(super) fn ask(&self, end: End) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        self.is_asked.store(true, Ordering::SeqCst);
        // There is room for one, and one is enough.
        let _ = self.asked.try_send(());
        if let Some(mesh) = self.mesh() {
            self.stop_waiting(&mesh);
            mesh.wake();
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }

    pub(super) fn reason(&self) -> Option<End> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The module has done its last work.
    pub(super) fn leaving(&self) {
        self.is_leaving.store(true, Ordering::SeqCst);
    }

    /// The exit code of a process that ends in order for this reason.
    pub(super) const fn code(end: &End) -> u8 {
        match end {
            End::Stopped => exit::OK,
            End::Interrupted => exit::INTERRUPTED,
            End::Displaced => exit::DISPLACED,
            End::Failed(_) => exit::ERROR,
        }
    }

    /// Handlers that wait for others come back, so that the stop hook can run. Who is displaced finishes its calls.
    fn stop_waiting(&self, mesh: &Mesh) {
        if self.reason() != Some(End::Displaced) {
            mesh.interrupt();
        }
    }

    fn see_to_it(&self, was_asked: &Receiver<()>) {
        if was_asked.recv().is_err() {
            return;
        }
        std::thread::sleep(match self.reason() {
            // Calls in flight are finished.
            Some(End::Displaced) => DISPLACED_GRACE,
            _ => GRACE,
        });
        // Usually the process is gone by now.
        self.end_now();
    }

    fn end_now(&self) -> ! {
        let end = self.reason().unwrap_or(End::Stopped);
        if self.is_leaving.load(Ordering::SeqCst) {
            log::flush();
            std::process::exit(i32::from(Self::code(&end)));
        }
        tracing::error!("a handler or hook still runs: ending without it");
        // Whatever still runs may have what that needs.
        if let Some(mesh) = self.mesh() {
            let farewell = move || mesh.with(|cores, now| cores.presence.leave(now, Farewell::Failed));
            let (done, is_done) = bounded::<()>(0);
            let thread = std::thread::Builder::new().spawn(move || {
                farewell();
                drop(done);
            });
            if thread.is_ok() {
                let _: Result<(), _> = is_done.recv_timeout(FAREWELL);
            }
        }
        log::flush();
        std::process::exit(i32::from(match end {
            End::Stopped => exit::ERROR,
            end => Self::code(&end),
        }))
    }

    fn mesh(&self) -> Option<Arc<Mesh>> {
        self.mesh.get().and_then(Weak::upgrade)
    }
}

/// How long a module may take to end after it was told to.
const GRACE: Duration = Duration::from_millis(1700);

/// How long a module that was displaced may take: as long as a call may, unless told.
const DISPLACED_GRACE: Duration = Duration::from_secs(10);

/// How long the farewell of a process that ends without order may take.
const FAREWELL: Duration = Duration::from_millis(100);
