//! The terminal: it is taken and given back, keys and snapshots go to the [`App`], and what comes of them is drawn.

mod channels;
mod cpu;
mod detail;
pub(crate) mod draw;
mod help;
mod keyboard;
pub(crate) mod nodes;
mod terminal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lcm::schema::Catalog;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::app::{Action, App, View};
use crate::detail::Colours;
use crate::error::SpyError;
use crate::nodes::Asking;
use crate::options::Options;
use crate::reading::Reading;
use crate::run::Session;
use keyboard::Keyboard;
use terminal::Terminal;

/// Shows the bus until somebody has had enough.
///
/// # Errors
/// If the terminal cannot be used, or a signal has come, or the terminal is gone.
pub(crate) fn run(
    reading: &Reading,
    options: &Options,
    session: &Session,
    catalog: &Arc<Catalog>,
    is_interrupted: &impl Fn() -> bool,
) -> Result<(), SpyError> {
    let mut terminal = Terminal::take().map_err(SpyError::terminal)?;
    let keyboard = Keyboard::start().map_err(SpyError::terminal)?;
    let asking = Asking::start(&session.url);
    let size = terminal.size().map_err(SpyError::terminal)?;
    let mut app = App::new(session.url.to_string(), Arc::clone(catalog), Rect::new(0, 0, size.width, size.height));
    app.is_selection = !options.channels.is_empty();
    app.is_coloured = session.is_coloured;
    app.colours = match session.is_coloured {
        true => Colours::from_colorterm(std::env::var("COLORTERM").ok().as_deref()),
        false => Colours::None,
    };
    app.table.with_internal = options.all;
    let mut used = Box::default();
    let mut watched = Vec::new();
    let mut next_snapshot = Instant::now();
    let mut cpu = cpu::Share::new(next_snapshot);
    loop {
        // Whoever closes a terminal does not always say so by a signal.
        if is_interrupted() || terminal.is_gone() {
            return Err(SpyError::Interrupted);
        }
        if terminal::has_panicked() {
            return Err(SpyError::ReaderGone);
        }
        if let Some(asking) = &asking {
            asking.look(matches!(app.view, View::Nodes));
            asking.news().into_iter().for_each(|nodes| app.meet(nodes));
        }
        let now = Instant::now();
        if now >= next_snapshot {
            next_snapshot = now + REFRESH;
            app.cpu = cpu.look(now).or(app.cpu);
            used = app.show(reading.snapshot(used).ok_or(SpyError::ReaderGone)?);
        }
        terminal.draw(&mut app).map_err(SpyError::terminal)?;
        // All that has been typed meanwhile is drawn at once.
        let mut patience = next_snapshot.saturating_duration_since(Instant::now());
        while let Some(event) = keyboard.next(patience).map_err(SpyError::terminal)? {
            patience = Duration::ZERO;
            match take(&mut app, event) {
                Some(Action::Quit) => return Ok(()),
                Some(Action::Record(scope)) => {
                    let began = reading.record(scope.clone(), &file_name());
                    app.recording_begins(&scope, began);
                    next_snapshot = Instant::now();
                }
                Some(Action::EndRecording) => {
                    reading.end_recording();
                    next_snapshot = Instant::now();
                }
                Some(Action::Copy(text)) => {
                    terminal.copy(&text).map_err(SpyError::terminal)?;
                    app.message = Some(format!("copied: {text}"));
                }
                None => {}
            }
            if app.watched() != watched {
                watched = app.watched();
                reading.watch(watched.clone());
            }
        }
    }
}

fn take(app: &mut App, event: Event) -> Option<Action> {
    match event {
        Event::Key(key) => app.key(key),
        Event::Mouse(mouse) => app.mouse(mouse),
        Event::Resize(width, height) => {
            app.resize(width, height);
            None
        }
        _ => None,
    }
}

/// As `spy-20260131-235959.lcmlog`, in UTC.
fn file_name() -> PathBuf {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    let (date, time) = digits.split_at(digits.len().min(8));
    PathBuf::from(format!("spy-{date}-{time}.lcmlog"))
}

/// How often what is shown is renewed.
const REFRESH: Duration = Duration::from_millis(250);
