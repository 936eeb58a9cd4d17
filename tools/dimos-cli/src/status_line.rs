//! The line on a terminal that says how far something is, and is written over again and again.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::output::plain;

/// A line on stderr, shown where that is a terminal and people read it.
#[derive(Debug)]
pub(crate) struct StatusLine {
    is_shown: bool,
    is_dirty: bool,
    next: Instant,
}

impl StatusLine {
    /// Nothing is shown for the first moment, so that what is quick stays silent.
    pub(crate) fn new(context: &Context) -> Self {
        let is_shown = io::stderr().is_terminal() && !context.is_json;
        Self { is_shown, is_dirty: false, next: Instant::now() + PATIENCE }
    }

    /// One that stays empty.
    pub(crate) fn silent() -> Self {
        Self { is_shown: false, is_dirty: false, next: Instant::now() }
    }

    /// Whether anything is shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows a text in place of the one before, if that was long enough ago.
    pub(crate) fn update(&mut self, text: impl FnOnce(usize) -> String) {
        if self.is_shown && Instant::now() >= self.next {
            self.show(text);
        }
    }

    /// Shows a text in place of the one before. It is made for so many columns.
    pub(crate) fn show(&mut self, text: impl FnOnce(usize) -> String) {
        if !self.is_shown {
            return;
        }
        let columns = columns();
        let text: String = plain(&text(columns)).chars().take(columns).collect();
        self.write(&format!("\r{text}\x1b[K"));
        self.is_dirty = true;
        self.next = Instant::now() + EVERY;
    }

    /// Something has changed: the next update shows it at once.
    pub(crate) fn refresh(&mut self) {
        self.next = Instant::now();
    }

    /// When it is worth to show something again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.is_shown.then_some(self.next)
    }

    /// Takes it off, for other text.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_dirty) {
            self.write("\r\x1b[K");
        }
        self.next = self.next.max(Instant::now());
    }

    fn write(&self, text: &str) {
        // Whoever closed the terminal does not look at it.
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// How far something is, `[=====>      ]`, in so many columns.
pub(crate) fn bar(done: f64, columns: usize) -> String {
    let inside = columns.saturating_sub(2);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and the columns")]
    let filled = (done.clamp(0.0, 1.0) * inside as f64) as usize;
    let (shaft, head) = if filled < inside { (filled, ">") } else { (inside, "") };
    let rest = inside - shaft - head.len();
    format!("[{}{head}{}]", "=".repeat(shaft), " ".repeat(rest))
}

/// The width of the terminal, without the last column, where some terminals begin a new line.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok().map(|size| usize::from(size.ws_col));
    size.filter(|&columns| columns > 1).unwrap_or(80) - 1
}

/// Before anything is shown.
const PATIENCE: Duration = Duration::from_millis(300);

const EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_told_and_as_full_as_done() {
        assert_eq!(bar(0.0, 7), "[>    ]");
        assert_eq!(bar(0.5, 7), "[==>  ]");
        assert_eq!(bar(1.0, 7), "[=====]");
        for (done, columns) in [(f64::NAN, 9), (7.0, 9), (-1.0, 9), (0.5, 0), (0.5, 3)] {
            assert_eq!(bar(done, columns).len(), columns.max(2), "{done} {columns}");
        }
    }
}
