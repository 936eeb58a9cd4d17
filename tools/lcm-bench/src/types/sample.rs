//! The messages that are measured: what robots really send, by size and by what is in them.

use std::fmt;

use anyhow::{Context, Result};
use clap::ValueEnum;
use lcm::Message;
use lcm_types::geometry_msgs::{Point, Pose, PoseStamped, Quaternion, Transform, TransformStamped, Twist, Vector3};
use lcm_types::nav_msgs::Path;
use lcm_types::sensor_msgs::{Image, Imu, JointState, LaserScan, PointCloud2, PointField};
use lcm_types::std_msgs::{Header, Time};
use lcm_types::tf2_msgs::TFMessage;

/// A type that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    Twist,
    Imu,
    PoseStamped,
    JointState,
    #[value(name = "tf-message")]
    TFMessage,
    Path,
    LaserScan,
    Image,
    #[value(name = "point-cloud2")]
    PointCloud2,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    /// The size of the blob; 0 of a type without one.
    body_bytes: usize,
}

/// A type and what is measured with it.
pub(super) trait Sample: Message {
    /// A message with a body of that size, if the type has a body.
    fn sample(body_bytes: usize) -> Self;

    /// Reads a member of a view.
    fn look(view: Self::View<'_>) -> f64;
}

impl Kind {
    /// The message that stands for the type.
    pub(super) fn usual(self) -> Subject {
        self.with_body(match self {
            Self::Image => CAMERA_BYTES,
            Self::PointCloud2 => 1 << 20,
            _ => 0,
        })
    }

    pub(super) fn with_body(self, body_bytes: usize) -> Subject {
        Subject { kind: self, body_bytes }
    }

    /// What lcm-gen calls the type in C.
    pub(super) fn name_in_c(self) -> String {
        let name = match self {
            Self::Twist => Twist::NAME,
            Self::Imu => Imu::NAME,
            Self::PoseStamped => PoseStamped::NAME,
            Self::JointState => JointState::NAME,
            Self::TFMessage => TFMessage::NAME,
            Self::Path => Path::NAME,
            Self::LaserScan => LaserScan::NAME,
            Self::Image => Image::NAME,
            Self::PointCloud2 => PointCloud2::NAME,
        };
        name.replace('.', "_")
    }
}

impl Subject {
    pub(super) fn encoded(self) -> Result<Vec<u8>> {
        let bytes = match self.kind {
            Kind::Twist => Twist::sample(self.body_bytes).encode(),
            Kind::Imu => Imu::sample(self.body_bytes).encode(),
            Kind::PoseStamped => PoseStamped::sample(self.body_bytes).encode(),
            Kind::JointState => JointState::sample(self.body_bytes).encode(),
            Kind::TFMessage => TFMessage::sample(self.body_bytes).encode(),
            Kind::Path => Path::sample(self.body_bytes).encode(),
            Kind::LaserScan => LaserScan::sample(self.body_bytes).encode(),
            Kind::Image => Image::sample(self.body_bytes).encode(),
            Kind::PointCloud2 => PointCloud2::sample(self.body_bytes).encode(),
        };
        bytes.with_context(|| format!("cannot encode {self}"))
    }

    /// Of the file with its bytes.
    pub(super) fn file_name(self) -> String {
        format!("{}-{}", argument(self.kind), self.body_bytes)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match self.kind {
            Kind::Twist | Kind::Imu | Kind::PoseStamped => String::new(),
            Kind::JointState => format!(" of {JOINTS}"),
            Kind::TFMessage => format!(" of {TRANSFORMS}"),
            Kind::Path => format!(" of {POSES}"),
            Kind::LaserScan => format!(" of {RAYS}"),
            Kind::Image if self.body_bytes == CAMERA_BYTES => " of 1280x720 RGB".to_owned(),
            Kind::Image | Kind::PointCloud2 if self.body_bytes < 1 << 20 => {
                format!(" of {} KiB", self.body_bytes >> 10)
            }
            Kind::Image | Kind::PointCloud2 => format!(" of {} MiB", self.body_bytes >> 20),
        };
        write!(f, "{:?}{body}", self.kind)
    }
}

/// How a value is written on a command line.
pub(super) fn argument(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Sample for Twist {
    fn sample(_: usize) -> Self {
        Self { linear: vector(0.5), angular: vector(-0.25) }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.linear().x()
    }
}

impl Sample for Imu {
    fn sample(_: usize) -> Self {
        Self {
            header: header("imu_link"),
            orientation: rotation(),
            orientation_covariance: covariance(1e-3),
            angular_velocity: vector(0.02),
            angular_velocity_covariance: covariance(1e-4),
            linear_acceleration: vector(9.81),
            linear_acceleration_covariance: covariance(1e-2),
        }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.linear_acceleration().z()
    }
}

impl Sample for PoseStamped {
    fn sample(_: usize) -> Self {
        Self { header: header("map"), pose: pose(1.0) }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.pose().position().x()
    }
}

impl Sample for JointState {
    fn sample(_: usize) -> Self {
        let values = |scale: f64| (0..JOINTS).map(|joint| scale * joint as f64).collect();
        Self {
            header: header(""),
            name: (0..JOINTS).map(|joint| format!("leg_{}_joint_{}", joint / 3, joint % 3)).collect(),
            position: values(0.1),
            velocity: values(-0.3),
            effort: values(4.5),
        }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.position().first().map_or(0.0, |position| position.get())
    }
}

impl Sample for TFMessage {
    fn sample(_: usize) -> Self {
        let transform = |index| TransformStamped {
            header: header("base_link"),
            child_frame_id: format!("link_{index}"),
            transform: Transform { translation: vector(index as f64), rotation: rotation() },
        };
        Self { transforms: (0..TRANSFORMS).map(transform).collect() }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.transforms().len() as f64
    }
}

impl Sample for Path {
    fn sample(_: usize) -> Self {
        let pose = |index| PoseStamped { header: header("map"), pose: pose(index as f64) };
        Self { header: header("map"), poses: (0..POSES).map(pose).collect() }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.poses().len() as f64
    }
}

impl Sample for LaserScan {
    fn sample(_: usize) -> Self {
        Self {
            header: header("laser"),
            angle_min: -2.35,
            angle_max: 2.35,
            angle_increment: 4.7e-3,
            time_increment: 2.5e-5,
            scan_time: 0.025,
            range_min: 0.1,
            range_max: 30.0,
            ranges: (0..RAYS).map(|ray| 1.0 + ray as f32 / 100.0).collect(),
            intensities: Vec::new(),
        }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.ranges().first().map_or(0.0, |range| range.get().into())
    }
}

impl Sample for Image {
    fn sample(body_bytes: usize) -> Self {
        let (width, pixel_bytes, encoding) =
            if body_bytes == CAMERA_BYTES { (1280, 3, "rgb8") } else { (1024, 1, "mono8") };
        Self {
            header: header("camera_optical"),
            height: number(body_bytes / (width * pixel_bytes)),
            width: number(width),
            encoding: encoding.to_owned(),
            is_bigendian: 0,
            step: number(width * pixel_bytes),
            data: blob(body_bytes),
        }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.width().into()
    }
}

impl Sample for PointCloud2 {
    fn sample(body_bytes: usize) -> Self {
        let field = |(name, offset): (&str, _)| PointField {
            name: name.to_owned(),
            offset,
            datatype: PointField::FLOAT32.cast_unsigned(),
            count: 1,
        };
        Self {
            header: header("lidar"),
            height: 1,
            width: number(body_bytes / 16),
            fields: [("x", 0), ("y", 4), ("z", 8), ("intensity", 12)].map(field).to_vec(),
            is_bigendian: false,
            point_step: 16,
            row_step: number(body_bytes),
            data: blob(body_bytes),
            is_dense: true,
        }
    }

    fn look(view: Self::View<'_>) -> f64 {
        view.width().into()
    }
}

fn header(frame_id: &str) -> Header {
    Header { seq: 0, stamp: Time { sec: 1_700_000_000, nsec: 123_456_789 }, frame_id: frame_id.to_owned() }
}

fn vector(scale: f64) -> Vector3 {
    Vector3 { x: scale, y: scale / 3.0, z: -scale }
}

fn rotation() -> Quaternion {
    Quaternion { x: 0.0, y: 0.0, z: 0.6, w: 0.8 }
}

fn pose(scale: f64) -> Pose {
    Pose { position: Point { x: scale, y: scale / 3.0, z: 0.0 }, orientation: rotation() }
}

fn covariance(scale: f64) -> [f64; 9] {
    std::array::from_fn(|cell| if cell % 4 == 0 { scale } else { 0.0 })
}

fn blob(bytes: usize) -> Vec<u8> {
    // A prime, so that no row looks like the one before.
    (0_u8..251).cycle().take(bytes).collect()
}

/// A size as the IDL has it.
fn number(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

const JOINTS: usize = 12;
const TRANSFORMS: usize = 10;
const POSES: usize = 1000;
const RAYS: usize = 1000;
const CAMERA_BYTES: usize = 1280 * 720 * 3;

/// The IDL files of these types, and of those that they contain.
pub(super) const IDL: &[&str] = &[
    "geometry_msgs/Point",
    "geometry_msgs/Pose",
    "geometry_msgs/PoseStamped",
    "geometry_msgs/Quaternion",
    "geometry_msgs/Transform",
    "geometry_msgs/TransformStamped",
    "geometry_msgs/Twist",
    "geometry_msgs/Vector3",
    "nav_msgs/Path",
    "sensor_msgs/Image",
    "sensor_msgs/Imu",
    "sensor_msgs/JointState",
    "sensor_msgs/LaserScan",
    "sensor_msgs/PointCloud2",
    "sensor_msgs/PointField",
    "std_msgs/Header",
    "std_msgs/Time",
    "tf2_msgs/TFMessage",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_large_as_their_names_say() {
        let bytes = |subject: Subject| subject.encoded().unwrap().len();
        assert_eq!(bytes(Kind::Twist.usual()), 8 + 6 * 8);
        assert!((CAMERA_BYTES..CAMERA_BYTES + 100).contains(&bytes(Kind::Image.usual())));
        assert!((1 << 20..(1 << 20) + 200).contains(&bytes(Kind::PointCloud2.usual())));
        let shown = [Kind::Image.usual(), Kind::Image.with_body(1024), Kind::PointCloud2.with_body(16 << 20)];
        assert_eq!(
            shown.map(|subject| subject.to_string()),
            ["Image of 1280x720 RGB", "Image of 1 KiB", "PointCloud2 of 16 MiB"]
        );
    }
}
