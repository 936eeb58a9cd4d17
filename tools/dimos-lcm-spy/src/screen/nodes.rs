//! Who is on the mesh, drawn: a table of all, and below it what the selected one publishes and subscribes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::draw::{coloured, cursor_style, head_style, line_of, put};
use crate::app::App;
use crate::app::layout::Layout;
use crate::nodes::Node;
use crate::text::plain;
use crate::traffic::units;
use dimos::presence::State;

/// The node at the top of the table.
#[must_use]
pub(crate) fn top(app: &App) -> usize {
    let height = usize::from(parts(app.layout().body).0.height).max(1);
    (app.node + 1).saturating_sub(height)
}

pub(super) fn draw(app: &mut App, layout: Layout, buffer: &mut Buffer) {
    put(
        buffer,
        layout.head,
        &line(["NODE", "CLASS", "STATE", "HOST", "PID", "BEAT", "HANDLER"].map(str::to_owned), layout.head.width),
        head_style(),
    );
    let Some(nodes) = &app.nodes else {
        put(buffer, line_of(layout.body, 0), "asking who is there", Style::new().add_modifier(Modifier::DIM));
        return;
    };
    if nodes.nodes.is_empty() {
        let error = nodes.error.as_ref().map(|error| format!("the mesh cannot be joined: {error}"));
        let text = error.unwrap_or_else(|| "no process of a mesh on this bus".to_owned());
        put(buffer, line_of(layout.body, 0), &plain(&text), Style::new());
        return;
    }
    let (upper, lower) = parts(layout.body);
    let top = top(app);
    for (index, node) in nodes.nodes.iter().enumerate().skip(top).take(usize::from(upper.height)) {
        let style = match node.state {
            State::Stuck | State::Lost => coloured(app, Color::Red),
            State::Running => Style::new(),
            _ => coloured(app, Color::Yellow),
        };
        let style = if index == app.node { cursor_style(style) } else { style };
        put(buffer, line_of(upper, index - top), &line(cells(app, node), upper.width), style);
    }
    let Some(lines) = nodes.nodes.get(app.node).map(told) else { return };
    let height = usize::from(lower.height);
    app.node_top = app.node_top.min(lines.len().saturating_sub(height));
    for (index, text) in lines.iter().skip(app.node_top).take(height).enumerate() {
        put(buffer, line_of(lower, index), &plain(text), Style::new());
    }
    let below = lines.len() - lines.len().min(app.node_top + height);
    if below > 0 && height > 0 {
        let text = format!("  {} more lines: pgdn", below + 1);
        put(buffer, line_of(lower, height - 1), &text, Style::new().add_modifier(Modifier::DIM));
    }
}

/// The table, and what is below it.
#[must_use]
pub(crate) fn parts(body: Rect) -> (Rect, Rect) {
    let below = if body.height < 6 { 0 } else { body.height / 2 };
    let upper = Rect { height: body.height - below, ..body };
    (upper, Rect { y: upper.bottom(), height: below, ..body })
}

fn cells(app: &App, node: &Node) -> [String; 7] {
    let beat = app.snapshot.beats.iter().find(|(of, ..)| *of == node.node);
    let beat = beat.map(|(.., time_ns)| units::time(app.snapshot.time_ns.saturating_sub(*time_ns) as f64 / 1e9));
    let handler = if node.handler.is_zero() { "-".to_owned() } else { units::time(node.handler.as_secs_f64()) };
    [
        node.name.clone().unwrap_or_else(|| "(no name)".to_owned()),
        node.class_name.clone(),
        node.state.to_string(),
        node.host.clone(),
        node.pid.to_string(),
        beat.unwrap_or_else(|| "-".to_owned()),
        handler,
    ]
}

fn line(cells: [String; 7], width: u16) -> String {
    let widths = if width < 101 { [18, 13, 9, 8, 7, 8, 8] } else { [24, 18, 10, 16, 8, 9, 9] };
    let cell = |(text, width): (String, usize)| {
        let mut text = plain(&text);
        if text.chars().count() > width {
            text = text.chars().take(width - 1).chain(['…']).collect();
        }
        format!("{text:width$} ")
    };
    cells.into_iter().zip(widths).map(cell).collect()
}

/// What a process publishes and subscribes.
fn told(node: &Node) -> Vec<String> {
    let name = node.name.as_deref().unwrap_or("it");
    let run = if node.run_id.is_empty() { String::new() } else { format!(", of the run {}", node.run_id) };
    let mut lines = vec![String::new(), format!("{name}, node {}{run}", node.node)];
    if node.publishes.is_empty() && node.subscribes.is_empty() {
        lines.push("  it does not say what it publishes and subscribes".to_owned());
    }
    for published in &node.publishes {
        let port = published.port.as_ref().map(|port| format!(", port {port}")).unwrap_or_default();
        let messages = published.messages.map(|count| format!(", {} so far", units::count(count, "message")));
        let messages = messages.unwrap_or_default();
        lines.push(format!("  publishes  {}{port}{messages}", published.channel));
    }
    for subscribed in &node.subscribes {
        let unsure = if subscribed.is_sure { "" } else { ", unless its launch says otherwise" };
        lines.push(format!("  subscribes {}, port {}{unsure}", subscribed.channel, subscribed.port));
    }
    lines
}
