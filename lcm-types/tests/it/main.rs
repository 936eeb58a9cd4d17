//! The message types and the help around them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalog;
mod every_type;
mod geometry;
mod image;
mod point_cloud;
#[path = "../../../crates/lcm-gen/tests/random/mod.rs"]
mod random;
mod received;
mod time;
