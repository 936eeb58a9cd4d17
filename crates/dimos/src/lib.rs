//! A process mesh for robots on an LCM bus: who is there, who owns which name, and calls between them.
//!
//! [`Dimos`] is the way in for programs that use a mesh:
//!
//! ```no_run
//! let dimos = dimos::Dimos::connect()?;
//! let answer = dimos.module("planner")?.call("plan", &serde_json::json!({ "x": 1.0, "y": 2.0 }))?;
//! println!("{answer}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below it are two cores without I/O, without a clock and without threads: [`presence`] (claims, beats, names) and [`rpc`]
//! (calls). The protocol is open: its messages are the types of `lcm_types::dimos_mesh`, which any LCM language can read and
//! write.
#![forbid(unsafe_code)]

// Names.
mod name;
mod node;

// The protocol, without I/O.
pub mod presence;
pub mod rpc;

// On a bus.
mod client;
mod mesh;
mod module;
mod service;

pub use client::{ConnectError, Dimos, FindError, Options};
pub use mesh::{MeshCounts, MeshError};
pub use module::{Module, PendingCall, Stream};
pub use name::{Name, NameError};
pub use node::NodeId;
pub use service::{Chunks, ServeError, Served, ServedRequest, Service};

/// Compiles the programs of the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
