//! Curves as dots of Braille, with axes and a legend.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Context, Line};

use super::series::{Bucket, Series, Summary};
use super::{Values, View};
use crate::readable::{cells, index, number};
use crate::text::plain;

/// Draws all series. Tells where the curves are, and from which value to which, unless there is no value in sight.
pub(super) fn draw(series: &[Series], view: View, area: Rect, buffer: &mut Buffer) -> (Rect, Option<(f64, f64)>) {
    let legend_rows = cells(series.len()).min(area.height / 2);
    let has_axes = area.width >= 2 * LABEL_CELLS && area.height >= legend_rows + 4;
    let (left, below) = if has_axes { (LABEL_CELLS, 1) } else { (0, 0) };
    let canvas = Rect {
        x: area.x + left,
        y: area.y + legend_rows,
        width: area.width - left,
        height: area.height - legend_rows - below,
    };
    let (from_ns, to_ns) = (view.time(0.0), view.end());
    let summaries: Vec<_> = series.iter().map(|series| series.summary(from_ns, to_ns)).collect();
    let seen = bounds(&summaries);
    let (lowest, highest) = match view.values {
        Values::Automatic { .. } => seen.unwrap_or((-1.0, 1.0)),
        Values::Fixed { lowest, highest } => (lowest, highest),
    };
    for (row, (series, summary)) in (area.y..area.y + legend_rows).zip(series.iter().zip(&summaries)) {
        let text = legend(series, *summary, view);
        buffer.set_stringn(area.x, row, text, usize::from(area.width), Style::new().fg(COLOURS[series.colour()]));
    }
    if has_axes {
        draw_axes((lowest, highest), view, area, canvas, buffer);
    }
    if canvas.is_empty() {
        return (canvas, seen);
    }
    let columns = usize::from(canvas.width) * DOTS_PER_CELL;
    let curves: Vec<_> = series.iter().map(|series| (series, curve(series, view, columns))).collect();
    let y = |value: f64| ((value / 2.0 - lowest / 2.0) / (highest / 2.0 - lowest / 2.0)).clamp(-1e6, 1e6);
    let widget =
        Canvas::default().marker(Marker::Braille).x_bounds([0.0, columns as f64 - 1.0]).y_bounds([0.0, 1.0]).paint(
            |context| {
                if let Some(cursor_ns) = view.cursor_ns {
                    let x = (view.share(cursor_ns) * columns as f64).floor();
                    context.draw(&Line::new(x, 0.0, x, 1.0, Color::DarkGray));
                    context.layer();
                }
                for (series, curve) in &curves {
                    draw_curve(curve, y, COLOURS[series.colour()], context);
                    context.layer();
                }
            },
        );
    widget.render(canvas, buffer);
    (canvas, seen)
}

/// What falls into one column of dots.
struct Column {
    x: f64,
    values: Bucket,
}

/// A series as columns of dots, with what is next to the window on both sides, so that lines leave it.
fn curve(series: &Series, view: View, columns: usize) -> Vec<Column> {
    let mut curve: Vec<Column> = Vec::new();
    for bucket in series.buckets() {
        let x = (view.share(bucket.last_ns) * columns as f64).floor().clamp(-1e9, 1e9);
        match curve.last_mut() {
            // Of all that is before the window, the last.
            Some(before) if before.x < 0.0 && x < 0.0 => *before = Column { x, values: *bucket },
            Some(column) if column.x == x && !bucket.follows_gap => column.values.add(bucket),
            _ => curve.push(Column { x, values: *bucket }),
        }
        if x >= columns as f64 {
            break;
        }
    }
    curve
}

fn draw_curve(curve: &[Column], y: impl Fn(f64) -> f64, colour: Color, context: &mut Context<'_>) {
    let mut before: Option<&Column> = None;
    for column in curve {
        let Column { x, values } = column;
        context.draw(&Line::new(*x, y(values.minimum), *x, y(values.maximum), colour));
        if let Some(before) = before.filter(|_| !values.follows_gap) {
            context.draw(&Line::new(before.x, y(before.values.last), *x, y(values.first), colour));
        }
        before = Some(column);
    }
}

fn draw_axes((lowest, highest): (f64, f64), view: View, area: Rect, canvas: Rect, buffer: &mut Buffer) {
    let style = Style::new().fg(Color::DarkGray);
    let label = |value: f64| format!("{:>9} ", tick(value, highest - lowest));
    let mut rows = vec![(canvas.y, highest), (canvas.bottom() - 1, lowest)];
    if canvas.height >= 5 {
        // The value in the middle of that row.
        let row = canvas.height / 2;
        let share = (f64::from(row) + 0.5) / f64::from(canvas.height);
        rows.push((canvas.y + row, highest * (1.0 - share) + lowest * share));
    }
    for (y, value) in rows {
        buffer.set_stringn(area.x, y, label(value), usize::from(LABEL_CELLS), style);
    }
    let start = format!("-{}", duration(view.length_ns));
    let behind_ns = view.newest_ns.saturating_sub(view.end()) as f64;
    let end = match view.end_ns {
        None => "newest".to_owned(),
        Some(_) if behind_ns < 1.0 => "paused".to_owned(),
        Some(_) => format!("{} before the newest, paused", duration(behind_ns)),
    };
    let y = area.bottom() - 1;
    buffer.set_stringn(canvas.x, y, &start, usize::from(canvas.width), style);
    let end_x = canvas.right().saturating_sub(cells(end.chars().count()));
    if end_x > canvas.x + cells(start.len()) + 1 {
        buffer.set_string(end_x, y, end, style.add_modifier(Modifier::BOLD));
    }
}

fn legend(series: &Series, summary: Option<Summary>, view: View) -> String {
    let values = match summary {
        Some(Summary { last, minimum, maximum, mean }) => {
            let [last, minimum, maximum, mean] = [last, minimum, maximum, mean].map(|value| number(value, 9));
            format!("last {last}  min {minimum}  max {maximum}  mean {mean}")
        }
        None => "nothing in sight".to_owned(),
    };
    let read = view.cursor_ns.map(|cursor_ns| match series.at(cursor_ns) {
        Some(value) => format!("cursor {}  ", number(value, 12)),
        None => "cursor -  ".to_owned(),
    });
    let missing = match series.missing() {
        0 => String::new(),
        count => format!("  {count} without a number"),
    };
    format!("━ {}  {}{values}{missing}", plain(series.path()), read.unwrap_or_default())
}

/// The smallest and the largest of all in sight, with some room at both ends.
fn bounds(summaries: &[Option<Summary>]) -> Option<(f64, f64)> {
    let seen = || summaries.iter().flatten();
    let lowest = seen().map(|summary| summary.minimum).reduce(f64::min)?;
    let highest = seen().map(|summary| summary.maximum).reduce(f64::max)?;
    let size = highest - lowest;
    let room = if size > 0.0 { size * 0.05 } else { (highest.abs() * 0.1).max(f64::MIN_POSITIVE * 1e10) };
    let room = if size == 0.0 && highest == 0.0 { 1.0 } else { room };
    Some(((lowest - room).max(-LARGEST), (highest + room).min(LARGEST)))
}

/// A value of an axis, as exactly as the axis is long.
fn tick(value: f64, size: f64) -> String {
    if !(1e-6..1e7).contains(&size) {
        return number(value, 9);
    }
    let decimals = index((2.0 - size.log10().floor()).max(0.0));
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text {
        "-0" => "0".to_owned(),
        text if text.len() <= 9 => text.to_owned(),
        _ => number(value, 9),
    }
}

/// A duration, in the unit that suits it.
fn duration(ns: f64) -> String {
    let (value, unit) = match ns / 1e9 {
        seconds if seconds < 1.0 => (seconds * 1e3, "ms"),
        seconds if seconds < 120.0 => (seconds, "s"),
        seconds if seconds < 7200.0 => (seconds / 60.0, "min"),
        seconds => (seconds / 3600.0, "h"),
    };
    match value.fract() == 0.0 || value >= 100.0 {
        true => format!("{} {unit}", index(value.round())),
        false => format!("{value:.1} {unit}"),
    }
}

impl Bucket {
    fn add(&mut self, next: &Self) {
        self.minimum = self.minimum.min(next.minimum);
        self.maximum = self.maximum.max(next.maximum);
        (self.last, self.last_ns) = (next.last, next.last_ns);
    }
}

/// Beyond it the middle of two numbers is infinite.
const LARGEST: f64 = 1e300;

/// For the labels of the values.
const LABEL_CELLS: u16 = 10;

/// Side by side, in Braille.
const DOTS_PER_CELL: usize = 2;

const COLOURS: [Color; super::MAX_SERIES] =
    [Color::Green, Color::Yellow, Color::Cyan, Color::Magenta, Color::LightRed, Color::LightBlue];
