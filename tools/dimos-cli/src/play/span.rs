//! From when to when a log is, without reading all of it.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use lcm::log::{LogReader, ReadError};

/// The times of the first event and of the last, in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first_us: i64,
    pub(super) last_us: i64,
}

/// The span of a log, which stands at its beginning then; none if it has no event.
pub(super) fn of(log: &mut LogReader, path: &Path) -> Result<Option<Span>, ReadError> {
    let first_us = log.next_event()?.map(|event| event.timestamp_us);
    log.rewind()?;
    let Some(first_us) = first_us else { return Ok(None) };
    let last_us = last(path)?.unwrap_or(first_us);
    Ok(Some(Span { first_us, last_us }))
}

/// The time of the last event: it is looked for at the end of the file, and further and further before that.
fn last(path: &Path) -> Result<Option<i64>, ReadError> {
    let failed = |source| ReadError { offset: 0, source };
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    for window in WINDOWS_BYTES {
        let from = bytes.saturating_sub(window);
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut tail = LogReader::new(file.try_clone().map_err(failed)?);
        let mut last_us = None;
        while let Some(event) = tail.next_event()? {
            last_us = Some(event.timestamp_us);
        }
        if last_us.is_some() || from == 0 {
            return Ok(last_us);
        }
    }
    Ok(None)
}

/// The last one holds the largest event twice.
const WINDOWS_BYTES: [u64; 3] = [1 << 20, 1 << 25, 1 << 29];
