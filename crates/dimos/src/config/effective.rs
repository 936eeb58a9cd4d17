//! What a configuration has come to.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::source::Source;
use super::tree::{Content, Tree};
use crate::json_schema::{Path, shown};

/// What a configuration has come to, and where each part comes from. Its text is a table of keys, values and sources; long
/// values are cut there.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    tree: Tree,
}

/// One key of a configuration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The key, with dots between its parts.
    pub key: String,
    /// Its value: anything but an object with keys.
    pub value: Value,
    /// Where the value comes from.
    pub source: &'a Source,
}

impl Effective {
    pub(super) fn new(tree: Tree) -> Self {
        Self { tree }
    }

    /// The configuration as JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        self.tree.value()
    }

    /// All keys with their values and sources, in alphabetical order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries = Vec::new();
        if self.tree.content != Content::Object(std::collections::BTreeMap::new()) {
            self.tree.visit(&Path::default(), &mut |path, leaf| {
                entries.push(Entry { key: path.to_string(), value: leaf.value(), source: &leaf.source });
            });
        }
        entries
    }

    /// Where each value comes from, by key.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<String, String> {
        self.entries().into_iter().map(|entry| (entry.key, entry.source.to_string())).collect()
    }

    /// The configuration and its sources as JSON: `{"config": {...}, "sources": {"grid.cell_m": "default", ...}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "config": self.value(), "sources": self.sources() })
    }

    pub(super) fn source_at(&self, path: &Path) -> &Source {
        self.tree.source_at(path)
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |entry: Entry<'_>| (entry.key, shown(&entry.value), entry.source.to_string());
        let heading = ("key".to_owned(), "value".to_owned(), "source".to_owned());
        let rows: Vec<_> = std::iter::once(heading).chain(self.entries().into_iter().map(row)).collect();
        let widest =
            |column: fn(&(String, String, String)) -> &String| rows.iter().map(|row| column(row).chars().count()).max();
        let key_width = widest(|row| &row.0).unwrap_or_default();
        let value_width = widest(|row| &row.1).unwrap_or_default();
        rows.iter().try_for_each(|(key, value, source)| writeln!(f, "{key:key_width$}  {value:value_width$}  {source}"))
    }
}
