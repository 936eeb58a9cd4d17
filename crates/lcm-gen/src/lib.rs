//! The IDL of LCM: reads `.lcm` files, says what is wrong with them, and generates Rust.
//!
//! - With the feature `generate`, [`build`] is all that the build script of a crate with messages of its own needs: it
//!   generates the Rust of its `.lcm` files. [`Sources::generate`] and [`directory`] are the parts of it. The generated types
//!   implement [`lcm::Message`].
//! - The program `lcm-gen` does the same from the command line; without `--out` it checks files and prints fingerprints.
//! - [`Sources::compile`] alone reads definitions at run time, into a [`lcm::schema::Schema`].
//!
//! ```
//! let mut sources = lcm_gen::Sources::default();
//! sources.add("point.lcm", "package demo; struct Point { double x, y; } struct Path { int32_t n; Point points[n]; }");
//! let schema = sources.compile().unwrap();
//! assert_eq!(schema.fingerprint("demo.Path")?.to_string().len(), 16);
//! # Ok::<(), lcm::schema::FingerprintError>(())
//! ```
//!
//! All of what lcm-gen accepts is accepted: both kinds of comment, constants, enumerations, arrays of any rank with fixed and
//! variable sizes, nested and recursive types, keywords of any language as names. What lcm-gen leaves to the compiler of its
//! output is checked here: unknown types, array sizes that are no earlier integer, names given twice, types too large for any
//! message. Names, numbers and the sizes of one array are limited to what has a use.
#![forbid(unsafe_code)]

mod check;
mod diagnostic;
mod lexer;
mod parser;
mod sources;

#[cfg(feature = "generate")]
mod build_script;
#[cfg(feature = "generate")]
pub mod directory;
#[cfg(feature = "generate")]
mod generate;

#[cfg(feature = "generate")]
pub use build_script::{BuildError, build};
pub use diagnostic::{Diagnostic, Diagnostics};
#[cfg(feature = "generate")]
pub use generate::GeneratedFile;
pub use sources::{ReadError, Sources};
