//! The crate through its public surface.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod config;
mod connection;
mod contracts;
mod joining;
mod mesh;
mod presence;
mod rpc;
mod scenarios;
mod transforms;
