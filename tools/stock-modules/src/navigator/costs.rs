//! What it costs to be somewhere: the map, and what the laser sees now, widened by the robot's size. Costs fall off with the distance
//! from obstacles, so that paths keep to the middle.

use super::distance::distances;
use super::map::{Knowledge, Map};
use super::settings::Clearance;

/// The costs of the cells of a plane.
#[derive(Debug)]
pub(super) struct Costs {
    cell_m: f64,
    /// Where the first cell's lowest corner is.
    origin: (f64, f64),
    width: usize,
    height: usize,
    /// How far it is from each cell's centre to that of the nearest obstacle, in cells.
    distances: Vec<f32>,
    is_unknown: Vec<bool>,
    clearance: Clearance,
}

/// A cell, by column and row.
pub(super) type Cell = (usize, usize);

/// A point of the plane, in m.
pub(super) type Point = (f64, f64);

/// The cells would have to reach further than is of use.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the map, the robot and the goal together take {width_m:.0} m x {height_m:.0} m: {MAX_CELLS} cells of {cell_m} m are planned on at \
     most"
)]
pub(crate) struct TooLarge {
    width_m: f64,
    height_m: f64,
    cell_m: f64,
}

impl Costs {
    /// Of a map and of obstacles that were `seen` beside it. The cells reach further than the map, so that all of `inside` lies in
    /// them.
    pub(super) fn new(map: &Map, seen: &[Point], inside: &[Point], clearance: Clearance) -> Result<Self, TooLarge> {
        let cell = |value_m: f64, origin_m: f64| floor((value_m - origin_m) / map.cell_m);
        let count = |cells: usize| i64::try_from(cells).unwrap_or(i64::MAX);
        let (mut left, mut right) = (0, count(map.width));
        let (mut bottom, mut top) = (0, count(map.height));
        for &(x_m, y_m) in inside {
            let (column, row) = (cell(x_m, map.origin.0), cell(y_m, map.origin.1));
            (left, right) = (left.min(column), right.max(column.saturating_add(1)));
            (bottom, top) = (bottom.min(row), top.max(row.saturating_add(1)));
        }
        // Room to go around what the map ends with.
        let room = floor(ROOM_M / map.cell_m) + 1;
        let count = |low: i64, high: i64| {
            let cells = high.checked_sub(low)?.checked_add(2 * room)?;
            usize::try_from(cells).ok()
        };
        let size = count(left, right).zip(count(bottom, top));
        let size = size.filter(|(width, height)| width.checked_mul(*height).is_some_and(|cells| cells <= MAX_CELLS));
        let Some((width, height)) = size else {
            let metres = |low: i64, high: i64| (high as f64 - low as f64) * map.cell_m;
            return Err(TooLarge { width_m: metres(left, right), height_m: metres(bottom, top), cell_m: map.cell_m });
        };
        let (left, bottom) = (left - room, bottom - room);
        let origin = (map.origin.0 + left as f64 * map.cell_m, map.origin.1 + bottom as f64 * map.cell_m);
        let (before, below) = (usize::try_from(-left).unwrap_or(0), usize::try_from(-bottom).unwrap_or(0));

        let (mut is_obstacle, mut is_unknown) = (vec![false; width * height], vec![true; width * height]);
        for (row, cells) in map.cells.chunks(map.width.max(1)).enumerate() {
            let first = (below + row) * width + before;
            for (index, knowledge) in (first..).zip(cells) {
                is_obstacle[index] = *knowledge == Knowledge::Occupied;
                is_unknown[index] = *knowledge == Knowledge::Unknown;
            }
        }
        let mut costs =
            Self { cell_m: map.cell_m, origin, width, height, distances: Vec::new(), is_unknown, clearance };
        for &point in seen {
            if let Some(cell) = costs.cell(point) {
                is_obstacle[costs.index(cell)] = true;
            }
        }
        costs.distances = distances(&is_obstacle, width);
        Ok(costs)
    }

    /// What it costs to pass a cell, [`PLAIN`] at least; none if the robot does not fit there.
    pub(super) fn cost(&self, cell: Cell) -> Option<u32> {
        let clearance_m = self.clearance_m(cell);
        if clearance_m < self.clearance.needed_m() {
            return None;
        }
        let missing = (1.0 - clearance_m / self.clearance.comfort_m.max(f64::MIN_POSITIVE)).max(0.0);
        let unknown = if self.is_unknown[self.index(cell)] { self.clearance.unknown_cost } else { 0.0 };
        let cost = f64::from(PLAIN) * (1.0 + self.clearance.near_cost * missing * missing + unknown);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the settings are bounded")]
        Some(cost.round() as u32)
    }

    /// How far it is from the centre of a cell to that of the nearest obstacle; infinite if there is none.
    pub(super) fn clearance_m(&self, cell: Cell) -> f64 {
        f64::from(self.distances[self.index(cell)]) * self.cell_m
    }

    /// [`Costs::clearance_m`] of the cell in which a point lies; infinite outside.
    pub(super) fn clearance_at(&self, point: Point) -> f64 {
        self.cell(point).map_or(f64::INFINITY, |cell| self.clearance_m(cell))
    }

    /// Whether the robot can go from a cell to one beside it. Where it is too near to something already, it may go as long as it comes
    /// no nearer.
    pub(super) fn can_step(&self, from: Cell, to: Cell) -> bool {
        self.fits(to) || (!self.fits(from) && self.clearance_m(to) >= self.clearance_m(from))
    }

    /// Whether the robot fits in a cell.
    fn fits(&self, cell: Cell) -> bool {
        self.clearance_m(cell) >= self.clearance.needed_m()
    }

    /// Whether the robot can go straight from one point to another one.
    pub(super) fn is_line_clear(&self, from: Point, to: Point) -> bool {
        let (way_x, way_y) = (to.0 - from.0, to.1 - from.1);
        let parts = floor(way_x.hypot(way_y) / self.cell_m * 2.0) + 1;
        let mut before = self.cell(from);
        (1..=parts).all(|part| {
            let part = part as f64 / parts as f64;
            let cell = self.cell((from.0 + part * way_x, from.1 + part * way_y));
            let is_clear = match (before, cell) {
                (Some(before), Some(cell)) => self.can_step(before, cell),
                _ => false,
            };
            before = cell;
            is_clear
        })
    }

    /// The cell in which a point lies.
    pub(super) fn cell(&self, point: Point) -> Option<Cell> {
        let cell = |value_m: f64, origin_m: f64, count: usize| {
            let cell = ((value_m - origin_m) / self.cell_m).floor();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to count")]
            (cell >= 0.0 && cell < count as f64).then_some(cell as usize)
        };
        Some((cell(point.0, self.origin.0, self.width)?, cell(point.1, self.origin.1, self.height)?))
    }

    /// Where the centre of a cell is.
    pub(super) fn centre(&self, (column, row): Cell) -> Point {
        let centre = |cell: usize, origin_m: f64| origin_m + (cell as f64 + 0.5) * self.cell_m;
        (centre(column, self.origin.0), centre(row, self.origin.1))
    }

    /// The cells beside one, and whether they are across a corner.
    pub(super) fn neighbours(&self, (column, row): Cell) -> impl Iterator<Item = (Cell, bool)> + '_ {
        AROUND.iter().filter_map(move |&(across, along)| {
            let (column, row) = (column.checked_add_signed(across)?, row.checked_add_signed(along)?);
            (column < self.width && row < self.height).then_some(((column, row), across != 0 && along != 0))
        })
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.distances.len()
    }

    /// The number of a cell.
    pub(super) fn index(&self, (column, row): Cell) -> usize {
        row * self.width + column
    }

    /// The cell of a number.
    pub(super) fn cell_of(&self, index: usize) -> Cell {
        (index % self.width, index / self.width)
    }

    pub(super) fn cell_m(&self) -> f64 {
        self.cell_m
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

/// What it costs to pass a cell that is known to be free and far from everything.
pub(super) const PLAIN: u32 = 10;

/// Room for the largest map that is of use if it is square, whatever its cells are, and for what lies around it.
const MAX_CELLS: usize = 7_000_000;

/// So much further than the map the costs reach.
const ROOM_M: f64 = 1.0;

const AROUND: [(isize, isize); 8] = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of cells of 0.1 m, drawn in text: `#` is occupied, `.` free, `?` unknown; the first line is the far end of y.
    pub(crate) fn drawn(text: &str) -> Map {
        let lines: Vec<&str> = text.split_whitespace().rev().collect();
        let knowledge = |cell| match cell {
            '#' => Knowledge::Occupied,
            '?' => Knowledge::Unknown,
            _ => Knowledge::Free,
        };
        let cells = lines.iter().flat_map(|line| line.chars().map(knowledge)).collect();
        Map { cell_m: 0.1, origin: (0.0, 0.0), width: lines[0].len(), height: lines.len(), cells }
    }

    fn costs(text: &str, seen: &[Point]) -> Costs {
        Costs::new(&drawn(text), seen, &[], Clearance { radius_m: 0.1, margin_m: 0.05, ..Clearance::default() })
            .unwrap()
    }

    #[test]
    fn the_nearer_to_an_obstacle_the_dearer_until_the_robot_does_not_fit() {
        let costs = costs("#............", &[]);
        let cost = |x_m| costs.cost(costs.cell((x_m, 0.05)).unwrap());
        assert_eq!((cost(0.05), cost(0.15)), (None, None));
        assert!(cost(0.25) > cost(0.35) && cost(0.35) > cost(0.45));
        assert_eq!(cost(1.25), Some(PLAIN));
    }

    #[test]
    fn what_is_unknown_is_dearer_than_what_is_free_and_goes_on_beyond_the_map() {
        let costs = costs("??..", &[]);
        let cost = |x_m| costs.cost(costs.cell((x_m, 0.05)).unwrap()).unwrap();
        assert!(cost(0.05) > cost(0.25));
        assert_eq!((cost(-0.5), cost(1.2)), (cost(0.05), cost(0.05)));
        assert_eq!((costs.cell((-1.3, 0.0)), costs.cell((f64::NAN, 0.0))), (None, None));
    }

    #[test]
    fn what_is_seen_is_an_obstacle_too() {
        let costs = costs("............", &[(0.55, 0.05), (f64::NAN, 0.0), (99.0, 0.0)]);
        assert_eq!(costs.cost(costs.cell((0.55, 0.05)).unwrap()), None);
        assert!(costs.is_line_clear((0.05, 0.05), (0.35, 0.05)) && !costs.is_line_clear((0.05, 0.05), (1.0, 0.05)));
        assert!((costs.clearance_at((0.25, 0.05)) - 0.3).abs() < 1e-6);
    }

    #[test]
    fn who_is_too_near_may_go_away_but_no_nearer() {
        let costs = costs("#............", &[]);
        assert!(costs.is_line_clear((0.15, 0.05), (0.55, 0.05)) && !costs.is_line_clear((0.55, 0.05), (0.15, 0.05)));
    }

    #[test]
    fn the_largest_map_has_room_around_it() {
        let (cell_m, width, height) = (0.005, 2236, 2236);
        let map = Map { cell_m, origin: (0.0, 0.0), width, height, cells: vec![Knowledge::Free; width * height] };
        assert!(Costs::new(&map, &[], &[], Clearance::default()).is_ok());
    }

    #[test]
    fn what_lies_too_far_away_is_refused() {
        let map = drawn(".");
        for far in [(1e6, 0.0), (-1e6, -1e6), (f64::INFINITY, 0.0), (1e300, -1e300)] {
            assert!(Costs::new(&map, &[], &[far], Clearance::default()).is_err());
        }
        assert!(Costs::new(&map, &[], &[(50.0, -20.0)], Clearance::default()).is_ok());
        let error = Costs::new(&map, &[], &[(99_999.95, -20.0)], Clearance::default()).unwrap_err();
        assert!(error.to_string().contains("take 100000 m x 20 m: 7000000 cells of 0.1 m"), "{error}");
    }
}
