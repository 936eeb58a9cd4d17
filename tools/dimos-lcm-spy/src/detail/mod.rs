//! One channel in detail: its newest message as a tree, fields of it over time, and what it looks like.
//!
//! [`Detail`] is the one entry point. Whoever reads the bus gives it messages with [`Detail::take`], whoever owns the terminal
//! gives it keys with [`Detail::handle`] and room with [`Detail::draw`]; it does no I/O and reads no clock. A message is decoded
//! when its tree or its bytes are drawn, and at once only where fields are plotted; what is drawn is kept as long as nothing changes.

mod reading;

use std::sync::Arc;

use lcm::Payload;
use lcm::schema::Catalog;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use self::reading::{Identified, Reading};
pub(crate) use crate::picture::Colours;
use crate::picture::{self, Picture, Refusal};
use crate::plot::Plot;
use crate::readable::{as_number, shortened};
use crate::text::plain;
use crate::traffic::units;
use crate::tree::{Hex, Message, Tree};

/// A channel that somebody looks at.
#[derive(Debug)]
pub(crate) struct Detail {
    catalog: Arc<Catalog>,
    channel: Vec<u8>,
    colours: Colours,
    newest: Option<Newest>,
    /// Of the messages that were decoded, those that could not be, and why the last of them could not.
    undecodable: u64,
    fault: Option<String>,
    /// Whether the one that was drawn last could be.
    is_decoded: bool,
    /// What was drawn last, unless something has changed.
    drawn: Option<Buffer>,
    /// The messages that have been shown so far.
    count: u64,
    is_frozen: bool,
    /// The type that was chosen, where a fingerprint is that of several.
    chosen: Option<String>,
    tree: Tree,
    hex: Hex,
    plot: Plot,
    view: picture::View,
    drawn_picture: Option<DrawnPicture>,
    shows: Shows,
    /// What the last key came to, until the next one.
    notice: Option<String>,
    body: Rect,
    plot_area: Rect,
}

/// What became of a key or of the mouse.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) enum Handled {
    /// It meant something here.
    Yes,
    /// It means nothing here.
    No,
    /// Back to where the channel was chosen.
    Close,
    /// This text, the path of a field, is to be copied.
    Copy(String),
}

/// A key, and what it does.
pub(crate) type KeyHelp = (&'static str, &'static str);

/// A message.
#[derive(Debug)]
struct Newest {
    payload: Payload,
    received_ns: u64,
    /// Whether it was decoded, and counted if it could not be.
    is_noted: bool,
}

/// What the keys go to, and what is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The tree, and the plot below if there is one.
    Tree,
    /// The same, but the keys go to the plot.
    Plot,
    /// The bytes.
    Bytes,
    Picture,
}

/// A picture, kept as long as nothing changes: decoding an image may take a while.
#[derive(Debug)]
struct DrawnPicture {
    count: u64,
    size: (u16, u16),
    view: picture::View,
    outcome: Result<Picture, Refusal>,
}

impl Detail {
    /// Looks at a channel; messages are decoded with the types of a catalog.
    #[must_use]
    pub(crate) fn new(catalog: Arc<Catalog>, channel: &[u8], colours: Colours) -> Self {
        Self {
            catalog,
            channel: channel.to_vec(),
            colours,
            newest: None,
            undecodable: 0,
            fault: None,
            is_decoded: false,
            drawn: None,
            count: 0,
            is_frozen: false,
            chosen: None,
            tree: Tree::default(),
            hex: Hex::default(),
            plot: Plot::default(),
            view: picture::View::default(),
            drawn_picture: None,
            shows: Shows::Tree,
            notice: None,
            body: Rect::ZERO,
            plot_area: Rect::ZERO,
        }
    }

    /// Whether every message is wanted, because fields are plotted; otherwise the newest one at each frame is enough.
    #[must_use]
    pub(crate) fn wants_every_message(&self) -> bool {
        !self.plot.is_empty()
    }

    /// Takes a message of the channel.
    pub(crate) fn take(&mut self, payload: Payload, received_ns: u64) {
        let is_noted = self.wants_every_message();
        if is_noted {
            let identified = Identified::new(&self.catalog, &self.channel, self.chosen.as_deref(), &payload);
            let reading = identified.read(&payload);
            let value = reading.value();
            self.plot.take(received_ns, |path| value.and_then(|value| as_number(&*value.at(path).ok()?)));
            let fault = reading.fault().map(str::to_owned);
            self.note(fault);
            self.drawn = None;
        }
        if !self.is_frozen || self.newest.is_none() {
            self.count += 1;
            self.newest = Some(Newest { payload, received_ns, is_noted });
            self.drawn = None;
        }
    }

    /// Of the messages that were decoded, because they were drawn or plotted, those that could not be; and why the last of them could
    /// not.
    #[must_use]
    pub(crate) fn undecodable(&self) -> (u64, Option<&str>) {
        (self.undecodable, self.fault.as_deref())
    }

    fn note(&mut self, fault: Option<String>) {
        if fault.is_some() {
            self.undecodable += 1;
            self.fault = fault;
        }
    }

    /// Lets what is in sight stay, whatever comes; or no longer. What is plotted goes on out of sight.
    pub(crate) fn freeze(&mut self, is_frozen: bool) {
        (self.is_frozen, self.drawn) = (is_frozen, None);
        self.plot.freeze(is_frozen);
    }

    /// Acts on a key or the mouse.
    pub(crate) fn handle(&mut self, event: &Event) -> Handled {
        let handled = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                // It may take away what the key before came to.
                self.drawn = None;
                self.handle_key(*key)
            }
            Event::Mouse(mouse) => self.handle_mouse(*mouse),
            _ => Handled::No,
        };
        if handled != Handled::No {
            self.drawn = None;
        }
        handled
    }

    /// The most important keys, for a line of help, with two blanks between them.
    #[must_use]
    pub(crate) fn hint(&self) -> &'static str {
        match self.shows {
            Shows::Tree if self.plot.is_empty() => "esc back  enter open  p plot  i picture  x bytes  y copy path",
            Shows::Tree => "esc back  enter open  p plot  + - zoom  tab to the plot  i picture  x bytes",
            Shows::Plot => {
                "esc back  + - zoom time  arrows move, zoom values  a scale  c read  x clear  tab to the tree"
            }
            Shows::Bytes => "x esc back  up down scroll",
            Shows::Picture => "i esc back  + - zoom  arrows move  0 all of it",
        }
    }

    /// All keys that mean something, for a page of help.
    #[must_use]
    pub(crate) fn keys(&self) -> &'static [KeyHelp] {
        match self.shows {
            Shows::Tree => TREE_KEYS,
            Shows::Plot => PLOT_KEYS,
            Shows::Bytes => BYTES_KEYS,
            Shows::Picture => PICTURE_KEYS,
        }
    }

    /// Draws the newest message.
    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let area = area.intersection(frame.area());
        let drawn = self.drawn.take().filter(|drawn| drawn.area == area).unwrap_or_else(|| {
            let mut buffer = Buffer::empty(area);
            self.render(area, &mut buffer);
            buffer
        });
        frame.buffer_mut().merge(&drawn);
        self.drawn = Some(drawn);
    }

    fn render(&mut self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        (self.body, self.plot_area) = (Rect::ZERO, Rect::ZERO);
        let Some(mut newest) = self.newest.take() else {
            let what = match self.shows {
                Shows::Picture => "waiting for a picture: no message has come yet",
                Shows::Tree | Shows::Plot | Shows::Bytes => "waiting for a message",
            };
            let text = format!("{what} on {}", shortened(&self.channel, 100));
            buffer.set_stringn(area.x, area.y, text, usize::from(area.width), Style::new().fg(Color::DarkGray));
            return;
        };
        let catalog = Arc::clone(&self.catalog);
        let identified = Identified::new(&catalog, &self.channel, self.chosen.as_deref(), &newest.payload);
        let mut left = area;
        self.draw_head(&newest, &identified, &mut left, buffer);
        let foot = take_last_row(&mut left);
        let (about, fault) = match self.shows {
            // It reads the message by itself, and less of it.
            Shows::Picture => self.draw_picture(&newest.payload, left, buffer),
            Shows::Bytes => {
                let reading = identified.read(&newest.payload);
                self.body = left;
                self.hex.draw(left, buffer, &newest.payload, reading.wrong_byte());
                (String::new(), reading.fault().map(str::to_owned))
            }
            Shows::Tree | Shows::Plot => {
                let reading = identified.read(&newest.payload);
                self.is_decoded = reading.value().is_some();
                self.divide(left);
                self.draw_message(&newest.payload, &reading, &catalog, buffer);
                self.plot.draw(self.plot_area, buffer);
                (self.about_field(), reading.fault().map(str::to_owned))
            }
        };
        if !std::mem::replace(&mut newest.is_noted, true) {
            self.note(fault);
        }
        let (text, style) = match &self.notice {
            Some(notice) => (notice, Style::new().fg(Color::Yellow)),
            None => (&about, Style::new().fg(Color::DarkGray)),
        };
        if !foot.is_empty() {
            buffer.set_stringn(foot.x, foot.y, text, usize::from(foot.width), style);
        }
        if self.colours == Colours::None && self.shows != Shows::Picture {
            buffer.set_style(area, Style::new().fg(Color::Reset).bg(Color::Reset));
        }
        self.newest = Some(newest);
    }

    /// The type, the size and the time, and below what is doubtful about the type.
    fn draw_head(&self, newest: &Newest, identified: &Identified<'_>, left: &mut Rect, buffer: &mut Buffer) {
        let row = take_first_row(left);
        if row.is_empty() {
            return;
        }
        let text = format!(
            "{}  {}  received {}",
            identified.type_text(),
            units::bytes(newest.payload.len() as f64),
            time_of_day(newest.received_ns)
        );
        let style = Style::new().add_modifier(Modifier::BOLD);
        buffer.set_stringn(row.x, row.y, text, usize::from(row.width), style);
        if let Some(doubt) = identified.doubt() {
            let row = take_first_row(left);
            if !row.is_empty() {
                let style = Style::new().fg(Color::Yellow);
                buffer.set_stringn(row.x, row.y, plain(&doubt), usize::from(row.width), style);
            }
        }
    }

    fn draw_message(&mut self, payload: &[u8], reading: &Reading<'_>, catalog: &Catalog, buffer: &mut Buffer) {
        match reading {
            Reading::Decoded { message_type, value } => {
                let message =
                    Message { value, message_type: *message_type, schema: catalog.schema(), count: self.count };
                self.tree.draw(self.body, buffer, message);
            }
            Reading::Undecodable { text, .. } => {
                let mut left = self.body;
                for line in wrapped(text, usize::from(left.width), 3) {
                    let row = take_first_row(&mut left);
                    if !row.is_empty() {
                        let style = Style::new().fg(Color::LightRed);
                        buffer.set_stringn(row.x, row.y, line, usize::from(row.width), style);
                    }
                }
                self.hex.draw(left, buffer, payload, reading.wrong_byte());
            }
        }
    }

    /// Tells what is drawn, or why the message cannot be decoded.
    fn draw_picture(&mut self, payload: &[u8], area: Rect, buffer: &mut Buffer) -> (String, Option<String>) {
        self.body = area;
        let size = (area.width, area.height);
        let is_same = |drawn: &DrawnPicture| (drawn.count, drawn.size, drawn.view) == (self.count, size, self.view);
        let drawn = self.drawn_picture.take().filter(is_same).unwrap_or_else(|| {
            let outcome = picture::picture(payload, size, self.view);
            DrawnPicture { count: self.count, size, view: self.view, outcome }
        });
        let told = match &drawn.outcome {
            Ok(picture) => {
                picture.draw(self.colours, area, buffer);
                (picture.caption.clone(), None)
            }
            Err(refusal) => {
                let lines = wrapped(&plain(&refusal.to_string()), usize::from(area.width), 5);
                for (y, line) in (area.y..area.bottom()).zip(lines) {
                    let style = Style::new().fg(Color::LightRed);
                    buffer.set_stringn(area.x, y, line, usize::from(area.width), style);
                }
                (String::new(), matches!(refusal, Refusal::Decode(_)).then(|| refusal.to_string()))
            }
        };
        self.drawn_picture = Some(drawn);
        told
    }

    /// Gives the tree and the plot their parts, or all to the one that the keys go to where there is little.
    fn divide(&mut self, area: Rect) {
        if self.plot.is_empty() {
            self.body = area;
            return;
        }
        if area.height < 12 {
            match self.shows {
                Shows::Plot => self.plot_area = area,
                _ => self.body = area,
            }
            return;
        }
        let height = self.plot.wanted_height().clamp(area.height / 2, area.height * 2 / 3);
        self.body = Rect { height: area.height - height, ..area };
        self.plot_area = Rect { y: area.bottom() - height, height, ..area };
    }

    /// The field under the cursor, and what its definition says.
    fn about_field(&self) -> String {
        if self.shows == Shows::Plot {
            return "the keys go to the plot; Tab gives them back to the tree".to_owned();
        }
        let path = self.tree.selected().path;
        if path.is_empty() {
            return String::new();
        }
        let plotted = if self.plot.has(path) { " (plotted)" } else { "" };
        plain(&format!("{path}{plotted}  {}", self.tree.doc()))
    }

    fn handle_key(&mut self, key: KeyEvent) -> Handled {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Handled::No;
        }
        self.notice = None;
        match (self.shows, key.code) {
            (Shows::Tree, KeyCode::Esc | KeyCode::Backspace) => return Handled::Close,
            (_, KeyCode::Esc | KeyCode::Backspace) => self.shows = Shows::Tree,
            (Shows::Picture, KeyCode::Char('i')) | (Shows::Bytes, KeyCode::Char('x')) => self.shows = Shows::Tree,
            (_, KeyCode::Char('i')) => self.show_picture(),
            (Shows::Tree, KeyCode::Char('x')) => self.shows = Shows::Bytes,
            (Shows::Tree, KeyCode::Tab) if !self.plot.is_empty() => self.shows = Shows::Plot,
            (Shows::Plot, KeyCode::Tab) => self.shows = Shows::Tree,
            (Shows::Tree, KeyCode::Char('p')) => self.plot_field(),
            (Shows::Tree, KeyCode::Char('t')) => self.choose_next_type(),
            (Shows::Tree, KeyCode::Char('y')) => return Handled::Copy(self.tree.selected().path.to_owned()),
            (Shows::Tree, _) => return self.handle_tree_key(key),
            (Shows::Bytes, _) => return yes_if(self.hex.handle_key(key)),
            (Shows::Picture, _) => return yes_if(self.view.handle_key(key)),
            (Shows::Plot, _) => {
                let handled = self.plot.handle_key(key);
                if self.plot.is_empty() {
                    self.shows = Shows::Tree;
                }
                return yes_if(handled);
            }
        }
        Handled::Yes
    }

    fn handle_tree_key(&mut self, key: KeyEvent) -> Handled {
        let is_zoom = matches!(key.code, KeyCode::Char('+' | '-' | '='));
        if is_zoom && !self.plot.is_empty() {
            return yes_if(self.plot.handle_key(key));
        }
        // Of a message that cannot be decoded there are only bytes.
        yes_if(if self.is_decoded { self.tree.handle_key(key) } else { self.hex.handle_key(key) })
    }

    fn handle_mouse(&mut self, mouse: MouseEvent) -> Handled {
        let at = Position::new(mouse.column, mouse.row);
        let is_click = matches!(mouse.kind, MouseEventKind::Down(_));
        if self.plot_area.contains(at) {
            if is_click {
                self.shows = Shows::Plot;
            }
            return yes_if(self.plot.handle_mouse(mouse) || is_click);
        }
        if !self.body.contains(at) {
            return Handled::No;
        }
        match self.shows {
            Shows::Picture => yes_if(self.view.handle_mouse(mouse)),
            Shows::Bytes => yes_if(self.hex.handle_mouse(mouse)),
            Shows::Tree | Shows::Plot => {
                if is_click {
                    self.shows = Shows::Tree;
                }
                yes_if(self.tree.handle_mouse(mouse) || self.hex.handle_mouse(mouse) || is_click)
            }
        }
    }

    fn plot_field(&mut self) {
        let selected = self.tree.selected();
        if !selected.is_number {
            self.notice = Some("only numbers can be plotted: open what is under the cursor, and choose one".to_owned());
            return;
        }
        if let Err(error) = self.plot.toggle(selected.path) {
            self.notice = Some(error.to_string());
        }
    }

    fn show_picture(&mut self) {
        // Before the first message nobody knows; it is drawn when it comes, or the reason is told why it is not.
        if self.newest.as_ref().is_none_or(|newest| picture::is_drawn(&newest.payload)) {
            self.shows = Shows::Picture;
        } else {
            self.notice = Some(Refusal::NoPicture.to_string());
        }
    }

    fn choose_next_type(&mut self) {
        let Some(newest) = &self.newest else { return };
        let identified = Identified::new(&self.catalog, &self.channel, self.chosen.as_deref(), &newest.payload);
        match identified.next_type() {
            Some(name) => self.chosen = Some(name.to_owned()),
            None => self.notice = Some("no other type has this fingerprint".to_owned()),
        }
    }
}

fn yes_if(is_handled: bool) -> Handled {
    if is_handled { Handled::Yes } else { Handled::No }
}

fn take_first_row(area: &mut Rect) -> Rect {
    let row = Rect { height: area.height.min(1), ..*area };
    *area = Rect { y: area.y + row.height, height: area.height - row.height, ..*area };
    row
}

fn take_last_row(area: &mut Rect) -> Rect {
    let height = area.height.min(1);
    *area = Rect { height: area.height - height, ..*area };
    Rect { y: area.bottom(), height, ..*area }
}

/// A text on lines of so many characters; the last of `most` lines may end with dots.
pub(crate) fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_last = lines.len() == most;
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) if is_last => {
                line.push_str(" ...");
                break;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Of a time since the epoch, in UTC.
fn time_of_day(ns: u64) -> String {
    let ms = ns / 1_000_000 % 86_400_000;
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

const TREE_KEYS: &[KeyHelp] = &[
    ("↑ ↓", "move"),
    ("Enter", "open or close"),
    ("← →", "close, open"),
    ("E C 1-9", "open all, none, to a level"),
    ("p", "plot the field, or no longer"),
    ("Tab", "keys to the plot"),
    ("i", "as a picture"),
    ("t", "as the next type"),
    ("x", "bytes"),
    ("y", "copy the path"),
    ("Esc", "back"),
];

const PLOT_KEYS: &[KeyHelp] = &[
    ("+ -", "zoom the time"),
    ("← →", "earlier, later"),
    ("↑ ↓", "zoom the values"),
    ("PgUp PgDn", "higher, lower"),
    ("a", "scale by itself"),
    ("End", "go on with the newest"),
    ("c", "read values with ← →"),
    ("x", "plot nothing"),
    ("Tab", "keys to the tree"),
    ("Esc", "back"),
];

const BYTES_KEYS: &[KeyHelp] = &[("↑ ↓ PgUp PgDn", "scroll"), ("Home End", "first, last"), ("x Esc", "back")];

const PICTURE_KEYS: &[KeyHelp] = &[("+ -", "zoom"), ("arrows", "move"), ("0", "all of it"), ("i Esc", "back")];

#[cfg(test)]
mod tests;
