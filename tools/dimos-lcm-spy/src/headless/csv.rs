//! The log of rates: a line for each channel that was heard, again and again.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Instant;

use lcm::Channel;

use super::{rows, wait_until};
use crate::error::SpyError;
use crate::options::Options;
use crate::reading::Reading;
use crate::reading::snapshot::{Row, Snapshot};
use crate::text::channel_name;
use crate::traffic::statistics::per_second;

/// Prints it until the time is over, or it is interrupted. Returns what is known in the end.
pub(super) fn run(
    reading: &Reading,
    options: &Options,
    output: &mut impl Write,
    is_interrupted: &impl Fn() -> bool,
) -> Result<Box<Snapshot>, SpyError> {
    writeln!(output, "{HEAD}").and_then(|()| output.flush()).map_err(SpyError::writing)?;
    let start = Instant::now();
    let end = options.duration.map(|duration| start + duration);
    let mut log = Log::default();
    let mut snapshot = Box::default();
    let mut next = start;
    loop {
        // What took longer than an interval is not made up for.
        next = (next + options.every).max(Instant::now());
        let wake = end.map_or(next, |end| end.min(next));
        let waited = wait_until(reading, wake, is_interrupted);
        snapshot = reading.snapshot(snapshot).ok_or(SpyError::ReaderGone)?;
        let text = log.lines(&snapshot, &rows(&snapshot, options));
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(SpyError::writing)?;
        waited?;
        if end.is_some_and(|end| Instant::now() >= end) || snapshot.totals.has_ended {
            return Ok(snapshot);
        }
    }
}

/// What was told before, so that the next lines tell what has come since.
#[derive(Debug, Default)]
struct Log {
    told: HashMap<Channel, (u64, u64)>,
    span_s: f64,
}

impl Log {
    fn lines(&mut self, snapshot: &Snapshot, rows: &[&Row]) -> String {
        let span_s = snapshot.span.as_secs_f64();
        let interval_s = span_s - std::mem::replace(&mut self.span_s, span_s);
        let time_ms = snapshot.time_ns / 1_000_000;
        let before = std::mem::take(&mut self.told);
        let mut text = Vec::new();
        for row in rows {
            let (messages, bytes) = before.get(&row.channel).copied().unwrap_or_default();
            // One that was forgotten and is heard again begins anew.
            let (new, new_bytes) = match row.messages.checked_sub(messages) {
                Some(new) => (new, row.bytes.saturating_sub(bytes)),
                None => (row.messages, row.bytes),
            };
            self.told.insert(row.channel, (row.messages, row.bytes));
            // Writing to memory cannot fail.
            let _ = line(&mut text, row, time_ms, interval_s, new, new_bytes);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn line(text: &mut Vec<u8>, row: &Row, time_ms: u64, interval_s: f64, new: u64, new_bytes: u64) -> io::Result<()> {
    let jitter = row.jitter_s.map(|jitter_s| format!("{jitter_s:.6}")).unwrap_or_default();
    let lost = row.lost.of_channel.map(|loss| loss.lost.to_string()).unwrap_or_default();
    writeln!(
        text,
        "{}.{:03},{},{},{new},{:.3},{:.1},{jitter},{},{},{lost},{},{}",
        time_ms / 1000,
        time_ms % 1000,
        quoted(&channel_name(&row.channel)),
        quoted(row.type_name.as_deref().unwrap_or_default()),
        per_second(new, interval_s),
        per_second(new_bytes, interval_s),
        row.last_bytes,
        row.messages,
        row.lost.of_senders,
        row.mismatched,
    )
}

/// As a field, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let plain = crate::text::plain(text);
    if plain.contains(['"', ',']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
}

const HEAD: &str = "time_s,channel,type,messages,rate_hz,bytes_per_s,jitter_s,last_size_bytes,messages_in_all,lost,lost_of_senders,mismatched";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_quotes_stay_one_field() {
        assert_eq!(quoted("/scan"), "/scan");
        assert_eq!(quoted("a,b\"c\n"), "\"a,b\"\"c\\n\"");
    }
}
