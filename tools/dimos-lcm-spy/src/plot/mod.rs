//! Fields over time: which ones, what part of time and of their values is looked at, and how that is drawn.
//!
//! [`series`] keeps the values, within bounds and with their spikes; [`drawing`] puts them on the screen. Where values come
//! from is left to whoever calls [`Plot::take`]; time is that at which messages were received.

mod drawing;
mod series;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use self::series::Series;

/// Some fields of the messages of a channel over time.
#[derive(Debug)]
pub(crate) struct Plot {
    series: Vec<Series>,
    view: View,
    /// Where the curves were drawn last.
    canvas: Rect,
    /// Where it stands still.
    frozen_ns: Option<u64>,
}

/// What of time and values is looked at.
#[derive(Debug, Clone, Copy)]
struct View {
    length_ns: f64,
    /// The end of what is looked at; nothing while it goes on with the newest message.
    end_ns: Option<u64>,
    values: Values,
    /// The time that is read, if one is.
    cursor_ns: Option<u64>,
    newest_ns: u64,
}

/// The axis of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Values {
    /// From the smallest to the largest in sight, as it was drawn last.
    Automatic {
        lowest: f64,
        highest: f64,
    },
    Fixed {
        lowest: f64,
        highest: f64,
    },
}

/// There is no colour left for another field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_SERIES} fields are plotted, which is all there are colours for: take one away with p")]
pub(crate) struct TooManyFields;

impl Plot {
    /// Plots a field from here on, or no longer.
    pub(crate) fn toggle(&mut self, path: &str) -> Result<(), TooManyFields> {
        if let Some(place) = self.series.iter().position(|series| series.path() == path) {
            self.series.remove(place);
            return Ok(());
        }
        if self.series.len() == MAX_SERIES {
            return Err(TooManyFields);
        }
        let colour = (0..MAX_SERIES).find(|colour| self.series.iter().all(|series| series.colour() != *colour));
        self.series.push(Series::new(path, colour.unwrap_or(0)));
        Ok(())
    }

    /// Whether nothing is plotted.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Whether this field is plotted.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.series.iter().any(|series| series.path() == path)
    }

    /// Rows that all fields and a readable curve take.
    pub(crate) fn wanted_height(&self) -> u16 {
        crate::readable::cells(self.series.len() + 12)
    }

    /// Takes a message: `value` gives what a field has in it, or nothing if it is not there or no number.
    pub(crate) fn take(&mut self, received_ns: u64, mut value: impl FnMut(&str) -> Option<f64>) {
        if received_ns.saturating_add(SET_BACK_NS) < self.view.newest_ns {
            // The clock was set back, or a log is played again.
            self.series.iter_mut().for_each(Series::clear);
            (self.view.newest_ns, self.view.end_ns, self.view.cursor_ns, self.frozen_ns) = (0, None, None, None);
        }
        self.view.newest_ns = self.view.newest_ns.max(received_ns);
        for series in &mut self.series {
            let value = value(series.path());
            series.push(received_ns, value);
        }
    }

    /// Stands still at the newest message, or goes on with what comes.
    pub(crate) fn freeze(&mut self, is_frozen: bool) {
        self.view.end_ns = is_frozen.then_some(self.view.end());
        self.frozen_ns = self.view.end_ns;
    }

    /// Draws the curves and their legend.
    pub(crate) fn draw(&mut self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        let (canvas, values) = drawing::draw(&self.series, self.view, area, buffer);
        self.canvas = canvas;
        if let (Values::Automatic { .. }, Some((lowest, highest))) = (self.view.values, values) {
            self.view.values = Values::Automatic { lowest, highest };
        }
    }

    /// Acts on a key, and tells whether it means anything here.
    pub(crate) fn handle_key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('+' | '=') => self.view.zoom_time(1.0 / ZOOM),
            KeyCode::Char('-') => self.view.zoom_time(ZOOM),
            KeyCode::Left => self.go(-1.0),
            KeyCode::Right => self.go(1.0),
            KeyCode::Up => self.view.zoom_values(1.0 / ZOOM),
            KeyCode::Down => self.view.zoom_values(ZOOM),
            KeyCode::PageUp => self.view.pan_values(PAN),
            KeyCode::PageDown => self.view.pan_values(-PAN),
            KeyCode::Char('a') => self.view.values = AUTOMATIC,
            KeyCode::End => self.view.end_ns = None,
            KeyCode::Char('c') => {
                let middle = self.view.time(0.5);
                self.view.cursor_ns = if self.view.cursor_ns.is_some() { None } else { Some(middle) };
            }
            KeyCode::Char('x') => self.series.clear(),
            _ => return false,
        }
        self.stay();
        true
    }

    /// Acts on the mouse: the wheel zooms, a click reads the values at a time.
    pub(crate) fn handle_mouse(&mut self, mouse: MouseEvent) -> bool {
        if !self.canvas.contains((mouse.column, mouse.row).into()) {
            return false;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.view.zoom_time(1.0 / ZOOM),
            MouseEventKind::ScrollDown => self.view.zoom_time(ZOOM),
            MouseEventKind::Down(MouseButton::Left) | MouseEventKind::Drag(MouseButton::Left) => {
                let share = (f64::from(mouse.column - self.canvas.x) + 0.5) / f64::from(self.canvas.width);
                self.view.cursor_ns = Some(self.view.time(share));
            }
            _ => return false,
        }
        self.stay();
        true
    }

    /// While it stands still, what came later is not shown.
    fn stay(&mut self) {
        if let Some(frozen_ns) = self.frozen_ns {
            self.view.end_ns = Some(self.view.end().min(frozen_ns));
        }
    }

    /// One cell with the cursor, or some of the window without.
    fn go(&mut self, direction: f64) {
        if let Some(cursor_ns) = self.view.cursor_ns {
            let cell_ns = self.view.length_ns / f64::from(self.canvas.width.max(1));
            self.view.cursor_ns = Some(moved(cursor_ns, direction * cell_ns));
        } else {
            let end_ns = moved(self.view.end(), direction * PAN * self.view.length_ns);
            self.view.end_ns = (end_ns < self.view.newest_ns).then_some(end_ns);
        }
    }
}

impl Default for Plot {
    fn default() -> Self {
        let view = View { length_ns: 30e9, end_ns: None, values: AUTOMATIC, cursor_ns: None, newest_ns: 0 };
        Self { series: Vec::new(), view, canvas: Rect::ZERO, frozen_ns: None }
    }
}

impl View {
    fn end(&self) -> u64 {
        self.end_ns.unwrap_or(self.newest_ns)
    }

    /// The time at a share of the window's length, from 0 at its start to 1 at its end.
    fn time(&self, share: f64) -> u64 {
        moved(self.end(), (share - 1.0) * self.length_ns)
    }

    /// Where a time lies in the window: 0 at its start, 1 at its end.
    fn share(&self, time_ns: u64) -> f64 {
        let end_ns = self.end();
        let after_end = time_ns.saturating_sub(end_ns) as f64 - end_ns.saturating_sub(time_ns) as f64;
        1.0 + after_end / self.length_ns
    }

    fn zoom_time(&mut self, factor: f64) {
        // Around the cursor, if there is one; else the end stays.
        let length_ns = (self.length_ns * factor).clamp(SHORTEST_NS, LONGEST_NS);
        if let (Some(cursor_ns), Some(_)) = (self.cursor_ns, self.end_ns) {
            let share = self.share(cursor_ns).clamp(0.0, 1.0);
            self.end_ns = Some(moved(cursor_ns, (1.0 - share) * length_ns).min(self.newest_ns));
        }
        self.length_ns = length_ns;
    }

    fn zoom_values(&mut self, factor: f64) {
        let (lowest, highest) = self.values.bounds();
        let (centre, half) = (lowest / 2.0 + highest / 2.0, (highest / 2.0 - lowest / 2.0) * factor);
        self.fix_values(centre - half, centre + half);
    }

    fn pan_values(&mut self, share: f64) {
        let (lowest, highest) = self.values.bounds();
        let by = (highest - lowest) * share;
        self.fix_values(lowest + by, highest + by);
    }

    /// Bounds that cannot be told apart, or are beyond all numbers, are not taken.
    fn fix_values(&mut self, lowest: f64, highest: f64) {
        let size = highest - lowest;
        if size.is_finite() && size > f64::MIN_POSITIVE && size > highest.abs().max(lowest.abs()) * 1e-12 {
            self.values = Values::Fixed { lowest, highest };
        }
    }
}

impl Values {
    fn bounds(self) -> (f64, f64) {
        let (Self::Automatic { lowest, highest } | Self::Fixed { lowest, highest }) = self;
        (lowest, highest)
    }
}

/// A time, moved; never out of what can be said.
fn moved(time_ns: u64, by_ns: f64) -> u64 {
    let by = u64::try_from(crate::readable::index(by_ns.abs())).unwrap_or(u64::MAX);
    if by_ns < 0.0 { time_ns.saturating_sub(by) } else { time_ns.saturating_add(by) }
}

/// As many as there are colours that can be told apart.
const MAX_SERIES: usize = 6;

/// By one key.
const ZOOM: f64 = 1.5;

/// By one key, of what is in sight.
const PAN: f64 = 0.2;

const SHORTEST_NS: f64 = 1e6;

const LONGEST_NS: f64 = 7.0 * 86_400e9;

/// Receive times are that much out of order at most.
const SET_BACK_NS: u64 = 1_000_000_000;

const AUTOMATIC: Values = Values::Automatic { lowest: -1.0, highest: 1.0 };

#[cfg(test)]
mod tests;
