//! What the exit codes of [`dimos::exit`] mean, for people and for programs.

use dimos::exit;
use serde_json::{Map, Value};

/// Every code, and what it means.
pub(crate) const MEANINGS: [(u8, &str); 11] = [
    (exit::OK, "done; also if whoever read stdout had enough of it"),
    (exit::ERROR, "something unexpected failed, or a called method did"),
    (exit::USAGE, "the command line is wrong, or a name stands for several things"),
    (exit::INCOMPLETE, "done, but data was lost or is incomplete"),
    (exit::NOT_FOUND, "a module, method or file is not there"),
    (exit::TIMED_OUT, "it took too long"),
    (exit::MODULE_FAILED, "a module failed"),
    (exit::LAUNCH_FILE, "a launch file is wrong"),
    (exit::NO_BUS, "the bus cannot be joined"),
    (exit::DISPLACED, "another process has taken the name"),
    (exit::INTERRUPTED, "interrupted, as by Ctrl-C"),
];

/// The end of the long help.
pub(crate) fn help() -> String {
    format!("Exit codes:\n{}", table())
}

/// A code a line.
pub(crate) fn table() -> String {
    MEANINGS.map(|(code, meaning)| format!("  {code:3}  {meaning}")).join("\n")
}

/// What each code means, by code.
pub(crate) fn as_json() -> Value {
    let by_code = MEANINGS.iter().map(|(code, meaning)| (code.to_string(), Value::from(*meaning)));
    Value::Object(by_code.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_in_order_and_each_has_one_meaning() {
        assert!(MEANINGS.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(as_json().as_object().map(Map::len), Some(MEANINGS.len()));
        assert!(help().contains("\n  130  interrupted"), "{}", help());
    }
}
