//! The macros of the `dimos` crate, which exports them; what they write refers to `dimos` only.
//!
//! They see names, not types: a field is a port because the last word of its type is `In` or `Out`. What the names stand for the
//! compiler checks, in code that is placed at the user's own, so that it tells what is wrong there. What can be told from names
//! alone is told here, all of it at once.
#![forbid(unsafe_code)]

// The user's code, as macros see it.
mod attributes;
mod errors;
mod options;
mod reserved;
mod types;

// `#[derive(Module)]`.
mod module_struct;
mod part;

// `#[module]`.
mod handler;
mod method;
mod module_impl;
mod period;
mod rpc;
mod rpc_options;

// Calls, on both sides.
mod arguments;
mod interface;

// `#[derive(Wire)]`.
mod wire;

use proc_macro::TokenStream;

/// Makes a struct a module: a process that subscribes and publishes, calls others and is called.
///
/// What a field is, the last word of its type tells:
///
/// | type | field |
/// |---|---|
/// | `In<T>` | a port that messages come in by; `#[port(...)]` takes `topic = "/front/scan"`, and, for a port with a handler, `latest` or `keep_last = 8` |
/// | `Out<T>` | a port that messages go out by; `#[port(...)]` takes `topic = "..."` and `latched` |
/// | `Ref<dyn Planner>` | another module, by an interface; in an `Option` it may be missing |
/// | `Context`, `Clock`, `Tf` | the module's surroundings, time, transforms |
/// | any, of a field named `config` | the configuration |
/// | anything else | the module's own state: its `Default`, or what `#[init(...)]` says, where `config` is the configuration |
///
/// The namespace of the module goes before a topic, unless that is a whole channel: `topic = "/clock#builtin_interfaces.Time"`.
/// Documentation comments of the struct and of its ports are part of the module's contract.
///
/// ```
/// use dimos::{In, Module, Out, module};
/// use lcm_types::geometry_msgs::Twist;
/// use lcm_types::sensor_msgs::LaserScan;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings {
///     /// How fast, in m/s.
///     speed_mps: f64,
/// }
///
/// /// Drives until something is near.
/// #[derive(Module)]
/// struct Cruise {
///     /// What the scanner sees.
///     #[port(latest)]
///     scan: In<LaserScan>,
///     cmd_vel: Out<Twist>,
///     config: Settings,
///     #[init(f32::INFINITY)]
///     nearest_m: f32,
/// }
///
/// #[module]
/// impl Cruise {}
/// ```
#[proc_macro_derive(Module, attributes(port, init))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    expand(input, |input| module_struct::expand(&input))
}

/// Makes methods of a module its handlers, timers, hooks, and methods that others call. It goes before the module's `impl` block.
///
/// | method | is run |
/// |---|---|
/// | `on_<port>`, or `#[on(port)]` | for each message of the port. It takes the message, or its view, or `&Sample`; behind the first two, `&Sample` if it likes |
/// | `#[every("100ms")]`, `#[every(hz = 20)]`, `#[every(self.config.period)]` | by a timer; units are ns, us, ms, s and min |
/// | `#[start]`, `#[stop]` | first, and last |
/// | `#[rpc]` | when another program calls it; options are `name = "..."`, `binary` and `concurrent` |
/// | `#[skill]` | as `#[rpc]`, and agents see it; it has a documentation comment |
///
/// They take `&mut self` or `&self`, and run one at a time on the module's thread. Handlers, timers and hooks return nothing, or a
/// `Result<(), E>` whose error is logged and counted. Other methods are left alone.
///
/// The parameters of a method that is called are the arguments of the call, by name. They may have documentation comments, which
/// callers see, and attributes `#[serde(default)]` and `#[schemars(...)]`; an `Option` may be left out. Four are something else:
///
/// - `&Call`: who calls, until when the answer is of use, and whether it still is.
/// - `Chunks<T>`: the answer is a stream, which may be kept and ended later.
/// - `Reply<T>`: the answer is given later.
/// - `#[shared] progress: &Progress`, of a `concurrent` method: borrowed from the field `progress`, an `Arc<Progress>`. Such a method
///   runs beside the module's thread, also while that is busy, and takes no `self`.
///
/// ```
/// use dimos::{In, Module, Out, OutError, module};
/// use lcm_types::geometry_msgs::Twist;
/// use lcm_types::sensor_msgs::{LaserScan, LaserScanView};
///
/// #[derive(Module)]
/// struct Cruise {
///     scan: In<LaserScan>,
///     cmd_vel: Out<Twist>,
///     nearest_m: f32,
/// }
///
/// #[module]
/// impl Cruise {
///     fn on_scan(&mut self, scan: LaserScanView<'_>) {
///         self.nearest_m = scan.ranges().iter().fold(f32::INFINITY, |nearest, range| nearest.min(range.get()));
///     }
///
///     #[every(hz = 10)]
///     fn drive(&mut self) -> Result<(), OutError> {
///         self.cmd_vel.publish(&Twist::default())
///     }
///
///     /// Stops the wheels.
///     #[skill]
///     fn halt(
///         &mut self,
///         /// How hard to brake, from 0 to 1.
///         #[serde(default)]
///         strength: f64,
///     ) {
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, input: TokenStream) -> TokenStream {
    without_arguments("module", arguments, || expand(input, module_impl::expand))
}

/// Makes a trait an interface: what a module needs of another one. `Ref<dyn Planner>` has the trait's methods then, and each is a
/// call.
///
/// Methods take `&self` and return a `Result<_, RpcError>`. One whose result is a `Stream` is answered with a stream; one with
/// `#[binary]` is called in binary, and `#[rpc(name = "...")]` has the name under which it is called, if it is another one.
///
/// ```
/// use dimos::{RpcError, Stream, Wire, interface};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// type Path = Vec<[f64; 2]>;
///
/// #[derive(Serialize, Deserialize, JsonSchema, Wire)]
/// struct Grid {
///     cell_m: f32,
/// }
///
/// #[interface]
/// trait Planner {
///     /// Finds a way to a place.
///     fn plan(&self, x: f64, y: f64) -> Result<Path, RpcError>;
///     /// What is left of the way, as the robot goes.
///     fn watch(&self, id: u64) -> Result<Stream<f64>, RpcError>;
///     #[binary]
///     fn merge(&self, grid: Grid) -> Result<Grid, RpcError>;
/// }
/// ```
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, input: TokenStream) -> TokenStream {
    without_arguments("interface", arguments, || expand(input, interface::expand))
}

/// Lets a type travel in the bodies of binary calls; see `dimos::Wire`.
///
/// ```
/// use dimos::Wire;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Wire)]
/// struct Grid {
///     cell_m: f32,
///     #[serde(with = "serde_bytes")]
///     cells: Vec<u8>,
/// }
/// ```
#[proc_macro_derive(Wire)]
pub fn derive_wire(input: TokenStream) -> TokenStream {
    expand(input, wire::expand)
}

fn expand<T: syn::parse::Parse>(
    input: TokenStream,
    work: impl FnOnce(T) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(input).and_then(work).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn without_arguments(name: &str, arguments: TokenStream, work: impl FnOnce() -> TokenStream) -> TokenStream {
    let arguments = proc_macro2::TokenStream::from(arguments);
    if arguments.is_empty() {
        return work();
    }
    let error = syn::Error::new_spanned(arguments, format!("`#[{name}]` takes nothing")).to_compile_error();
    let mut tokens = TokenStream::from(error);
    tokens.extend(work());
    tokens
}
