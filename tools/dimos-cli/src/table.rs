//! Quantities in tables for people.

use std::time::Duration;

pub(crate) use dimos_lcm_spy::text::table;

/// As `3.2 MiB`.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit behind the point")]
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// As `6.4 s` or `1:02:03`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = Duration::from_secs_f64(seconds.min(1e12)).as_secs();
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}
