//! What can be configured of the mapper.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plane::Place;

/// What can be configured of the mapper.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The edge of a cell of the map, in m.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(super) cell_m: f64,
    /// The map grows to this width and height at most, in m.
    #[schemars(range(min = 1.0, max = 1000.0))]
    pub(super) max_size_m: f64,
    /// Ranges beyond this are of no use: only what is nearer is drawn, in m.
    #[schemars(range(min = 0.1, max = 1000.0))]
    pub(super) max_range_m: f64,
    /// How often the map is published if it has changed, in s.
    #[schemars(range(min = 0.05, max = 3600.0))]
    pub(super) publish_period_s: f64,
    /// Scans whose neighbouring odometry messages are further apart than this are left out, in s.
    #[schemars(range(min = 0.001, max = 3600.0))]
    pub(super) max_odometry_gap_s: f64,
    /// Where the laser is mounted on the robot. It is not looked up on `/tf`, so that the map does not depend on when that is heard.
    pub(super) laser_mount: Place,
    /// Whether several robots publish on the same topics. What is before the last slash of a frame's name tells whose it is.
    pub(super) several_robots: bool,
    pub(super) log_odds: LogOdds,
    pub(super) frames: Frames,
}

/// How measurements change what is believed of a cell: the logarithm of the odds that it is occupied.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogOdds {
    /// Added where a ray ends.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(super) hit: f32,
    /// Subtracted where a ray passes.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(super) miss: f32,
    /// No cell is believed to be free or occupied more firmly than this, so that the map can still change.
    #[schemars(range(min = 0.1, max = 20.0))]
    pub(super) limit: f32,
}

/// What the coordinate frames are called, by default as REP 105 has it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Frames {
    /// The frame of the map.
    pub(super) map: String,
    /// The frame of the odometry, which is published to be that of the map; nothing is published if they have the same name.
    pub(super) odom: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cell_m: 0.05,
            max_size_m: 100.0,
            max_range_m: 20.0,
            publish_period_s: 1.0,
            max_odometry_gap_s: 1.0,
            laser_mount: Place::default(),
            several_robots: false,
            log_odds: LogOdds::default(),
            frames: Frames::default(),
        }
    }
}

impl Default for LogOdds {
    fn default() -> Self {
        // As of a sensor whose ray ends at something in 70 of 100 cases, and passes something in 40.
        Self { hit: 0.85, miss: 0.4, limit: 5.0 }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self { map: "map".to_owned(), odom: "odom".to_owned() }
    }
}
