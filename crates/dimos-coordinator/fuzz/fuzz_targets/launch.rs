//! Any text, as it may come over the bus, is a launch or a list of faults, each with words; and what is read is joined or refused.
//!
//! No file is read: those that a text includes would have to lie in one of no directories.

#![no_main]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use dimos_coordinator::launch::{Request, Text, read};
use dimos_coordinator::wiring::wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let request = Request {
        texts: vec![Text { name: "fuzz.toml".into(), text, directory: "/nowhere".into() }],
        arguments: vec![("seed".into(), "7".into())],
        stock: vec!["robot-sim".into(), "mapper".into()],
        within: Some(Vec::new()),
        ..Request::default()
    };
    let faults = match read(&request) {
        Ok(launch) => match wire(&launch.plan, &BTreeMap::new(), &launch.sources) {
            Ok((wiring, warnings)) => {
                assert_eq!(wiring.modules.len(), launch.plan.modules.len(), "all are joined");
                warnings
            }
            Err(faults) => faults,
        },
        Err(faults) => {
            assert!(faults.has_errors(), "what is refused is told why");
            faults
        }
    };
    for fault in &faults.all {
        assert!(!fault.message.is_empty());
    }
    let _ = (faults.render(true), faults.to_json());
});
