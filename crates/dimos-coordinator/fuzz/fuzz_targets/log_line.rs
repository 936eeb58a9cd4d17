//! Whatever a module says becomes one line of the log that can be read again.

#![no_main]
#![forbid(unsafe_code)]

use std::time::SystemTime;

use dimos_coordinator::log::from_module;
use dimos_coordinator::process::Stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let line = from_module("robot0/mapper", Stream::Stderr, bytes, bytes.len() % 3, SystemTime::UNIX_EPOCH);
    let text = serde_json::to_string(&line).expect("it can be written");
    assert!(!text.contains('\n'));
    let again: serde_json::Value = serde_json::from_str(&text).expect("it can be read");
    assert_eq!((&again["logger"], &again["event"]), (&"robot0/mapper".into(), &line.event.as_str().into()));
});
