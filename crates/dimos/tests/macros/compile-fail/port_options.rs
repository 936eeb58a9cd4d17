//! Options that ports do not have, or not so.

use dimos::{In, Module, Out, module};
use lcm_types::geometry_msgs::Twist;

#[derive(Module)]
struct Options {
    #[port(newest)]
    a: In<Twist>,
    #[port(latched)]
    b: In<Twist>,
    #[port(keep_last = 0)]
    c: In<Twist>,
    #[port(latest, keep_last = 2)]
    d: In<Twist>,
    #[port(keep_last = "8")]
    e: In<Twist>,
    #[port(latest = true)]
    f: In<Twist>,
    #[port(topic)]
    g: In<Twist>,
    #[port(topic = "")]
    h: In<Twist>,
    #[port(topic = "/a", topic = "/b")]
    i: In<Twist>,
    #[port(latest)]
    j: Out<Twist>,
    #[port(depth = 3)]
    k: Out<Twist>,
    #[port(keep_last = -1)]
    l: In<Twist>,
    #[port(topic = "scan")]
    m: In<Twist>,
    #[port(topic = "/cmd_vel#")]
    n: Out<Twist>,
}

#[module]
impl Options {}

fn main() {}
