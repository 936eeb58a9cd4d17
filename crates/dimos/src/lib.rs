//! A process mesh for robots on an LCM bus: who is there, who owns which name, and calls between them.
//!
//! Every part of a robot is a process of its own. With `#[derive(Module)]` it is written in Rust: the [module `module`](mod@module)
//! has the tour. [`Dimos`] is the way in for programs that use a mesh:
//!
//! ```no_run
//! let dimos = dimos::Dimos::connect()?;
//! let answer = dimos.module("planner")?.call("plan", &serde_json::json!({ "x": 1.0, "y": 2.0 }))?;
//! println!("{answer}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Service`] is for programs that are called without being modules. Below it all are cores without I/O, without a clock and without
//! threads: [`presence`] (claims, beats, names), [`rpc`] (calls) and [`transforms`]. The protocol is open: its messages are the types of
//! `lcm_types::dimos_mesh`, which any LCM language can read and write.
#![forbid(unsafe_code)]

// Names.
mod name;
mod node;
mod topic;

// The protocol, without I/O.
pub mod presence;
pub mod rpc;
pub mod transforms;

// What modules say of themselves, and what calls carry.
mod about;
mod body;
pub mod config;
pub mod contract;
mod description;
pub mod json_schema;
pub mod wire;

// On a bus.
mod call;
mod chain;
mod client;
pub mod coordinator;
pub mod exit;
mod listing;
mod mesh;
mod messages;
pub mod module;
mod remote;
mod service;

pub use about::About;
/// For fuzz targets: what decodes the arguments that others send.
#[doc(hidden)]
pub use body::decode_arguments;
pub use call::{Call, Chunks, Reply};
pub use client::{ConnectError, Dimos, FindError, Options};
pub use contract::Contract;
pub use description::{Configured, Connections, Description};
pub use dimos_macros::{Module, Wire, interface, module};
pub use lcm::{Queue, Sample};
pub use listing::{DescribeError, Listing, Rpc, SkillError};
pub use mesh::{MeshCounts, MeshError};
pub use messages::{ListenError, Messages, SendError};
pub use module::{Clock, Context, In, Module, Out, OutError, Ref, Tf, run};
pub use name::{Name, NameError};
pub use node::NodeId;
pub use remote::{PendingCall, RemoteModule, Stream};
pub use rpc::{RpcError, TimeLimit};
pub use service::{ServeError, Served, Service};
pub use topic::{TopicError, channel_of, is_global};
pub use wire::Wire;

// The macros name this crate as its users do.
extern crate self as dimos;

/// Compiles the programs of the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
