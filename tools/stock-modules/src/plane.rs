//! Places in the plane: where something is, and how it is turned.

use std::f64::consts::{PI, TAU};

use lcm_types::geometry_msgs::Pose;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in the plane, in some frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Place {
    /// Along x, in m.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub(crate) x_m: f64,
    /// Along y, in m.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub(crate) y_m: f64,
    /// Counter-clockwise from x, in rad.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub(crate) yaw_rad: f64,
}

impl Place {
    pub(crate) fn new(x_m: f64, y_m: f64, yaw_rad: f64) -> Self {
        Self { x_m, y_m, yaw_rad }
    }

    /// Where a place is that is known in the frame of this one.
    pub(crate) fn compose(self, inner: Self) -> Self {
        let (sin, cos) = self.yaw_rad.sin_cos();
        Self {
            x_m: self.x_m + cos * inner.x_m - sin * inner.y_m,
            y_m: self.y_m + sin * inner.x_m + cos * inner.y_m,
            yaw_rad: normalized(self.yaw_rad + inner.yaw_rad),
        }
    }

    /// The place a part `t` of the way to `other`, turning the shorter way round.
    pub(crate) fn interpolate(self, other: Self, t: f64) -> Self {
        Self {
            x_m: self.x_m + t * (other.x_m - self.x_m),
            y_m: self.y_m + t * (other.y_m - self.y_m),
            yaw_rad: normalized(self.yaw_rad + t * normalized(other.yaw_rad - self.yaw_rad)),
        }
    }

    pub(crate) fn is_finite(self) -> bool {
        self.x_m.is_finite() && self.y_m.is_finite() && self.yaw_rad.is_finite()
    }
}

impl From<Place> for Pose {
    fn from(place: Place) -> Self {
        Self::from_xy_yaw(place.x_m, place.y_m, place.yaw_rad)
    }
}

/// The same direction, from -π up to π.
pub(crate) fn normalized(angle_rad: f64) -> f64 {
    (angle_rad + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places() -> impl Strategy<Value = Place> {
        (-50.0..50.0, -50.0..50.0, -PI..PI).prop_map(|(x_m, y_m, yaw_rad)| Place::new(x_m, y_m, yaw_rad))
    }

    fn are_near(a: Place, b: Place) -> bool {
        (a.x_m - b.x_m).hypot(a.y_m - b.y_m) < 1e-9 && normalized(a.yaw_rad - b.yaw_rad).abs() < 1e-9
    }

    proptest! {
        #[test]
        fn places_compose_as_poses_do(outer in places(), inner in places()) {
            let pose = Pose::from(outer).compose(inner.into());
            let expected = Place::new(pose.position.x, pose.position.y, pose.yaw());
            prop_assert!(are_near(outer.compose(inner), expected));
        }

        #[test]
        fn interpolation_begins_at_one_place_and_ends_at_the_other(from in places(), to in places()) {
            prop_assert!(are_near(from.interpolate(to, 0.0), from));
            prop_assert!(are_near(from.interpolate(to, 1.0), to));
        }
    }

    #[test]
    fn it_turns_the_shorter_way_round() {
        let halfway = Place::new(0.0, 0.0, 3.0).interpolate(Place::new(0.0, 0.0, -3.0), 0.5);
        assert!((halfway.yaw_rad.abs() - PI).abs() < 1e-9, "{halfway:?}");
    }
}
