//! Ctrl-C: commands end at once and in order, and what does not end in time is left behind.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select, unbounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// Whether Ctrl-C was pressed, or SIGTERM came. Clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    /// Closed when it was.
    closed: Receiver<Infallible>,
}

impl Interrupt {
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

/// Does the work on a thread of its own, so that Ctrl-C ends the command whatever the work waits for.
pub(crate) fn until_interrupted(
    work: impl FnOnce(Interrupt) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let (pressed, closed) = bounded::<Infallible>(0);
    let signals = watch(pressed)?;
    let (done, outcome) = bounded(1);
    let work = move || {
        // It is dropped without an answer if the work panics.
        let _ = done.send(work(Interrupt { closed }));
    };
    std::thread::Builder::new().name("dimos-command".to_owned()).spawn(work).context("cannot start a thread")?;
    select! {
        recv(outcome) -> outcome => outcome.unwrap_or_else(|_| Err(Failure::unexpected("the command panicked"))),
        recv(signals) -> _ => {
            // What it says then about its own end is of no interest; who presses twice does not want to wait.
            select! {
                recv(outcome) -> _ => {},
                recv(signals) -> _ => {},
                default(GRACE) => {},
            }
            Err(Failure::interrupted())
        }
    }
}

/// Tells of every signal, and drops `pressed` at the first.
fn watch(pressed: Sender<Infallible>) -> anyhow::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot watch signals")?;
    let (told, telling) = unbounded();
    let mut pressed = Some(pressed);
    let watch = move || {
        for _ in signals.forever() {
            drop(pressed.take());
            if told.send(()).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(watch).context("cannot start a thread")?;
    Ok(telling)
}

/// How long the work may take to end in order: to cancel a call and to say farewell.
const GRACE: Duration = Duration::from_millis(300);
