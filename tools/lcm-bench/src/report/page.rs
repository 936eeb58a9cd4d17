//! The result page: conditions, table, notes, and how to read it.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context, Result};

use super::table::table;
use super::{Machine, Row};

/// Fails if a page cannot be written later: now, rather than after minutes of measuring.
pub(crate) fn check_writable(path: Option<&Path>) -> Result<()> {
    if let Some(path) = path {
        let writable = OpenOptions::new().append(true).create(true).open(path);
        writable.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Prints a page, and writes it to a file too.
#[expect(clippy::print_stdout, reason = "the table is the data of this program")]
pub(crate) fn publish(page: &str, path: Option<&Path>) -> Result<()> {
    print!("{page}");
    match path {
        Some(path) => std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    }
}

/// The whole page, in Markdown.
pub(crate) fn page(machine: &Machine, rows: &[Row], notes: &[String]) -> String {
    let mut page = HEAD.to_owned();
    page += &machine.to_markdown();
    page += "\n";
    page += &table(rows);
    page += "\n";
    for note in notes {
        page += &format!("- {note}\n");
    }
    page + READING
}

const HEAD: &str = "\
# Ours, C LCM and a bare socket

Written by `cargo run --release -p lcm-bench`.

";

const READING: &str = "\
- Figures are medians over the rounds; the last columns show the lowest and the highest round. In each round ours, C LCM and
  the bare socket take turns.
- Losses are counted over all rounds together, by the number that each message carries.
- Ours receives with `lcm::Inline`, C LCM with `lcm_handle` and its default queue of 30 messages, the bare socket with blocking
  `recv` on a socket that, as in LCM, hears its own messages too. Where nothing else is said all ask for
  `recv_buf_size=4194304`, ours paces at its default, and messages stay on the loopback interface (`ttl=0`).
- `one core`: both processes are pinned to the same core. `free`: the kernel places them.
- CPU time is what the kernel accounts to a process. It accounts the work of delivering to a receiver's socket to the sender,
  or, under load, to threads of its own: only `CPU of the machine` has all of it, and whatever else ran meanwhile.
- A mixed row (`ours to C`) stands in the column of ours beside C LCM on both sides.
";
