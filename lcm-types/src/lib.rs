//! The message types of DimOS, which are those of ROS and some more, on LCM's wire.
//!
//! Each type comes as a struct that owns its data, with public fields; as a view, which looks at a received message where it
//! lies; and, where all its messages are of one size, as the layout that such a view refers to. [`lcm::Message`] is what they
//! have in common.
//!
//! ```
//! use lcm::Message;
//! use lcm_types::geometry_msgs::{Point, PoseStamped};
//!
//! let mut goal = PoseStamped::default();
//! goal.header.frame_id = "map".into();
//! goal.pose.position = Point { x: 2.0, y: -1.0, z: 0.0 };
//! let bytes = goal.encode()?;
//!
//! // Where it lies, nothing copied.
//! let view = PoseStamped::view(&bytes)?;
//! assert_eq!(view.header().frame_id(), "map");
//! assert_eq!(view.pose().position().x(), 2.0);
//!
//! // Or a message of its own.
//! assert_eq!(PoseStamped::decode(&bytes)?, goal);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The sizes of arrays, such as `data_length`, are on the wire but not in the types: they follow from the vectors. Arrays of
//! numbers in views are big-endian as on the wire; [`lcm::codec::to_native`] and [`lcm::codec::copy_to_native`] convert all of one at
//! once.
//!
//! # Times, rotations, images, point clouds
//! What everybody needs of the common types is written by hand:
//!
//! | for | there is |
//! |---|---|
//! | times and durations | `now`, conversions, arithmetic: module [`time`]; [`Header::now`](std_msgs::Header::now) |
//! | rotations | [`Quaternion`](geometry_msgs::Quaternion): from and to angles, product, `rotate`, `slerp` |
//! | poses and transforms | [`Pose`](geometry_msgs::Pose) and [`Transform`](geometry_msgs::Transform): `compose`, `inverse`, `relative_to`, `interpolate` |
//! | images | [`Image::from_pixels`](sensor_msgs::Image::from_pixels), and typed pixels of received ones: module [`mod@image`] |
//! | point clouds | [`PointCloud2::from_xyz`](sensor_msgs::PointCloud2::from_xyz), and typed columns and records of received ones: module [`point_cloud`] |
//!
//! Lengths are in m, angles in rad, in right-handed frames. The default of a message is all zeros, and a quaternion of all zeros
//! is no rotation: write `Quaternion::IDENTITY`, `Pose::IDENTITY` or `Transform::IDENTITY`.
//!
//! ```
//! use lcm_types::geometry_msgs::{Pose, PoseStamped};
//! use lcm_types::std_msgs::Header;
//!
//! // A goal 2 m ahead of the robot, which stands at (1, 3) in the map and looks along y.
//! let robot = Pose::from_xy_yaw(1.0, 3.0, std::f64::consts::FRAC_PI_2);
//! let goal = PoseStamped { header: Header::now("map"), pose: robot.compose(Pose::from_xy_yaw(2.0, 0.0, 0.0)) };
//! assert!((goal.pose.position.y - 5.0).abs() < 1e-12);
//! ```
//!
//! # Definitions
//! [`catalog`] has the definitions as data, for programs that decode what they have no types for.
#![forbid(unsafe_code)]

include!(concat!(env!("OUT_DIR"), "/all_types.rs"));

#[rustfmt::skip]
mod generated;

mod cast;
mod catalog;
mod geometry;
mod header;
pub mod image;
#[cfg(feature = "schemars")]
mod json_schema;
pub mod point_cloud;
pub mod time;

pub use catalog::{IDL_PATH_VARIABLE, IdlError, catalog, catalog_with};
pub use generated::*;
