//! What is wrong with launch files, shown as a compiler shows it: file, line, column, the line itself, marks below it, and what to do.
//!
//! Owns the texts that places refer to. What is found wrong is decided elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use dimos::Name;
use serde_json::{Value, json};

use crate::plan::Place;

/// What was read: launch files, and what of the command line means them; and where in it is said what of which module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    sources: Vec<Source>,
    /// By module, or nothing for the run as a whole, and by what is said, such as `config.grid.cell_m`.
    marks: BTreeMap<(String, String), Mark>,
}

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where its key stands.
    pub key: Place,
    /// Where its value stands.
    pub value: Place,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What people call it: the path of the file as it was given.
    pub name: String,
    /// What stands in it.
    pub text: Arc<str>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run cannot be started.
    Error,
    /// It can, but it may not do what was meant.
    Warning,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where, first, and what else has to do with it.
    pub labels: Vec<Label>,
    /// What to do, each a sentence.
    pub help: Vec<String>,
}

/// A place, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What is said; nothing for mere marks.
    pub text: String,
}

/// All that is wrong, with the texts that it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// What is wrong.
    pub all: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

impl Sources {
    /// Adds a text. Its index goes into places.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> usize {
        self.sources.push(Source { name: name.into(), text: text.into() });
        self.sources.len() - 1
    }

    /// The text that a place is in.
    #[must_use]
    pub fn of(&self, place: Place) -> Option<&Source> {
        self.sources.get(place.source)
    }

    /// Notes where something is said of a module, or of the run.
    pub(crate) fn mark(&mut self, module: Option<&Name>, what: String, mark: Mark) {
        let module = module.map_or_else(String::new, Name::to_string);
        self.marks.insert((module, what), mark);
    }

    /// Where something is said of a module, or of the run.
    pub(crate) fn marked(&self, module: Option<&Name>, what: &str) -> Option<Mark> {
        let module = module.map_or_else(String::new, Name::to_string);
        self.marks.get(&(module, what.to_owned())).copied()
    }

    /// All that is said of the run as a whole under one word: `/map` of `expose./map`.
    pub(crate) fn marked_of_run(&self, word: &str) -> impl Iterator<Item = (&str, Mark)> {
        let of_run = self.marks.iter().take_while(|((module, _), _)| module.is_empty());
        of_run.filter_map(move |((_, what), mark)| Some((what.strip_prefix(word)?.strip_prefix('.')?, *mark)))
    }

    /// Adds all texts of others, and what is noted of them. Tells by how much the indices of their places grow.
    pub(crate) fn append(&mut self, others: Self) -> usize {
        let offset = self.sources.len();
        let moved = |place: Place| Place { source: place.source + offset, ..place };
        self.sources.extend(others.sources);
        let marks = others.marks.into_iter();
        self.marks.extend(marks.map(|(of, mark)| (of, Mark { key: moved(mark.key), value: moved(mark.value) })));
        offset
    }

    /// All texts, by the index that places have.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }
}

impl Source {
    /// The line and the column of a byte, in characters, both from 1.
    #[must_use]
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..floor_char_boundary(&self.text, at)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), labels: Vec::new(), help: Vec::new() }
    }

    /// A warning.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// With a place: the first one is where it is wrong, further ones have to do with it.
    #[must_use]
    pub fn at(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, text: text.into() });
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// With what to do, if that is known.
    #[must_use]
    pub fn maybe_help(self, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }

    /// As text: of several lines, without an end of line.
    #[must_use]
    pub fn render(&self, sources: &Sources, is_coloured: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(shown(&self.message)));
        let mut told: Vec<usize> = Vec::new();
        for label in &self.labels {
            let index = label.place.source;
            let Some(source) = sources.of(label.place).filter(|_| !told.contains(&index)) else { continue };
            told.push(index);
            let labels = || self.labels.iter().enumerate().filter(|(_, label)| label.place.source == index);
            let annotation = |(number, label): (usize, &Label), span| {
                let kind = if number == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let text = Some(shown(&label.text)).filter(|text| !text.is_empty());
                kind.span(span).label(text)
            };
            if labels().all(|(_, label)| line_of(&source.text, label.place.start).len() <= MAX_LINE_BYTES) {
                let marks = labels().map(|label| annotation(label, marked(&source.text, label.1.place)));
                group = group.element(Snippet::source(&*source.text).path(source.name.as_str()).annotations(marks));
                continue;
            }
            // Very long lines would be measured as a whole, and say little.
            for (_, label) in labels() {
                let (line, column) = source.line_and_column(label.place.start);
                let text = Some(shown(&label.text)).filter(|text| !text.is_empty());
                group = group.element(Origin::path(source.name.as_str()).line(line).char_column(column));
                group = group.elements(text.map(|text| Level::NOTE.message(text)));
            }
        }
        group = group.elements(self.help.iter().map(|help| Level::HELP.message(shown(help))));
        let renderer = if is_coloured { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(WIDTH).render(&[group])
    }

    /// As JSON: `severity`, `message`, `file`, `line`, `column`, `label`, `related`, `help`. What has no place has no `file`.
    #[must_use]
    pub fn to_json(&self, sources: &Sources) -> Value {
        let place = |label: &Label| {
            let source = sources.of(label.place)?;
            let (line, column) = source.line_and_column(label.place.start);
            Some(json!({ "file": source.name, "line": line, "column": column, "label": label.text }))
        };
        let mut places = self.labels.iter().filter_map(place);
        let mut object = places.next().unwrap_or_else(|| json!({}));
        object["severity"] = match self.severity {
            Severity::Error => json!("error"),
            Severity::Warning => json!("warning"),
        };
        object["message"] = json!(self.message);
        object["help"] = json!(self.help);
        object["related"] = places.collect();
        object
    }
}

impl Diagnostics {
    /// All of these: errors first, in the order of their places.
    #[must_use]
    pub fn sorted(mut all: Vec<Diagnostic>, sources: Sources) -> Self {
        let place = |diagnostic: &Diagnostic| diagnostic.labels.first().map(|label| label.place);
        all.sort_by_key(|diagnostic| {
            let place = place(diagnostic);
            (diagnostic.severity, place.map(|place| place.source), place.map(|place| place.start))
        });
        Self { all, sources }
    }

    /// Whether the run cannot be started.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// As text, with an empty line between each two. Of very many the last ones are only counted.
    #[must_use]
    pub fn render(&self, is_coloured: bool) -> String {
        let shown = self.all.iter().take(MAX_SHOWN);
        let mut texts: Vec<_> = shown.map(|diagnostic| diagnostic.render(&self.sources, is_coloured)).collect();
        if self.all.len() > MAX_SHOWN {
            texts.push(format!("and {} more", self.all.len() - MAX_SHOWN));
        }
        texts.join("\n\n")
    }

    /// As JSON: a list, see [`Diagnostic::to_json`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.all.iter().map(|diagnostic| diagnostic.to_json(&self.sources)).collect()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// What is marked of a text: at least one character if there is one, and nothing of the next line.
fn marked(text: &str, place: Place) -> std::ops::Range<usize> {
    let start = floor_char_boundary(text, place.start);
    let line = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let line = if text[..line].ends_with('\r') && line > start { line - 1 } else { line };
    let end = floor_char_boundary(text, place.end).clamp(start, line);
    // Something has to be marked.
    let one = text[start..line].chars().next().map_or(0, char::len_utf8);
    start..end.max(start + one)
}

/// The line that a byte is in.
fn line_of(text: &str, at: usize) -> &str {
    let at = floor_char_boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A text without control characters, cut where it gets long.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut clean: String = clean.take(MAX_TEXT_CHARS + 1).collect();
    if clean.chars().count() > MAX_TEXT_CHARS {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// How wide the shown lines get.
const WIDTH: usize = 140;

/// Longer lines are not shown.
const MAX_LINE_BYTES: usize = 4096;

/// How many are shown: more would only be the consequences of the first.
const MAX_SHOWN: usize = 50;

/// How long one message gets.
const MAX_TEXT_CHARS: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(start: usize, end: usize) -> Place {
        Place { source: 0, start, end }
    }

    fn rendered(text: &str, start: usize, end: usize) -> String {
        let mut sources = Sources::default();
        sources.add("a.toml", text);
        Diagnostic::error("it is wrong").at(place(start, end), "here").help("do right").render(&sources, false)
    }

    #[test]
    fn a_place_is_shown_with_its_line() {
        assert_eq!(
            rendered("a = 1\nbé\t= 2\n", 10, 11),
            "\
error: it is wrong
 --> a.toml:2:4
  |
2 | bé    = 2
  |       ^ here
  |
  = help: do right"
        );
    }

    #[test]
    fn two_places_in_two_files_are_both_shown() {
        let mut sources = Sources::default();
        sources.add("a.toml", "scan = 1\n");
        sources.add("b.toml", "\n\nscan = 2\n");
        let diagnostic = Diagnostic::error("two types on /scan")
            .at(place(0, 4), "this is a LaserScan")
            .at(Place { source: 1, start: 2, end: 6 }, "this is an Image");
        assert_eq!(
            diagnostic.render(&sources, false),
            "\
error: two types on /scan
 --> a.toml:1:1
  |
1 | scan = 1
  | ^^^^ this is a LaserScan
  |
 ::: b.toml:3:1
  |
3 | scan = 2
  | ---- this is an Image"
        );
        let json = diagnostic.to_json(&sources);
        assert_eq!((&json["file"], &json["line"], &json["column"]), (&json!("a.toml"), &json!(1), &json!(1)));
        assert_eq!(json["related"][0]["file"], "b.toml");
    }

    #[test]
    fn whatever_the_place_it_is_shown() {
        let texts = ["", "\n", "\r\n", "é", "\t\té\t= 1\r\n\r\n", "a\u{301}\u{200b}漢字\0\u{1b}[31m = 2", "x"];
        for text in texts {
            for start in 0..text.len() + 3 {
                for end in 0..text.len() + 3 {
                    assert!(rendered(text, start, end).contains("it is wrong"), "{text:?} {start} {end}");
                }
            }
        }
        assert!(rendered("a = 1\r\nb = 2\r\n", 7, 8).contains("2 | b = 2\n  | ^ here"));
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let text = format!("key = \"{}\" # {}", "y".repeat(500_000), "é".repeat(250_000));
        for (start, end) in [(0, 3), (6, 500_007), (250_000, 250_001), (text.len(), text.len())] {
            let shown = rendered(&text, start, end);
            assert!(shown.len() < 2000, "{}", shown.len());
        }
        assert_eq!(
            rendered(&format!("{text}\n{text}"), 1_000_021, 1_000_024),
            "\
error: it is wrong
--> a.toml:2:10
 = note: here
 = help: do right"
        );
    }

    #[test]
    fn of_very_many_the_last_ones_are_counted() {
        let all = vec![Diagnostic::error("no"); 53];
        let text = Diagnostics { all, sources: Sources::default() }.to_string();
        assert!(text.ends_with("error: no\n\nand 3 more"), "{text}");
    }
}
