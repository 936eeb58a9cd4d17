//! Lines of a log on their way to who reads them: a thread of their own writes, so that nobody else waits for a full pipe. What does
//! not fit is dropped, counted and told. Which lines there are is left to others.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The lines that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
    /// Lines that found no room, and were not told of yet.
    dropped: u64,
}

impl Backlog {
    /// Writes what comes, for ever. What cannot be written is given up.
    pub(super) fn write_to<W: Write>(&self, mut out: impl FnMut() -> W) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take(&mut lines);
            // Whoever does not read any more does not want it.
            let _ = out().write_all(&lines);
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
            self.written();
            if dropped > 0 {
                tracing::warn!(lines = dropped, "lines of this log were dropped: who reads it is too slow");
            }
        }
    }

    /// Waits until all is written, so long at most.
    pub(super) fn flush(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut state = self.lock();
        while state.is_writing || !state.waiting.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > MAX_BYTES {
            state.dropped += 1;
            return;
        }
        let is_first = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        if is_first {
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and takes all there are. Tells how many were dropped before.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.waiting, lines);
        state.is_writing = true;
        std::mem::take(&mut state.dropped)
    }

    fn written(&self) {
        self.lock().is_writing = false;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line is written at once. It is taken whole or not at all.
impl Write for &Backlog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What waits at most: some thousand lines.
const MAX_BYTES: usize = 512 << 10;

/// What is kept for the next lines of what a burst took.
const KEPT_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

    use super::*;

    /// Lets nothing through before it is opened.
    struct Pipe {
        opened: Receiver<()>,
        read: Sender<usize>,
    }

    impl Write for &Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // It is opened by letting go of the other end.
            let _ = self.opened.recv();
            self.read.send(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_waits_for_nobody_and_what_is_dropped_is_counted() {
        let (open, opened) = bounded(0);
        let (read, written) = unbounded();
        let backlog = Arc::new(Backlog::default());
        let (writing, pipe) = (Arc::clone(&backlog), Pipe { opened, read });
        std::thread::spawn(move || writing.write_to(|| &pipe));
        let (line, room) = ([b'x'; 1024], MAX_BYTES / 1024);
        (&*backlog).write_all(&line).unwrap();
        while !backlog.lock().is_writing {
            std::thread::yield_now();
        }
        // While that one is under way, others wait, and then there is no more room.
        for _ in 0..room + 7 {
            (&*backlog).write_all(&line).unwrap();
        }
        backlog.flush(Duration::from_millis(1));
        let held = {
            let state = backlog.lock();
            (state.waiting.len(), state.dropped)
        };
        assert_eq!(held, (room * 1024, 7));
        drop(open);
        backlog.flush(Duration::from_secs(60));
        assert_eq!(written.try_iter().sum::<usize>(), (1 + room) * 1024);
        assert_eq!(backlog.lock().dropped, 0);
        // A reader that is gone keeps nobody either.
        drop(written);
        (&*backlog).write_all(&line).unwrap();
        backlog.flush(Duration::from_secs(60));
        assert!(backlog.lock().waiting.is_empty());
    }
}
