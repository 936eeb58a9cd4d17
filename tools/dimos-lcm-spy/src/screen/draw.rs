//! Draws the state of the program.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line as Text;

use super::{channels, detail, help, nodes};
use crate::app::layout::Layout;
use crate::app::{App, View};
use crate::reading::snapshot::{Recording, Totals};
use crate::text::plain;
use crate::traffic::units;

/// Draws it all.
pub(crate) fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if app.shows_help {
        // It takes all of the screen, and what is not seen is not decoded.
        help::draw(app, area, frame.buffer_mut());
        return;
    }
    let layout = Layout::of(area);
    match &app.view {
        View::Channels => channels::draw(app, layout, frame.buffer_mut()),
        View::Nodes => nodes::draw(app, layout, frame.buffer_mut()),
        View::Detail(_) => detail::draw(app, layout, frame),
    }
    let buffer = frame.buffer_mut();
    draw_status(app, layout.status, buffer);
    draw_line(app, layout.line, buffer);
}

/// A text in a part of a line, with blanks behind it.
pub(super) fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.is_empty() {
        return;
    }
    buffer.set_style(area, style);
    put_cut(buffer, area, text, style);
}

/// A text in a part of a line, with a sign at its end where there is more of it.
pub(super) fn put_cut(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.is_empty() {
        return;
    }
    if Text::raw(text).width() <= usize::from(area.width) {
        buffer.set_stringn(area.x, area.y, text, usize::from(area.width), style);
        return;
    }
    let (end, _) = buffer.set_stringn(area.x, area.y, text, usize::from(area.width - 1), style);
    buffer.set_stringn(end, area.y, "…", 1, style);
}

/// A line of an area; an empty one if it has no such line.
pub(super) fn line_of(area: Rect, line: usize) -> Rect {
    match u16::try_from(line) {
        Ok(line) if line < area.height => Rect { y: area.y + line, height: 1, ..area },
        _ => Rect { height: 0, ..area },
    }
}

/// With a colour, if colours are shown.
pub(super) fn coloured(app: &App, colour: Color) -> Style {
    if app.is_coloured { Style::new().fg(colour) } else { Style::new() }
}

/// Of titles.
pub(super) fn head_style() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// Of the line under the cursor.
pub(super) fn cursor_style(style: Style) -> Style {
    style.add_modifier(Modifier::REVERSED)
}

fn draw_status(app: &App, area: Rect, buffer: &mut Buffer) {
    put(buffer, area, &status(app), Style::new().add_modifier(Modifier::REVERSED));
}

fn status(app: &App) -> String {
    let totals = &app.snapshot.totals;
    let Totals { messages_per_s, bytes_per_s, senders, lost, incomplete, malformed, kernel_drops, forgotten, .. } =
        *totals;
    let counts = [
        (lost, "lost of senders"),
        (incomplete, "incomplete"),
        (kernel_drops, "dropped by the kernel"),
        (malformed, "malformed"),
        (totals.receive_errors, if totals.receive_errors == 1 { "receive error" } else { "receive errors" }),
        (forgotten, "of channels not shown"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(" | {count} {what}"));
    let frozen = if app.is_frozen { " FROZEN |" } else { "" };
    let ended = if totals.has_ended { " | end of the log" } else { "" };
    let (rate, bytes) = (units::rate(messages_per_s), units::bytes(bytes_per_s));
    let (senders, url) = (units::count(senders as u64, "sender"), plain(&app.url));
    let cpu = app.cpu.map(|share| format!(" | CPU {:.1} %", 100.0 * share)).unwrap_or_default();
    let counts: String = counts.collect();
    let whose = if app.is_selection { "whole bus: " } else { "" };
    format!("{frozen} {rate} | {bytes}/s | {whose}{senders}{counts}{ended}{cpu} | {url}")
}

/// What is typed, what happened, what is recorded, or which keys there are.
fn draw_line(app: &App, area: Rect, buffer: &mut Buffer) {
    let recording = app.recording.as_ref().filter(|recording| recording.is_running || !recording.is_whole());
    let (text, style) = match (&app.typing, &app.message, recording) {
        (Some((text, _)), ..) => {
            let kind = app.table.filter.kind();
            (format!("filter ({kind}): {}_", plain(text)), Style::new())
        }
        (None, Some(message), _) => (plain(message), coloured(app, Color::Yellow)),
        (None, None, Some(recording)) => (recorded(recording), coloured(app, Color::Red)),
        (None, None, None) => (fitting(&keys(app), area.width), Style::new().add_modifier(Modifier::DIM)),
    };
    put(buffer, area, &text, style);
}

fn recorded(recording: &Recording) -> String {
    let Recording { what, path, messages, bytes, dropped, error, .. } = recording;
    let dropped = if *dropped > 0 { format!(", {dropped} DROPPED") } else { String::new() };
    let (path, bytes) = (plain(&path.display().to_string()), units::bytes(*bytes as f64));
    let messages = units::count(*messages, "message");
    match error {
        None if !recording.is_running => recording.summary(),
        Some(error) => format!("recording to {path} ended after {messages}: {}", plain(error)),
        None => format!("REC {what}: {messages}, {bytes}{dropped} to {path}; r ends it"),
    }
}

/// As many of the keys as there is room for.
fn fitting(keys: &str, width: u16) -> String {
    let mut shown = String::new();
    for key in keys.split("  ") {
        let gap = if shown.is_empty() { "" } else { "  " };
        if shown.len() + gap.len() + key.len() > usize::from(width) {
            break;
        }
        shown = shown + gap + key;
    }
    shown
}

fn keys(app: &App) -> String {
    match &app.view {
        View::Channels => {
            "? help  q quit  / filter  s sort  g group  enter open  n nodes  r record  space freeze".to_owned()
        }
        View::Nodes => "? help  q quit  esc back  up down select  pgup pgdn scroll below".to_owned(),
        View::Detail(watch) => format!("? help  q quit  space freeze  {}", watch.detail.hint()),
    }
}
