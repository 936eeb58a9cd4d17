//! What is wrong with an IDL file, shown as a compiler shows it: file, line, column, the line itself and a caret.

use std::fmt;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The line's text; of a long line what stands around the place.
    pub text: String,
    /// How many characters of `text` stand before the place.
    pub caret: usize,
}

/// All faults of a set of files, by file and place. After the first hundred or so the rest is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// A place in a file: a byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(pub(crate) usize);

impl Diagnostic {
    pub(crate) fn new(file: &str, text: &str, place: Place, message: String) -> Self {
        let before = &text[..floor_char_boundary(text, place.0)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        let (text, caret) = around(text[line_start..].lines().next().unwrap_or_default(), column - 1);
        Self { file: file.to_owned(), line: before.matches('\n').count() + 1, column, message, text, caret }
    }
}

impl Diagnostics {
    pub(crate) fn sorted(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Self(diagnostics)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, text, caret } = self;
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        // Tabs stay tabs under the line, so that the caret stands where it belongs whatever their width.
        let indent: String = text.chars().take(*caret).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "    {text}\n    {indent}^")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{diagnostic}")?;
        }
        Ok(())
    }
}

/// What of a line is shown, and how many of its characters stand before the one at `at`.
fn around(line: &str, at: usize) -> (String, usize) {
    if line.chars().count() <= MAX_SHOWN {
        return (line.to_owned(), at);
    }
    let skipped = at.saturating_sub(MAX_SHOWN / 2);
    let dots = |is_cut| if is_cut { "…" } else { "" };
    let before = dots(skipped > 0);
    let mut rest = line.chars().skip(skipped);
    let shown: String = rest.by_ref().take(MAX_SHOWN).collect();
    let after = dots(rest.next().is_some());
    (format!("{before}{shown}{after}"), before.chars().count() + at - skipped)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// More faults would only be the consequences of the first.
pub(crate) const MAX_FAULTS: usize = 100;

/// Characters of a line.
const MAX_SHOWN: usize = 160;
