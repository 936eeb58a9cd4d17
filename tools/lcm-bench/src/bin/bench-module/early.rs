//! A module that publishes as soon as it may.

use std::time::Duration;

use dimos::{Module, Out, OutError, module};
use lcm_types::geometry_msgs::Twist;

use crate::say;

/// Publishes once, at its start.
#[derive(Module)]
pub(crate) struct Early {
    output: Out<Twist>,
}

#[module]
impl Early {
    #[start]
    fn begin(&mut self) -> Result<(), OutError> {
        let cpu = cpu_time();
        self.output.publish(&Twist::default())?;
        say(&format!("cpu_ns={}", cpu.as_nanos()));
        Ok(())
    }
}

/// CPU time of this process so far, all threads.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
