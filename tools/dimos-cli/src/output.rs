//! stdout, which carries data only, and notes on stderr.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

pub(crate) use dimos_lcm_spy::text::plain;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// stdout. That nobody reads it is no error: it ends the command as its success.
#[derive(Debug)]
pub(crate) struct Output {
    buffer: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { buffer: BufWriter::new(io::stdout()) }
    }

    /// Writes a text and the end of its line; it is kept until [`Output::flush`].
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.buffer, "{text}").map_err(|error| unwritten(&error))
    }

    /// Writes a value as one line of JSON; it is kept until [`Output::flush`].
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string(value).map_err(|error| Failure::unexpected(format_args!("as JSON: {error}")))?;
        self.line(&text)
    }

    /// Hands on what was written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.buffer.flush().map_err(|error| unwritten(&error))
    }

    /// Fails, as writing would, if nobody reads any more: a command that waits for something to write looks now and then, so that
    /// `| head -1` ends it.
    pub(crate) fn check_reader(&self) -> Result<(), Failure> {
        let stdout = io::stdout();
        let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
        let is_gone = poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
            && polled[0].revents().contains(PollFlags::ERR);
        if is_gone { Err(Failure::nobody_reads()) } else { Ok(()) }
    }
}

/// Prints the help.
pub(crate) fn print_help(help: &clap::Error) -> Result<(), Failure> {
    help.print().map_err(|error| unwritten(&error))
}

/// Tells something on stderr that is neither data nor the error that ends the command.
pub(crate) fn note(text: &str, is_json: bool) {
    let text = if is_json { json!({ "note": text }).to_string() } else { format!("note: {text}") };
    // Nobody reads it, and the work goes on.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Shows on stderr what libraries warn of.
pub(crate) fn show_diagnostics() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .init();
}

/// The first line of a text that explains something.
pub(crate) fn first_line(doc: &str) -> String {
    doc.lines().next().unwrap_or_default().to_owned()
}

fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::nobody_reads(),
        _ => Failure::unexpected(format_args!("cannot write to stdout: {error}")),
    }
}
