//! The processes that `lcm-bench modules` measures: modules, written as a user would write them, and bare ones that do the same
//! with the bus alone. The variable `BENCH_MODULE` says which.
//!
//! A program of its own, as every module is one: what the tool itself needs is no part of their memory. They say on stdout
//! what the tool has to know, as all workers do, and take no orders.

#![forbid(unsafe_code)]

mod bare;
mod calls;
mod early;
mod idle;
mod relays;
mod settings;
mod sources;
mod trips;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::var("BENCH_MODULE").unwrap_or_default().as_str() {
        "TwistSource" => dimos::run::<sources::TwistSource>(),
        "TwistRelay" => dimos::run::<relays::TwistRelay>(),
        "ImageSource" => dimos::run::<sources::ImageSource>(),
        "ImageRelay" => dimos::run::<relays::ImageRelay>(),
        "ImageViewRelay" => dimos::run::<relays::ImageViewRelay>(),
        "Idle" => dimos::run::<idle::Idle>(),
        "Early" => dimos::run::<early::Early>(),
        "Echo" => dimos::run::<calls::Echo>(),
        "EchoCaller" => dimos::run::<calls::EchoCaller>(),
        "Bare" => bare::run(),
        other => {
            eprintln!("bench-module: BENCH_MODULE={other:?} is none of the processes here");
            ExitCode::from(dimos::exit::USAGE)
        }
    }
}

/// Tells the tool something.
#[expect(clippy::print_stdout, reason = "answers go to the tool through stdout")]
fn say(line: &str) {
    println!("{line}");
}

/// Tells the tool that this process is ready, and its process id as `/proc` has it: the tool is in a process namespace, where
/// processes have other ids than there.
fn announce() -> std::io::Result<()> {
    let pid = std::fs::read_link("/proc/self")?;
    say(&format!("pid={}", pid.display()));
    Ok(())
}
