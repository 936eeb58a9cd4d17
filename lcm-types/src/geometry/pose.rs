//! Rigid transforms: `Transform`, and `Pose`, which is the same with other names.

use crate::geometry_msgs::{Point, Pose, Pose2D, Quaternion, Transform, Vector3};

/// A rigid transform: it maps coordinates of a child frame into its parent frame, `rotation` first, then `translation` in m.
///
/// The default has a rotation of all zeros, which is none: start from [`Transform::IDENTITY`]. See [`Quaternion`] for what
/// becomes of rotations that are none (NaN) and of those whose length is not 1 (only their direction counts).
///
/// ```
/// use std::f64::consts::FRAC_PI_2;
///
/// use lcm_types::geometry_msgs::{Point, Transform};
///
/// // The robot stands at (2, 0) in the map and looks along y; the lidar sits 0.3 m before its centre.
/// let map_from_robot = Transform::from_xy_yaw(2.0, 0.0, FRAC_PI_2);
/// let robot_from_lidar = Transform::from_xy_yaw(0.3, 0.0, 0.0);
/// let map_from_lidar = map_from_robot.compose(robot_from_lidar);
///
/// // An obstacle 1 m before the lidar.
/// let obstacle = map_from_lidar.transform_point(Point::new(1.0, 0.0, 0.0));
/// assert!(obstacle.distance_to(Point::new(2.0, 1.3, 0.0)) < 1e-12);
/// ```
impl Transform {
    /// The transform between equal frames.
    pub const IDENTITY: Self = Self { translation: Vector3::ZERO, rotation: Quaternion::IDENTITY };

    /// In the plane: the child frame's origin at (`x_m`, `y_m`), turned about z by `yaw_rad`.
    #[must_use]
    pub fn from_xy_yaw(x_m: f64, y_m: f64, yaw_rad: f64) -> Self {
        Self { translation: Vector3::new(x_m, y_m, 0.0), rotation: Quaternion::from_yaw(yaw_rad) }
    }

    /// The heading of the child frame's x axis in rad, in (-π, π]: [`Quaternion::yaw`].
    #[must_use]
    pub fn yaw(self) -> f64 {
        self.rotation.yaw()
    }

    /// First `inner`, then this one: with `self` from B to A and `inner` from C to B, the transform from C to A.
    #[must_use]
    pub fn compose(self, inner: Self) -> Self {
        Self {
            translation: self.translation.plus(1.0, self.rotation.rotate(inner.translation)),
            rotation: self.rotation * inner.rotation,
        }
    }

    /// The transform back, from the parent frame to the child frame.
    #[must_use]
    pub fn inverse(self) -> Self {
        let rotation = self.rotation.inverse();
        Self { translation: Vector3::ZERO.plus(-1.0, rotation.rotate(self.translation)), rotation }
    }

    /// This transform as seen from `base`, both into the same parent: from this one's child frame into that of `base`.
    #[must_use]
    pub fn relative_to(self, base: Self) -> Self {
        base.inverse().compose(self)
    }

    /// A point of the child frame, in the parent frame.
    #[must_use]
    pub fn transform_point(self, point: Point) -> Point {
        self.translation.plus(1.0, self.rotation.rotate(point.into())).into()
    }

    /// A vector of the child frame, in the parent frame. It is turned but not moved.
    #[must_use]
    pub fn transform_vector(self, vector: Vector3) -> Vector3 {
        self.rotation.rotate(vector)
    }

    /// The transform a part `t` of the way to `other`, along a straight line and by [`Quaternion::slerp`]: 0 gives this one,
    /// 1 the other, and what is outside goes on beyond.
    #[must_use]
    pub fn interpolate(self, other: Self, t: f64) -> Self {
        Self {
            translation: self.translation.lerp(other.translation, t),
            rotation: self.rotation.slerp(other.rotation, t),
        }
    }
}

/// The position (in m) and orientation of a body in a frame. It maps coordinates of the body into that frame, so that it can
/// do what a [`Transform`] can.
///
/// The default has an orientation of all zeros, which is none: start from [`Pose::IDENTITY`]. See [`Quaternion`] for what
/// becomes of orientations that are none (NaN) and of those whose length is not 1 (only their direction counts).
///
/// ```
/// use lcm_types::geometry_msgs::{Point, Pose};
///
/// let robot = Pose::from_xy_yaw(2.0, 0.0, 0.5);
/// let goal = Pose::from_xy_yaw(3.0, 1.0, 0.5);
///
/// // Where is the goal, seen from the robot? Heading there is a rotation by:
/// let there = goal.relative_to(robot).position;
/// let turn_rad = there.y.atan2(there.x);
/// assert!((turn_rad - (std::f64::consts::FRAC_PI_4 - 0.5)).abs() < 1e-12);
/// ```
impl Pose {
    /// At the origin of the frame, not turned.
    pub const IDENTITY: Self = Self { position: Point::ORIGIN, orientation: Quaternion::IDENTITY };

    /// In the plane: at (`x_m`, `y_m`), heading `yaw_rad` counter-clockwise from x.
    #[must_use]
    pub fn from_xy_yaw(x_m: f64, y_m: f64, yaw_rad: f64) -> Self {
        Transform::from_xy_yaw(x_m, y_m, yaw_rad).into()
    }

    /// The heading in rad, in (-π, π]: [`Quaternion::yaw`].
    #[must_use]
    pub fn yaw(self) -> f64 {
        self.orientation.yaw()
    }

    /// The pose, in the frame of this one, of what has the pose `inner` relative to this body.
    #[must_use]
    pub fn compose(self, inner: Self) -> Self {
        Transform::from(self).compose(inner.into()).into()
    }

    /// The pose of the frame, seen from the body.
    #[must_use]
    pub fn inverse(self) -> Self {
        Transform::from(self).inverse().into()
    }

    /// This pose as seen from the body `base`, both given in the same frame.
    #[must_use]
    pub fn relative_to(self, base: Self) -> Self {
        Transform::from(self).relative_to(base.into()).into()
    }

    /// A point given relative to the body, in the frame of the pose.
    #[must_use]
    pub fn transform_point(self, point: Point) -> Point {
        Transform::from(self).transform_point(point)
    }

    /// A vector given relative to the body, in the frame of the pose. It is turned but not moved.
    #[must_use]
    pub fn transform_vector(self, vector: Vector3) -> Vector3 {
        Transform::from(self).transform_vector(vector)
    }

    /// The pose a part `t` of the way to `other`: [`Transform::interpolate`].
    #[must_use]
    pub fn interpolate(self, other: Self, t: f64) -> Self {
        Transform::from(self).interpolate(other.into(), t).into()
    }
}

impl From<Pose> for Transform {
    /// The transform from the body's frame into the frame of the pose.
    fn from(pose: Pose) -> Self {
        Self { translation: pose.position.into(), rotation: pose.orientation }
    }
}

impl From<Transform> for Pose {
    /// The pose of the child frame in the parent frame.
    fn from(transform: Transform) -> Self {
        Self { position: transform.translation.into(), orientation: transform.rotation }
    }
}

impl From<Pose2D> for Pose {
    /// The same in space, at z = 0.
    fn from(pose: Pose2D) -> Self {
        Self::from_xy_yaw(pose.x, pose.y, pose.theta)
    }
}
