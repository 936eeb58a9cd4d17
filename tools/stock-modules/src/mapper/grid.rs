//! The grid: for each cell the logarithm of the odds that it is occupied, as of Moravec and Elfes, High Resolution Maps from Wide
//! Angle Sonar (1985).
//!
//! It grows with what is drawn. What the grid is at the end depends on the scans and their order, on nothing else.

use super::settings::LogOdds;
use crate::plane::Place;

/// What is believed of the cells of a plane.
#[derive(Debug)]
pub(crate) struct Grid {
    cell_m: f64,
    log_odds: LogOdds,
    /// How many cells the grid may be wide, and high.
    max_cells: i64,
    /// The first column and row, counted in cells from the origin of the frame.
    left: i64,
    bottom: i64,
    width: i64,
    height: i64,
    /// Row by row.
    cells: Vec<Cell>,
    scans: u32,
    outside: u64,
}

/// A ray of a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ray {
    pub(crate) angle_rad: f64,
    /// How far it is free.
    pub(crate) length_m: f64,
    /// Whether it ends at something.
    pub(crate) is_hit: bool,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    /// No number if no ray has come here.
    log_odds: f32,
    /// The last scan that has drawn here.
    scan: u32,
}

impl Grid {
    pub(crate) fn new(cell_m: f64, max_size_m: f64, log_odds: LogOdds) -> Self {
        let max_cells = floor(max_size_m / cell_m).max(1);
        let (left, bottom, width, height) = (0, 0, 0, 0);
        Self { cell_m, log_odds, max_cells, left, bottom, width, height, cells: Vec::new(), scans: 0, outside: 0 }
    }

    /// Draws a scan that was taken somewhere. Each cell changes once: where a ray ends it is more likely occupied, also if others pass.
    pub(crate) fn draw(&mut self, from: Place, rays: &[Ray]) {
        self.make_room(from, rays);
        self.scans = self.scans.wrapping_add(1);
        for ray in rays.iter().filter(|ray| ray.is_hit) {
            let (x_m, y_m) = ray.end(from);
            self.change(self.column(x_m), self.column(y_m), self.log_odds.hit);
        }
        for ray in rays {
            self.clear(from, ray);
        }
    }

    /// Columns, counted from the origin of the frame: the first one, and how many.
    pub(crate) fn columns(&self) -> (i64, i64) {
        (self.left, self.width)
    }

    /// Rows, likewise.
    pub(crate) fn rows(&self) -> (i64, i64) {
        (self.bottom, self.height)
    }

    /// How often a ray ended outside of what the grid may grow to.
    pub(crate) fn outside(&self) -> u64 {
        self.outside
    }

    /// The probability in percent that a cell is occupied, row by row; -1 where nothing is known.
    pub(crate) fn occupancy(&self) -> Vec<i8> {
        self.cells.iter().map(|cell| percent(cell.log_odds)).collect()
    }

    /// Makes what a ray passes more likely free, up to the cell in which it ends.
    ///
    /// The ray goes from cell to cell, as in Amanatides and Woo: A Fast Voxel Traversal Algorithm for Ray Tracing (1987).
    fn clear(&mut self, from: Place, ray: &Ray) {
        let (end_x_m, end_y_m) = ray.end(from);
        let (mut column, mut row) = (self.column(from.x_m), self.column(from.y_m));
        let (last_column, last_row) = (self.column(end_x_m), self.column(end_y_m));
        let (mut to_column, each_column) = crossing(from.x_m / self.cell_m, end_x_m / self.cell_m);
        let (mut to_row, each_row) = crossing(from.y_m / self.cell_m, end_y_m / self.cell_m);
        // As many steps as there are lines between the cells.
        for _ in 0..(last_column - column).abs() + (last_row - row).abs() {
            self.change(column, row, -self.log_odds.miss);
            if column != last_column && (row == last_row || to_column < to_row) {
                column += (last_column - column).signum();
                to_column += each_column;
            } else {
                row += (last_row - row).signum();
                to_row += each_row;
            }
        }
        if !ray.is_hit {
            self.change(column, row, -self.log_odds.miss);
        }
    }

    /// Changes what is believed of a cell, if it was not changed by this scan already.
    fn change(&mut self, column: i64, row: i64, by: f32) {
        let (column, row) = (column - self.left, row - self.bottom);
        if column < 0 || column >= self.width || row < 0 || row >= self.height {
            return;
        }
        let cell = usize::try_from(row * self.width + column).ok().and_then(|index| self.cells.get_mut(index));
        if let Some(cell) = cell.filter(|cell| cell.scan != self.scans) {
            let before = if cell.log_odds.is_nan() { 0.0 } else { cell.log_odds };
            let limit = self.log_odds.limit;
            *cell = Cell { log_odds: (before + by).clamp(-limit, limit), scan: self.scans };
        }
    }

    /// Grows so far that all of a scan is inside, or as far as it may.
    fn make_room(&mut self, from: Place, rays: &[Ray]) {
        let (x, y) = (self.column(from.x_m), self.column(from.y_m));
        let ends = rays.iter().map(|ray| ray.end(from)).map(|(x_m, y_m)| (self.column(x_m), self.column(y_m)));
        let mut wanted = Bounds { left: x, right: x + 1, bottom: y, top: y + 1 };
        let ends: Vec<(i64, i64)> = ends.collect();
        for &(x, y) in &ends {
            wanted.include(x, y);
        }
        if self.width > 0 {
            wanted.include(self.left, self.bottom);
            wanted.include(self.left + self.width - 1, self.bottom + self.height - 1);
        }
        let (left, width) = self.grown((self.left, self.width), (wanted.left, wanted.right));
        let (bottom, height) = self.grown((self.bottom, self.height), (wanted.bottom, wanted.top));
        self.resize(left, bottom, width, height);
        let is_outside = |&&(x, y): &&(i64, i64)| x < left || x >= left + width || y < bottom || y >= bottom + height;
        self.outside += ends.iter().filter(is_outside).count() as u64;
    }

    /// The first column or row, and how many, after growing in blocks; as far as wanted, or as the limit allows.
    fn grown(&self, (first, count): (i64, i64), (wanted, wanted_end): (i64, i64)) -> (i64, i64) {
        let down = wanted.div_euclid(BLOCK_CELLS) * BLOCK_CELLS;
        let up = wanted_end + (-wanted_end).rem_euclid(BLOCK_CELLS);
        if count == 0 {
            return (down, (up - down).min(self.max_cells));
        }
        let room = self.max_cells - count;
        let below = (first - down).clamp(0, room);
        let above = (up - first - count).clamp(0, room - below);
        (first - below, count + below + above)
    }

    fn resize(&mut self, left: i64, bottom: i64, width: i64, height: i64) {
        if (left, bottom, width, height) == (self.left, self.bottom, self.width, self.height) {
            return;
        }
        let length = |cells: i64| usize::try_from(cells).unwrap_or_default();
        let unknown = Cell { log_odds: f32::NAN, scan: self.scans };
        let mut cells = vec![unknown; length(width) * length(height)];
        if self.width > 0 {
            let (below, beside) = (length(self.bottom - bottom), length(self.left - left));
            let new_rows = cells.chunks_mut(length(width)).skip(below);
            for (old, new) in self.cells.chunks(length(self.width)).zip(new_rows) {
                new[beside..beside + old.len()].copy_from_slice(old);
            }
        }
        (self.left, self.bottom, self.width, self.height, self.cells) = (left, bottom, width, height, cells);
    }

    /// The column, or row, in which something lies.
    fn column(&self, place_m: f64) -> i64 {
        floor(place_m / self.cell_m)
    }
}

impl Ray {
    /// Where it ends.
    pub(crate) fn end(&self, from: Place) -> (f64, f64) {
        let (sin, cos) = (from.yaw_rad + self.angle_rad).sin_cos();
        (from.x_m + self.length_m * cos, from.y_m + self.length_m * sin)
    }
}

/// A rectangle of cells.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    left: i64,
    right: i64,
    bottom: i64,
    top: i64,
}

impl Bounds {
    fn include(&mut self, x: i64, y: i64) {
        (self.left, self.right) = (self.left.min(x), self.right.max(x + 1));
        (self.bottom, self.top) = (self.bottom.min(y), self.top.max(y + 1));
    }
}

/// How far along a ray, whose length is 1, the next line between cells is along one axis, and how far from each to the next.
fn crossing(from: f64, to: f64) -> (f64, f64) {
    let way = to - from;
    let ahead = if way > 0.0 { from.floor() + 1.0 - from } else { from - from.floor() };
    if way == 0.0 { (f64::INFINITY, f64::INFINITY) } else { (ahead / way.abs(), 1.0 / way.abs()) }
}

fn percent(log_odds: f32) -> i8 {
    if log_odds.is_nan() {
        return -1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is from 0 to 100")]
    let percent = (100.0 / (1.0 + (-log_odds).exp())).round() as i8;
    percent
}

#[expect(clippy::cast_possible_truncation, reason = "what is drawn lies near enough, and the cast saturates")]
fn floor(place: f64) -> i64 {
    place.floor() as i64
}

/// The grid grows by so many cells at a time, so that it is not copied for each scan.
const BLOCK_CELLS: i64 = 64;

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;

    const CELL_M: f64 = 0.1;

    fn grid(max_size_m: f64) -> Grid {
        Grid::new(CELL_M, max_size_m, LogOdds::default())
    }

    fn hit(angle_rad: f64, length_m: f64) -> Ray {
        Ray { angle_rad, length_m, is_hit: true }
    }

    /// What is known of the cell at a place, in percent.
    fn at(grid: &Grid, x_m: f64, y_m: f64) -> i8 {
        let (column, row) = (grid.column(x_m) - grid.left, grid.column(y_m) - grid.bottom);
        assert!((0..grid.width).contains(&column) && (0..grid.height).contains(&row), "({x_m}, {y_m}) is outside");
        percent(grid.cells[usize::try_from(row * grid.width + column).unwrap()].log_odds)
    }

    fn scans() -> impl Strategy<Value = Vec<(Place, Vec<Ray>)>> {
        let ray = (-PI..PI, 0.0..8.0, any::<bool>());
        let ray = ray.prop_map(|(angle_rad, length_m, is_hit)| Ray { angle_rad, length_m, is_hit });
        let place = (-9.0..9.0, -9.0..9.0, -PI..PI).prop_map(|(x_m, y_m, yaw_rad)| Place::new(x_m, y_m, yaw_rad));
        proptest::collection::vec((place, proptest::collection::vec(ray, 0..20)), 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_ray_clears_every_cell_on_its_way(scans in scans()) {
            for (from, rays) in scans {
                for ray in rays {
                    let mut grid = grid(100.0);
                    grid.draw(from, &[ray]);
                    let (x_m, y_m) = ray.end(from);
                    for part in 0..=200 {
                        let part = f64::from(part) / 200.0;
                        let (x, y) = (from.x_m + part * (x_m - from.x_m), from.y_m + part * (y_m - from.y_m));
                        // Rounding may put what is on a line between cells on either side.
                        let is_inside = |place: f64| (place / CELL_M - (place / CELL_M).round()).abs() > 1e-6;
                        if is_inside(x) && is_inside(y) {
                            prop_assert!(at(&grid, x, y) >= 0, "{part}");
                        }
                    }
                    prop_assert_eq!(at(&grid, x_m, y_m) > 50, ray.is_hit);
                    // A line of so many cells crosses so many lines between them, and no more cells are touched.
                    let known = grid.occupancy().iter().filter(|percent| **percent >= 0).count();
                    let cells = |a: f64, b: f64| grid.column(a).abs_diff(grid.column(b));
                    prop_assert_eq!(known as u64, cells(from.x_m, x_m) + cells(from.y_m, y_m) + 1);
                }
            }
        }

        #[test]
        fn growing_changes_nothing_that_is_known(scans in scans()) {
            let (mut growing, mut large) = (grid(100.0), grid(100.0));
            large.resize(-300, -300, 600, 600);
            for (from, rays) in &scans {
                growing.draw(*from, rays);
                large.draw(*from, rays);
            }
            for (index, percent) in growing.occupancy().into_iter().enumerate() {
                let index = i64::try_from(index).unwrap();
                let (column, row) = (growing.left + index % growing.width, growing.bottom + index / growing.width);
                let (x_m, y_m) = ((column as f64 + 0.5) * CELL_M, (row as f64 + 0.5) * CELL_M);
                prop_assert_eq!(percent, at(&large, x_m, y_m));
            }
            prop_assert_eq!(known(&growing), known(&large));
        }

        #[test]
        fn a_grid_stays_within_its_limit(scans in scans(), max_size_m in 0.1..20.0) {
            let mut grid = grid(max_size_m);
            for (from, rays) in &scans {
                grid.draw(*from, rays);
            }
            prop_assert!(grid.width as f64 * CELL_M <= max_size_m.max(CELL_M) + 1e-9 && grid.height <= grid.max_cells);
            prop_assert_eq!(grid.occupancy().len(), usize::try_from(grid.width * grid.height).unwrap());
        }
    }

    fn known(grid: &Grid) -> usize {
        grid.occupancy().iter().filter(|percent| **percent >= 0).count()
    }

    #[test]
    fn cells_are_occupied_where_rays_end_and_free_before() {
        let mut grid = grid(100.0);
        for _ in 0..3 {
            grid.draw(Place::new(0.05, 0.05, 0.0), &[hit(0.0, 1.0), hit(PI, 2.0)]);
        }
        assert!(at(&grid, 1.05, 0.05) > 80 && at(&grid, -1.95, 0.05) > 80);
        assert!(at(&grid, 0.55, 0.05) < 30 && at(&grid, 0.05, 0.05) < 30);
        assert_eq!((at(&grid, 1.15, 0.05), at(&grid, 0.55, 0.15)), (-1, -1));
    }

    #[test]
    fn where_one_ray_of_a_scan_ends_another_does_not_clear() {
        let mut grid = grid(100.0);
        grid.draw(Place::new(0.05, 0.05, 0.0), &[hit(0.0, 3.0), hit(0.0, 1.0)]);
        assert!(at(&grid, 1.05, 0.05) > 50 && at(&grid, 3.05, 0.05) > 50);
    }

    #[test]
    fn what_is_believed_firmly_can_still_change() {
        let mut grid = grid(100.0);
        (0..1000).for_each(|_| grid.draw(Place::default(), &[hit(0.0, 1.05)]));
        assert_eq!(at(&grid, 1.05, 0.0), 99);
        (0..30).for_each(|_| grid.draw(Place::default(), &[hit(0.0, 2.05)]));
        assert_eq!(at(&grid, 1.05, 0.0), 1);
    }

    #[test]
    fn rays_that_end_beyond_the_limit_are_counted() {
        let mut grid = grid(6.4);
        grid.draw(Place::default(), &[hit(0.0, 1.0)]);
        grid.draw(Place::default(), &[hit(0.0, 50.0), hit(PI / 2.0, 1.0)]);
        grid.draw(Place::new(1e6, -1e6, 0.0), &[hit(0.0, 1.0)]);
        assert_eq!((grid.width, grid.height, grid.outside()), (64, 64, 2));
        assert!(at(&grid, 3.0, 0.0) < 50);
    }
}
