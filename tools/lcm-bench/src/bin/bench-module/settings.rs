//! How much is to be measured: the configuration of modules, and the command line of bare processes, spelled alike.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Trips or calls to measure at most.
    #[arg(long, default_value_t = 1000)]
    pub(crate) limit: u64,
    /// Trips or calls before the measured ones.
    #[arg(long = "warm_up", default_value_t = 0)]
    pub(crate) warm_up: u64,
    /// How long to measure at most, in s.
    #[arg(long = "seconds", default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Trips a second; with 0 the next begins when the last has ended.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) hz: f64,
    /// Pixel data of an image, in bytes.
    #[arg(long, default_value_t = 0)]
    pub(crate) bytes: u32,
}

impl Settings {
    /// How often a source looks at the time: once a trip, or where trips follow each other, whether one was lost.
    pub(crate) fn period(&self) -> Duration {
        if self.is_paced() { Duration::from_secs_f64(1.0 / self.hz) } else { LOSS_PERIOD }
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.hz > 0.0
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { limit: 1000, warm_up: 0, seconds: 10.0, hz: 0.0, bytes: 0 }
    }
}

/// A trip that takes longer is lost.
const LOSS_PERIOD: Duration = Duration::from_secs(1);
