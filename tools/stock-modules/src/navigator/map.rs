//! The map as it came in, checked: whoever is on the bus may publish one.

use lcm_types::nav_msgs::OccupancyGrid;

use crate::plane::Place;

/// What is known of the cells of a plane.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Map {
    pub(super) cell_m: f64,
    /// The outer corner of the first cell, lowest x and y.
    pub(super) origin: (f64, f64),
    pub(super) width: usize,
    pub(super) height: usize,
    /// Row by row.
    pub(super) cells: Vec<Knowledge>,
}

/// What is known of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knowledge {
    Free,
    Occupied,
    Unknown,
}

/// Why a message is no map.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum MapError {
    #[error("a map with cells of {cell_m} m: {MIN_CELL_M} m to {MAX_CELL_M} m are of use")]
    Cell { cell_m: f32 },
    #[error("a map of {width} x {height} cells: at least one, and at most {MAX_CELLS} in all")]
    Size { width: i32, height: i32 },
    #[error("a map of {width} x {height} cells with data for {cells}")]
    Data { width: i32, height: i32, cells: usize },
    #[error("a map with its origin at ({x_m}, {y_m}): within {FAR_M} m is of use")]
    Far { x_m: f64, y_m: f64 },
    #[error("a map that is turned by {yaw_rad} rad: only maps along the axes of their frame are of use")]
    Turned { yaw_rad: f64 },
}

impl TryFrom<&OccupancyGrid> for Map {
    type Error = MapError;

    fn try_from(message: &OccupancyGrid) -> Result<Self, MapError> {
        let info = &message.info;
        let (cell_m, width, height) = (info.resolution, info.width, info.height);
        if !(MIN_CELL_M..=MAX_CELL_M).contains(&cell_m) {
            return Err(MapError::Cell { cell_m });
        }
        let (Ok(columns), Ok(rows)) = (usize::try_from(width), usize::try_from(height)) else {
            return Err(MapError::Size { width, height });
        };
        let count = columns.checked_mul(rows).filter(|count| (1..=MAX_CELLS).contains(count));
        let Some(count) = count else { return Err(MapError::Size { width, height }) };
        let cells = message.data.len();
        if cells != count {
            return Err(MapError::Data { width, height, cells });
        }
        let origin = Place::new(info.origin.position.x, info.origin.position.y, info.origin.yaw());
        let (x_m, y_m, yaw_rad) = (origin.x_m, origin.y_m, origin.yaw_rad);
        if !origin.is_finite() || x_m.abs() > FAR_M || y_m.abs() > FAR_M {
            return Err(MapError::Far { x_m, y_m });
        }
        if yaw_rad.abs() > MAX_TURN_RAD {
            return Err(MapError::Turned { yaw_rad });
        }
        // 0.05 as f32 is not 0.05: over a thousand cells that makes nothing, but cells of a map that grows are the same ones.
        let cell_m = (f64::from(cell_m) * 1e6).round() / 1e6;
        let cells = message.data.iter().map(|percent| Knowledge::from_percent(*percent)).collect();
        Ok(Self { cell_m, origin: (x_m, y_m), width: columns, height: rows, cells })
    }
}

impl Knowledge {
    /// As messages have it: 0 is free, 100 occupied, what is negative unknown.
    pub(super) fn from_percent(percent: i8) -> Self {
        match percent {
            OCCUPIED_PERCENT.. => Self::Occupied,
            0.. => Self::Free,
            _ => Self::Unknown,
        }
    }
}

/// What is more likely than this is occupied, as ROS's `map_server` has it by default.
const OCCUPIED_PERCENT: i8 = 65;

const MIN_CELL_M: f32 = 0.005;
const MAX_CELL_M: f32 = 10.0;

/// Somewhat more than the largest map that `mapper` draws by itself has.
const MAX_CELLS: usize = 5_000_000;

/// Nothing further from the origin than this is of use.
pub(super) const FAR_M: f64 = 1e6;

const MAX_TURN_RAD: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use lcm_types::geometry_msgs::Pose;
    use proptest::prelude::*;

    use super::*;

    fn message(width: i32, height: i32, data: Vec<i8>) -> OccupancyGrid {
        let mut message = OccupancyGrid { data, ..OccupancyGrid::default() };
        (message.info.width, message.info.height, message.info.resolution) = (width, height, 0.05);
        message.info.origin = Pose::from_xy_yaw(-1.0, 2.0, 0.0);
        message
    }

    proptest! {
        #[test]
        fn any_message_is_a_map_or_an_error(
            width: i32, height: i32, cells in 0_usize..40, resolution: f32, x_m: f64, y_m: f64, yaw_rad: f64,
        ) {
            for (width, height) in [(width, height), (width % 8, height % 8)] {
                let mut message = message(width, height, vec![-1; cells]);
                message.info.resolution = resolution;
                message.info.origin = Pose::from_xy_yaw(x_m, y_m, yaw_rad);
                let _: Result<Map, _> = Map::try_from(&message);
            }
        }
    }

    #[test]
    fn what_is_more_likely_than_not_occupied_is() {
        let map = Map::try_from(&message(2, 2, vec![0, 100, -1, 64])).unwrap();
        assert_eq!(map.cells, [Knowledge::Free, Knowledge::Occupied, Knowledge::Unknown, Knowledge::Free]);
        assert_eq!((map.cell_m, map.origin), (0.05, (-1.0, 2.0)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |message: &OccupancyGrid| Map::try_from(message).unwrap_err();
        for (width, height) in [(0, 4), (-2, -2), (2, 0), (i32::MAX, i32::MAX), (1 << 15, 1 << 15)] {
            assert_eq!(refused(&message(width, height, vec![0; 4])), MapError::Size { width, height });
        }
        assert_eq!(refused(&message(2, 2, vec![0; 3])), MapError::Data { width: 2, height: 2, cells: 3 });
        let mut odd = message(2, 2, vec![0; 4]);
        odd.info.resolution = f32::NAN;
        assert!(matches!(refused(&odd), MapError::Cell { .. }));
        let mut odd = message(2, 2, vec![0; 4]);
        odd.info.origin = Pose::from_xy_yaw(f64::NAN, 0.0, 0.0);
        assert!(matches!(refused(&odd), MapError::Far { .. }));
        odd.info.origin = Pose::from_xy_yaw(0.0, 0.0, 0.5);
        assert!(matches!(refused(&odd), MapError::Turned { .. }));
    }
}
