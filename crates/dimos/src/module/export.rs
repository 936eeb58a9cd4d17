//! What the macros write needs from elsewhere.

pub use {schemars, serde};
