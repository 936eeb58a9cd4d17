//! Looks at an LCM bus: which channels there are, how often and how large messages come, what is lost, and what they say.
//!
//! [`run`] is the whole program. [`reading`] reads the bus on a thread of its own and counts; [`traffic`] has what is counted, which
//! `dimos topic` uses too; `app` is the terminal program as a pure state machine, `screen` draws it and has the terminal in hand,
//! `headless` prints where there is none. `detail` is what is seen of one channel: trees, plots and pictures of its messages.
//!
//! # What it costs
//!
//! Memory is bounded whatever is sent: 10,000 channels with some 1.2 kB each, 8 senders and 32 s of history of each, 16 MB of messages of a
//! channel that is looked at or plotted, of which there are 16 at most, or a single larger message of each, beside the one that is shown,
//! 64 MB of messages that wait to be recorded. Messages of more than 8 MB are not decoded for a tree, which of an array of short strings
//! takes some ten times as much as the message. What is not remembered is counted and shown.
#![forbid(unsafe_code)]

// What is counted.
pub mod reading;
pub mod traffic;

// What is shown.
mod app;
mod headless;
mod nodes;
mod screen;

// One channel in detail: its messages as trees, plots and pictures.
mod detail;
mod picture;
mod plot;
mod readable;
mod tree;

// Words.
pub mod duration;
pub mod scope;
pub mod selection;
pub mod text;

// The program.
mod error;
mod options;
mod run;

pub use error::SpyError;
pub use options::Options;
pub use run::{Session, run};
