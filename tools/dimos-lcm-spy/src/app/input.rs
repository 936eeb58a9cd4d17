//! What keys and the mouse do.

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::column::Column;
use super::table::{Fold, Line, Towards};
use super::{Action, App, View};
use crate::detail::Handled;
use crate::scope::Filter;

impl App {
    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.message = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'C')) {
            return Some(Action::Quit);
        }
        // What a terminal or a window has them for is nothing to do with the letters.
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return None;
        }
        if self.typing.is_some() {
            self.type_key(key.code);
            return None;
        }
        if self.shows_help {
            let page = usize::from(self.area.height.saturating_sub(2).max(1));
            match key.code {
                KeyCode::Up => self.help_top = self.help_top.saturating_sub(1),
                KeyCode::Down => self.help_top += 1,
                KeyCode::PageUp => self.help_top = self.help_top.saturating_sub(page),
                KeyCode::PageDown => self.help_top += page,
                _ => self.shows_help = false,
            }
            return (key.code == KeyCode::Char('q')).then_some(Action::Quit);
        }
        match key.code {
            KeyCode::Char('q') => return Some(Action::Quit),
            KeyCode::Char('?') | KeyCode::F(1) => (self.shows_help, self.help_top) = (true, 0),
            KeyCode::Char(' ') => self.freeze(!self.is_frozen),
            KeyCode::Char('r') if self.is_recording() => return Some(Action::EndRecording),
            KeyCode::Char('n') => {
                self.leave_for(if matches!(self.view, View::Nodes) { View::Channels } else { View::Nodes });
            }
            _ if matches!(self.view, View::Detail(_)) => return self.detail_event(&Event::Key(key)),
            code => return self.view_key(code),
        }
        None
    }

    /// The mouse did something.
    pub(crate) fn mouse(&mut self, mouse: MouseEvent) -> Option<Action> {
        let layout = self.layout();
        if matches!(self.view, View::Detail(_)) && !self.shows_help {
            return self.detail_event(&Event::Mouse(mouse));
        }
        match mouse.kind {
            MouseEventKind::ScrollDown if self.shows_help => self.help_top += WHEEL.unsigned_abs(),
            MouseEventKind::ScrollUp if self.shows_help => {
                self.help_top = self.help_top.saturating_sub(WHEEL.unsigned_abs());
            }
            MouseEventKind::ScrollDown if self.is_below_nodes(mouse) => self.scroll_node(WHEEL),
            MouseEventKind::ScrollUp if self.is_below_nodes(mouse) => self.scroll_node(-WHEEL),
            MouseEventKind::Down(MouseButton::Left) if !self.shows_help && self.is_below_nodes(mouse) => {}
            MouseEventKind::ScrollDown => self.move_by(WHEEL),
            MouseEventKind::ScrollUp => self.move_by(-WHEEL),
            MouseEventKind::Down(MouseButton::Left) if self.shows_help => self.shows_help = false,
            MouseEventKind::Down(MouseButton::Left) if layout.head.contains((mouse.column, mouse.row).into()) => {
                let laid = Column::laid_out(layout.head.width);
                let hit = laid.iter().rev().find(|(_, at, _)| mouse.column >= layout.head.x + at);
                if let (Some((column, ..)), View::Channels) = (hit, &self.view) {
                    self.table.sort_by(*column);
                    self.arrange();
                }
            }
            MouseEventKind::Down(MouseButton::Left) if layout.body.contains((mouse.column, mouse.row).into()) => {
                return self.click(usize::from(mouse.row - layout.body.y));
            }
            _ => {}
        }
        None
    }

    /// On a line of the body: the first click selects, the next one opens.
    fn click(&mut self, line: usize) -> Option<Action> {
        let height = self.body_height();
        match &self.view {
            View::Channels => {
                let line = self.table.top(height) + line;
                if line >= self.table.lines().len() {
                    return None;
                }
                if self.table.cursor() == line {
                    return self.view_key(KeyCode::Enter);
                }
                self.table.move_to(line, height);
            }
            View::Nodes => {
                let last = self.nodes.as_ref().map_or(0, |nodes| nodes.nodes.len().saturating_sub(1));
                (self.node, self.node_top) = ((crate::screen::nodes::top(self) + line).min(last), 0);
            }
            View::Detail(_) => {}
        }
        None
    }

    /// What happens while a channel is looked at.
    fn detail_event(&mut self, event: &Event) -> Option<Action> {
        let View::Detail(watch) = &mut self.view else { return None };
        match (watch.detail.handle(event), event) {
            (Handled::Close, _) => self.leave_for(View::Channels),
            (Handled::Copy(text), _) => return Some(Action::Copy(text)),
            (Handled::No, Event::Key(KeyEvent { code: code @ KeyCode::Char('r'), .. })) => return self.view_key(*code),
            (Handled::Yes | Handled::No, _) => {}
        }
        None
    }

    /// Keys that mean something else in each view.
    fn view_key(&mut self, code: KeyCode) -> Option<Action> {
        let page = isize::try_from(self.body_height().saturating_sub(1).max(1)).unwrap_or(isize::MAX);
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp if matches!(self.view, View::Nodes) => self.scroll_node(-page / 2),
            KeyCode::PageDown if matches!(self.view, View::Nodes) => self.scroll_node(page / 2),
            KeyCode::PageUp => self.move_by(-page),
            KeyCode::PageDown => self.move_by(page),
            KeyCode::Home => self.move_by(isize::MIN),
            KeyCode::End => self.move_by(isize::MAX),
            KeyCode::Esc if !matches!(self.view, View::Channels) => self.view = View::Channels,
            KeyCode::Char('r') => {
                return match &self.view {
                    View::Detail(watch) => Some(Action::Record(crate::scope::Scope::Channel(watch.channel))),
                    View::Channels => self.table.scope().map(Action::Record),
                    View::Nodes => None,
                };
            }
            code if matches!(self.view, View::Channels) => return self.channels_key(code),
            _ => {}
        }
        None
    }

    fn channels_key(&mut self, code: KeyCode) -> Option<Action> {
        match code {
            KeyCode::Enter => match self.table.selected() {
                Some(Line::Channel(_, channel)) => self.open(*channel),
                Some(Line::Group { .. }) => self.table.fold(Fold::Toggle),
                None => {}
            },
            KeyCode::Left | KeyCode::Char('h') => self.table.fold(Fold::Close),
            KeyCode::Right | KeyCode::Char('l') => self.table.fold(Fold::Open),
            KeyCode::Char('/') => {
                let before = self.table.filter.clone();
                self.typing = Some((before.text().to_owned(), before));
            }
            KeyCode::Esc => self.table.filter = Filter::default(),
            KeyCode::Char('s') => self.table.sort_by_next(Towards::Right, self.area.width),
            KeyCode::Char('S') => self.table.sort_by_next(Towards::Left, self.area.width),
            KeyCode::Char('d') => self.table.is_descending = !self.table.is_descending,
            KeyCode::Char('g') => self.table.is_grouped = !self.table.is_grouped,
            KeyCode::Char('a') => self.table.with_internal = !self.table.with_internal,
            KeyCode::Char('R') if !self.is_recording() => return Some(Action::Record(self.table.scope_of_all())),
            KeyCode::Char('R') => return Some(Action::EndRecording),
            _ => return None,
        }
        self.arrange();
        None
    }

    /// While a filter is typed, what it takes is shown at once.
    fn type_key(&mut self, code: KeyCode) {
        let Some((mut text, before)) = self.typing.take() else { return };
        match code {
            KeyCode::Enter => {}
            KeyCode::Esc => self.table.filter = before,
            KeyCode::Backspace => {
                text.pop();
                self.table.filter = Filter::new(&text);
                self.typing = Some((text, before));
            }
            KeyCode::Char(c) if text.len() < MAX_FILTER_BYTES && !c.is_control() => {
                text.push(c);
                self.table.filter = Filter::new(&text);
                self.typing = Some((text, before));
            }
            _ => self.typing = Some((text, before)),
        }
        self.arrange();
    }

    /// Whether the mouse is where it is told what a node publishes and subscribes.
    fn is_below_nodes(&self, mouse: MouseEvent) -> bool {
        let below = crate::screen::nodes::parts(self.layout().body).1;
        matches!(self.view, View::Nodes) && below.contains((mouse.column, mouse.row).into())
    }

    fn scroll_node(&mut self, lines: isize) {
        self.node_top = self.node_top.saturating_add_signed(lines);
    }

    fn move_by(&mut self, lines: isize) {
        let height = self.body_height();
        match &mut self.view {
            View::Channels => self.table.move_by(lines, height),
            View::Nodes => {
                let last = self.nodes.as_ref().map_or(0, |nodes| nodes.nodes.len().saturating_sub(1));
                (self.node, self.node_top) = (self.node.saturating_add_signed(lines).min(last), 0);
            }
            View::Detail(_) => {}
        }
    }
}

/// Lines that a click of the mouse wheel goes.
const WHEEL: isize = 3;

/// More than a channel's name has.
const MAX_FILTER_BYTES: usize = 100;
