//! The module's log: JSON lines on stderr, or readable lines if a person reads along.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::service::panic_message;

/// Sends what is traced to stderr, as far as it is wanted.
///
/// Each line is an object with `timestamp`, `level`, `target` and `fields`, of which `message` is one.
pub(super) fn init(wanted: Targets) {
    let is_read_by_people = std::io::stderr().is_terminal();
    let base = tracing_subscriber::registry().with(wanted);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if is_read_by_people { base.with(lines).try_init() } else { base.with(lines.json()).try_init() };
    // A program that has set up its log itself keeps it.
    let _: Result<(), _> = result;
    std::panic::set_hook(Box::new(|panic| {
        let message = panic_message(panic.payload());
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(str::to_owned);
        tracing::error!(location, thread, "panicked: {message}");
    }));
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
