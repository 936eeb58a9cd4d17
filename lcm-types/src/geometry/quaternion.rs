//! Rotations as quaternions.
//!
//! Rounding is looked after where it would show: angles come from `atan2`, never from `acos`.

use std::f64::consts::{FRAC_PI_2, PI};
use std::ops::{Mul, Range};

use crate::geometry_msgs::{Quaternion, Vector3};

/// A rotation as a quaternion, which maps coordinates of a turned frame into the frame that it is turned in.
///
/// The length of a quaternion does not matter for its rotation: [`rotate`](Self::rotate), [`slerp`](Self::slerp) and
/// whatever returns angles divide by it, so peers that send single precision do no harm. Two quaternions do not stand for a
/// rotation: the one of all zeros, **which is also the default**, and any with a component that is infinite or no number. Of
/// these [`normalized`](Self::normalized) gives `None`, and everything else NaN; nothing panics. Write
/// [`Quaternion::IDENTITY`] for no rotation.
impl Quaternion {
    /// No rotation: (0, 0, 0, 1).
    pub const IDENTITY: Self = Self::new(0.0, 0.0, 0.0, 1.0);

    /// From its components, the scalar `w` last.
    #[must_use]
    pub const fn new(x: f64, y: f64, z: f64, w: f64) -> Self {
        Self { x, y, z, w }
    }

    /// The rotation about `axis` by `angle_rad`, counter-clockwise as seen from the tip of the axis.
    ///
    /// The axis may have any length. `None` if it is zero, or anything is infinite or no number.
    ///
    /// ```
    /// use std::f64::consts::FRAC_PI_2;
    ///
    /// use lcm_types::geometry_msgs::{Quaternion, Vector3};
    ///
    /// let quarter = Quaternion::from_axis_angle(Vector3::Z, FRAC_PI_2).expect("an axis has a direction");
    /// let left = quarter.rotate(Vector3::X);
    /// assert!((left.y - 1.0).abs() < 1e-12);
    /// assert_eq!(Quaternion::from_axis_angle(Vector3::ZERO, FRAC_PI_2), None);
    /// ```
    #[must_use]
    pub fn from_axis_angle(axis: Vector3, angle_rad: f64) -> Option<Self> {
        let axis = Self::new(axis.x, axis.y, axis.z, 0.0).normalized()?;
        let (sine, cosine) = (angle_rad / 2.0).sin_cos();
        angle_rad.is_finite().then(|| Self::new(axis.x * sine, axis.y * sine, axis.z * sine, cosine))
    }

    /// The rotation by `roll_rad` about x, then `pitch_rad` about y, then `yaw_rad` about z, each about the axes of the fixed
    /// frame. That is the convention of ROS (REP 103) and equals yaw, pitch, roll about the axes that turn along.
    ///
    /// A positive pitch lowers the nose: it turns x, which is forward, towards -z.
    #[must_use]
    pub fn from_rpy(roll_rad: f64, pitch_rad: f64, yaw_rad: f64) -> Self {
        let (sin_roll, cos_roll) = (roll_rad / 2.0).sin_cos();
        let (sin_pitch, cos_pitch) = (pitch_rad / 2.0).sin_cos();
        let (sin_yaw, cos_yaw) = (yaw_rad / 2.0).sin_cos();
        Self {
            x: sin_roll * cos_pitch * cos_yaw - cos_roll * sin_pitch * sin_yaw,
            y: cos_roll * sin_pitch * cos_yaw + sin_roll * cos_pitch * sin_yaw,
            z: cos_roll * cos_pitch * sin_yaw - sin_roll * sin_pitch * cos_yaw,
            w: cos_roll * cos_pitch * cos_yaw + sin_roll * sin_pitch * sin_yaw,
        }
    }

    /// Roll, pitch and yaw in rad, with which [`from_rpy`](Self::from_rpy) gives the same rotation. Roll and yaw are in
    /// (-π, π], pitch in [-π/2, π/2].
    ///
    /// Where x points straight up or down, only the sum or the difference of roll and yaw is determined: roll is 0 there.
    ///
    /// ```
    /// use lcm_types::geometry_msgs::Quaternion;
    ///
    /// let (roll, pitch, yaw) = Quaternion::from_rpy(0.1, -0.2, 0.3).to_rpy();
    /// assert!((roll - 0.1).abs() < 1e-12 && (pitch + 0.2).abs() < 1e-12 && (yaw - 0.3).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn to_rpy(self) -> (f64, f64, f64) {
        // After Bernardes and Viollet, "Quaternion to Euler angles conversion" (2022), which stays exact near the poles. With
        // the components of `from_rpy` these four are, times √2,
        //   sin(pitch/2 + 45°) * (cos, sin)((roll - yaw)/2) and cos(pitch/2 + 45°) * (cos, sin)((roll + yaw)/2).
        let Self { x, y, z, w } = self.unit();
        let (difference, sum) = ((w + y, x - z), (w - y, x + z));
        let (up, down) = (difference.0.hypot(difference.1), sum.0.hypot(sum.1));
        let pitch = 2.0 * up.atan2(down) - FRAC_PI_2;
        let half_difference = difference.1.atan2(difference.0);
        let half_sum = sum.1.atan2(sum.0);
        if down < POLE {
            (0.0, pitch, wrapped(-2.0 * half_difference))
        } else if up < POLE {
            (0.0, pitch, wrapped(2.0 * half_sum))
        } else {
            (wrapped(half_sum + half_difference), pitch, wrapped(half_sum - half_difference))
        }
    }

    /// The rotation about z, which is up, by `yaw_rad`: a heading in the plane, counter-clockwise from x.
    #[must_use]
    pub fn from_yaw(yaw_rad: f64) -> Self {
        let (sine, cosine) = (yaw_rad / 2.0).sin_cos();
        Self::new(0.0, 0.0, sine, cosine)
    }

    /// The heading in rad, in (-π, π]: the yaw of [`to_rpy`](Self::to_rpy).
    #[must_use]
    pub fn yaw(self) -> f64 {
        self.to_rpy().2
    }

    /// The length; 1 for a proper rotation.
    #[must_use]
    pub fn norm(self) -> f64 {
        self.x.hypot(self.y).hypot(self.z).hypot(self.w)
    }

    /// The same rotation with length 1; `None` if this is no rotation: if all components are zero, or one is infinite or no
    /// number.
    ///
    /// ```
    /// use lcm_types::geometry_msgs::Quaternion;
    ///
    /// assert_eq!(Quaternion::new(0.0, 0.0, 0.0, 2.0).normalized(), Some(Quaternion::IDENTITY));
    /// let received = Quaternion::default();
    /// assert_eq!(received.normalized(), None);
    /// assert_eq!(received.normalized().unwrap_or(Quaternion::IDENTITY), Quaternion::IDENTITY);
    /// ```
    #[must_use]
    pub fn normalized(self) -> Option<Self> {
        let square = self.dot(self);
        if SAFE_SQUARES.contains(&square) {
            return Some(self.over(square.sqrt()));
        }
        // The squares are too small or too large, if the components are numbers at all.
        let largest = self.x.abs().max(self.y.abs()).max(self.z.abs()).max(self.w.abs());
        let scaled = self.over(largest);
        let square = scaled.dot(scaled);
        (largest.is_finite() && square.is_finite()).then(|| scaled.over(square.sqrt()))
    }

    /// The quaternion with the vector part reversed: for one of length 1, the rotation back.
    #[must_use]
    pub const fn conjugate(self) -> Self {
        Self { x: -self.x, y: -self.y, z: -self.z, w: self.w }
    }

    /// The rotation back, so that the product of both, in either order, is the identity whatever the length.
    #[must_use]
    pub fn inverse(self) -> Self {
        let norm = self.norm();
        self.conjugate().over(norm).over(norm)
    }

    /// The vector after the rotation: coordinates in the turned frame, seen from the frame it is turned in.
    #[must_use]
    pub fn rotate(self, vector: Vector3) -> Vector3 {
        let square = self.dot(self);
        if !SAFE_SQUARES.contains(&square) {
            return self.unit().rotate_with(1.0, vector);
        }
        self.rotate_with(square, vector)
    }

    /// The rotation a part `t` of the way to `other`, along the shorter way and with constant speed: 0 gives this one, 1 the
    /// other, and what is outside goes on beyond. The length is 1.
    ///
    /// With half a turn between them there are two shortest ways, and either may be taken.
    #[must_use]
    pub fn slerp(self, other: Self, t: f64) -> Self {
        let (from, to) = (self.unit(), other.unit());
        // A quaternion and its negative are the same rotation.
        let to = if from.dot(to) < 0.0 { to.over(-1.0) } else { to };
        let angle = 2.0 * from.plus(-1.0, to).norm().atan2(from.plus(1.0, to).norm());
        let sine = angle.sin();
        let (from_part, to_part) =
            if sine == 0.0 { (1.0 - t, t) } else { (((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine) };
        let zero = Self::new(0.0, 0.0, 0.0, 0.0);
        zero.plus(from_part, from).plus(to_part, to).unit()
    }

    /// The angle in rad, in [0, π], of the rotation that leads from this one to `other`.
    #[must_use]
    pub fn angle_to(self, other: Self) -> f64 {
        let between = self.unit().conjugate() * other.unit();
        2.0 * Vector3::new(between.x, between.y, between.z).norm().atan2(between.w.abs())
    }

    /// With length 1; all NaN if it is no rotation.
    fn unit(self) -> Self {
        self.normalized().unwrap_or(Self::new(f64::NAN, f64::NAN, f64::NAN, f64::NAN))
    }

    fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z + self.w * other.w
    }

    fn over(self, divisor: f64) -> Self {
        Self::new(self.x / divisor, self.y / divisor, self.z / divisor, self.w / divisor)
    }

    fn plus(self, factor: f64, other: Self) -> Self {
        Self {
            x: self.x + factor * other.x,
            y: self.y + factor * other.y,
            z: self.z + factor * other.z,
            w: self.w + factor * other.w,
        }
    }

    /// `square` is the square of the length.
    fn rotate_with(self, square: f64, vector: Vector3) -> Vector3 {
        let axis = Vector3::new(self.x, self.y, self.z);
        let turned = axis.cross(vector);
        let factor = 2.0 / square;
        vector.plus(factor * self.w, turned).plus(factor, axis.cross(turned))
    }
}

impl Mul for Quaternion {
    type Output = Self;

    /// The Hamilton product: the rotation `other`, then this one, both about fixed axes. It does not change lengths that are
    /// 1, but rounding adds up in long products: [`normalized`](Self::normalized) takes it away.
    fn mul(self, other: Self) -> Self {
        Self {
            x: self.w * other.x + self.x * other.w + self.y * other.z - self.z * other.y,
            y: self.w * other.y - self.x * other.z + self.y * other.w + self.z * other.x,
            z: self.w * other.z + self.x * other.y - self.y * other.x + self.z * other.w,
            w: self.w * other.w - self.x * other.x - self.y * other.y - self.z * other.z,
        }
    }
}

/// An angle in (-2π, 2π] as the same in (-π, π].
fn wrapped(angle_rad: f64) -> f64 {
    if angle_rad > PI {
        angle_rad - 2.0 * PI
    } else if angle_rad <= -PI {
        angle_rad + 2.0 * PI
    } else {
        angle_rad
    }
}

/// Squares of lengths that neither overflow nor lose digits.
const SAFE_SQUARES: Range<f64> = 1e-200..1e200;

/// Nearer than this to straight up or down, in rad, roll and yaw are noise.
const POLE: f64 = 1e-12;
