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
        IS_TAKEN.store(true, Ordering::Relaxed);
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

    /// Draws, unless the terminal is given back already.
    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        // Another thread that panics gives it back before or after, but not while something is drawn.
        let _whole = stdout().lock();
        if !IS_TAKEN.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.terminal.draw(|frame| draw(app, frame)).map(|_| ())
    }

    /// Asks the terminal to put a text on the clipboard (OSC 52); those that cannot do that do nothing.
    pub(super) fn copy(&self, text: &str) -> io::Result<()> {
        let mut out = stdout().lock();
        if !IS_TAKEN.load(Ordering::Relaxed) {
            return Ok(());
        }
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

/// Once: who does it again puts the cursor on what a panic has said meanwhile.
fn give_back() {
    let mut out = stdout().lock();
    if IS_TAKEN.swap(false, Ordering::Relaxed) {
        // What fails here cannot be told to anybody: it is the terminal itself that does not work.
        let _ = execute!(out, DisableMouseCapture, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
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

/// Looked at and changed by whoever holds the lock of stdout.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Presses, drags and the wheel, but not each movement, which means nothing here and would be drawn: modes 1000 and 1002, and 1006,
/// in which numbers have any size.
const TAKE_MOUSE: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn a_panic_of_any_thread_gives_the_terminal_back_and_is_read_on_it() {
        if let Ok(whose) = std::env::var(PANICS) {
            panic_on_the_terminal(&whose);
        }
        for whose in ["own", "other"] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let name = thread::current().name().unwrap().to_owned();
            command.args(["--exact", &name, "--nocapture"]).envs([(PANICS, whose), ("RUST_BACKTRACE", "0")]);
            let mut terminal = mesh_tests::terminal::Terminal::start(&command, 24, 80);
            terminal.wait_for("nothing has been heard yet");
            assert!(!terminal.is_as_it_was(), "{}", terminal.screen());
            terminal.wait_for("a fault of its own");
            assert_eq!(terminal.wait().code(), Some(101), "{whose}: {}", terminal.screen());
            assert!(terminal.is_as_it_was(), "{whose}: {}", terminal.screen());
            let screen = terminal.screen();
            assert!(!screen.contains("nothing has been heard yet"), "{whose}: {screen}");
            assert!(screen.contains("a fault of its own") && screen.contains("terminal.rs"), "{whose}: {screen}");
        }
    }

    /// What the test does on the terminal that it starts itself on: draws until a thread has panicked, this or another one.
    fn panic_on_the_terminal(whose: &str) -> ! {
        let mut terminal = Terminal::take().unwrap();
        let catalog = Arc::new(lcm_types::catalog_with::<&str>([]).unwrap());
        let mut app = App::new("bus".to_owned(), catalog, Rect::new(0, 0, 80, 24));
        let end = std::time::Instant::now() + Duration::from_millis(500);
        let other = (whose == "other").then(|| {
            thread::spawn(|| {
                thread::sleep(Duration::from_millis(500));
                panic!("a fault of its own");
            })
        });
        while other.is_none() && std::time::Instant::now() < end || other.is_some() && !has_panicked() {
            terminal.draw(&mut app).unwrap();
        }
        match other {
            // The panic is told behind this; and nothing is drawn on it.
            Some(other) => {
                let panic = other.join().unwrap_err();
                app.message = Some("something else".to_owned());
                terminal.draw(&mut app).unwrap();
                drop(terminal);
                std::panic::resume_unwind(panic)
            }
            None => panic!("a fault of its own"),
        }
    }

    const PANICS: &str = "DIMOS_SPY_TEST_PANICS";
}
