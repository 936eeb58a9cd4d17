//! `dimos man`: the help of all commands as pages for `man`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;
use serde_json::json;

use crate::command::Dimos;
use crate::context::Context;
use crate::failure::Failure;

/// Writes man pages: one for each command into DIR, or the main page to stdout.
///
/// With --json {"pages": [FILE, ...]}; without DIR {"name":..., "page":...}.
///
/// Exits with 1 if DIR cannot be written; it is made if it is not there.
///
/// Examples:
///   dimos man | man -l -
///   dimos man ~/.local/share/man/man1
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Where the pages go.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let pages = pages()?;
    let Some(directory) = &options.directory else {
        let (name, page) = pages.into_iter().next().unwrap_or_default();
        return context.print(&json!({ "name": name, "page": page }), |_| page.clone());
    };
    fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error))?;
    let mut written = Vec::new();
    for (name, page) in pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| unwritten(&path, &error))?;
        written.push(path);
    }
    context.print(&json!({ "pages": written }), |_| format!("{} pages in {}", written.len(), directory.display()))
}

/// The pages with the names of their files, that of `dimos` itself first.
fn pages() -> Result<Vec<(String, String)>, Failure> {
    let mut root = Dimos::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let mut left = vec![root];
    while let Some(command) = left.pop() {
        left.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        // The same on all pages, whenever they are made.
        let page = Man::new(command).source(concat!("dimos ", env!("CARGO_PKG_VERSION"))).manual("DimOS");
        let mut text = Vec::new();
        page.render(&mut text).map_err(|error| Failure::unexpected(format_args!("a page: {error}")))?;
        pages.push((page.get_filename(), String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(pages)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unexpected(format_args!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leaves(command: &clap::Command, of: &mut BTreeSet<String>) {
        let mut inner = command.get_subcommands().filter(|inner| inner.get_name() != "help").peekable();
        if inner.peek().is_none() {
            of.insert(command.get_bin_name().unwrap_or_default().replace(' ', "-"));
        }
        inner.for_each(|inner| leaves(inner, of));
    }

    #[test]
    fn every_command_has_a_page_with_what_its_help_says() {
        let pages = pages().unwrap();
        assert_eq!(pages[0].0, "dimos.1");
        assert!(pages[0].1.contains("Exit codes:"), "{}", pages[0].1);
        let mut root = Dimos::command();
        root.build();
        let mut expected = BTreeSet::new();
        leaves(&root, &mut expected);
        for name in &expected {
            let (_, page) = pages.iter().find(|(file, _)| *file == format!("{name}.1")).expect(name);
            assert!(page.contains("Examples:"), "{name}: {page}");
        }
        let names: BTreeSet<_> = pages.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), pages.len());
        assert!(!pages.iter().any(|(_, page)| page.contains("--role")));
    }
}
