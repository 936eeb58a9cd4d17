//! The message types and the help around them.

mod every_type;
#[path = "../../../crates/lcm-gen/tests/random/mod.rs"]
mod random;
