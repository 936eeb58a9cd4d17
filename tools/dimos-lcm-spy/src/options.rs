//! What the spy takes on its command line, be it `dimos-lcm-spy` or `dimos spy`.

use std::io::{IsTerminal, stdout};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::duration::span;
use crate::selection::Selection;

/// Looks at the bus: which channels there are, of what type, how often and how large messages come, from whom, and what is lost.
///
/// On a terminal it is a program that stays: ? shows its keys, q ends it. Without a terminal, and with --for or --json, it listens for a
/// while, two seconds unless --for says otherwise, and prints a table once. With --csv it writes a line for each channel that was heard,
/// once each --every, until --for is over or it is interrupted.
///
/// RATE, BANDWIDTH and JITTER are those of the last seconds on a terminal; printed once, rates are those of the whole time, in the table as
/// with --json, and the jitter is that of the last seconds. What is lost, incomplete or malformed, and how many senders there are, is
/// counted of the whole bus, with -c as without.
///
/// It decodes nothing but what is looked at, and beats of modules. Those tell how much a module has published, so that what was lost is
/// known of the channel. Of other senders it is known only what was lost of all that they sent: such a number is shown as <=12*, or
/// as 12* where there are more senders than are remembered. What is undecodable is known of what is looked at; besides, messages are
/// counted that are not of the type that their channel names.
///
/// With --json an object: {"url":..., "listened_s":..., "totals":{"messages":..., "bytes":..., "messages_per_s":..., "bytes_per_s":...,
/// "senders":..., "lost":..., "incomplete":..., "malformed":..., "kernel_drops":..., "forgotten":...}, "channels":[{"channel":...,
/// "type":..., "agreement":..., "messages":..., "bytes":..., "rate_hz":..., "bytes_per_s":..., "jitter_s":..., "size_bytes":{"min":...,
/// "mean":..., "max":...}, "last_size_bytes":..., "last_age_s":..., "sender":..., "senders":..., "more_senders":..., "lost":{"channel":{"published":...,
/// "lost":...}, "senders":...}, "mismatched":...}]}. Of a flood of channels 10000 are remembered, those first that are spoken on again.
///
/// Exits with 3 if the kernel dropped messages, which are not counted then, or if a recording has not all that it should; with 12 if the bus
/// cannot be joined; with 130 after a signal, as Ctrl-C is one where there is no screen. On the screen Ctrl-C quits as q does, with 0.
///
/// Examples:
///   dimos spy
///   dimos spy --for 5s -c '/robot0/*'
///   dimos spy --json | jq -r '.channels[] | [.channel, .rate_hz] | @tsv'
///   dimos spy --csv --every 5s --for 1h > rates.csv
#[derive(Debug, Clone, Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// Only these channels: a topic, a channel, or a glob, in which * stands for any characters and ? for one. May be given again.
    #[arg(short = 'c', long = "channel", value_name = "PATTERN", value_parser = Selection::new)]
    pub channels: Vec<Selection>,
    /// Listens for so long and prints a table, also on a terminal.
    #[arg(long = "for", value_name = "DURATION", value_parser = span)]
    pub duration: Option<Duration>,
    /// Prints a log of rates: a line for each channel, again and again.
    #[arg(long = "csv")]
    pub is_csv: bool,
    /// How often, with --csv.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "1s", requires = "is_csv")]
    pub every: Duration,
    /// With the channels of the mesh itself, /mesh/* and /rpc/*.
    #[arg(long)]
    pub all: bool,
    /// A directory of .lcm files with types of your own; DIMOS_IDL_PATH names more. May be given again.
    #[arg(long, value_name = "DIR")]
    pub idl: Vec<PathBuf>,
}

impl Options {
    /// Whether the spy is a program on the terminal, and not a report.
    #[must_use]
    pub fn takes_the_screen(&self, is_json: bool) -> bool {
        !is_json && !self.is_csv && self.duration.is_none() && stdout().is_terminal()
    }
}
