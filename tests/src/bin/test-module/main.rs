//! The modules that the tests of the module SDK start, each written as a user would write it. The variable `TEST_MODULE` says which.

#![forbid(unsafe_code)]

mod callers;
mod ears;
mod ends;
mod frames;
mod latched;
mod ticker;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::var("TEST_MODULE").unwrap_or_default().as_str() {
        "Ears" => dimos::run::<ears::Ears>(),
        "Worker" => dimos::run::<worker::Worker>(),
        "Caller" => dimos::run::<callers::Caller>(),
        "Patient" => dimos::run::<callers::Patient>(),
        "Ticker" => dimos::run::<ticker::Ticker>(),
        "MapServer" => dimos::run::<latched::MapServer>(),
        "MapReader" => dimos::run::<latched::MapReader>(),
        "Arm" => dimos::run::<frames::Arm>(),
        "Looker" => dimos::run::<frames::Looker>(),
        "Ends" => dimos::run::<ends::Ends>(),
        other => panic!("TEST_MODULE={other:?} is none of the modules here"),
    }
}
