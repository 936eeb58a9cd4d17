//! How far work on a log is: shown on a terminal, where it takes longer than a moment.

use std::path::Path;
use std::time::Instant;

use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::status_line::{StatusLine, bar};
use crate::topic::units;

/// How far it is.
#[derive(Debug)]
pub(super) struct Progress {
    line: StatusLine,
    interrupt: Interrupt,
    total_bytes: u64,
    start: Instant,
    /// Until it is looked again.
    calls: u32,
}

impl Progress {
    /// Work on all of these files.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a Path>, context: &Context) -> Self {
        let bytes = |file: &Path| file.metadata().map_or(0, |metadata| metadata.len());
        Self {
            line: StatusLine::new(context),
            interrupt: context.interrupt.clone(),
            total_bytes: files.into_iter().map(bytes).sum(),
            start: Instant::now(),
            calls: 0,
        }
    }

    /// So many bytes are done. Fails if the work is to end.
    pub(super) fn update(&mut self, done_bytes: impl FnOnce() -> u64) -> Result<(), Failure> {
        self.interrupt.check()?;
        self.calls += 1;
        if self.calls < CALLS {
            return Ok(());
        }
        self.calls = 0;
        let Self { line, total_bytes, start, .. } = self;
        line.update(|columns| {
            let done = done_bytes();
            let share = if *total_bytes > 0 { done as f64 / *total_bytes as f64 } else { 0.0 };
            let rate = units::bytes(done as f64 / start.elapsed().as_secs_f64().max(1e-3));
            let (done, total) = (units::bytes(done as f64), units::bytes(*total_bytes as f64));
            let text = format!("{:3.0} %  {done} of {total}  {rate}/s", 100.0 * share.min(1.0));
            format!("{} {text}", bar(share, columns.saturating_sub(text.len() + 1).min(60)))
        });
        Ok(())
    }
}

/// Events are quick: not each is worth a look at the clock.
const CALLS: u32 = 64;
