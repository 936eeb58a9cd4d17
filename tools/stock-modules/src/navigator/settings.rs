//! What can be configured of the navigator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plane::Place;

/// What can be configured of the navigator.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) clearance: Clearance,
    pub(super) driving: Driving,
    pub(super) patience: Patience,
    /// Where the laser is mounted on the robot.
    pub(super) laser_mount: Place,
    pub(super) frames: Frames,
}

/// How the robot keeps away from obstacles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Clearance {
    /// The robot is a disc with this radius, in m.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(super) radius_m: f64,
    /// No path comes nearer to the middle of an occupied cell than the radius and this, in m. Half of it must remain when driving.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(super) margin_m: f64,
    /// From this distance on obstacles make a path no dearer, in m.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(super) comfort_m: f64,
    /// So many times dearer than a free cell is one that is as near to an obstacle as can be.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub(super) near_cost: f64,
    /// So many times dearer than a free cell is one of which nothing is known.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub(super) unknown_cost: f64,
}

/// How it drives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Driving {
    /// It drives no faster, in m/s.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(super) max_speed_mps: f64,
    /// It turns no faster, in rad/s.
    #[schemars(range(min = 0.1, max = 20.0))]
    pub(super) max_turn_radps: f64,
    /// It speeds up no faster, in m/s².
    #[schemars(range(min = 0.01, max = 100.0))]
    pub(super) acceleration_mps2: f64,
    /// Commands a second.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub(super) rate_hz: f64,
    /// It looks so far ahead along the path, in m.
    #[schemars(range(min = 0.05, max = 10.0))]
    pub(super) look_ahead_m: f64,
    /// For so long a command must lead into nothing: the time for which the robot goes on without a further one, and that after which
    /// it heeds one; in s. It drives no faster than 4 m in that time, as it looks no further.
    #[schemars(range(min = 0.1, max = 60.0))]
    pub(super) stopping_s: f64,
    /// It has arrived when it is so near to the goal, in m.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(super) arrival_m: f64,
    /// It looks where it shall when it is turned there up to this, in rad.
    #[schemars(range(min = 0.01, max = 3.15))]
    pub(super) arrival_rad: f64,
    /// If the robot does not fit where it shall go, it goes to where it does within this, in m.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(super) goal_tolerance_m: f64,
}

/// How long it puts up with what, in s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Patience {
    /// Without odometry for so long, the robot stands still.
    #[schemars(range(min = 0.05, max = 3600.0))]
    pub(super) odometry_s: f64,
    /// Without a scan for so long, the robot stands still; 0 if it has no laser, and all obstacles are in the map.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub(super) scan_s: f64,
    /// Without a map for so long, the robot stands still; 0 if the map does not change.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub(super) map_s: f64,
    /// It waits so long for what it does not hear, before it gives the goal up.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub(super) waiting_s: f64,
    /// It looks so long for a path before it gives the goal up.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub(super) no_path_s: f64,
    /// It tries so long to come on by 0.1 m before it gives the goal up.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub(super) stuck_s: f64,
    /// A path is planned anew after so long, and whenever there is a new map; less often where that takes long.
    #[schemars(range(min = 0.3, max = 3600.0))]
    pub(super) path_s: f64,
}

/// What the coordinate frames are called, by default as REP 105 has it. Poses in the odometry's frame are taken to be in that of the
/// map, as `mapper` draws it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Frames {
    /// The frame of the map, the path and the goals.
    pub(super) map: String,
    /// The frame of the odometry, in which goals may be too.
    pub(super) odom: String,
    /// The robot. Where several robots publish on one topic, odometry of others is not heeded.
    pub(super) base: String,
    /// The laser. Scans of others are not heeded.
    pub(super) laser: String,
}

impl Clearance {
    /// Nearer to the middle of an occupied cell no path comes.
    pub(super) fn needed_m(self) -> f64 {
        self.radius_m + self.margin_m
    }

    /// Nearer to an obstacle the robot does not drive.
    pub(super) fn least_m(self) -> f64 {
        self.radius_m + self.margin_m / 2.0
    }
}

impl Default for Clearance {
    fn default() -> Self {
        Self { radius_m: 0.2, margin_m: 0.1, comfort_m: 0.7, near_cost: 12.0, unknown_cost: 2.0 }
    }
}

impl Default for Driving {
    fn default() -> Self {
        Self {
            max_speed_mps: 0.6,
            max_turn_radps: 1.5,
            acceleration_mps2: 1.0,
            rate_hz: 10.0,
            look_ahead_m: 0.6,
            stopping_s: 1.0,
            arrival_m: 0.1,
            arrival_rad: 0.1,
            goal_tolerance_m: 0.3,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self { odometry_s: 1.0, scan_s: 1.0, map_s: 5.0, waiting_s: 30.0, no_path_s: 5.0, stuck_s: 15.0, path_s: 1.0 }
    }
}

impl Default for Frames {
    fn default() -> Self {
        let [map, odom, base, laser] = ["map", "odom", "base_link", "laser"].map(str::to_owned);
        Self { map, odom, base, laser }
    }
}
