//! The keys by which playing is controlled, and the terminal that they are typed on, which is as before when this ends.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crossbeam_channel::Sender;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::player::End;

/// What playing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// Pauses, or goes on.
    Pause,
    /// Plays one event, and pauses.
    Step,
    /// Goes so many seconds on, or back.
    Seek(i64),
    Faster,
    Slower,
    Quit,
    /// Somebody pressed Ctrl-C, or a signal came.
    Interrupted,
    /// It was stopped, and goes on: the terminal may be another's meanwhile.
    Continued,
}

/// The terminal, which gives each key as it is pressed; set back when this is dropped.
#[derive(Debug)]
pub(super) struct Keyboard {
    before: Termios,
}

/// Finds the keys among the bytes of a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Keys {
    #[default]
    Plain,
    Escape,
    /// Behind `ESC [` or `ESC O`.
    Sequence,
}

impl Control {
    /// The end of playing, if that is meant.
    pub(super) fn end(self) -> Option<End> {
        match self {
            Self::Quit => Some(End::Quit),
            Self::Interrupted => Some(End::Interrupted),
            _ => None,
        }
    }
}

impl Keyboard {
    /// Takes the terminal on stdin, if there is one and this is in its foreground.
    pub(super) fn open(controls: Sender<Control>) -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !is_in_foreground() {
            return Ok(None);
        }
        let keyboard = Self { before: tcgetattr(&stdin)? };
        keyboard.take()?;
        std::thread::Builder::new().name("dimos-keys".to_owned()).spawn(move || read(&controls))?;
        Ok(Some(keyboard))
    }

    /// Has the terminal give each key as it is pressed, if it is this one's. Ctrl-C stays a signal.
    pub(super) fn take(&self) -> io::Result<()> {
        if !is_in_foreground() {
            return Ok(());
        }
        let mut modes = self.before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if !is_in_foreground() {
            return;
        }
        // It fails where the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

impl Keys {
    fn press(&mut self, byte: u8) -> Option<Control> {
        let (next, control) = match (*self, byte) {
            (_, b'\x1b') => (Self::Escape, None),
            (Self::Escape, b'[' | b'O') => (Self::Sequence, None),
            // Modifiers, as in ESC [ 1 ; 2 C.
            (Self::Sequence, b'0'..=b'9' | b';') => (Self::Sequence, None),
            (Self::Sequence, b'A') => (Self::Plain, Some(Control::Seek(60))),
            (Self::Sequence, b'B') => (Self::Plain, Some(Control::Seek(-60))),
            (Self::Sequence, b'C') => (Self::Plain, Some(Control::Seek(5))),
            (Self::Sequence, b'D') => (Self::Plain, Some(Control::Seek(-5))),
            (Self::Sequence, _) => (Self::Plain, None),
            (Self::Plain | Self::Escape, b' ') => (Self::Plain, Some(Control::Pause)),
            (Self::Plain | Self::Escape, b'.' | b's' | b'\n') => (Self::Plain, Some(Control::Step)),
            (Self::Plain | Self::Escape, b'+' | b'=') => (Self::Plain, Some(Control::Faster)),
            (Self::Plain | Self::Escape, b'-') => (Self::Plain, Some(Control::Slower)),
            (Self::Plain | Self::Escape, b'q' | b'Q' | b'\x04') => (Self::Plain, Some(Control::Quit)),
            (Self::Plain | Self::Escape, _) => (Self::Plain, None),
        };
        *self = next;
        control
    }
}

/// Has each line of stdin play an event; its end ends playing.
pub(super) fn step_by_lines(controls: Sender<Control>) -> io::Result<()> {
    let read = move || {
        for line in io::stdin().lines() {
            if line.is_err() || controls.send(Control::Step).is_err() {
                break;
            }
        }
        let _ = controls.send(Control::Quit);
    };
    std::thread::Builder::new().name("dimos-steps".to_owned()).spawn(read).map(drop)
}

/// Whether the terminal is for this one: whoever reads or changes it from its background is stopped.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == rustix::process::getpgrp())
}

fn read(controls: &Sender<Control>) {
    let mut keys = Keys::default();
    let mut bytes = [0; 64];
    loop {
        if !is_in_foreground() {
            std::thread::sleep(BACKGROUND_LOOK_EVERY);
            continue;
        }
        match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(read @ 1..) => {
                for control in bytes[..read].iter().filter_map(|&byte| keys.press(byte)) {
                    if controls.send(control).is_err() {
                        return;
                    }
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            // The terminal is gone, and a signal says so, too.
            Ok(_) | Err(_) => return,
        }
    }
}

/// Keys that wait.
pub(super) const CONTROLS: usize = 64;

/// Whether it has come back to the foreground.
const BACKGROUND_LOOK_EVERY: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    fn controls(bytes: &[u8]) -> Vec<Control> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|&byte| keys.press(byte)).collect()
    }

    #[test]
    fn keys_are_found_among_what_terminals_send() {
        use Control::{Faster, Pause, Quit, Seek, Slower, Step};
        assert_eq!(controls(b" .s+=-q"), [Pause, Step, Step, Faster, Faster, Slower, Quit]);
        assert_eq!(controls(b"\x1b[A\x1b[B\x1bOC\x1b[D"), [Seek(60), Seek(-60), Seek(5), Seek(-5)]);
        // With a modifier, a key that means nothing, and Escape alone.
        assert_eq!(controls(b"\x1b[1;2C\x1b[5~x\x1b \x1b\x1b[C"), [Seek(5), Pause, Seek(5)]);
    }
}
