//! Handlers of ports that are not there, or of other types: the compiler tells, at the user's words.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{In, Module, Out, Sample, module};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::{LaserScan, LaserScanView};

#[derive(Module)]
struct Types {
    scan: In<LaserScan>,
    front: In<LaserScan>,
    odom: In<LaserScan>,
    cmd_vel: Out<Twist>,
    count: u32,
}

#[module]
impl Types {
    fn on_scam(&mut self, scan: LaserScan) {}

    #[on(frond)]
    fn behind(&mut self, sample: &Sample) {}

    fn on_scan(&mut self, scan: Twist) {}

    fn on_front(&mut self, scan: LaserScanView<'_>) -> u32 {
        0
    }

    fn on_cmd_vel(&mut self, cmd_vel: Twist) {}

    fn on_count(&mut self, sample: &Sample) {}

    #[every(self.count)]
    fn no_duration(&mut self) {}

    #[every("1s")]
    fn number(&mut self) -> u32 {
        0
    }
}

fn main() {}
