//! The terminal, taken for a screen of its own and given back as it was, however this process ends.

use std::io::{self, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::DisableMouseCapture;
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::draw::draw;
use crate::app::App;

/// A screen of its own, until it is dropped.
pub(super) struct Terminal {
    /// Not dropped: it would say on stderr that it cannot show the cursor, and panic where stderr is the terminal that is gone.
    terminal: ManuallyDrop<ratatui::Terminal<CrosstermBackend<Stdout>>>,
}

impl Terminal {
    pub(super) fn take() -> io::Result<Self> {
        give_back_before_panics();
        enable_raw_mode()?;
        // From here on it is given back when this fails.
        let given_back = GivenBack;
        execute!(stdout(), EnterAlternateScreen, Print(TAKE_MOUSE))?;
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(stdout()))?;
        std::mem::forget(given_back);
        Ok(Self { terminal: ManuallyDrop::new(terminal) })
    }

    pub(super) fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Whether nobody can see it any more: its window is closed, or the connection to it.
    pub(super) fn is_gone(&self) -> bool {
        let stdout = stdout();
        let mut looked_at = [PollFd::new(&stdout, PollFlags::empty())];
        let looked = poll(&mut looked_at, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        looked.is_ok() && looked_at[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
    }

    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| draw(app, frame)).map(|_| ())
    }

    /// Asks the terminal to put a text on the clipboard (OSC 52); those that cannot do that do nothing.
    pub(super) fn copy(&self, text: &str) -> io::Result<()> {
        let mut out = stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text))?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives it back when it is dropped.
struct GivenBack;

impl Drop for GivenBack {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether a thread has panicked, and the terminal is given back.
pub(super) fn has_panicked() -> bool {
    HAS_PANICKED.load(Ordering::Relaxed)
}

fn give_back() {
    // What fails here cannot be told to anybody: it is the terminal itself that does not work.
    let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// So that what a panic says is seen, of whatever thread.
fn give_back_before_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        HAS_PANICKED.store(true, Ordering::Relaxed);
        give_back();
        report(panic);
    }));
}

static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

/// Presses, drags and the wheel, but not each movement, which means nothing here and would be drawn: modes 1000 and 1002, and 1006,
/// in which numbers have any size.
const TAKE_MOUSE: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
