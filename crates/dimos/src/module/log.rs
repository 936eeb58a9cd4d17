//! The module's log: JSON lines on stderr, or readable lines if a person reads along.
//!
//! Lines go through a [`Backlog`], so that whoever logs never waits for who reads stderr.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::backlog::Backlog;
use super::complaints::{Faults, Told};
use crate::service::panic_message;

/// Sends what is traced to stderr, as far as it is wanted.
///
/// Each line is an object with `timestamp`, `level`, `target` and `fields`, of which `message` is one.
///
/// # Errors
/// If the thread that writes cannot be started.
pub(super) fn init(wanted: Targets) -> io::Result<()> {
    let is_read_by_people = io::stderr().is_terminal();
    let backlog = Arc::new(Backlog::default());
    let (base, writer) = (tracing_subscriber::registry().with(wanted), Arc::clone(&backlog));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let result = if is_read_by_people { base.with(lines).try_init() } else { base.with(lines.json()).try_init() };
    // A program that has set up its log itself keeps it.
    if result.is_ok() && BACKLOG.set(Arc::clone(&backlog)).is_ok() {
        std::thread::Builder::new().name("dimos-log".to_owned()).spawn(move || backlog.write_to(io::stderr))?;
    }
    // By where they come from, which is somewhere in the program: no more than there are places.
    let panics = Mutex::new(BTreeMap::<Option<(String, u32)>, Faults>::new());
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|place| (place.file().to_owned(), place.line()));
        let told = {
            let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
            panics.entry(place).or_default().count(Instant::now())
        };
        let Some(Told { count, untold }) = told else { return };
        let message = panic_message(panic.payload());
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(str::to_owned);
        tracing::error!(location, thread, count, untold, "panicked: {message}");
    }));
    Ok(())
}

/// Waits until all is written that was logged, but not long: nobody may be reading.
pub(super) fn flush() {
    if let Some(backlog) = BACKLOG.get() {
        backlog.flush(FLUSH);
    }
}

/// What to log: what was asked for, or else what the environment says; `info` where they say nothing.
///
/// # Errors
/// If what was asked for cannot be read. The environment speaks to other programs too: of what it says, what cannot be read is left
/// out.
pub(super) fn wanted(asked: Option<&str>) -> Result<Targets, String> {
    if let Some(asked) = asked {
        let targets = asked.parse().map_err(|error| format!("--log {asked}: says not what to log: {error}"))?;
        return Ok(with_default(targets));
    }
    let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let said = variable("RUST_LOG").or_else(|| variable("DIMOS_LOG_LEVEL").map(|level| python_level(&level)));
    let said = said.unwrap_or_default();
    let readable: Vec<_> = said.split(',').filter(|directive| directive.parse::<Targets>().is_ok()).collect();
    let readable = readable.join(",");
    Ok(with_default(if readable.is_empty() { Targets::new() } else { readable.parse().unwrap_or_default() }))
}

fn with_default(targets: Targets) -> Targets {
    if targets.default_level().is_some() { targets } else { targets.with_default(LevelFilter::INFO) }
}

/// Python's names of levels.
fn python_level(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" => "error".to_owned(),
        level => level.to_owned(),
    }
}

/// What is not written yet. Like the subscriber that writes there it is the process's.
static BACKLOG: OnceLock<Arc<Backlog>> = OnceLock::new();

/// How long the end of a process waits for its last lines to be read.
const FLUSH: Duration = Duration::from_millis(100);
