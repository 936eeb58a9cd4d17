//! How all programs of the mesh end: the signals that ask them to, and their exit codes.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// All went well.
pub const OK: u8 = 0;
/// Something unexpected failed.
pub const ERROR: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Done, but data was lost or is incomplete.
pub const INCOMPLETE: u8 = 3;
/// A module, channel or method is not there.
pub const NOT_FOUND: u8 = 4;
/// It took too long.
pub const TIMED_OUT: u8 = 5;
/// A module failed.
pub const MODULE_FAILED: u8 = 10;
/// A launch file is wrong.
pub const LAUNCH_FILE: u8 = 11;
/// The bus cannot be joined.
pub const NO_BUS: u8 = 12;
/// Another process has taken the name.
pub const DISPLACED: u8 = 13;
/// Somebody pressed Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// The signals that ask a program to end: SIGINT, SIGTERM, and SIGHUP unless that was ignored when it was started, as by nohup.
#[must_use]
pub fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    signals
}

fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}
