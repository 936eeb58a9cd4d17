//! A module of a robot: drives on until something is near, then turns. Reads `/scan`, publishes `/cmd_vel`.
//! ```text
//! cargo run --example cruise -- --help
//! cargo run --example cruise -- --namespace robot0 --config speed_mps=0.5
//! ```

use dimos::{In, Module, Out, module};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::LaserScanView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Drives on until something is near, then turns.
#[derive(Module)]
struct Cruise {
    /// What the scanner sees.
    #[port(latest)]
    scan: In<lcm_types::sensor_msgs::LaserScan>,
    /// How the wheels shall turn.
    cmd_vel: Out<Twist>,
    config: Settings,
    is_halted: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How fast to drive, in m/s.
    speed_mps: f64,
    /// What is nearer than this is avoided, in m.
    near_m: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { speed_mps: 0.3, near_m: 0.8 }
    }
}

#[module]
impl Cruise {
    fn on_scan(&mut self, scan: LaserScanView<'_>) -> Result<(), dimos::OutError> {
        let nearest_m = scan.ranges().iter().map(|range| range.get()).fold(f32::INFINITY, f32::min);
        let mut command = Twist::default();
        if !self.is_halted && nearest_m > self.config.near_m {
            command.linear.x = self.config.speed_mps;
        } else if !self.is_halted {
            command.angular.z = 0.5;
        }
        self.cmd_vel.publish(&command)
    }

    /// Stops the robot, or lets it go on.
    #[skill]
    fn halt(
        &mut self,
        /// Whether it shall stand still.
        is_halted: bool,
    ) -> bool {
        std::mem::replace(&mut self.is_halted, is_halted)
    }
}

fn main() -> std::process::ExitCode {
    dimos::run::<Cruise>()
}
