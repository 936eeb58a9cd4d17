//! What can be configured of the simulated robot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::floor_plan::FloorPlan;
use crate::plane::Place;

/// What can be configured of the simulated robot.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What all noise follows from: with the same seed and the same commands, the same happens.
    pub(crate) seed: u64,
    /// How fast simulated time goes, if it does not follow that of another robot: 1 is as fast as the clock.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub(crate) speed: f64,
    /// Steps of the simulation a simulated second, and odometry and transforms with each.
    #[schemars(range(min = 10.0, max = 1000.0))]
    pub(crate) physics_hz: f64,
    /// The floor plan in text: `#` is a wall, `.` or a space is free; the first line is the far end of y.
    #[schemars(with = "String")]
    pub(crate) plan: FloorPlan,
    /// The length and width of a character of the floor plan, in m.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(crate) cell_m: f64,
    /// Where the robot starts in the floor plan, whose lower left corner is (0, 0).
    pub(crate) start: Place,
    /// What its odometry says there: that it is the origin, unless the odometry of several robots is to have one frame.
    pub(crate) odometry_start: Place,
    /// The robot is a disc with this radius, in m.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub(crate) radius_m: f64,
    /// It drives no faster, in m/s.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub(crate) max_speed_mps: f64,
    /// It turns no faster, in rad/s.
    #[schemars(range(min = 0.0, max = 20.0))]
    pub(crate) max_turn_radps: f64,
    /// It stops when there was no command for so long, in s of simulated time.
    #[schemars(range(min = 0.02, max = 60.0))]
    pub(crate) command_timeout_s: f64,
    /// How wrong the odometry is about each motion: the standard deviation over a metre driven, in m, and over a radian turned, in rad.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) odometry_noise: f64,
    pub(crate) laser: LaserSettings,
    pub(crate) frames: Frames,
}

/// The laser, which looks ahead from where it is mounted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LaserSettings {
    /// Scans a simulated second, as near as steps allow.
    #[schemars(range(min = 0.1, max = 100.0))]
    pub(crate) scan_hz: f64,
    /// How many ranges a scan has.
    #[schemars(range(min = 2, max = 10_000))]
    pub(crate) beams: u32,
    /// From the first range to the last, in rad.
    #[schemars(range(min = 0.0, max = 6.3))]
    pub(crate) field_of_view_rad: f64,
    /// The largest range, in m; what is further is infinitely far.
    #[schemars(range(min = 0.1, max = 1000.0))]
    pub(crate) range_m: f64,
    /// The standard deviation of a range, in m.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) noise_m: f64,
    /// Where it is mounted on the robot.
    pub(crate) mount: Place,
}

/// What the coordinate frames are called, by default as REP 105 has it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Frames {
    pub(crate) odom: String,
    pub(crate) base: String,
    pub(crate) laser: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            speed: 1.0,
            physics_hz: 50.0,
            plan: FloorPlan::default(),
            cell_m: 0.25,
            start: Place::new(2.0, 4.0, 0.0),
            odometry_start: Place::default(),
            radius_m: 0.2,
            max_speed_mps: 1.0,
            max_turn_radps: 2.0,
            command_timeout_s: 0.5,
            odometry_noise: 0.0,
            laser: LaserSettings::default(),
            frames: Frames::default(),
        }
    }
}

impl Default for LaserSettings {
    fn default() -> Self {
        Self {
            scan_hz: 10.0,
            beams: 271,
            field_of_view_rad: 1.5 * std::f64::consts::PI,
            range_m: 8.0,
            noise_m: 0.01,
            mount: Place::default(),
        }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self { odom: "odom".to_owned(), base: "base_link".to_owned(), laser: "laser".to_owned() }
    }
}
