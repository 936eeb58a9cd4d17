//! The module's log: JSON lines on stderr, or readable lines if a person reads along.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends what is traced to stderr, as far as `directives` want it; `info` where they say nothing.
///
/// Each line is an object with `timestamp`, `level`, `target` and `fields`, of which `message` is one.
pub(super) fn init(directives: &str) -> Result<(), String> {
    let targets: Targets =
        directives.parse().map_err(|error| format!("{directives:?} says not what to log: {error}"))?;
    let is_read_by_people = std::io::stderr().is_terminal();
    let base = tracing_subscriber::registry().with(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if is_read_by_people { base.with(lines).try_init() } else { base.with(lines.json()).try_init() };
    // A program that has set up its log itself keeps it.
    let _: Result<(), _> = result;
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a panic without a message");
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(str::to_owned);
        tracing::error!(location, thread, "panicked: {message}");
    }));
    Ok(())
}

/// What to log: what was asked for, or else what the environment says.
pub(super) fn directives(asked: Option<&str>) -> String {
    let level = || std::env::var("DIMOS_LOG_LEVEL").ok().map(|level| python_level(&level));
    let asked = asked.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()));
    asked.or_else(level).unwrap_or_else(|| "info".to_owned())
}

/// Python's names of levels.
fn python_level(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" => "error".to_owned(),
        level => level.to_owned(),
    }
}
