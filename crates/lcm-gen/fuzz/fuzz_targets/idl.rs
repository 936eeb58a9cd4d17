//! Any text is a set of message types or a list of faults, each at a place in the text; and Rust comes from every set.
//!
//! Whether that Rust compiles is left to the tests of the generator.

#![no_main]
#![forbid(unsafe_code)]

use lcm_gen::Sources;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = Sources::default();
    sources.add("fuzz.lcm", text.clone());
    if let Err(faults) = sources.compile() {
        assert!(!faults.0.is_empty());
        for fault in &faults.0 {
            assert!(fault.line <= text.lines().count().max(1) && !fault.message.is_empty(), "{fault}");
        }
        return;
    }
    if let Ok(files) = sources.generate() {
        assert_eq!(Ok(files), sources.generate(), "the same text gives the same code");
    }
});
