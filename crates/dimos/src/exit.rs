//! Exit codes of all programs of the mesh.

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
