//! A message as a tree: which of its parts are open, where the cursor is, and how it is drawn.
//!
//! [`outline`] makes rows of a decoded message, [`history`] remembers the numbers of those that are on the screen, and [`hex`]
//! shows bytes where there is no tree. Decoding is left to [`lcm::schema`], and what becomes of the path under the cursor to
//! whoever owns the tree.

mod hex;
mod history;
mod outline;
mod preview;

use std::collections::HashMap;

use lcm::schema::{MessageType, Schema, Value};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

pub(crate) use hex::Hex;

use self::history::History;
use self::outline::{Folds, Row, rows};
use crate::readable::{as_number, cells, number};

/// A decoded message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'v> {
    /// What it says.
    pub(crate) value: &'v Value<'v>,
    /// What it is.
    pub(crate) message_type: MessageType<'v>,
    /// Where the types of its members are defined.
    pub(crate) schema: &'v Schema,
    /// How many messages came before it, so that one which is drawn twice is sampled once.
    pub(crate) count: u64,
}

/// What a person looks at in the messages of a channel. It is kept from message to message by the paths of the fields, so that
/// messages of another shape do not disturb it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    folds: Folds,
    cursor: usize,
    cursor_path: String,
    top: usize,
    /// What was drawn last: keys act on what a person saw.
    lines: Vec<Line>,
    /// What the row under the cursor is.
    selected: Selected,
    area: Rect,
    /// Of the numbers that are on the screen, by path.
    histories: HashMap<String, History>,
    sampled: Option<u64>,
}

/// The row under the cursor.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Selected {
    /// Such as `pose.position.x` or `ranges[3]`; `ranges[0..100]` for a part of an array.
    pub(crate) path: String,
    /// What the type's definition says of it.
    pub(crate) doc: String,
    /// Whether it is a single number, which can be plotted.
    pub(crate) is_number: bool,
}

/// What keys need to know of a row.
#[derive(Debug)]
struct Line {
    path: String,
    depth: usize,
    /// Whether it is open; nothing for what cannot be opened.
    is_open: Option<bool>,
}

impl Tree {
    /// What the cursor is on.
    pub(crate) fn selected(&self) -> &Selected {
        &self.selected
    }

    /// Acts on a key, and tells whether it means anything here.
    pub(crate) fn handle_key(&mut self, key: KeyEvent) -> bool {
        let page = usize::from(self.area.height.max(2)) - 1;
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.move_to(self.cursor.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.move_to(self.cursor.saturating_add(1)),
            KeyCode::PageUp => self.move_to(self.cursor.saturating_sub(page)),
            KeyCode::PageDown => self.move_to(self.cursor.saturating_add(page)),
            KeyCode::Home => self.move_to(0),
            KeyCode::End => self.move_to(usize::MAX),
            KeyCode::Enter => self.toggle(),
            KeyCode::Right | KeyCode::Char('l') => self.open(),
            KeyCode::Left | KeyCode::Char('h') => self.close(),
            KeyCode::Char('E') => self.folds.open_to(usize::MAX),
            KeyCode::Char('C') => self.folds.open_to(0),
            KeyCode::Char(digit @ '1'..='9') => {
                self.folds.open_to(usize::try_from(u32::from(digit) - u32::from('0')).unwrap_or(0));
            }
            _ => return false,
        }
        true
    }

    /// Acts on the mouse, and tells whether that was in the tree.
    pub(crate) fn handle_mouse(&mut self, mouse: MouseEvent) -> bool {
        if !self.area.contains((mouse.column, mouse.row).into()) {
            return false;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.move_to(self.cursor.saturating_sub(SCROLLED_ROWS)),
            MouseEventKind::ScrollDown => self.move_to(self.cursor.saturating_add(SCROLLED_ROWS)),
            MouseEventKind::Down(MouseButton::Left) => {
                let row = self.top + usize::from(mouse.row - self.area.y);
                if row == self.cursor {
                    self.toggle();
                } else if row < self.lines.len() {
                    self.move_to(row);
                }
            }
            _ => return false,
        }
        true
    }

    /// Draws a message, and remembers the numbers that are in sight.
    pub(crate) fn draw(&mut self, area: Rect, buffer: &mut Buffer, message: Message<'_>) {
        let area = area.intersection(buffer.area);
        self.area = area;
        let rows = rows(message, &self.folds);
        self.place_cursor(&rows, usize::from(area.height));
        self.selected = selected(&rows, self.cursor);
        let visible = &rows[self.top..rows.len().min(self.top + usize::from(area.height))];
        self.sample(visible, message.count);
        let columns = Columns::new(visible, area.width);
        for (y, (index, row)) in (area.y..area.bottom()).zip((self.top..).zip(visible)) {
            self.draw_row(row, index == self.cursor, columns, Rect { y, height: 1, ..area }, buffer);
        }
        self.lines.clear();
        let lines = rows.into_iter().map(|row| Line { path: row.path, depth: row.depth, is_open: row.is_open });
        self.lines.extend(lines);
    }

    fn draw_row(&self, row: &Row<'_>, is_selected: bool, columns: Columns, area: Rect, buffer: &mut Buffer) {
        let marker = match row.is_open {
            Some(true) => "▾ ",
            Some(false) => "▸ ",
            None => "  ",
        };
        let label = format!("{}{marker}{}", " ".repeat(INDENT * row.depth.min(MAX_INDENTS)), row.label);
        let history = self.histories.get(&row.path);
        let is_new = history.is_some_and(|history| history.change() != 0.0);
        let value_style = match (row.is_leaf(), is_new) {
            (true, true) => Style::new().fg(Color::Yellow),
            (true, false) => Style::new(),
            (false, _) => Style::new().fg(Color::DarkGray),
        };
        let mut x = area.x;
        let mut put = |text: &str, width: u16, style: Style| {
            let room = width.min(area.right().saturating_sub(x));
            if room > 0 {
                buffer.set_stringn(x, area.y, text, usize::from(room), style);
            }
            x = x.saturating_add(width).min(area.right());
        };
        put(&label, columns.name, Style::new().fg(Color::Cyan));
        put("", 1, Style::new());
        put(&row.shown(usize::from(columns.value).saturating_sub(DOTS)), columns.value, value_style);
        if columns.change > 0 {
            let change = history.map(History::change).filter(|change| *change != 0.0);
            let text = change.map(|change| format!("{:>10}", signed(change))).unwrap_or_default();
            put("", 1, Style::new());
            put(&text, columns.change, Style::new().fg(Color::DarkGray));
            put("", 1, Style::new());
            let sparkline = history.map(|history| history.sparkline(usize::from(columns.history)));
            put(&sparkline.unwrap_or_default(), columns.history, Style::new().fg(Color::Green));
        }
        if columns.kind > 0 {
            put("", 1, Style::new());
            put(&row.type_name(), columns.kind, Style::new().fg(Color::DarkGray));
        }
        if is_selected {
            buffer.set_style(area, Style::new().add_modifier(Modifier::REVERSED));
        }
    }

    /// Keeps the cursor on the field that it was on, and in sight.
    fn place_cursor(&mut self, rows: &[Row<'_>], height: usize) {
        if rows.get(self.cursor).is_none_or(|row| row.path != self.cursor_path) {
            let found = rows.iter().position(|row| row.path == self.cursor_path);
            self.cursor = found.unwrap_or(self.cursor).min(rows.len().saturating_sub(1));
        }
        self.cursor_path = rows.get(self.cursor).map(|row| row.path.clone()).unwrap_or_default();
        let last_top = rows.len().saturating_sub(height);
        self.top = self.top.max((self.cursor + 1).saturating_sub(height)).min(self.cursor).min(last_top);
    }

    /// Only what is in sight is sampled, and what gets out of sight is forgotten: that bounds both time and memory.
    fn sample(&mut self, visible: &[Row<'_>], count: u64) {
        if self.sampled == Some(count) {
            return;
        }
        self.sampled = Some(count);
        for row in visible {
            if let Some(value) = row.value().and_then(as_number) {
                if let Some(history) = self.histories.get_mut(&row.path) {
                    history.push(value, count);
                } else {
                    self.histories.insert(row.path.clone(), History::new(value, count));
                }
            }
        }
        self.histories.retain(|_, history| history.is_of(count));
    }

    fn move_to(&mut self, row: usize) {
        self.cursor = row.min(self.lines.len().saturating_sub(1));
        self.cursor_path = self.lines.get(self.cursor).map(|line| line.path.clone()).unwrap_or_default();
    }

    fn toggle(&mut self) {
        if let Some(Line { path, is_open: Some(is_open), .. }) = self.lines.get(self.cursor) {
            self.folds.set(path, !is_open);
        }
    }

    /// Opens what is under the cursor, or goes on to what is in it.
    fn open(&mut self) {
        match self.lines.get(self.cursor) {
            Some(Line { path, is_open: Some(false), .. }) => self.folds.set(path, true),
            Some(Line { is_open: Some(true), .. }) => self.move_to(self.cursor + 1),
            _ => {}
        }
    }

    /// Closes what is under the cursor, or goes to what it is in.
    fn close(&mut self) {
        let Some(line) = self.lines.get(self.cursor) else { return };
        if line.is_open == Some(true) {
            self.folds.set(&line.path, false);
        } else if let Some(parent) = self.lines[..self.cursor].iter().rposition(|above| above.depth < line.depth) {
            self.move_to(parent);
        }
    }
}

/// The widths of what a row consists of.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: u16,
    value: u16,
    /// 0 where there is no room for it; the same holds for the others.
    change: u16,
    history: u16,
    kind: u16,
}

impl Columns {
    fn new(rows: &[Row<'_>], width: u16) -> Self {
        let widest = rows.iter().map(|row| INDENT * row.depth.min(MAX_INDENTS) + 2 + row.label.chars().count()).max();
        let name = cells(widest.unwrap_or(0)).clamp(12, (width / 2).max(12));
        let left = width.saturating_sub(name + 1);
        let (change, history) = if left >= 50 { (10, 16) } else { (0, 0) };
        let left = left.saturating_sub(if change > 0 { change + history + 2 } else { 0 });
        let kind = if left >= 46 { 22 } else { 0 };
        let value = left.saturating_sub(if kind > 0 { kind + 1 } else { 0 });
        Self { name, value, change, history, kind }
    }
}

fn selected(rows: &[Row<'_>], cursor: usize) -> Selected {
    let Some(row) = rows.get(cursor) else { return Selected::default() };
    // Where a field has no comment, such as the `x` of a vector, that of what it is in has the unit.
    let (mut depth, mut doc) = (row.depth, row.doc());
    for above in rows[..cursor].iter().rev() {
        if !doc.is_empty() || depth == 0 {
            break;
        }
        if above.depth < depth {
            (depth, doc) = (above.depth, above.doc());
        }
    }
    let is_number = row.value().and_then(as_number).is_some();
    Selected { path: row.path.clone(), doc, is_number }
}

fn signed(change: f64) -> String {
    let text = number(change, 9);
    if change > 0.0 { format!("+{text}") } else { text }
}

/// Room for the dots behind what is cut short.
const DOTS: usize = 4;

/// Cells for each level.
const INDENT: usize = 2;

/// Deeper levels are not indented further, so that their names stay in sight.
const MAX_INDENTS: usize = 16;

/// For each notch of the wheel.
const SCROLLED_ROWS: usize = 3;

#[cfg(test)]
mod tests;
