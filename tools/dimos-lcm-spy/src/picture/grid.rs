//! Occupancy grids as maps: free is light, occupied is black, unknown is between.

use lcm_types::nav_msgs::OccupancyGridView;

use super::canvas::{Rgb, level};
use super::{Canvas, Picture, Refusal, View, Window, origin};
use crate::readable::number;

/// Draws a map with its x axis to the right and its y axis up.
pub(super) fn draw(grid: OccupancyGridView<'_>, view: View, mut canvas: Canvas) -> Result<Picture, Refusal> {
    let (info, cells) = (grid.info(), grid.data());
    let (width, height, resolution) = (info.width(), info.height(), info.resolution());
    let [columns, rows] = [width, height].map(|count| usize::try_from(count).unwrap_or(0));
    if columns == 0 || rows == 0 {
        return Err(Refusal::Empty { width: width.into(), height: height.into(), of: "cells" });
    }
    if columns.checked_mul(rows) != Some(cells.len()) {
        return Err(Refusal::Cells { width, height, found: cells.len() });
    }
    if !resolution.is_finite() || resolution <= 0.0 {
        return Err(Refusal::Resolution { resolution });
    }
    let metres = f64::from(resolution);
    let size = (columns as f64, rows as f64);
    let window = Window::new((size.0 / 2.0, size.1 / 2.0), size, view, &canvas);
    canvas.paint(|x, y| {
        let across = window.span(window.left, x, columns);
        let down = window.span(window.top, y, rows);
        // The highest of all in a pixel, so that no wall is too thin to be seen.
        let seen = down
            .map(|row| (rows - 1 - row) * columns)
            .filter_map(|start| cells.get(start + across.start..start + across.end)?.iter().max());
        seen.max().map(|cell| colour(*cell))
    });
    let in_metres = Window { pixel: window.pixel * metres, ..window };
    let position = info.origin().position();
    let caption = format!(
        "{width} x {height} cells of {} m, from ({}, {}), x right, y up, {}",
        number(f64::from(resolution), 8),
        number(position.x(), 8),
        number(position.y(), 8),
        origin(grid.header())
    );
    Ok(Picture { scale: in_metres.scale(&canvas), canvas, caption })
}

fn colour(cell: i8) -> Rgb {
    match cell {
        0..=100 => [level(245.0 - 2.3 * f64::from(cell)); 3],
        -1 => UNKNOWN,
        _ => INVALID,
    }
}

const UNKNOWN: Rgb = [96, 112, 128];

/// No value that the type's definition knows.
const INVALID: Rgb = [200, 60, 200];
