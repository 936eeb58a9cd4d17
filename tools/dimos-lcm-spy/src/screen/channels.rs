//! The table of channels, drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line as Text;

use super::draw::{coloured, cursor_style, head_style, line_of, put, put_cut};
use crate::app::App;
use crate::app::column::Column;
use crate::app::layout::Layout;
use crate::app::table::Line;
use crate::reading::snapshot::Row;
use crate::scope::namespace_words;
use crate::traffic::typing::Agreement;
use crate::traffic::units;

pub(super) fn draw(app: &App, layout: Layout, buffer: &mut Buffer) {
    let columns = Column::laid_out(layout.body.width);
    draw_head(app, &columns, layout.head, buffer);
    let lines = app.table.lines();
    let top = app.table.top(usize::from(layout.body.height));
    for (line, shown) in lines.iter().skip(top).take(usize::from(layout.body.height)).enumerate() {
        let area = line_of(layout.body, line);
        let style = if top + line == app.table.cursor() { cursor_style(Style::new()) } else { Style::new() };
        buffer.set_style(area, style);
        match shown {
            Line::Group { namespace, sum, channels, is_collapsed } => {
                let sign = if *is_collapsed { '+' } else { '-' };
                let name = format!("{sign} {} ({channels})", namespace_words(namespace));
                draw_row(app, &columns, area, sum, Some(&name), style.add_modifier(Modifier::BOLD), buffer);
            }
            Line::Channel(place, _) => {
                let Some(row) = app.snapshot.rows.get(*place) else { continue };
                draw_row(app, &columns, area, row, None, style, buffer);
            }
        }
    }
    if lines.is_empty() {
        let text = match (app.table.hidden(), app.table.filter.is_empty()) {
            (0, _) => "nothing has been heard yet".to_owned(),
            (hidden, true) => {
                let channels = units::count(hidden as u64, "channel");
                format!("nothing has been heard yet but {channels} of the mesh itself, which a shows")
            }
            (hidden, false) => {
                let channels = units::count(hidden as u64, "channel");
                format!("none of {channels} is taken by the filter, which esc clears")
            }
        };
        put(buffer, line_of(layout.body, 0), &text, Style::new().add_modifier(Modifier::DIM));
    }
}

fn draw_head(app: &App, columns: &[(Column, u16, u16)], area: Rect, buffer: &mut Buffer) {
    buffer.set_style(area, head_style());
    for &(column, at, width) in columns {
        let is_sorted = app.table.sort == column;
        let arrow = match (is_sorted, app.table.is_descending) {
            (false, _) => "",
            (true, true) => "▼",
            (true, false) => "▲",
        };
        let style = if is_sorted { head_style().add_modifier(Modifier::BOLD) } else { head_style() };
        put_cell(buffer, area, at, width, column, &format!("{}{arrow}", column.title()), style);
    }
}

fn draw_row(
    app: &App,
    columns: &[(Column, u16, u16)],
    area: Rect,
    row: &Row,
    group: Option<&str>,
    style: Style,
    buffer: &mut Buffer,
) {
    for (place, &(column, at, mut width)) in columns.iter().enumerate() {
        let text = match (column, group) {
            (Column::Channel, Some(name)) => {
                // A group has no type, and as much more room for its name.
                if let Some((Column::Type, at_type, width_of_type)) = columns.get(place + 1) {
                    width = at_type + width_of_type - at;
                }
                name.to_owned()
            }
            (Column::Type, Some(_)) => continue,
            (Column::Sender | Column::Jitter | Column::Size, Some(_)) => String::new(),
            (Column::Channel, None) if app.table.is_grouped => format!("  {}", app.cells.text(column, row)),
            _ => app.cells.text(column, row),
        };
        put_cell(buffer, area, at, width, column, &text, style.patch(cell_style(app, column, row)));
    }
}

/// What is wrong is seen at once.
fn cell_style(app: &App, column: Column, row: &Row) -> Style {
    match column {
        Column::Lost if row.lost.of_channel.is_some_and(|loss| loss.lost > 0) => coloured(app, Color::Red),
        Column::Lost if row.lost.of_channel.is_none() && row.lost.of_senders > 0 => coloured(app, Color::Yellow),
        Column::Type if row.agreement == Agreement::Disagrees => coloured(app, Color::Red),
        Column::Type if row.agreement == Agreement::UnknownType => coloured(app, Color::Yellow),
        Column::Undecodable if app.cells.text(column, row) != "-" => coloured(app, Color::Red),
        Column::Rate if row.rate_hz == Some(0.0) => Style::new().add_modifier(Modifier::DIM),
        Column::History => coloured(app, Color::Green),
        _ => Style::new(),
    }
}

fn put_cell(buffer: &mut Buffer, area: Rect, at: u16, width: u16, column: Column, text: &str, style: Style) {
    let right = (area.x + at + width).min(area.right());
    let left = (area.x + at).min(right);
    let mut cell = Rect { x: left, width: right - left, ..area };
    if column.is_number() {
        // What is too wide begins with its first digits.
        let taken = u16::try_from(Text::raw(text).width()).unwrap_or(u16::MAX).min(cell.width);
        cell.x = cell.right() - taken;
        cell.width = taken;
    }
    if !column.is_number() {
        put_cut(buffer, cell, text, style);
    } else if !cell.is_empty() {
        buffer.set_stringn(cell.x, cell.y, text, usize::from(cell.width), style);
    }
}
