//! The floor plan: which cells are walls, what a ray hits and where a robot fits. Lengths and places are in cells here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A floor plan, drawn in text: `#` is a wall, `.` or a space is free. The first line is the far end of y, and what is outside is wall.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct FloorPlan {
    width: usize,
    height: usize,
    /// Row by row from y = 0 on.
    is_wall: Vec<bool>,
}

/// Why a text is no floor plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("an empty floor plan: draw walls as `#` and free cells as `.`")]
    Empty,
    #[error("a floor plan of {columns} columns and {rows} rows: at most {MAX_CELLS} of each")]
    TooLarge { columns: usize, rows: usize },
    #[error("line {line} of the floor plan has {found:?} in column {column}: walls are `#`, free cells `.` or a space")]
    Character { line: usize, column: usize, found: char },
}

impl FloorPlan {
    /// How far it is to a wall from a place, in a direction; none if it is further than `max`.
    ///
    /// The ray goes from cell to cell, as in Amanatides and Woo: A Fast Voxel Traversal Algorithm for Ray Tracing (1987).
    pub(crate) fn ray(&self, x: f64, y: f64, angle_rad: f64, max: f64) -> Option<f64> {
        let (mut column, mut row) = (floor(x), floor(y));
        if self.is_wall(column, row) {
            return Some(0.0);
        }
        let (sin, cos) = angle_rad.sin_cos();
        let (mut to_column, column_step, each_column) = crossing(x, cos);
        let (mut to_row, row_step, each_row) = crossing(y, sin);
        loop {
            let distance = to_column.min(to_row);
            if to_column < to_row {
                (column, to_column) = (column + column_step, to_column + each_column);
            } else {
                (row, to_row) = (row + row_step, to_row + each_row);
            }
            // Also ends where the place or the angle is no number.
            if distance.is_nan() || distance > max {
                return None;
            }
            if self.is_wall(column, row) {
                return Some(distance);
            }
        }
    }

    /// Whether a disc touches no wall.
    pub(crate) fn fits(&self, x: f64, y: f64, radius: f64) -> bool {
        let columns = floor(x - radius)..=floor(x + radius);
        let is_far = |column: i64, row: i64| {
            let (across, along) = (beyond(x, column), beyond(y, row));
            across * across + along * along >= radius * radius
        };
        columns.into_iter().all(|column| {
            (floor(y - radius)..=floor(y + radius)).all(|row| !self.is_wall(column, row) || is_far(column, row))
        })
    }

    fn is_wall(&self, column: i64, row: i64) -> bool {
        match (usize::try_from(column), usize::try_from(row)) {
            (Ok(column), Ok(row)) if column < self.width && row < self.height => {
                self.is_wall.get(row * self.width + column).copied().unwrap_or(true)
            }
            _ => true,
        }
    }
}

impl Default for FloorPlan {
    fn default() -> Self {
        FLAT.parse().unwrap_or(Self { width: 1, height: 1, is_wall: vec![false] })
    }
}

impl FromStr for FloorPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let Some(first) = lines.iter().position(|line| !line.is_empty()) else { return Err(PlanError::Empty) };
        let last = lines.iter().rposition(|line| !line.is_empty()).unwrap_or(first);
        let drawn = &lines[first..=last];
        let (width, height) = (drawn.iter().map(|line| line.chars().count()).max().unwrap_or(0), drawn.len());
        if width > MAX_CELLS || height > MAX_CELLS {
            return Err(PlanError::TooLarge { columns: width, rows: height });
        }
        let mut is_wall = vec![false; width * height];
        for (row, line) in drawn.iter().enumerate() {
            for (column, found) in line.chars().enumerate() {
                is_wall[(height - 1 - row) * width + column] = match found {
                    '#' => true,
                    '.' | ' ' => false,
                    _ => return Err(PlanError::Character { line: first + row + 1, column: column + 1, found }),
                };
            }
        }
        Ok(Self { width, height, is_wall })
    }
}

impl TryFrom<String> for FloorPlan {
    type Error = PlanError;

    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

impl From<FloorPlan> for String {
    fn from(plan: FloorPlan) -> Self {
        plan.to_string()
    }
}

impl fmt::Display for FloorPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in self.is_wall.chunks(self.width).rev() {
            let line: String = row.iter().map(|is_wall| if *is_wall { '#' } else { '.' }).collect();
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for FloorPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FloorPlan of {} x {} cells", self.width, self.height)
    }
}

/// How far a ray is from the next cell along one axis, which way that is, and how far from each to the next.
fn crossing(from: f64, direction: f64) -> (f64, i64, f64) {
    if direction > 0.0 {
        ((from.floor() + 1.0 - from) / direction, 1, 1.0 / direction)
    } else if direction < 0.0 {
        ((from.floor() - from) / direction, -1, -1.0 / direction)
    } else {
        (f64::INFINITY, 0, f64::INFINITY)
    }
}

/// How far a place is outside of a cell along one axis.
fn beyond(place: f64, cell: i64) -> f64 {
    let (low, high) = (cell as f64, cell as f64 + 1.0);
    (low - place).max(place - high).max(0.0)
}

#[expect(clippy::cast_possible_truncation, reason = "floor plans are small, and the cast saturates")]
fn floor(place: f64) -> i64 {
    place.floor() as i64
}

/// A floor plan has at most so many rows and columns.
const MAX_CELLS: usize = 1000;

/// A flat of 12 m by 8 m, with cells of 0.25 m: rooms on both sides of a corridor.
const FLAT: &str = "\
################################################
#...................#..........................#
#...................#..........................#
#...................#..........................#
#..##...............#.....................##...#
#..##...............#.....................##...#
#...................#..........................#
#...................#..........................#
#...................#..........................#
#...................#..........................#
#...................#..........................#
#...................#..........................#
#############.....##############.....###########
#..............................................#
#..............................................#
#..............................................#
#..............................................#
#..............................................#
#..............................................#
#####.....##########.....##############.....####
#..............#..............#................#
#..............#..............#................#
#..............#..............#................#
#..............#..............#................#
#..............#..............#................#
#..............#..............#.........#......#
#..............#..............#.........#......#
#....####......#..............#.........#......#
#....####......#..............#.........#......#
#..............#..............#................#
#..............#..............#................#
################################################
";

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;

    /// What a ray hits, by looking at every wall: where it enters the box of each.
    fn brute_force(plan: &FloorPlan, x: f64, y: f64, angle_rad: f64, max: f64) -> Option<f64> {
        let (sin, cos) = angle_rad.sin_cos();
        let between = |from: f64, direction: f64, low: f64| {
            let (a, b) = ((low - from) / direction, (low + 1.0 - from) / direction);
            (a.min(b), a.max(b))
        };
        let mut nearest = None::<f64>;
        // One cell around it all is outside.
        for row in -1..=i64::try_from(plan.height).unwrap() {
            for column in -1..=i64::try_from(plan.width).unwrap() {
                let (enter_x, leave_x) = between(x, cos, column as f64);
                let (enter_y, leave_y) = between(y, sin, row as f64);
                let (enter, leave) = (enter_x.max(enter_y), leave_x.min(leave_y));
                if plan.is_wall(column, row) && enter < leave && enter >= 0.0 {
                    nearest = Some(nearest.map_or(enter, |nearest| nearest.min(enter)));
                }
            }
        }
        nearest.filter(|nearest| *nearest <= max)
    }

    fn plans() -> impl Strategy<Value = FloorPlan> {
        (1_usize..12, 1_usize..12).prop_flat_map(|(width, height)| {
            let cells = proptest::collection::vec(proptest::bool::weighted(0.2), width * height);
            cells.prop_map(move |is_wall| FloorPlan { width, height, is_wall })
        })
    }

    proptest! {
        #[test]
        fn a_ray_hits_what_brute_force_says(plan in plans(), x in 0.0..1.0, y in 0.0..1.0, angle_rad in -PI..PI) {
            let (x, y) = (x * plan.width as f64, y * plan.height as f64);
            prop_assume!(!plan.is_wall(floor(x), floor(y)));
            let (found, expected) = (plan.ray(x, y, angle_rad, 8.0), brute_force(&plan, x, y, angle_rad, 8.0));
            match (found, expected) {
                (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}"),
                (found, expected) => prop_assert_eq!(found, expected),
            }
        }

        #[test]
        fn a_disc_fits_where_no_ray_hits_within_its_radius(plan in plans(), x in 0.0..12.0, y in 0.0..12.0) {
            let rays = (0..720).map(|half_degree| plan.ray(x, y, f64::from(half_degree) * PI / 360.0, 0.7));
            let is_hit = rays.flatten().any(|distance| distance < 0.69);
            prop_assert!(!(is_hit && plan.fits(x, y, 0.7)));
        }

        #[test]
        fn a_plan_is_the_same_after_it_was_written(plan in plans()) {
            prop_assert_eq!(plan.to_string().parse(), Ok(plan));
        }

        #[test]
        fn any_text_is_a_plan_or_an_error(text in ".*") {
            let _: Result<FloorPlan, _> = text.parse();
        }
    }

    #[test]
    fn the_built_in_plan_is_one() {
        let flat = FloorPlan::default();
        assert_eq!((flat.width, flat.height), (48, 32));
        assert_eq!(flat.to_string(), FLAT);
    }

    #[test]
    fn what_is_no_plan_is_told_with_its_place() {
        let why = |text: &str| text.parse::<FloorPlan>().unwrap_err().to_string();
        assert!(why(" \n\n").contains("empty"));
        assert!(why("\n###\n#x#\n").contains("line 3 of the floor plan has 'x' in column 2"));
        assert!(why(&"#".repeat(1001)).contains("1001 columns"));
    }

    #[test]
    fn rays_end_whatever_they_begin_with() {
        let plan = FloorPlan::default();
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            let _ = plan.ray(bad, 5.0, 0.0, 1000.0);
            let _ = plan.ray(5.0, bad, 0.0, 1000.0);
            let _ = plan.ray(5.0, 5.0, bad, 1000.0);
        }
        // Along a line between cells.
        assert_eq!(plan.ray(5.0, 15.0, 0.0, 100.0), Some(42.0));
    }
}
