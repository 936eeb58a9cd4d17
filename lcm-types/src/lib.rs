//! The message types of DimOS, those of ROS among them, as Rust.
#![forbid(unsafe_code)]

#[rustfmt::skip]
mod generated;

mod catalog;

pub use catalog::{IDL_PATH_VARIABLE, IdlError, catalog, catalog_with};
pub use generated::*;

include!(concat!(env!("OUT_DIR"), "/all_types.rs"));
