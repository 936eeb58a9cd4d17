//! Fields that are no parts of a module.

use dimos::{Context, In, Module, Out, Ref, module};
use lcm_types::geometry_msgs::Twist;

#[derive(Module)]
struct Fields {
    name: In<Twist>,
    config_file: Out<Twist>,
    #[port(latest)]
    speed: f64,
    #[port]
    context: Context,
    #[init(0)]
    cmd_vel: Out<Twist>,
    #[init(1)]
    #[init(2)]
    count: u32,
    #[init]
    other: u32,
    #[init(Default::default())]
    config: u8,
    planner: Ref<u8>,
    second: Option<Ref<String>>,
    maybe: Option<In<Twist>>,
}

#[module]
impl Fields {}

fn main() {}
