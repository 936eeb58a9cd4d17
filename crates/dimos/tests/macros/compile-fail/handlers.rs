//! Handlers that no port could call.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{In, Module, Sample, module};
use lcm_types::geometry_msgs::Twist;

#[derive(Module)]
struct Handlers {
    scan: In<Twist>,
    odom: In<Twist>,
    count: u32,
}

#[module]
impl Handlers {
    fn on_scan(&mut self, scan: Twist) {}

    #[on(scan)]
    fn again(&mut self, scan: Twist) {}

    #[on]
    fn of_nothing(&mut self, scan: Twist) {}

    #[on()]
    fn of_none(&mut self, scan: Twist) {}

    #[on(a)]
    fn without_message(&mut self) {}

    #[on(b)]
    fn of_two(&mut self, scan: Twist, odom: Twist) {}

    #[on(c)]
    fn of_samples(&mut self, scan: &Sample, sample: &Sample) {}

    #[on(d)]
    fn of_three(&mut self, scan: Twist, sample: &Sample, more: u8) {}

    #[on(e)]
    fn borrowing(&mut self, scan: &Twist) {}

    #[on(f)]
    fn consuming(self, scan: Twist) {}

    #[on(g)]
    fn of_no_module(scan: Twist) {}

    #[on(h)]
    async fn waiting(&mut self, scan: Twist) {}

    #[on(i)]
    fn generic<T>(&mut self, scan: T) {}

    #[on(odom)]
    #[every("1s")]
    fn twice(&mut self, odom: Twist) {}
}

fn main() {}
