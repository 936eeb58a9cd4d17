//! The configuration of a module: one value out of layers, and where each part of it comes from.
//!
//! Owns the precedence of the layers, how texts become values by what the schema says of their key, and the words for everything
//! that can be wrong. It leaves to others what the operating system has: reading the file, the environment and the command line.
//!
//! A module's configuration is a struct with `Default`, `Serialize`, `Deserialize` and `JsonSchema`. From weak to strong: its
//! defaults, files, the environment, the launcher, the command line. Objects are merged key by key; anything else is replaced as
//! a whole. Where the schema has several alternatives of objects, as for an enum with data, an object that is complete by itself
//! replaces the former one.
//!
//! ```
//! use dimos::config::Layers;
//!
//! #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! struct Mapper {
//!     frame: String,
//!     grid: Grid,
//! }
//!
//! #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! struct Grid {
//!     cell_m: f64,
//! }
//!
//! let mut layers = Layers::of::<Mapper>()?;
//! layers.file("mapper.toml", "frame = 'map'\n[grid]\ncell_m = 0.05");
//! layers.argument("grid.cell_m=0.1");
//! let (mapper, effective) = layers.read::<Mapper>()?;
//! assert_eq!((mapper.frame.as_str(), mapper.grid.cell_m), ("map", 0.1));
//! assert_eq!(effective.to_string(), "\
//! key          value  source
//! frame        \"map\"  mapper.toml:1:9
//! grid.cell_m  0.1    argument grid.cell_m=0.1
//! ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Texts
//! On the command line and in the environment a value is a text, and the schema of its key says how it is read. A string stays as
//! it is, also if it looks like a number. Booleans are `true` or `false`. A list is joined by commas, or is JSON; an object is JSON.
//! `null` or `none` is the absence of an optional value, and an optional string of that very text is written in double quotes.
//!
//! # Names of variables
//! A key is appended to a prefix in upper case, with `__` between its parts: with the prefix `DIMOS_CONFIG__MAPPER` the key
//! `grid.cell_m` is `DIMOS_CONFIG__MAPPER__GRID__CELL_M`; [`environment_prefix`] makes the prefix out of a module's name.

mod error;
mod source;

mod place;
mod text;
mod tree;

mod environment;
mod file;
mod key;

mod effective;
mod layers;

pub use effective::{Effective, Entry};
pub use environment::environment_prefix;
pub use error::{ConfigError, DefinitionError, Problem};
pub use layers::Layers;
pub use source::{Excerpt, Source};
