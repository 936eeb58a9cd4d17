//! A module with timers and a configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use dimos::{Clock, In, Module, Out, OutError, module};
use lcm_types::builtin_interfaces::Time;
use lcm_types::std_msgs::Int32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ticks.
#[derive(Module)]
pub(crate) struct Ticker {
    clock: Clock,
    config: Settings,
    /// Sleeps for so many milliseconds.
    nap: In<Int32>,
    /// The time at each tick.
    ticks: Out<Time>,
    count: u64,
    heard: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The time between ticks, in ms.
    period_ms: u64,
    /// How long a tick takes, in ms.
    takes_ms: u64,
    is_loud: bool,
    names: Vec<String>,
    weights: BTreeMap<String, f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { period_ms: 100, takes_ms: 0, is_loud: false, names: Vec::new(), weights: BTreeMap::new() }
    }
}

#[module]
impl Ticker {
    #[every(Duration::from_millis(self.config.period_ms))]
    fn tick(&mut self) -> Result<(), OutError> {
        std::thread::sleep(Duration::from_millis(self.config.takes_ms));
        self.count += 1;
        self.ticks.publish(&self.clock.stamp())
    }

    fn on_nap(&mut self, ms: Int32) {
        self.heard += 1;
        std::thread::sleep(Duration::from_millis(ms.data.unsigned_abs().into()));
    }

    /// Ticks so far, and messages.
    #[rpc]
    fn counts(&self) -> [u64; 2] {
        [self.count, self.heard]
    }

    #[rpc]
    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "period_ms": self.config.period_ms,
            "is_loud": self.config.is_loud,
            "names": self.config.names,
            "weights": self.config.weights,
        })
    }
}
