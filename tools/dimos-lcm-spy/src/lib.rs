//! Looks at an LCM bus: which channels there are, how often and how large messages come, what is lost, and what they say.
//!
//! Without I/O is what counts and what draws; the bus is read by a thread of its own.
#![forbid(unsafe_code)]

// One channel in detail: its messages as trees, plots and pictures.
pub mod detail;
mod picture;
mod plot;
mod readable;
mod tree;
