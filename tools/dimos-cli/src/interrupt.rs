//! Ctrl-C: what runs ends at once and in order, and what does not end in time is left behind.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Whether Ctrl-C was pressed, or SIGTERM or SIGHUP came. Clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    /// Closed when it was.
    closed: Receiver<Infallible>,
}

/// Makes an [`Interrupt`] come: it does when this is dropped.
#[derive(Debug)]
pub(crate) struct Trigger {
    #[expect(dead_code, reason = "it is there to be dropped")]
    closes: Sender<Infallible>,
}

/// The signals that interrupt, in hand.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// Every one.
    told: Receiver<()>,
    interrupted: Interrupt,
    terminated: Interrupt,
}

impl Interrupt {
    /// One that somebody else than Ctrl-C makes come.
    pub(crate) fn new() -> (Trigger, Self) {
        let (closes, closed) = bounded(0);
        (Trigger { closes }, Self { closed })
    }

    /// For commands that take signals in hand themselves.
    pub(crate) fn never() -> Self {
        Self { closed: never() }
    }

    /// Nothing comes here; it is closed on the interrupt. For `select!`.
    pub(crate) fn receiver(&self) -> &Receiver<Infallible> {
        &self.closed
    }

    /// Whether it came.
    pub(crate) fn is_pressed(&self) -> bool {
        matches!(self.closed.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Fails if it came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_pressed() { Err(Failure::interrupted()) } else { Ok(()) }
    }

    /// Waits until `deadline`, and fails as soon as it comes.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Result<(), Failure> {
        match self.closed.recv_deadline(deadline) {
            Ok(never) => match never {},
            Err(error) if error.is_timeout() => Ok(()),
            Err(_) => Err(Failure::interrupted()),
        }
    }
}

/// Does the work on a thread of its own, so that Ctrl-C ends the command whatever the work waits for: after so long it is left behind.
pub(crate) fn until_interrupted(
    grace: Duration,
    work: impl FnOnce(Interrupt) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    Watch::start()?.run(grace, work)
}

impl Watch {
    /// Takes the signals in hand: from here on they end nothing by themselves.
    pub(crate) fn start() -> anyhow::Result<Self> {
        // Whoever has it ignored, as nohup does, wants it so.
        let hang_up = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up)).context("cannot watch signals")?;
        let (telling, told) = unbounded();
        let (interrupt, interrupted) = Interrupt::new();
        let (terminate, terminated) = Interrupt::new();
        let (mut interrupt, mut terminate) = (Some(interrupt), Some(terminate));
        let watch = move || {
            for signal in signals.forever() {
                drop(interrupt.take());
                if signal != SIGINT {
                    drop(terminate.take());
                }
                if telling.send(()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(watch).context("cannot start a thread")?;
        Ok(Self { told, interrupted, terminated })
    }

    /// Does the work on a thread of its own, with an interrupt of its own, which comes with the first signal.
    pub(crate) fn run(
        &self,
        grace: Duration,
        work: impl FnOnce(Interrupt) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let (trigger, interrupt) = Interrupt::new();
        let (done, outcome) = bounded(1);
        let work = move || {
            // It is dropped without an answer if the work panics.
            let _ = done.send(work(interrupt));
        };
        std::thread::Builder::new().name("dimos-command".to_owned()).spawn(work).context("cannot start a thread")?;
        select! {
            recv(outcome) -> outcome => outcome.unwrap_or_else(|_| Err(Failure::unexpected("the command panicked"))),
            recv(self.told) -> _ => {
                drop(trigger);
                // What it says then about its own end is of no interest; who presses twice does not want to wait.
                select! {
                    recv(outcome) -> _ => {},
                    recv(self.told) -> _ => {},
                    default(grace) => {},
                }
                Err(Failure::interrupted())
            }
        }
    }

    /// Forgets the signals so far, which were not meant for what comes.
    pub(crate) fn forget(&self) {
        while self.told.try_recv().is_ok() {}
    }

    /// Comes with the first signal.
    pub(crate) fn interrupted(&self) -> &Interrupt {
        &self.interrupted
    }

    /// Comes with SIGTERM and SIGHUP only.
    pub(crate) fn terminated(&self) -> &Interrupt {
        &self.terminated
    }
}

/// Whether this process was started with a signal ignored.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}

/// How long work may take to end in order: to cancel a call and to say farewell.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

/// The same for work that takes away what it has made so far.
pub(crate) const GRACE_TO_CLEAN_UP: Duration = Duration::from_secs(30);
