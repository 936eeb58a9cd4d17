//! The crate through its public surface, in one process: on loopback multicast, on `memq` and on the bus in memory.
//!
//! Other processes, other programs and other hosts are the business of the `mesh-tests` package.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod burst;
mod filter;
mod inline;
mod log;
mod loopback;
mod memory_bus;
mod memq;
mod overhear;
mod queued;
mod reassembly;
mod schema;
mod statistics;
