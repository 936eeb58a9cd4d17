//! What is printed without a terminal: a table or JSON once, or a log of rates. Printing is all it does; the reading counts.

mod csv;
mod once;

use std::io::Write;
use std::time::{Duration, Instant};

use crate::error::SpyError;
use crate::options::Options;
use crate::reading::Reading;
use crate::reading::snapshot::{Row, Snapshot};
use crate::run::Session;
use crate::selection::is_internal;

/// Listens and prints.
///
/// # Errors
/// If it was interrupted, the kernel dropped messages, or stdout does not take what is written.
pub(crate) fn run(
    reading: &Reading,
    options: &Options,
    session: &Session,
    output: &mut impl Write,
    is_interrupted: &impl Fn() -> bool,
) -> Result<(), SpyError> {
    let snapshot = if options.is_csv {
        csv::run(reading, options, output, is_interrupted)?
    } else {
        let end = Instant::now() + options.duration.unwrap_or(DEFAULT_DURATION);
        let outcome = wait_until(reading, end, is_interrupted);
        let snapshot = reading.snapshot(Box::default()).ok_or(SpyError::ReaderGone)?;
        once::print(&snapshot, &rows(&snapshot, options), session, output).map_err(SpyError::writing)?;
        outcome?;
        snapshot
    };
    match snapshot.totals.kernel_drops {
        0 => Ok(()),
        kernel_drops => Err(SpyError::Incomplete { kernel_drops }),
    }
}

/// The channels that are shown, by name.
fn rows<'a>(snapshot: &'a Snapshot, options: &Options) -> Vec<&'a Row> {
    let is_shown = |row: &&Row| options.all || !is_internal(row.channel.as_bytes());
    let mut rows: Vec<_> = snapshot.rows.iter().filter(is_shown).collect();
    rows.sort_by_key(|row| row.channel);
    rows
}

/// Waits until then, or until an event log has ended.
fn wait_until(reading: &Reading, end: Instant, is_interrupted: &impl Fn() -> bool) -> Result<(), SpyError> {
    loop {
        let now = Instant::now();
        if is_interrupted() {
            return Err(SpyError::Interrupted);
        }
        if now >= end {
            return Ok(());
        }
        if reading.has_ended() {
            return Ok(());
        }
        std::thread::sleep(PAUSE.min(end.saturating_duration_since(now)));
    }
}

/// How long it listens unless it is told otherwise.
pub(crate) const DEFAULT_DURATION: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(100);
