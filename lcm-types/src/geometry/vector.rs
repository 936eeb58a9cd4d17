//! What the other files of this module, and everybody else, need of `Vector3` and `Point`.

use crate::geometry_msgs::{Point, Vector3};

impl Vector3 {
    /// The zero vector.
    pub const ZERO: Self = Self::new(0.0, 0.0, 0.0);
    /// The unit vector along x: forward, in the frame of a robot.
    pub const X: Self = Self::new(1.0, 0.0, 0.0);
    /// The unit vector along y: left, in the frame of a robot.
    pub const Y: Self = Self::new(0.0, 1.0, 0.0);
    /// The unit vector along z: up, in the frame of a robot.
    pub const Z: Self = Self::new(0.0, 0.0, 1.0);

    /// From its components.
    #[must_use]
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    /// Its length.
    #[must_use]
    pub fn norm(self) -> f64 {
        self.x.hypot(self.y).hypot(self.z)
    }

    /// The scalar product.
    #[must_use]
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// The vector product, which follows the right hand: x × y = z.
    #[must_use]
    pub fn cross(self, other: Self) -> Self {
        Self::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub(super) fn plus(self, factor: f64, other: Self) -> Self {
        Self::new(self.x + factor * other.x, self.y + factor * other.y, self.z + factor * other.z)
    }

    /// Exact at both ends.
    pub(super) fn lerp(self, other: Self, t: f64) -> Self {
        let between = |from: f64, to: f64| (1.0 - t) * from + t * to;
        Self::new(between(self.x, other.x), between(self.y, other.y), between(self.z, other.z))
    }
}

impl Point {
    /// The origin of the frame.
    pub const ORIGIN: Self = Self::new(0.0, 0.0, 0.0);

    /// From its coordinates in m.
    #[must_use]
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    /// The distance to a point of the same frame, in m.
    #[must_use]
    pub fn distance_to(self, other: Self) -> f64 {
        Vector3::from(other).plus(-1.0, self.into()).norm()
    }
}

impl From<Point> for Vector3 {
    /// The vector from the origin to the point.
    fn from(point: Point) -> Self {
        Self::new(point.x, point.y, point.z)
    }
}

impl From<Vector3> for Point {
    /// The point that the vector leads to from the origin.
    fn from(vector: Vector3) -> Self {
        Self::new(vector.x, vector.y, vector.z)
    }
}

macro_rules! array {
    ($type:ident) => {
        impl From<[f64; 3]> for $type {
            fn from([x, y, z]: [f64; 3]) -> Self {
                Self::new(x, y, z)
            }
        }

        impl From<$type> for [f64; 3] {
            fn from(value: $type) -> Self {
                [value.x, value.y, value.z]
            }
        }
    };
}

array!(Vector3);
array!(Point);
