//! Configuration files: TOML, where every value knows its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::place::Place;
use super::source::{Excerpt, Source};
use super::tree::{Content, Tree, remove_unknown};
use crate::json_schema::{Path, shortened};

/// A configuration file.
#[derive(Debug, Clone)]
pub(super) struct ConfigFile {
    path: Arc<str>,
    text: Arc<str>,
}

impl ConfigFile {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads the file. Keys that the configuration does not have are noted and left out.
    pub(super) fn read(&self, root: &Place<'_>, problems: &mut Vec<Problem>) -> Tree {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        problems.extend(errors.iter().map(|error| self.syntax(error)));
        // What was recovered of a damaged file would only give further errors.
        let table = if errors.is_empty() { table } else { Spanned::new(0..0, DeTable::new()) };
        Tree {
            source: self.source(&(0..0)),
            content: Content::Object(self.members(table.get_ref(), root, &Path::default(), problems)),
        }
    }

    /// The line that a source in this file means, and how much of it.
    pub(super) fn excerpt(&self, source: &Source) -> Option<Excerpt> {
        let Source::File { path, line, column } = source else { return None };
        let text = self.text.lines().nth(line - 1).filter(|_| **path == *self.path)?;
        // Of a long line, what stands around the place.
        let first = column.saturating_sub(SHOWN_BEFORE);
        let shown: String = text.chars().skip(first).take(SHOWN_CHARS).collect();
        let indent = column - 1 - first.min(column - 1);
        let meant = text.chars().skip(column - 1).take(SHOWN_CHARS);
        Some(Excerpt { line: *line, text: shown.trim_end().to_owned(), indent, width: width(meant) })
    }

    fn members(
        &self,
        table: &DeTable<'_>,
        place: &Place<'_>,
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, Tree> {
        let mut members = BTreeMap::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let path = path.key(name);
            let Some(below) = place.member(name) else {
                let source_of_it = self.source(&key.span());
                let excerpt = self.excerpt(&source_of_it);
                problems.push(Problem::UnknownKey {
                    key: path.to_string(),
                    source_of_it,
                    remedy: place.no_such_key(name),
                    excerpt,
                });
                continue;
            };
            let source = self.source(&value.span());
            let content = match value.get_ref() {
                DeValue::Table(table) => Content::Object(self.members(table, &below, &path, problems)),
                other => match json(other) {
                    Ok(mut value) => {
                        remove_unknown(&mut value, &below, &path, &mut |path, remedy| {
                            let (source_of_it, excerpt) = (source.clone(), self.excerpt(&source));
                            problems.push(Problem::UnknownKey { key: path.to_string(), source_of_it, remedy, excerpt });
                        });
                        Content::Leaf(value)
                    }
                    Err(found) => {
                        let message = format!("expected {}, found {found}", below.expectation());
                        let excerpt = self.excerpt(&source);
                        problems.push(Problem::Value { key: path.to_string(), source_of_it: source, message, excerpt });
                        continue;
                    }
                },
            };
            members.insert(name.to_owned(), Tree { content, source });
        }
        members
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let source_of_it = self.source(&error.span().unwrap_or(0..0));
        let message = shortened(&error.message().replace('\n', ": "), 200).into_owned();
        Problem::Syntax { excerpt: self.excerpt(&source_of_it), source_of_it, message }
    }

    fn source(&self, span: &Range<usize>) -> Source {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        Source::File { path: self.path.clone(), line, column: before[line_start..].chars().count() + 1 }
    }
}

/// The value as JSON; otherwise what it is that JSON does not have.
fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            let signed = i64::from_str_radix(digits, radix).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
            Value::Number(number.map_err(|_| format!("{}, which takes more than 64 bits", shortened(digits, 40)))?)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("{}, which is not finite", shortened(float.as_str(), 40)))?)
        }
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Table(members) => {
            let member = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let key: &std::borrow::Cow<'_, str> = key.get_ref();
                Ok((key.clone().into_owned(), json(value.get_ref())?))
            };
            Value::Object(members.iter().map(member).collect::<Result<Map<_, _>, String>>()?)
        }
    })
}

/// How many characters a value or a key that begins a text has, roughly: it only has to look right.
fn width(text: impl Iterator<Item = char>) -> usize {
    let mut text = text.peekable();
    match text.peek().copied() {
        Some(quote @ ('"' | '\'')) => text.skip(1).take_while(|&c| c != quote).count() + 2,
        Some('[' | '{') | None => 1,
        Some(_) => text.take_while(|c| !matches!(c, ' ' | '\t' | ',' | ']' | '}' | '=' | '#')).count().max(1),
    }
}

/// How much of a line is shown.
const SHOWN_CHARS: usize = 100;

/// How much of it before the place.
const SHOWN_BEFORE: usize = 60;
