//! CSV: a file for each channel, in a directory.
//!
//! Which columns and cells there are is decided in `flat.rs`.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lcm::log::EventRef;
use lcm::schema::{Catalog, Value};

use super::{Exported, flat};
use crate::failure::Failure;
use crate::log_file::is_same_file;
use crate::recording::known::known_type;
use crate::recording::output::{Replace, exists, unfinished, unwritable};

/// A directory of tables that is being made. Unless it is finished, nothing is left of it.
pub(super) struct Tables<'c> {
    catalog: &'c Catalog,
    directory: PathBuf,
    temporary: PathBuf,
    /// Whether tables are there that these replace, all of them.
    replaces: bool,
    tables: HashMap<(Vec<u8>, Option<&'c str>), Table>,
    names: BTreeSet<String>,
    buffered_bytes: usize,
}

struct Table {
    /// Lines that are not in the file yet: a file stays open for a moment only, however many there are.
    lines: String,
    exported: Exported,
}

impl<'c> Tables<'c> {
    pub(super) fn begin(
        directory: &Path,
        read: &Path,
        replace: Replace,
        catalog: &'c Catalog,
    ) -> Result<Self, Failure> {
        let is_empty = match fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                let shown = directory.display();
                return Err(Failure::usage(format_args!("{shown} is a file: tables go into a directory")));
            }
            Err(error) => return Err(unwritable(directory, &error)),
        };
        if !is_empty && !replace.force {
            return Err(exists(directory));
        }
        if !is_empty {
            has_only_tables(directory, Some(read))?;
        }
        // Of a link, what it leads to.
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let temporary = unfinished(&directory);
        fs::create_dir(&temporary).map_err(|error| unwritable(&directory, &error))?;
        Ok(Self {
            catalog,
            directory,
            temporary,
            replaces: !is_empty,
            tables: HashMap::new(),
            names: BTreeSet::new(),
            buffered_bytes: 0,
        })
    }

    /// Writes an event as a line of the table of its channel.
    pub(super) fn write(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        let known = known_type(self.catalog, event);
        let value = known.and_then(|known| known.decode(event.data).ok());
        let name = known.filter(|_| value.is_some()).map(|known| known.name());
        let schema = self.catalog.schema();
        let key = (event.channel.to_vec(), name);
        if !self.tables.contains_key(&key) {
            if self.tables.len() >= MAX_TABLES {
                return Err(Failure::usage(format_args!("more than {MAX_TABLES} channels: choose some with -c")));
            }
            let table = self.new_table(event, name);
            self.tables.insert(key.clone(), table);
        }
        // It was put in above.
        let Some(table) = self.tables.get_mut(&key) else { return Ok(()) };
        let before = table.lines.len();
        table.lines.push_str(&event.timestamp_us.to_string());
        let mut text = String::new();
        let mut cell = |value: &Value<'_>| {
            text.clear();
            flat::text(value, &mut text);
            table.lines.push(',');
            quote(&text, &mut table.lines);
        };
        match (&value, name) {
            (Some(value), Some(name)) => flat::cells(schema, name, value, &mut cell),
            _ => {
                table.lines.push(',');
                STANDARD.encode_string(event.data, &mut table.lines);
            }
        }
        table.lines.push('\n');
        table.exported.count += 1;
        table.exported.undecodable += u64::from(known.is_some() && name.is_none());
        self.buffered_bytes += table.lines.len() - before;
        if self.buffered_bytes > BUFFERED_BYTES { self.flush() } else { Ok(()) }
    }

    /// The tables are whole, and get their names.
    pub(super) fn finish(mut self) -> Result<(u64, Vec<Exported>), Failure> {
        self.flush()?;
        let size = |name| fs::metadata(self.temporary.join(name)).map_or(0, |metadata| metadata.len());
        let bytes = self.names.iter().map(size).sum();
        let moved = |error: std::io::Error| unwritable(&self.directory, &error);
        if self.replaces {
            // It may have changed meanwhile.
            has_only_tables(&self.directory, None)?;
            let old = unfinished(&self.directory);
            fs::rename(&self.directory, &old).map_err(moved)?;
            if let Err(error) = fs::rename(&self.temporary, &self.directory) {
                fs::rename(&old, &self.directory).map_err(moved)?;
                return Err(moved(error));
            }
            fs::remove_dir_all(&old).map_err(|error| unwritable(&old, &error))?;
        } else {
            // Over a directory that has something by then it does not go.
            fs::rename(&self.temporary, &self.directory).map_err(moved)?;
        }
        let tables = std::mem::take(&mut self.tables);
        Ok((bytes, tables.into_values().map(|table| table.exported).collect()))
    }

    fn new_table(&mut self, event: EventRef<'_>, type_name: Option<&str>) -> Table {
        let channel = event.channel_name().into_owned();
        let file = self.file_name(&channel, type_name.is_none());
        let mut lines = "log_time_us".to_owned();
        match type_name {
            Some(name) => {
                for column in flat::columns(self.catalog.schema(), name) {
                    lines.push(',');
                    quote(&column, &mut lines);
                }
            }
            None => lines.push_str(",data_base64"),
        }
        lines.push('\n');
        let exported = Exported {
            channel,
            file: Some(file),
            topic: None,
            type_name: type_name.map(str::to_owned),
            encoding: None,
            schema: None,
            count: 0,
            is_raw: type_name.is_none(),
            undecodable: 0,
        };
        Table { lines, exported }
    }

    /// `camera.left.csv` for `/camera/left#sensor_msgs.Image`; more of the name where that is taken.
    fn file_name(&mut self, channel: &str, is_raw: bool) -> String {
        let plain = |text: &str| -> String {
            let text = text.trim_start_matches('/');
            let kept = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '.' };
            text.chars().map(kept).take(NAME_CHARACTERS).collect::<String>().trim_start_matches('.').to_owned()
        };
        let topic = channel.split('#').next().unwrap_or_default();
        let base = [plain(topic), plain(channel)].into_iter().find(|name| !name.is_empty());
        let base = base.unwrap_or_else(|| "channel".to_owned());
        let raw = if is_raw { ".raw" } else { "" };
        let names = [format!("{base}{raw}.csv"), format!("{}{raw}.csv", plain(channel))];
        let numbered = (2..).map(|number: u32| format!("{base}{raw}-{number}.csv"));
        let is_free = |name: &String| !name.starts_with('.') && !self.names.contains(name);
        let free = names.into_iter().chain(numbered).find(is_free);
        let name = free.unwrap_or_else(|| format!("{base}.csv"));
        self.names.insert(name.clone());
        name
    }

    /// Appends the lines to the files.
    fn flush(&mut self) -> Result<(), Failure> {
        for table in self.tables.values_mut().filter(|table| !table.lines.is_empty()) {
            let path = self.temporary.join(table.exported.file.as_deref().unwrap_or_default());
            let append = || File::options().create(true).append(true).open(&path)?.write_all(table.lines.as_bytes());
            append().map_err(|error| unwritable(&self.directory, &error))?;
            table.lines = String::new();
        }
        self.buffered_bytes = 0;
        Ok(())
    }
}

impl Drop for Tables<'_> {
    fn drop(&mut self) {
        // It is gone if all went well.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// Fails if a directory that is to be replaced has anything but tables, or has what is read.
fn has_only_tables(directory: &Path, read: Option<&Path>) -> Result<(), Failure> {
    for entry in fs::read_dir(directory).map_err(|error| unwritable(directory, &error))? {
        let path = entry.map_err(|error| unwritable(directory, &error))?.path();
        let is_table = path.extension().is_some_and(|extension| extension == "csv")
            && path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_table || read.is_some_and(|read| is_same_file(read, &path)) {
            let (directory, path) = (directory.display(), path.display());
            return Err(Failure::usage(format_args!(
                "{path} is no table of an export: --force replaces all of {directory}, so name another directory"
            )));
        }
    }
    Ok(())
}

/// Appends a cell, in quotes where it needs them (RFC 4180).
fn quote(cell: &str, line: &mut String) {
    if !cell.contains([',', '"', '\n', '\r']) {
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}

/// Files in a directory.
const MAX_TABLES: usize = 10_000;

/// Lines that wait in memory.
const BUFFERED_BYTES: usize = 16 << 20;

/// Of a file's name.
const NAME_CHARACTERS: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        let mut line = String::new();
        for cell in ["plain", "a,b", "say \"hi\"", "two\nlines", ""] {
            quote(cell, &mut line);
            line.push('|');
        }
        assert_eq!(line, "plain|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"||");
    }
}
