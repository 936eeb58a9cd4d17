//! The command `dimos`.
#![forbid(unsafe_code)]

fn main() {}
