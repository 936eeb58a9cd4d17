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
//! [`catalog`] has the definitions as data, for programs that decode what they have no types for.
#![forbid(unsafe_code)]

#[rustfmt::skip]
mod generated;

mod catalog;

pub use catalog::{IDL_PATH_VARIABLE, IdlError, catalog, catalog_with};
pub use generated::*;

include!(concat!(env!("OUT_DIR"), "/all_types.rs"));

/// Compiles the programs of the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
