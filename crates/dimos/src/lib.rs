//! A process mesh for robots on an LCM bus: who is there, who owns which name, and calls between them.
//!
//! The protocol is open: its messages are the types of `lcm_types::dimos_mesh`, which any LCM language can read and write.
#![forbid(unsafe_code)]

mod name;
mod node;

pub use name::{Name, NameError};
pub use node::NodeId;
