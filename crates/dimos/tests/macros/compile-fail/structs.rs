//! Types that cannot be modules.

use dimos::{In, Module};
use lcm_types::geometry_msgs::Twist;

#[derive(Module)]
struct Tuple(In<Twist>);

#[derive(Module)]
enum Either {
    One,
    Other,
}

#[derive(Module)]
struct Borrowing<'a> {
    text: &'a str,
}

fn main() {}
