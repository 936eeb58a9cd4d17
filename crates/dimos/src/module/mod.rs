//! Modules: processes with typed ports, methods and a configuration.
pub mod export;

mod clock;
mod complaints;
mod context;
mod declaration;
mod inbox;
mod input;
mod latch;
mod launch;
mod log;
mod outcome;
mod output;
mod parts;
mod process;
mod reference;
mod references;
mod runtime;
mod schema;
mod start;
mod table;
mod tf;
mod timers;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub use context::Context;
pub use declaration::{Declaration, Part, PartOptions};
pub use input::{In, InCounts, owned, view};
pub use outcome::{HandlerError, Outcome, failed};
pub use output::{Out, OutCounts, OutError};
pub use parts::Parts;
pub use process::run;
pub use reference::{Interface, InterfaceMethod, Ref};
pub use table::{RpcSpec, Table};
pub use tf::{Tf, TfError};

/// A module: a struct of ports, references, configuration and state. `#[derive(Module)]` makes it one, together with
/// `#[module]` on its methods.
pub trait Module: Methods + 'static {
    /// What can be configured.
    type Config: Config;

    /// What kind of module it is: the struct's name.
    const CLASS_NAME: &'static str;

    /// What it is for: the struct's documentation.
    const DOC: &'static str;

    /// Says what the fields are.
    fn declare(declaration: &mut Declaration);

    /// Makes the module.
    fn assemble(parts: &mut Parts, config: Self::Config) -> Self;
}

/// What a module does. `#[module]` makes it of an `impl` block.
pub trait Methods: Sized {
    /// Enters it all.
    fn methods(table: &mut Table<Self>);
}

/// What a module can be configured with: any struct with a default that serde can write and read and schemars can describe.
pub trait Config: Default + Serialize + DeserializeOwned + JsonSchema {}

impl<C: Default + Serialize + DeserializeOwned + JsonSchema> Config for C {}

/// The configuration of a module that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
