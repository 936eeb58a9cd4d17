//! `dimos play`: publishes what an event log has, as it was recorded.
//!
//! When events are due is decided in `deck.rs`, on which channels in `routes.rs`; `player.rs` does it, and `progress_line.rs` says how far it is.

mod deck;
mod keys;
mod player;
mod progress_line;
mod routes;
mod span;

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use crossbeam_channel::{Sender, bounded};
use dimos::exit;
use lcm::{FileMode, Url};
use serde::Serialize;
use signal_hook::consts::SIGCONT;
use signal_hook::iterator::Signals;

use crate::channels::Channels;
use crate::context::Context;
use crate::failure::Failure;
use crate::histogram::{Histogram, Percentiles};
use crate::log_file::{LogFile, LogTime, check_order, is_same_file, unreadable};
use crate::output::Output;
use crate::status_line::StatusLine;
use crate::table::seconds;
use crate::topic::units;
use deck::Deck;
use keys::{CONTROLS, Control, Keyboard};
use player::{End, Extent, Player, Tally};
use routes::{Remap, Routes};

/// Plays an event log: what was recorded is published again, at the times at which it was recorded.
///
/// On a terminal a line shows how far it is, and keys control it: space pauses and goes on; . or s plays one event and pauses; the arrows
/// left and right go back and on by 5 s, down and up by 60 s; + and - double and halve the speed; q ends. Elsewhere it is quiet, but for
/// events that are long in coming.
///
/// Each event is due at its time, counted from the first and divided by --speed, so being late once makes nothing later: what is late is
/// published at once, in order, until that is made up for. On an idle computer of 2 cores 99 of 100 events are less than 0.5 ms late,
/// and the worst less than 3 ms; at the end is told how late they were. After a stop (Ctrl-Z) it goes on from where it was.
/// With --json {"file":..., "events":..., "bytes":..., "rounds":..., "log_s":..., "took_s":..., "left_out":..., "failed":...,
/// "damaged_places":..., "damaged_bytes":..., "late_s":{"median":..., "p99":..., "max":...}, "end":...}. Damaged parts of the log are
/// passed over and told. What processes of a mesh said of themselves and to each other is left out, since they are not there, unless
/// --mesh is given.
///
/// With --step a line on stdin plays the next event where stdin is no terminal. The options of lcm-logplayer: --speed, --regexp and
/// --verbose are the same, --lcm-url is --url.
///
/// Exits with 3 if the log is damaged, or the bus did not take every event; with 4 if there is no such file, or nothing to play in it;
/// with 130 after Ctrl-C.
///
/// Examples:
///   dimos play run.lcmlog
///   dimos play run.lcmlog --speed 2 --start 1:30 --end 2:00 -c /scan -c /odom
///   dimos play run.lcmlog --loop --remap /scan=/robot0/scan
///   dimos play run.lcmlog --fast --bus 'file:///tmp/copy.lcmlog?mode=w' --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log, or a file:// URL.
    #[arg(value_name = "FILE", value_parser = LogFile::new)]
    file: LogFile,
    #[command(flatten)]
    channels: Channels,
    /// How fast: 2 is twice as fast as it was recorded, 0 as fast as possible.
    #[arg(short, long, value_name = "FACTOR", value_parser = speed)]
    speed: Option<f64>,
    /// As fast as possible. Receivers that are slower lose messages.
    #[arg(long, conflicts_with = "speed")]
    fast: bool,
    /// Begins there: so long after the first event, as 90s or 1:30, or at a date, 2026-11-27T06:50:00Z.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    start: Option<LogTime>,
    /// Ends there.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    end: Option<LogTime>,
    /// Begins again at the end.
    #[arg(long = "loop")]
    is_looping: bool,
    /// Plays a topic, or a channel with its type, under another name, as in /scan=/robot0/scan. May be given again.
    #[arg(long, value_name = "FROM=TO", value_parser = Remap::new)]
    remap: Vec<Remap>,
    /// Begins paused.
    #[arg(long)]
    paused: bool,
    /// Plays one event for each key . or s, or for each line on stdin.
    #[arg(long)]
    step: bool,
    /// Also plays the channels of the mesh itself, /mesh/* and /rpc/*.
    #[arg(long)]
    mesh: bool,
    /// Prints each event: seconds since the first, channel, size.
    #[arg(short, long)]
    verbose: bool,
    /// Says nothing but the sum.
    #[arg(short, long)]
    quiet: bool,
}

/// What was played.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    events: u64,
    bytes: u64,
    rounds: u64,
    /// From its first event to its last.
    log_s: f64,
    took_s: f64,
    left_out: u64,
    #[serde(skip)]
    left_out_mesh: u64,
    failed: u64,
    damaged_places: u64,
    damaged_bytes: u64,
    late_s: Option<Late>,
    end: End,
    /// Whether somebody went past what there is to play.
    #[serde(skip)]
    has_jumped: bool,
}

/// How late events were, in s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Late {
    median: f64,
    p99: f64,
    max: f64,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let pattern = options.channels.pattern()?;
    check_order(options.start, options.end)?;
    let path = options.file.path.as_path();
    let mut log = options.file.open()?;
    let Some(span) = span::of(&mut log, path).map_err(|error| unreadable(path, error))? else {
        let (file, damaged_bytes) = (path.display(), log.skipped().bytes);
        return Err(match damaged_bytes {
            0 => Failure::not_found(format_args!("{file} has no event")),
            bytes => Failure::incomplete(format_args!("{file} has no event, only {bytes} bytes that belong to none")),
        });
    };
    let start = options.start.or(options.file.start);
    let extent = Extent {
        first_us: span.first_us,
        last_us: span.last_us,
        from_us: start.map(|start| start.in_log(span.first_us)),
        to_us: options.end.map(|end| end.in_log(span.first_us)),
        is_looping: options.is_looping,
    };
    if let Url::File(file) = context.url()? {
        if file.mode == FileMode::Read {
            return Err(Failure::usage("the bus is an event log that is read: ?mode=w writes one"));
        }
        if is_same_file(&file.path, path) {
            let shown = path.display();
            return Err(Failure::usage(format_args!("{shown} is what is played, so it cannot be the bus, too")));
        }
    }
    let bus = context.bus()?;
    let (telling, controls) = bounded(CONTROLS);
    watch_signals(telling.clone())?;
    let keyboard = options.keyboard(telling, context)?;
    let has_line = !options.quiet && !options.verbose;
    // Waits are as exact as the kernel can make them. It is of no harm where they are not.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let begin = Instant::now();
    let speed = if options.fast { 0.0 } else { options.speed.or(options.file.speed).unwrap_or(1.0) };
    let mut player = Player {
        context,
        path,
        extent,
        routes: Routes::new(pattern, &options.remap, options.mesh),
        out: bus.publisher(),
        controls,
        waiting: VecDeque::new(),
        keyboard,
        deck: Deck::new(speed, options.paused || options.step, span.first_us, begin),
        line: if has_line { StatusLine::new(context) } else { StatusLine::silent() },
        each: options.verbose.then(Output::new),
        is_quiet: options.quiet,
        tally: Tally::default(),
    };
    let end = player.play(&mut log)?;
    let Player { tally, keyboard, mut line, routes, .. } = player;
    line.clear();
    drop(keyboard);
    if end == End::Log && !options.quiet {
        routes.unused().for_each(|unused| context.note(format_args!("--remap {unused} has renamed nothing")));
    }
    let report = Report::new(path.display().to_string(), &tally, &extent, begin, end);
    context.print(&report, Report::text)?;
    report.outcome()
}

impl Options {
    /// Who steps and goes on.
    fn keyboard(&self, telling: Sender<Control>, context: &Context) -> Result<Option<Keyboard>, Failure> {
        let has_keys = !context.is_json && !self.quiet && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let lines = telling.clone();
        let keyboard = if has_keys { Keyboard::open(telling).context("cannot use the terminal")? } else { None };
        if keyboard.is_none() && self.step {
            keys::step_by_lines(lines).context("cannot read stdin")?;
        } else if keyboard.is_none() && self.paused {
            return Err(Failure::usage("--paused needs a terminal, whose keys go on; --step reads lines from stdin"));
        }
        Ok(keyboard)
    }
}

impl Report {
    fn new(file: String, tally: &Tally, extent: &Extent, begin: Instant, end: End) -> Self {
        Self {
            file,
            events: tally.events,
            bytes: tally.bytes,
            rounds: tally.rounds,
            log_s: extent.seconds_since_first(extent.last_us),
            took_s: begin.elapsed().as_secs_f64(),
            left_out: tally.left_out,
            left_out_mesh: tally.left_out_mesh,
            failed: tally.failed,
            damaged_places: tally.damaged_places,
            damaged_bytes: tally.damaged_bytes,
            late_s: Late::of(&tally.lateness),
            end,
            has_jumped: tally.jumps > 0,
        }
    }

    fn text(&self) -> String {
        let (bytes, took) = (units::bytes(self.bytes as f64), seconds(self.took_s));
        let mut text = format!("{}, {bytes}, in {took}", units::count(self.events, "event"));
        if let Some(Late { median, p99, max }) = self.late_s {
            let [median, p99, max] = [median, p99, max].map(units::time);
            text += &format!("; late by {median} in the median, {p99} in 99 of 100, {max} at most");
        }
        let more = [
            (self.left_out, "event", "left out"),
            (self.failed, "event", "not taken by the bus"),
            (self.damaged_places, "damaged place", "passed over"),
        ];
        for (count, thing, what) in more.into_iter().filter(|(count, _, _)| *count > 0) {
            text += &format!("; {} {what}", units::count(count, thing));
        }
        text
    }

    fn outcome(&self) -> Result<(), Failure> {
        if self.end == End::Interrupted {
            return Err(Failure::interrupted());
        }
        if self.damaged_places > 0 {
            let bytes = units::bytes(self.damaged_bytes as f64);
            return Err(Failure::incomplete(format_args!(
                "the log is damaged in {}: {bytes} belong to no event; dimos recording repair saves the rest",
                units::count(self.damaged_places, "place")
            )));
        }
        if self.failed > 0 {
            return Err(Failure::incomplete(format_args!("the bus did not take {} events", self.failed)));
        }
        if self.events == 0 && self.end == End::Log && !self.has_jumped {
            let mesh = match self.left_out_mesh {
                0 => String::new(),
                events => format!(": {events} events are of the mesh itself, which --mesh plays, too"),
            };
            return Err(Failure::not_found(format_args!("nothing to play in {}{mesh}", self.file)));
        }
        Ok(())
    }
}

impl Late {
    /// None if no event had a time at which it was due.
    fn of(lateness: &Histogram) -> Option<Self> {
        lateness.percentiles().map(|Percentiles { p50, p99, max, .. }| Self { median: p50, p99, max })
    }
}

fn watch_signals(controls: Sender<Control>) -> Result<(), Failure> {
    let mut signals = Signals::new(exit::signals().into_iter().chain([SIGCONT])).context("cannot watch signals")?;
    let watch = move || {
        for signal in signals.forever() {
            let control = if signal == SIGCONT { Control::Continued } else { Control::Interrupted };
            if controls.send(control).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(watch).context("cannot start a thread")?;
    Ok(())
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('x').unwrap_or(text).parse();
    number
        .ok()
        .filter(|speed| (0.0..=1e6).contains(speed))
        .ok_or_else(|| "expected a number from 0 to 1000000".to_owned())
}
