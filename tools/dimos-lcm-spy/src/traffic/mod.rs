//! What is counted of the messages on a bus: rates, sizes, losses, types, and who is behind them. Nothing is decoded but beats.
//!
//! Pure but for [`parties`], which asks the modules: messages and times are passed in. `dimos topic` and the spy count by it.

// What is heard.
pub mod channels;
pub mod history;
pub mod typing;

// Who is behind it.
pub mod beats;
pub mod losses;
pub mod parties;

// Numbers.
pub mod statistics;
pub mod units;
