//! Calls over a simulated bus that loses, delays, reorders and duplicates, under a fake clock.

mod bodies;
mod faults;
mod hostile;
mod limits;
pub(crate) mod sim;
mod soak;
mod streams;
mod unary;
