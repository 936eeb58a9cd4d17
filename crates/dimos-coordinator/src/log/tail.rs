//! Reading a log back: its last lines, be its run alive or over.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use dimos::coordinator::{LogLine, LogQuery};

use super::level::Level;
use super::writer::{PARTS, part};

/// The last lines of a log that are asked for, oldest first: at most [`MAX_LINES`], and no more than 4 MiB of them. What is no line of a
/// log is left out.
///
/// # Errors
/// If there is no log there, or it cannot be read.
pub fn last_lines(directory: &Path, query: &LogQuery) -> io::Result<Vec<LogLine>> {
    let wanted = query.lines.min(MAX_LINES);
    // All of them at once: a part may become an older one meanwhile.
    let mut files = vec![File::open(part(directory, 0))?];
    files.extend((1..PARTS).map_while(|number| File::open(part(directory, number)).ok()));
    let mut lines: VecDeque<(usize, LogLine)> = VecDeque::new();
    let mut bytes = 0;
    for file in files {
        let (mut of_part, mut of_part_bytes) = (VecDeque::new(), 0);
        for text in BufReader::new(file).split(b'\n') {
            let text = text?;
            let Ok(line) = serde_json::from_slice::<LogLine>(&text) else { continue };
            if !is_wanted(query, &line) {
                continue;
            }
            of_part.push_back((text.len(), line));
            of_part_bytes += text.len();
            while of_part.len() > wanted - lines.len() || (of_part_bytes + bytes > MAX_BYTES && !of_part.is_empty()) {
                of_part_bytes -= of_part.pop_front().map_or(0, |(bytes, _)| bytes);
            }
        }
        let is_full = of_part_bytes + bytes > MAX_BYTES / 2;
        bytes += of_part_bytes;
        of_part.append(&mut lines);
        lines = of_part;
        if lines.len() >= wanted || is_full {
            break;
        }
    }
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// Whether a query means a line.
#[must_use]
pub fn is_wanted(query: &LogQuery, line: &LogLine) -> bool {
    let level = |text: &str| text.parse::<Level>().unwrap_or(Level::Info);
    query.module.as_ref().is_none_or(|module| *module == line.logger)
        && query.level.as_deref().is_none_or(|least| level(&line.level) >= level(least))
}

/// More lines are not given at once.
pub const MAX_LINES: usize = 20_000;

/// More of them, neither.
const MAX_BYTES: usize = 4 << 20;
