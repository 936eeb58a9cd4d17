//! `dimos record`: writes what comes over the bus into an event log.
//!
//! Which files there are is decided in `lcm::log`, writing is done in the thread of `writer.rs`; this file takes signals, tells how it
//! goes, and sums up.

mod name;
mod report;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use lcm::log::{Existing, Naming, Recording, RecordingError, RecordingPlan};
use lcm::{Lcm, Queue};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::bytes::bytes;
use crate::channels::Channels;
use crate::context::Context;
use crate::duration::{duration, span};
use crate::failure::Failure;
use crate::status_line::StatusLine;
use crate::topic::echo::subscribe_failure;
use report::{Counts, End, Report};
use writer::{Ended, Order, State, Writer};

/// Records messages into an event log, which dimos play and all programs of LCM play again.
///
/// Without FILE it is called after the time in UTC, as in 20261127-065023.lcmlog. It ends with Ctrl-C, SIGTERM, SIGHUP or after
/// --duration, and all that has come until then is written. A line on stderr tells how it goes, and what is lost: "dropped" were
/// messages for which this computer had no room, "lost" those that never arrived whole, of any channel. At the end stdout has the sum;
/// with --json {"file":..., "files":..., "events":..., "bytes":..., "duration_s":..., "dropped":..., "dropped_datagrams":..., "lost":...,
/// "incomplete":..., "unwritten":..., "unnamed":..., "receive_buffer_bytes":..., "end":...}. Dropped messages leave out numbers of
/// events, so that dimos recording info finds them. What the programs of C LCM send to see whether they hear themselves is not recorded.
///
/// The disk never holds up the bus: up to --max-unwritten of messages wait for it. Large messages at high rates need a receive buffer of
/// the kernel that holds a few of them: sysctl net.core.rmem_max is the limit.
///
/// The options of lcm-logger: --channel is a topic or a glob here, a regular expression is -e; --split-mb=N is --split NMB, which alone
/// implies --increment; --disk-quota, --flush-interval, --increment, --rotate, --strftime, --append, --force, --invert-channels and
/// --quiet are the same, --max-unwritten-mb=N is --max-unwritten NMB, --lcm-url is --url. SIGHUP begins the next file where files are
/// numbered.
///
/// Exits with 0 when it is ended by a signal or after --duration; with 3 if anything was dropped, or lost on the way, or the disk was
/// full or had less than --quota left: the log is then good up to there; with 2 if FILE exists; with 12 if the bus cannot be joined.
///
/// Examples:
///   dimos record
///   dimos record run.lcmlog -c /scan -c '/camera/*' --duration 60s
///   dimos record run --split 500MB --rotate 20 --quota 10GB
///   dimos record run.lcmlog --invert -c '/camera/*' --json | jq .dropped
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    channels: Channels,
    /// Begins the next file before one gets larger than this: FILE.00, FILE.01 and so on, or with --rotate as that says.
    #[arg(long, value_name = "SIZE", value_parser = bytes, conflicts_with = "append")]
    split: Option<u64>,
    /// Writes FILE.0, which becomes FILE.1 when it ends, and so on; of these the newest N are kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with_all = ["append", "increment"])]
    rotate: Option<u32>,
    /// Writes the first of FILE.00, FILE.01 and so on that is not there.
    #[arg(short, long, conflicts_with_all = ["append", "force"])]
    increment: bool,
    /// Ends when less than this is free on the disk.
    #[arg(long, visible_alias = "disk-quota", value_name = "SIZE", value_parser = bytes)]
    quota: Option<u64>,
    /// Ends after so long, such as 60s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// Writes behind what FILE has already.
    #[arg(short, long)]
    append: bool,
    /// Replaces FILE.
    #[arg(short, long, conflicts_with = "append")]
    force: bool,
    /// FILE has the time in it, in UTC: %Y-%m-%d, %H, %M, %S, %F, %T, %s.
    #[arg(short, long, requires = "file")]
    strftime: bool,
    /// How much may wait for the disk before messages are dropped.
    #[arg(short, long, value_name = "SIZE", value_parser = bytes, default_value = "256MB")]
    max_unwritten: u64,
    /// How long an event may wait until it is in the file.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "100ms")]
    flush_interval: Duration,
    /// Does not tell how it goes.
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let pattern = options.channels.pattern()?;
    let plan = options.plan()?;
    let is_numbered = plan.naming != Naming::Single;
    let bus = context.bus()?;
    // First the file, so that nothing is received for nothing.
    let recording = Recording::begin(plan).map_err(not_begun)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch signals")?;
    let directory = directory_of(recording.file());
    let queue = Queue::keep_all(usize::try_from(options.max_unwritten).unwrap_or(usize::MAX));
    let messages = bus.subscribe(pattern, queue).map_err(subscribe_failure)?;

    let (telling, told) = unbounded();
    let watch = move || signals.forever().try_for_each(|signal| telling.send(signal));
    std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(watch).context("cannot start a thread")?;
    let (orders, ordered) = bounded(ORDERS);
    let state = Arc::new(Mutex::new(State::default()));
    let writer = Writer::new(recording, messages, ordered, options.flush_interval, Arc::clone(&state));
    let (done, ended) = bounded(1);
    let write = move || {
        // Nobody waits for it after a second signal.
        let _ = done.send(writer.run());
    };
    std::thread::Builder::new().name("dimos-writer".to_owned()).spawn(write).context("cannot start a thread")?;

    let keeper = Keeper { options, context, bus, directory, is_numbered, state, told, orders, ended };
    let report = keeper.keep()?;
    context.print(&report, Report::text)?;
    report.outcome()
}

impl Options {
    fn plan(&self) -> Result<RecordingPlan, Failure> {
        let path = match &self.file {
            None => name::default_name(SystemTime::now()),
            Some(file) if self.strftime => {
                let text = file.to_str().ok_or_else(|| Failure::usage("with --strftime FILE has to be UTF-8"))?;
                name::strftime(text, SystemTime::now()).map_err(Failure::usage)?.into()
            }
            Some(file) => file.clone(),
        };
        let naming = match self.rotate {
            Some(files) => Naming::Rotate { files },
            None if self.increment || self.split.is_some() => Naming::Increment,
            None => Naming::Single,
        };
        let existing = match (self.append, self.force) {
            (true, _) => Existing::Append,
            (_, true) => Existing::Replace,
            _ => Existing::Refuse,
        };
        Ok(RecordingPlan { path, naming, existing, split_bytes: self.split })
    }
}

/// Looks after a recording: what is told it, how it goes, when it ends.
struct Keeper<'a> {
    options: &'a Options,
    context: &'a Context,
    bus: Lcm,
    directory: PathBuf,
    is_numbered: bool,
    state: Arc<Mutex<State>>,
    told: Receiver<i32>,
    orders: Sender<Order>,
    ended: Receiver<Ended>,
}

impl Keeper<'_> {
    fn keep(self) -> Result<Report, Failure> {
        let mut line = if self.options.quiet { StatusLine::silent() } else { StatusLine::new(self.context) };
        let start = Instant::now();
        let end_at = self.options.duration.and_then(|duration| start.checked_add(duration));
        let mut next_note = start + NOTE_EVERY;
        let mut end = None;
        let mut last = Counts::default();
        let mut under_way = 0;
        let ended = loop {
            let until_end = end_at.filter(|_| end.is_none()).map(|at| at.saturating_duration_since(Instant::now()));
            select! {
                recv(self.ended) -> ended => break ended.context("the thread that writes has panicked")?,
                recv(self.told) -> signal => match signal {
                    Ok(SIGHUP) if self.is_numbered && end.is_none() => self.order(Order::NextFile),
                    _ if end.is_none() => {
                        end = Some(End::Interrupted);
                        self.order(Order::End);
                    }
                    // Whoever presses twice does not want to wait for the disk.
                    _ => return Err(Failure::interrupted()),
                },
                default(until_end.map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY))) => {}
            }
            let now = Instant::now();
            if end.is_none() && end_at.is_some_and(|at| now >= at) {
                end = Some(End::Duration);
                self.order(Order::End);
            }
            if end.is_none() && self.options.quota.is_some_and(|quota| free_bytes(&self.directory) < Some(quota)) {
                end = Some(End::Quota);
                self.order(Order::End);
            }
            let elapsed = start.elapsed();
            if elapsed < JOINING {
                under_way = self.under_way();
            }
            line.update(|_| {
                let counts = self.counts(under_way);
                let text = counts.line(elapsed, &last);
                last = counts.at(elapsed);
                text
            });
            if !line.is_shown() && !self.options.quiet && now >= next_note {
                next_note = now + NOTE_EVERY;
                let counts = self.counts(under_way);
                self.context.note(counts.line(elapsed, &last));
                last = counts.at(elapsed);
            }
        };
        line.clear();
        if start.elapsed() < JOINING {
            under_way = self.under_way();
        }
        let end = match (&ended.error, end) {
            (Some(_), _) => End::Failed,
            (None, Some(end)) => end,
            (None, None) if ended.is_bus_over => End::Bus,
            (None, None) => End::Interrupted,
        };
        Ok(Report::new(self.counts(under_way), ended, start.elapsed(), end))
    }

    fn order(&self, order: Order) {
        // It is full of orders that were not followed yet, or has ended by itself.
        let _ = self.orders.try_send(order);
    }

    /// What was counted so far; so many messages were under way when it began to hear.
    fn counts(&self, under_way: u64) -> Counts {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Counts::new(state, &self.bus.statistics(), under_way)
    }

    /// Messages whose beginning went by before it heard anything: one of each sender at most.
    fn under_way(&self) -> u64 {
        let statistics = self.bus.statistics();
        statistics.total().incomplete.min(statistics.senders.len() as u64)
    }
}

fn not_begun(error: RecordingError) -> Failure {
    match error {
        RecordingError::Exists { .. } => Failure::usage(format_args!(
            "{error}: --force replaces it, --append writes on, --increment takes the next name"
        )),
        error => Failure::unexpected(error),
    }
}

fn directory_of(file: &std::path::Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), std::path::Path::to_owned)
}

/// What is free on a disk for those without privileges; none if it cannot be told.
fn free_bytes(directory: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

const ORDERS: usize = 16;

/// How often it is looked whether it is time to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// In which messages are given up that were under way when it began to hear.
const JOINING: Duration = Duration::from_secs(3);

/// How often it is told how it goes, where there is no terminal.
const NOTE_EVERY: Duration = Duration::from_secs(10);
