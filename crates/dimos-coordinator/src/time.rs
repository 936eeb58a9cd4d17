//! Times as texts.

use std::time::SystemTime;

/// A time as logs have it: ISO 8601 with microseconds, UTC.
#[must_use]
pub(crate) fn iso(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(time).to_string()
}
