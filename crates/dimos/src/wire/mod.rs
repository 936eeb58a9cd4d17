//! Binary bodies of calls: what may travel so, the hash that both sides compare, and the encoding.
//!
//! JSON is the default and open to every language. A binary method is for two programs that were built from the same
//! definitions of their types: arguments and results are bincode, which says nothing about itself. So each type has a
//! [`Shape`], a hash over its members' names and types in order, and a call whose hash differs from the method's is refused
//! before anything is decoded.

mod codec;
mod messages;
mod shape;
mod standard;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use codec::{decode, encode};
pub use shape::Shape;

/// A type that can be the argument or result of a binary method.
///
/// Derive it, beside serde's traits:
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, dimos::Wire)]
/// struct Reading {
///     range_m: f32,
///     intensity: Option<u16>,
/// }
/// assert_ne!(<Reading as dimos::Wire>::SHAPE, <(f32, Option<u16>) as dimos::Wire>::SHAPE);
/// ```
///
/// What bincode cannot carry does not compile: `#[serde(...)]` attributes that make the encoding depend on the value or on the
/// format, dynamic values such as [`serde_json::Value`], types that contain themselves (a forged message could nest them without end), and
/// collections of what takes no bytes (a forged length could claim any number of them).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel in binary calls",
    label = "not `Wire`",
    note = "derive it with `#[derive(dimos::Wire)]`, beside serde's traits; dynamic values need a method in JSON"
)]
pub trait Wire: Serialize + DeserializeOwned {
    /// What both sides of a call must agree on.
    const SHAPE: Shape;
}
