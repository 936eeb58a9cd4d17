//! A module that has one of each, and nothing to do.

use dimos::{In, Module, Out, module};
use lcm_types::geometry_msgs::Twist;

use crate::announce;

/// Has nothing to do.
#[derive(Module)]
pub(crate) struct Idle {
    input: In<Twist>,
    output: Out<Twist>,
    ticks: u64,
}

#[module]
impl Idle {
    fn on_input(&mut self, twist: Twist) -> Result<(), dimos::OutError> {
        self.output.publish(&twist)
    }

    #[every(hz = 10)]
    fn tick(&mut self) {
        self.ticks += 1;
    }

    /// How often the timer ran.
    #[rpc]
    fn ticks(&self) -> u64 {
        self.ticks
    }

    #[start]
    fn begin(&mut self) -> std::io::Result<()> {
        announce()
    }
}
