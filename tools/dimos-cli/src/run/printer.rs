//! Prints the log of a run as it grows, on a thread of its own: a terminal that is held up holds up nothing else.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::{Receiver, bounded};
use dimos::coordinator::LogLine;
use dimos_coordinator::log::Log;

use crate::context::Context;
use crate::failure::Failure;
use crate::log::readable;

/// Prints the log of a run.
#[derive(Debug)]
pub(super) struct Printer {
    end: crossbeam_channel::Sender<()>,
    done: Receiver<()>,
}

impl Printer {
    /// Prints all lines from now on: for people on stderr, or as JSON on stdout.
    pub(super) fn begin(log: &Log, context: &Context) -> Result<Self, Failure> {
        let (is_json, is_coloured) = (context.is_json, context.colour.shows_on(&io::stderr()));
        let lines = log.follow();
        let (end, ended) = bounded(1);
        let (finished, done) = bounded(1);
        let work = move || {
            print(&lines, &ended, is_json, is_coloured);
            drop(finished);
        };
        std::thread::Builder::new().name("printer".to_owned()).spawn(work).context("cannot start a thread")?;
        Ok(Self { end, done })
    }

    /// Prints what is left, if that does not take long.
    pub(super) fn end(self) {
        let _ = self.end.send(());
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

fn print(lines: &Receiver<Arc<LogLine>>, ended: &Receiver<()>, is_json: bool, is_coloured: bool) {
    let write = |line: &LogLine| {
        // Whoever reads it may be gone; the log is in its file all the same.
        let _ = if is_json {
            serde_json::to_string(line).map_err(io::Error::from).and_then(|text| writeln!(io::stdout(), "{text}"))
        } else {
            writeln!(io::stderr(), "{}", readable(line, is_coloured))
        };
    };
    loop {
        crossbeam_channel::select! {
            recv(lines) -> line => match line {
                Ok(line) => write(&line),
                Err(_) => return,
            },
            recv(ended) -> _ => {
                lines.try_iter().for_each(|line| write(&line));
                return;
            }
        }
    }
}

/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(1);
