//! What can be configured of the patrol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be configured of the patrol.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where to go, one after the other; by default through the rooms that `robot-sim` has by itself, as its odometry tells places.
    pub(crate) waypoints: Vec<Waypoint>,
    /// Where each round ends.
    pub(crate) home: Waypoint,
    /// How many rounds to make; 0 for ever.
    pub(crate) rounds: u64,
    /// How long to stay at each place, in s.
    #[schemars(range(min = 0.0, max = 86400.0))]
    pub(crate) pause_s: f64,
    /// How often a place is tried before it is skipped.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) tries: u64,
    /// How long to wait before another try, in s.
    #[schemars(range(min = 0.0, max = 86400.0))]
    pub(crate) between_tries_s: f64,
    /// Whether it waits for `resume` before it begins.
    pub(crate) begins_paused: bool,
}

/// A place to go to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waypoint {
    /// What people call it.
    #[serde(default)]
    pub(crate) name: String,
    /// Along x of the map's frame, in m.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub(crate) x_m: f64,
    /// Along y, in m.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub(crate) y_m: f64,
    /// Where to look there, counter-clockwise from x, in rad, if that matters.
    #[serde(default)]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub(crate) yaw_rad: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            waypoints: through_the_flat(),
            home: Waypoint { name: "home".to_owned(), x_m: 0.0, y_m: 0.0, yaw_rad: Some(0.0) },
            rounds: 0,
            pause_s: 1.0,
            tries: 3,
            between_tries_s: 2.0,
            begins_paused: false,
        }
    }
}

/// Every room of the floor plan that `robot-sim` has by itself, from where the robot starts there.
fn through_the_flat() -> Vec<Waypoint> {
    let places = [
        ("study", 0.0, -2.2),
        ("bedroom", 0.5, 2.3),
        ("kitchen", 3.8, -2.2),
        ("parlour", 7.0, 2.3),
        ("workshop", 7.2, -2.4),
    ];
    places.map(|(name, x_m, y_m)| Waypoint { name: name.to_owned(), x_m, y_m, yaw_rad: None }).to_vec()
}
