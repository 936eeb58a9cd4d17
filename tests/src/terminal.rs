//! A terminal for programs that talk to people: it types what a test says, and shows what is on its screen.
//!
//! The program is the leader of a session whose terminal this is, so that Ctrl-C reaches it as it does those that a person starts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::process::PATIENCE;

/// A terminal with a program on it, which is killed and reaped when this is dropped.
pub struct Terminal {
    name: String,
    child: Child,
    /// None once it is closed.
    keyboard: Option<File>,
    is_closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    shown: Arc<Mutex<vt100::Parser>>,
}

/// A key that is no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Return.
    Enter,
    /// Tab.
    Tab,
    /// Escape.
    Escape,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// A letter with Ctrl, such as `c`.
    Ctrl(char),
}

impl Terminal {
    /// Starts a program on a screen of this size.
    #[must_use]
    pub fn start(command: &Command, rows: u16, columns: u16) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("the terminal is ours");
        tcsetwinsize(&keyboard, size(rows, columns)).expect("the terminal has a size");
        let path = ptsname(&keyboard, Vec::new()).expect("the terminal has a name");
        let path = path.to_str().expect("its name is text").to_owned();
        let no_ctty = i32::try_from(OFlags::NOCTTY.bits()).expect("a flag");
        let side =
            || OpenOptions::new().read(true).write(true).custom_flags(no_ctty).open(&path).expect("its other side");
        // It becomes the program, in a session of its own.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env("TERM", "xterm");
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => session.env(variable, value),
                None => session.env_remove(variable),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            session.current_dir(directory);
        }
        let child = session.stdin(side()).stdout(side()).stderr(side()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let keyboard = File::from(keyboard);
        let shown = Arc::new(Mutex::new(vt100::Parser::new(some(rows), some(columns), 0)));
        let (mut screen, parser) = (keyboard.try_clone().expect("it can be read, too"), Arc::clone(&shown));
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !closed.load(Ordering::Relaxed) {
                let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                if poll(&mut [PollFd::new(&screen, PollFlags::IN)], Some(&wait)) == Ok(0) {
                    continue;
                }
                // It fails when the program and all of its children have closed it.
                let Ok(read @ 1..) = screen.read(&mut bytes) else { return };
                parser.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..read]);
            }
        });
        Self { name, child, keyboard: Some(keyboard), is_closed, reader: Some(reader), shown }
    }

    /// Takes the terminal away, as who closes its window does.
    pub fn close(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the screen is read to its end");
        }
        self.keyboard = None;
    }

    /// Types a text.
    pub fn type_text(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        match key {
            Key::Enter => self.write(b"\r"),
            Key::Tab => self.write(b"\t"),
            Key::Escape => self.write(b"\x1b"),
            Key::Up => self.write(b"\x1b[A"),
            Key::Down => self.write(b"\x1b[B"),
            Key::Right => self.write(b"\x1b[C"),
            Key::Left => self.write(b"\x1b[D"),
            Key::Ctrl(letter) => self.write(&[u8::try_from(letter).expect("an ASCII letter") & 0x1f]),
        }
    }

    /// Gives the screen another size, as who drags a window does.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.shown().screen_mut().set_size(some(rows), some(columns));
        tcsetwinsize(self.keyboard(), size(rows, columns)).expect("the terminal has a size");
    }

    /// What is on the screen: its lines, without the blanks at their ends.
    #[must_use]
    pub fn screen(&self) -> String {
        self.shown().screen().contents()
    }

    /// Whether the screen is the usual one, with a cursor, the mouse is nobody's, and lines are typed and seen as they are: what a
    /// program that took them gives back.
    #[must_use]
    pub fn is_as_it_was(&self) -> bool {
        let shown = self.shown();
        let screen = shown.screen();
        let is_free = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
        let modes = tcgetattr(self.keyboard()).expect("the terminal is open").local_modes;
        let is_typed = modes.contains(LocalModes::ICANON | LocalModes::ECHO);
        is_typed && is_free && !screen.alternate_screen() && !screen.hide_cursor()
    }

    /// The colours of a cell and of what is behind it, at a row and a column from 0 on.
    #[must_use]
    pub fn colours(&self, row: u16, column: u16) -> [vt100::Color; 2] {
        let shown = self.shown();
        let cell = shown.screen().cell(row, column).expect("a cell of the screen");
        [cell.fgcolor(), cell.bgcolor()]
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as `is_shown` wants it.
    pub fn wait_until(&mut self, what: &str, is_shown: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_shown(&self.screen()) {
            let ended = self.child.try_wait().expect("it can be waited for");
            let end = ended.map(|status| format!(", and {} has ended: {status}", self.name)).unwrap_or_default();
            let is_over = Instant::now() >= deadline || ended.is_some() && !self.shows_within(&is_shown);
            assert!(!is_over, "not on the screen: {what}{end}. On it is:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the program's own end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return status,
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                None => panic!("{} still runs. On the screen is:\n{}", self.name, self.screen()),
            }
        }
    }

    /// The process id of the program.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the last words of a program that has ended are what is waited for.
    fn shows_within(&self, is_shown: impl Fn(&str) -> bool) -> bool {
        thread::sleep(Duration::from_millis(200));
        is_shown(&self.screen())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.keyboard
            .as_mut()
            .expect("the terminal is open")
            .write_all(bytes)
            .expect("the terminal takes what is typed");
    }

    fn keyboard(&self) -> &File {
        self.keyboard.as_ref().expect("the terminal is open")
    }

    fn shown(&self) -> MutexGuard<'_, vt100::Parser> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Terminal").field("name", &self.name).field("child", &self.child).finish_non_exhaustive()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Either fails only where the child has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn some(lines: u16) -> NonZero<u16> {
    NonZero::new(lines).expect("a screen has rows and columns")
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
