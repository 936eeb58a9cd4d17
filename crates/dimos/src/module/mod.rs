//! Modules: processes with typed ports, methods and a configuration.
//!
//! A module is a struct. `#[derive(Module)]` gives it its ports, `#[module]` its behaviour, and one line in `main` makes it a
//! program.
//!
//! # A handler
//! ```no_run
//! use dimos::{In, Module, Out, OutError, module};
//! use lcm_types::geometry_msgs::Twist;
//! use lcm_types::sensor_msgs::{LaserScan, LaserScanView};
//!
//! /// Drives on until something is near.
//! #[derive(Module)]
//! struct Cruise {
//!     /// What the scanner sees.
//!     #[port(latest)]
//!     scan: In<LaserScan>,
//!     /// How the wheels shall turn.
//!     cmd_vel: Out<Twist>,
//! }
//!
//! #[module]
//! impl Cruise {
//!     fn on_scan(&mut self, scan: LaserScanView<'_>) -> Result<(), OutError> {
//!         let nearest_m = scan.ranges().iter().map(|range| range.get()).fold(f32::INFINITY, f32::min);
//!         let mut command = Twist::default();
//!         command.linear.x = if nearest_m > 0.8 { 0.3 } else { 0.0 };
//!         self.cmd_vel.publish(&command)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     dimos::run::<Cruise>()
//! }
//! ```
//! `on_scan` handles what comes in by the port `scan`: as a view, which looks at the message where it was received, or as a message of
//! its own (`scan: LaserScan`), or undecoded (`sample: &Sample`). A port's topic is its name, within the module's namespace:
//! `/scan#sensor_msgs.LaserScan`, or `/robot0/scan#...`.
//!
//! # A timer, a configuration, skills
//! ```no_run
//! use std::time::Duration;
//!
//! use dimos::{Module, Out, module};
//! use lcm_types::std_msgs;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Settings {
//!     /// How often to say it, in ms.
//!     period_ms: u64,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { period_ms: 500 }
//!     }
//! }
//!
//! /// Says something, again and again.
//! #[derive(Module)]
//! struct Greeter {
//!     /// What it says. Who comes late hears the last of it at once.
//!     #[port(latched)]
//!     greeting: Out<std_msgs::String>,
//!     config: Settings,
//!     #[init("hello".to_owned())]
//!     text: String,
//! }
//!
//! #[module]
//! impl Greeter {
//!     #[every(Duration::from_millis(self.config.period_ms))]
//!     fn say(&mut self) -> Result<(), dimos::OutError> {
//!         self.greeting.publish(&std_msgs::String { data: self.text.clone() })
//!     }
//!
//!     /// Says something else from now on, and tells what it said before.
//!     #[skill]
//!     fn change_text(&mut self, text: String) -> String {
//!         std::mem::replace(&mut self.text, text)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     dimos::run::<Greeter>()
//! }
//! ```
//!
//! # Another module
//! ```no_run
//! use dimos::{Chunks, Module, Ref, RpcError, interface, module};
//!
//! #[interface]
//! trait TextChanger {
//!     fn change_text(&self, text: String) -> Result<String, RpcError>;
//! }
//!
//! /// Lets others say numbers.
//! #[derive(Module)]
//! struct Counter {
//!     /// Whatever module offers the methods of the trait.
//!     greeter: Ref<dyn TextChanger>,
//!     count: u64,
//! }
//!
//! #[module]
//! impl Counter {
//!     #[every("1s")]
//!     fn count(&mut self) -> Result<(), RpcError> {
//!         self.count += 1;
//!         self.greeter.change_text(self.count.to_string()).map(drop)
//!     }
//!
//!     /// The next numbers.
//!     #[rpc]
//!     fn next(&mut self, numbers: u64, chunks: Chunks<u64>) -> Result<(), RpcError> {
//!         (1..=numbers).try_for_each(|ahead| chunks.send(&(self.count + ahead)))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     dimos::run::<Counter>()
//! }
//! ```
//!
//! # How it runs
//! - **One thread.** Handlers, timers and methods run one at a time, in the order in which their causes came, so a module needs no
//!   locks. That thread reads the bus itself: a message is handled where it was received. While a handler runs for more than 1 ms
//!   another thread reads on: calls are acknowledged, beats go on and tell how long the handler has been running, cancels arrive, and of
//!   each port the newest messages are kept: 32, or what `#[port(keep_last = 8)]` or `#[port(latest)]` says.
//! - **Methods** take any types of serde and schemars, by name: `{"text": "good morning"}`. Arguments are checked against their JSON
//!   Schema before the method runs. With a [`Chunks`](crate::Chunks) argument a method answers with a stream, with a
//!   [`Reply`](crate::Reply) it answers when it likes; both may be kept. `#[rpc(binary)]` methods can be called in bincode between
//!   programs with the same types, `#[rpc(concurrent)]` ones run beside the module's thread and see only its `#[shared]` fields.
//! - **Faults** of handlers (errors, panics, messages that are none) are logged and counted, and the module goes on, unless it was
//!   started with `--exit-on-panic`. An error of the start hook ends it, as [`Context::fail`] does.
//! - **Configuration** is merged of the struct's defaults, files, the environment, the launch line and the command line;
//!   [`config`](crate::config) says how. `--show-config` prints it.
//! - **Time** is the system's or, with `--simulated-time`, a simulation's: see [`Clock`]. A module that tells the simulation's time
//!   itself, by a port with `topic = "/clock#builtin_interfaces.Time"`, stays on the system's. A topic with a `#` is a whole channel, the same
//!   in every namespace.
//! - **The beginning.** A module publishes and handles what comes at once, from its start hook on. That the name is its own is certain
//!   0.2 s later: then it runs in the eyes of others, and is called. If it takes the name from a process that still runs, both
//!   publish during that time.
//! - **The end** comes with SIGTERM, or when another process takes the module's name. Handlers that wait for others come back with
//!   an error, concurrent methods finish if they can, the stop hook runs, and within 2 s the process is gone; a displaced one has 10 s.
//!   [`exit`](crate::exit) lists the exit codes.
//!
//! # How it is started
//! By hand (`--help` tells), by a coordinator with a line of JSON on stdin (`--stdin`), or by Python DimOS as a `NativeModule`, which passes
//! channels and configuration as options. The line is
//! `{"topics": {port: channel}, "config": {...}}`, where further members may be `name`, `namespace`, `references`
//! (`{reference: module}`), `simulated_time`, `exit_on_panic`, `run_id`, and `epoch`, in which the process had the name that this one
//! takes the place of; unknown ones are ignored, as Python DimOS adds its own. `--describe` prints the module's contract. Logs go to stderr: JSON lines, or plain ones on a terminal.

pub mod export;

mod backlog;
mod beside;
mod claim;
mod clock;
mod complaints;
mod context;
mod declaration;
mod ending;
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
mod wiring;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub use context::{Context, Counts};
pub use declaration::{Declaration, Part, PartOptions};
pub use input::{In, InCounts, owned, view};
pub use outcome::{HandlerError, Outcome, failed};
pub use output::{Out, OutCounts, OutError, RawOut};
pub use parts::Parts;
pub use process::{run, run_with};
pub use reference::{Interface, InterfaceMethod, Ref};
pub use table::{RpcSpec, Table};
pub use tf::{Tf, TfError, WaitError};

/// A module: a struct of ports, references, configuration and state. `#[derive(Module)]` makes it one, together with
/// `#[module]` on its methods.
pub trait Module: Methods + 'static {
    /// What can be configured.
    type Config: Config;

    /// What kind of module it is: the struct's name.
    const CLASS_NAME: &'static str;

    /// What it is for: the struct's documentation.
    const DOC: &'static str;

    /// The version of its crate, where it is built by Cargo.
    const VERSION: Option<&'static str>;

    /// Says what the fields are.
    fn declare(declaration: &mut Declaration);

    /// Makes the module.
    fn assemble(parts: &mut Parts, config: Self::Config) -> Self;
}

/// What a module does. `#[module]` makes it of an `impl` block.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no behaviour",
    note = "put `#[module]` before its `impl` block, be that empty"
)]
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
