//! `dimos record`: writes what comes over the bus into an event log.
//!
//! Which files there are is decided in `lcm::log`, writing is done in the thread of `writer.rs`; this file takes signals, tells how it
//! goes, and sums up.

mod name;
mod report;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use dimos::exit;
use lcm::log::{Existing, Naming, Recording, RecordingError, RecordingPlan};
use lcm::{Lcm, Queue, Sample, Url};
use signal_hook::consts::{SIGHUP, SIGINT};
use signal_hook::iterator::Signals;

use crate::bytes::bytes;
use crate::channels::Channels;
use crate::context::Context;
use crate::duration::{duration, span};
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Trigger};
use crate::log_file::is_same_file;
use crate::status_line::StatusLine;
use crate::topic::echo::subscribe_failure;
use report::{Counts, End, Report};
use writer::{Ended, Orders, State, Writer};

/// Records messages into an event log, which dimos play and all programs of LCM play again.
///
/// Without FILE it is called after the time in UTC, as in 20261127-065023.lcmlog. It ends with Ctrl-C, SIGTERM, SIGHUP or after
/// --duration, and all that has come until then is written. A line on stderr tells how it goes, and what is lost: "dropped" is
/// what this computer had no room for, messages that waited for the disk or datagrams in the kernel's buffer; "lost" are messages that never
/// arrived whole, of any channel, which of large ones is known half a second after the last of their parts. At the end stdout has the sum;
/// with --json {"file":..., "files":..., "events":..., "bytes":..., "duration_s":..., "dropped":..., "dropped_datagrams":..., "lost":...,
/// "incomplete":..., "unwritten":..., "unnamed":..., "receive_buffer_bytes":..., "end":...}. Messages that waited for the disk in vain leave
/// out numbers of events, so that dimos recording info finds them. What the programs of C LCM send to see whether they hear themselves is not recorded.
///
/// The disk never holds up the bus: up to --max-unwritten of messages wait for it. Large messages at high rates need a receive buffer of
/// the kernel that holds a few of them: sysctl net.core.rmem_max is the limit.
///
/// The options of lcm-logger: --channel is a topic or a glob here, a regular expression is -e; --split-mb=N is --split NMB, which alone
/// implies --increment; --disk-quota, --flush-interval, --increment, --rotate, --append, --force, --invert-channels and --quiet are the
/// same, --strftime is in UTC and made once, not for each file; --max-unwritten-mb=N is --max-unwritten NMB, --lcm-url is --url. SIGHUP
/// begins the next file where files are numbered. A second Ctrl-C abandons what is not written yet, where the disk hangs.
///
/// Exits with 0 when it is ended by a signal or after --duration; with 3 if anything was dropped, or lost on the way, or the disk was
/// full or had less than --quota left: the log is then good up to there; with 2 if FILE exists, or is the bus; with 12 if the bus cannot be joined.
///
/// Examples:
///   dimos record
///   dimos record run.lcmlog -c /scan -c '/camera/*' --duration 60s
///   dimos record run --split 500MB --rotate 20 --quota 10GB
///   dimos record run.lcmlog --invert -c '/camera/*' --json | jq '.dropped + .dropped_datagrams'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The event log.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    channels: Channels,
    /// Begins the next file before one gets larger than this: FILE.00, FILE.01 and so on, the first that are free, or with --rotate as
    /// that says.
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
    /// FILE has the time in it at which it begins, in UTC: %Y-%m-%d, %H, %M, %S, %F, %T, %s.
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
    if let Url::File(source) = context.url()? {
        refuse_source(&plan, &source.path)?;
    }
    let mut signals = exit::signals();
    if is_numbered {
        // It ends nothing then.
        signals.push(SIGHUP);
    }
    let mut signals = Signals::new(signals).context("cannot watch signals")?;
    // First the bus: while that is not certain, no file is touched.
    let bus = context.bus()?;
    let queue = Queue::keep_all(usize::try_from(options.max_unwritten).unwrap_or(usize::MAX));
    let messages = bus.subscribe(pattern, queue).map_err(subscribe_failure)?;
    let recording = Recording::begin(plan).map_err(not_begun)?;
    if recording.cut_off_bytes() > 0 {
        let (cut, file) = (recording.cut_off_bytes(), recording.file().display());
        context.note(format_args!("cut off {cut} bytes at the end of {file}, which belong to no event"));
    }
    let directory = directory_of(recording.file());
    let waiting = messages.receiver().clone();

    let (telling, told) = unbounded();
    let watch = move || signals.forever().try_for_each(|signal| telling.send(signal));
    std::thread::Builder::new().name("dimos-signals".to_owned()).spawn(watch).context("cannot start a thread")?;
    let (next_file, turns) = bounded(TURNS);
    let (end, told_end) = Interrupt::new();
    let state = Arc::new(Mutex::new(State::default()));
    let orders = Orders { next_file: turns, end: told_end };
    let writer = Writer::new(recording, messages, orders, options.flush_interval, Arc::clone(&state));
    let (done, ended) = bounded(1);
    let write = move || {
        // Nobody waits for it after a second signal.
        let _ = done.send(writer.run());
    };
    std::thread::Builder::new().name("dimos-writer".to_owned()).spawn(write).context("cannot start a thread")?;

    let end = Some(end);
    let keeper = Keeper { options, context, bus, directory, is_numbered, state, told, next_file, end, waiting, ended };
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
        if naming == Naming::Increment && self.force {
            return Err(Failure::usage(
                "--split without --rotate takes names that are free: --force has nothing to replace",
            ));
        }
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
    next_file: Sender<()>,
    /// Dropped when writing is to end.
    end: Option<Trigger>,
    /// What the writer has not taken yet.
    waiting: Receiver<Sample>,
    ended: Receiver<Ended>,
}

impl Keeper<'_> {
    fn keep(mut self) -> Result<Report, Failure> {
        let mut line = if self.options.quiet { StatusLine::silent() } else { StatusLine::new(self.context) };
        let start = Instant::now();
        let end_at = self.options.duration.and_then(|duration| start.checked_add(duration));
        let mut next_note = start + NOTE_EVERY;
        let mut end = None;
        let mut last = Counts::default();
        let mut is_ctrl_c_pressed = false;
        let ended = loop {
            let until_end = end_at.filter(|_| end.is_none()).map(|at| at.saturating_duration_since(Instant::now()));
            select! {
                recv(self.ended) -> ended => break ended.context("the thread that writes has panicked")?,
                recv(self.told) -> signal => match signal {
                    Ok(SIGHUP) if self.is_numbered && end.is_none() => {
                        // So many turns wait already that one more makes no difference.
                        let _ = self.next_file.try_send(());
                    }
                    // Whoever presses twice does not want to wait for the disk.
                    Ok(SIGINT) if std::mem::replace(&mut is_ctrl_c_pressed, true) => {
                        line.clear();
                        return Err(self.abandoned());
                    }
                    // Shells send some signals twice.
                    _ => _ = end.get_or_insert(End::Interrupted),
                },
                default(until_end.map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY))) => {}
            }
            let now = Instant::now();
            end = end.or_else(|| self.reason_to_end(now, end_at));
            if end.is_some() {
                self.end = None;
            }
            let elapsed = now - start;
            line.update(|columns| {
                let counts = self.counts();
                let text = counts.line(elapsed, &last, columns);
                last = counts.at(elapsed);
                text
            });
            if !line.is_shown() && !self.options.quiet && now >= next_note {
                next_note = now + NOTE_EVERY;
                let counts = self.counts();
                self.context.note(counts.line(elapsed, &last, usize::MAX));
                last = counts.at(elapsed);
            }
        };
        line.clear();
        let end = match (&ended.error, end) {
            (Some(_), _) => End::Failed,
            (None, Some(end)) => end,
            (None, None) if ended.is_bus_over => End::Bus,
            (None, None) => End::Interrupted,
        };
        Ok(Report::new(self.counts(), ended, start.elapsed(), end))
    }

    fn reason_to_end(&self, now: Instant, end_at: Option<Instant>) -> Option<End> {
        if end_at.is_some_and(|at| now >= at) {
            return Some(End::Duration);
        }
        self.has_little_room().then_some(End::Quota)
    }

    /// Whether the disk has less left than it is to keep. Where that cannot be told it has enough.
    fn has_little_room(&self) -> bool {
        let free = self.options.quota.and_then(|quota| Some((quota, free_bytes(&self.directory)?)));
        free.is_some_and(|(quota, free)| free < quota)
    }

    /// Nobody waits for what is not written yet.
    fn abandoned(&self) -> Failure {
        let State { file, .. } = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (waiting, file) = (self.waiting.len(), file.display());
        Failure::interrupted().and(format_args!(
            "abandoned: {waiting} messages that had come are not written, and the last event of {file} may be cut off"
        ))
    }

    /// What was counted so far.
    fn counts(&self) -> Counts {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Counts::new(state, &self.bus.statistics())
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

/// A bus that is a log is not recorded into itself, nor into files that make way for others.
fn refuse_source(plan: &RecordingPlan, source: &Path) -> Result<(), Failure> {
    let numbered = |number: u32| {
        let mut name = plan.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let is_written = match plan.naming {
        Naming::Single => is_same_file(&plan.path, source),
        // It takes names that are free.
        Naming::Increment => false,
        Naming::Rotate { files } => {
            (0..files).map(numbered).take_while(|file| file.exists()).any(|file| is_same_file(&file, source))
        }
    };
    if is_written {
        let shown = source.display();
        return Err(Failure::usage(format_args!("{shown} is the bus, so it cannot be recorded into, too")));
    }
    Ok(())
}

fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// What is free on a disk for those without privileges; none if it cannot be told.
fn free_bytes(directory: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Next files that wait to be begun.
const TURNS: usize = 16;

/// How often it is looked whether it is time to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is told how it goes, where there is no terminal.
const NOTE_EVERY: Duration = Duration::from_secs(10);
