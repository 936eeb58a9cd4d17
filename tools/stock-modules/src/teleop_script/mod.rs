//! `teleop-script`: drives along a script.
//!
//! What to do when is said in the file `script.rs`; here that becomes commands.

mod script;

use std::time::Duration;

use dimos::{Clock, Module, Out, OutError, module};
use lcm_types::geometry_msgs::Twist;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use script::{Position, Step, position, through_the_flat};

/// Drives along a script, on simulated time if there is one.
#[derive(Module)]
pub(crate) struct TeleopScript {
    /// How to drive: `linear.x` and `angular.z`. At the end, and when the module stops, it says to stand still.
    cmd_vel: Out<Twist>,
    clock: Clock,
    config: Settings,
    /// When the script began, by the clock.
    began_at: Option<Duration>,
    is_over: bool,
}

/// What can be configured.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What to do, one after the other; by default a tour of the rooms that `robot-sim` has by itself.
    steps: Vec<Step>,
    /// Whether it begins again after the last step.
    #[serde(rename = "loop")]
    is_looping: bool,
    /// Commands a second.
    #[schemars(range(min = 1.0, max = 100.0))]
    rate_hz: f64,
}

/// How far the script is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ScriptStatus {
    /// The step it is in, from 0; none at the end.
    step: Option<u64>,
    /// How many there are.
    steps: u64,
    /// How long it has been running, in s.
    elapsed_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: through_the_flat(), is_looping: false, rate_hz: 10.0 }
    }
}

#[module]
impl TeleopScript {
    #[every(Duration::from_secs_f64(1.0 / self.config.rate_hz))]
    fn command(&mut self) -> Result<(), OutError> {
        if self.is_over {
            return Ok(());
        }
        let mut command = Twist::default();
        match self.position() {
            Position::At(index) => {
                let Some(step) = self.config.steps.get(index) else { return Ok(()) };
                (command.linear.x, command.angular.z) = (step.linear_mps, step.angular_radps);
            }
            Position::End => {
                tracing::info!("the script is over");
                self.is_over = true;
            }
        }
        self.cmd_vel.publish(&command)
    }

    #[stop]
    fn stand_still(&mut self) -> Result<(), OutError> {
        self.cmd_vel.publish(&Twist::default())
    }

    /// How far the script is.
    #[skill]
    fn status(&mut self) -> ScriptStatus {
        let step = match self.position() {
            Position::At(index) => Some(index as u64),
            Position::End => None,
        };
        ScriptStatus { step, steps: self.config.steps.len() as u64, elapsed_s: self.elapsed().as_secs_f64() }
    }

    /// Begins the script again.
    #[skill]
    fn begin_again(&mut self) {
        (self.began_at, self.is_over) = (None, false);
    }
}

impl TeleopScript {
    fn position(&mut self) -> Position {
        let elapsed_s = self.elapsed().as_secs_f64();
        position(&self.config.steps, self.config.is_looping, elapsed_s)
    }

    /// The time since the script began, which it does as soon as there is a time. If the clock goes back, as a simulation that was
    /// restarted does, it begins again.
    fn elapsed(&mut self) -> Duration {
        let Some(now) = self.clock.now() else { return Duration::ZERO };
        let began_at = self.began_at.filter(|began_at| *began_at <= now).unwrap_or(now);
        self.began_at = Some(began_at);
        now - began_at
    }
}
