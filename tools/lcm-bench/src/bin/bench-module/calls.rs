//! A module that is called, and one that calls it from a handler.

use std::time::Instant;

use dimos::{Context, In, Module, Out, OutError, Ref, RpcError, interface, module};
use lcm_types::geometry_msgs::Twist;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::trips::Times;
use crate::{announce, say};

/// Two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Point {
    x: f64,
    y: f64,
}

/// Returns what it is given.
#[interface]
trait Echoing {
    /// Returns what it is given.
    fn echo(&self, x: f64, y: f64) -> Result<Point, RpcError>;
}

/// Returns what it is given.
#[derive(Module)]
pub(crate) struct Echo {
    calls: u64,
}

/// Calls somebody who returns what he is given, once for each message, and has itself sent the next message then.
#[derive(Module)]
pub(crate) struct EchoCaller {
    input: In<Twist>,
    #[port(topic = "/input")]
    output: Out<Twist>,
    echo: Ref<dyn Echoing>,
    context: Context,
    config: Settings,
    #[init(Times::new(&config))]
    times: Times,
}

/// Why a call is no measurement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Call(#[from] RpcError),
    #[error(transparent)]
    Publish(#[from] OutError),
    #[error("the answer {answer:?} is not what was sent, {sent:?}")]
    Answer { answer: Point, sent: Point },
}

#[module]
impl Echo {
    #[rpc]
    fn echo(&mut self, x: f64, y: f64) -> Point {
        self.calls += 1;
        Point { x, y }
    }

    #[start]
    fn begin(&mut self) -> std::io::Result<()> {
        announce()
    }
}

#[module]
impl EchoCaller {
    fn on_input(&mut self, twist: Twist) -> Result<(), CallError> {
        let sent = Point { x: twist.linear.x + 0.5, y: -2.5 };
        let before = Instant::now();
        let answer = self.echo.echo(sent.x, sent.y)?;
        let after = Instant::now();
        if answer != sent {
            return Err(CallError::Answer { answer, sent });
        }
        self.times.add(&self.config, before, after);
        if self.times.are_enough(&self.config, after) {
            say(&self.times.figures());
            self.context.stop();
            return Ok(());
        }
        let mut next = twist;
        next.linear.x += 1.0;
        Ok(self.output.publish(&next)?)
    }

    #[start]
    fn begin(&mut self) -> Result<(), OutError> {
        self.output.publish(&Twist::default())
    }
}
