//! What is typed, read by a thread of its own: reading from a terminal that is gone never returns, and whoever shows something has to
//! see signals and the end of the terminal whatever that thread does. It ends with the process.

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use ratatui::crossterm::event::{self, Event};

/// Keys, the mouse, and new sizes of the screen.
pub(super) struct Keyboard {
    events: Receiver<io::Result<Event>>,
}

impl Keyboard {
    /// Begins to read.
    pub(super) fn start() -> io::Result<Self> {
        let (tell, events) = bounded(MAX_WAITING);
        std::thread::Builder::new().name("spy-keyboard".to_owned()).spawn(move || {
            loop {
                let event = event::read();
                let has_failed = event.is_err();
                if tell.send(event).is_err() || has_failed {
                    return;
                }
            }
        })?;
        Ok(Self { events })
    }

    /// The next event; none if none came in time.
    pub(super) fn next(&self, patience: Duration) -> io::Result<Option<Event>> {
        match self.events.recv_timeout(patience) {
            Ok(event) => event.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("nobody reads it any more")),
        }
    }
}

/// What is typed faster waits in the terminal.
const MAX_WAITING: usize = 256;
