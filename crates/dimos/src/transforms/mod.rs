//! Transforms between the coordinate frames of a robot, over time: what ROS calls tf2, without I/O, without a clock and without
//! threads.
//!
//! Robots say on `/tf#tf2_msgs.TFMessage` where their frames are. A [`TransformBuffer`] takes in those messages and answers
//! where something is that was measured in one frame, seen from another one, at the time it was measured:
//!
//! ```
//! use std::time::Duration;
//!
//! use dimos::transforms::{TransformBuffer, When};
//! use lcm_types::geometry_msgs::{Point, Transform, TransformStamped};
//! use lcm_types::std_msgs::{Header, Time};
//!
//! let at = |sec, nsec| Time { sec, nsec };
//! let stamped = |stamp, parent: &str, child: &str, transform| TransformStamped {
//!     header: Header::at(stamp, parent),
//!     child_frame_id: child.into(),
//!     transform,
//! };
//!
//! let mut transforms = TransformBuffer::new();
//! // The lidar sits 0.3 m before the centre of the robot, always.
//! transforms.insert_static(&stamped(at(0, 0), "base_link", "lidar", Transform::from_xy_yaw(0.3, 0.0, 0.0)))?;
//! // The robot drives along x with 1 m/s, and odometry says so ten times a second.
//! for tenth in 0..10 {
//!     let transform = Transform::from_xy_yaw(f64::from(tenth) * 0.1, 0.0, 0.0);
//!     transforms.insert(&stamped(at(100, tenth * 100_000_000), "odom", "base_link", transform))?;
//! }
//!
//! // The lidar saw an obstacle 2 m ahead of it, between two messages of the odometry.
//! let when = When::At { stamp: at(100, 250_000_000), tolerance: Duration::ZERO };
//! let odom_from_lidar = transforms.lookup("odom", "lidar", when)?;
//! let obstacle = odom_from_lidar.transform.transform_point(Point::new(2.0, 0.0, 0.0));
//! assert!(obstacle.distance_to(Point::new(0.25 + 0.3 + 2.0, 0.0, 0.0)) < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Directions
//! A transform maps coordinates of its **child** frame (`child_frame_id`) into its **parent** frame (`header.frame_id`). Its
//! translation, in m, is where the child's origin is in the parent. `lookup(target, source, when)` maps coordinates of
//! `source` into `target`: the answer has `target` as its `header.frame_id` and `source` as its `child_frame_id`. Python
//! DimOS says the same with `get(parent_frame, child_frame)`.
//!
//! # Frames
//! Frames form trees: a child has one parent at a time. A sample with another parent moves the child there and drops its history.
//! A parent that is below its own child is refused. Two publishers that do not agree on a parent take turns, each dropping the
//! other's history; [`Counts::reparented`] tells. Names are UTF-8 of at most [`MAX_FRAME_ID_BYTES`], without the leading `/` that
//! ROS 1 allowed.
//!
//! # Time
//! Each edge, from a child to its parent, keeps its samples for 10 s before its newest one. At a time between two samples it is
//! interpolated, linearly and by slerp; beyond the oldest and the newest it is never extrapolated, and nothing is known but of
//! what stands still. Stamps may come in any order. One that is more than those 10 s before the newest means that a simulation
//! or a log began anew, and so does the history.
//!
//! A lookup evaluates all edges of its path at one time, which is the stamp of its answer. [`When`] says which. What was seen at
//! one time and is wanted at another takes two, over a frame that does not move: `base_link` from `odom` now, composed with
//! `odom` from `camera` at the time of the picture.
//!
//! # What stands still
//! LCM has no latched topics, so there is no `/tf_static`: static transforms are published again and again, in DimOS five times
//! a second. They are recognised by what they do:
//!
//! - **At rest**: all kept samples are equal, and there are at least two. The edge is taken to stay where it is until its next
//!   sample is overdue, which is two of its mean periods (at most 10 s) beyond its newest sample, and likewise before its
//!   oldest one. So a static transform at 5 Hz never holds up a path of 50 Hz, and a localiser that dies while the robot
//!   stands does not pass for a static one. The price: a robot that stood for 10 s and sets off is taken to stand until its
//!   odometry says otherwise, but for no longer than that.
//! - **Said once**: there is one sample only, or they are more than 10 s apart. For [`When::Latest`] it holds at any time, and for
//!   [`When::At`] within the tolerance.
//! - **Own**: [`TransformBuffer::insert_static`] is for the static transforms that a module knows itself. They hold at all
//!   times, and what others say of the same child is refused.
//!
//! # Waiting
//! A lookup that fails may succeed with the next message. [`LookupError::is_waitable`] tells whether it can,
//! [`TransformBuffer::generation`] whether anything came, and [`TransformBuffer::can_lookup`] tries without the cost of an
//! explanation.
//!
//! # Memory
//! Whatever arrives, memory is bounded by [`Limits`]. What is refused or dropped is counted in [`Counts`].

mod counts;
mod error;
mod limits;
mod report;

mod buffer;
mod checks;
mod frames;
mod history;
mod lookup;
mod similar;

pub use buffer::{Batch, Inserted, TransformBuffer};
pub use counts::Counts;
pub use error::{Edge, FrameIdError, InsertError, LookupError, Side};
pub use limits::{Limits, MAX_FRAME_ID_BYTES, MAX_TRANSLATION_M, NORMS};
pub use lookup::When;
pub use report::{FrameStatus, Motion};
