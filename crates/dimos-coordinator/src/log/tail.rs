//! Reading a log back: its last lines, be its run alive or over.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use dimos::coordinator::{LogLine, LogQuery};

use super::level::Level;
use super::writer::{PARTS, part};

/// The last lines of a log that are asked for, oldest first. What is no line of a log is left out.
///
/// # Errors
/// If there is no log there, or it cannot be read.
pub fn last_lines(directory: &Path, query: &LogQuery) -> io::Result<Vec<LogLine>> {
    let wanted = query.lines.min(MAX_LINES);
    let mut lines: VecDeque<LogLine> = VecDeque::new();
    // From the newest part on, until there are enough.
    for number in 0..PARTS {
        let file = match File::open(part(directory, number)) {
            Ok(file) => file,
            Err(error) if number > 0 && error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let mut of_part = VecDeque::new();
        for line in BufReader::new(file).split(b'\n') {
            let Ok(line) = serde_json::from_slice::<LogLine>(&line?) else { continue };
            if !is_wanted(query, &line) {
                continue;
            }
            of_part.push_back(line);
            if of_part.len() > wanted - lines.len() {
                of_part.pop_front();
            }
        }
        of_part.append(&mut lines);
        lines = of_part;
        if lines.len() >= wanted {
            break;
        }
    }
    Ok(lines.into())
}

/// Whether a query means a line.
#[must_use]
pub fn is_wanted(query: &LogQuery, line: &LogLine) -> bool {
    let level = |text: &str| text.parse::<Level>().unwrap_or(Level::Info);
    query.module.as_ref().is_none_or(|module| *module == line.logger)
        && query.level.as_deref().is_none_or(|least| level(&line.level) >= level(least))
}

/// More are not asked for.
const MAX_LINES: usize = 100_000;
