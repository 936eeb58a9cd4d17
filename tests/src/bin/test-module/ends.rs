//! A module that ends in every way there is.

use std::time::Duration;

use dimos::{Context, In, Module, Out, OutError, Tf, module};
use lcm_types::geometry_msgs::TransformStamped;
use lcm_types::std_msgs::Int32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ends as it is told.
#[derive(Module)]
pub(crate) struct Ends {
    context: Context,
    tf: Tf,
    config: EndSettings,
    /// Sleeps for so many milliseconds, and publishes then.
    nap: In<Int32>,
    out: Out<Int32>,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndSettings {
    /// How long the stop hook takes, in ms.
    stop_ms: u64,
    fails_to_start: bool,
}

#[module]
impl Ends {
    #[start]
    fn begin(&mut self) -> Result<(), &'static str> {
        if self.config.fails_to_start { Err("no paper") } else { Ok(()) }
    }

    fn on_nap(&mut self, ms: Int32) -> Result<(), OutError> {
        self.out.publish(&ms)?;
        std::thread::sleep(Duration::from_millis(ms.data.unsigned_abs().into()));
        let _: Result<(), _> = self.tf.publish(&somewhere());
        self.out.publish(&ms)
    }

    #[every("20ms")]
    fn beat(&mut self) -> Result<(), OutError> {
        self.out.publish(&Int32 { data: 0 })
    }

    #[rpc]
    fn fail(&self) {
        self.context.fail("out of paper");
    }

    /// Logs so many lines.
    #[rpc]
    fn chatter(&self, lines: u32) {
        for line in 0..lines {
            tracing::info!(line, "says much that nobody reads, to fill whatever there is to be filled");
        }
    }

    /// Takes so many milliseconds, beside all else.
    #[rpc(concurrent)]
    fn linger(ms: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(ms));
        ms
    }

    #[rpc]
    fn stop_itself(&self) {
        self.context.stop();
    }

    #[stop]
    fn end(&mut self) -> Result<(), OutError> {
        std::thread::sleep(Duration::from_millis(self.config.stop_ms));
        self.out.publish(&Int32 { data: -1 })
    }
}

fn somewhere() -> TransformStamped {
    let mut transform = TransformStamped::default();
    transform.header.frame_id = "base".to_owned();
    transform.child_frame_id = "late".to_owned();
    transform.transform.rotation.w = 1.0;
    transform
}
