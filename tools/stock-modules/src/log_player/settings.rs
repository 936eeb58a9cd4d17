//! What can be configured of the log player.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be configured of the log player.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The event log.
    pub(super) file: String,
    /// How fast it is played: 1 is as it was recorded, 0 as fast as possible. Receivers that are slower than that lose messages.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub(super) speed: f64,
    /// Whether it begins again at the end.
    #[serde(rename = "loop")]
    pub(super) is_looping: bool,
    /// Where to begin, in s from the beginning of the log.
    #[schemars(range(min = 0.0, max = 1e9))]
    pub(super) start_s: f64,
    /// Where to end, in s from the beginning of the log; at its end if not given.
    #[schemars(range(min = 0.0, max = 1e9))]
    pub(super) end_s: Option<f64>,
    /// Globs of the channels to play, such as `/scan#*`; all if there are none.
    pub(super) include: Vec<String>,
    /// Topics to play under another name: `{ "/scan" = "/robot0/scan" }`.
    #[serde(rename = "rename")]
    pub(super) remap: BTreeMap<String, String>,
    /// Whether to tell the time of the log on `/clock`, for modules that run on simulated time.
    #[serde(rename = "tell_time")]
    pub(super) has_clock: bool,
    /// Modules that must run before playing begins, such as `mapper`; in this module's namespace, unless they are named with one.
    pub(super) wait_for: Vec<String>,
    /// Whether the process stays when all is played. Otherwise it ends, with exit code 0.
    pub(super) stay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file: String::new(),
            speed: 1.0,
            is_looping: false,
            start_s: 0.0,
            end_s: None,
            include: Vec::new(),
            remap: BTreeMap::new(),
            has_clock: false,
            wait_for: Vec::new(),
            stay: false,
        }
    }
}
