//! Arguments and results of all sizes, both ways.

use std::time::Duration;

use dimos::rpc::{CalleeLimits, CallerLimits, TimeLimit};

use super::sim::{Link, Sim, pattern};

fn echo(seed: u64, link: Link, sizes: &[usize]) {
    let mut sim = Sim::pair(seed, link);
    for &size in sizes {
        let started = (sim.now, sim.datagrams);
        let spec = sim.spec(0, "echo", &pattern(size));
        let call = sim.call(0, dimos::rpc::CallSpec { limit: TimeLimit::IDLE, ..spec });
        sim.run_until_answered(call);
        assert!(sim.outcome(call).unwrap().as_ref().unwrap() == &pattern(size), "{size} bytes came back otherwise");
        eprintln!(
            "loss {}, {size} bytes both ways: {:?}, {} datagrams",
            link.loss,
            sim.now - started.0,
            sim.datagrams - started.1
        );
    }
    // Of a window of 64 each part may be there twice, and receipts.
    assert!(sim.peak_on_the_way <= 150, "{} datagrams on their way", sim.peak_on_the_way);
    sim.run_for(Duration::from_secs(1));
    assert_eq!(sim.callees[0].core.held().2, 0);
}

const SMALL: [usize; 9] = [0, 1, 1000, 1200, 1250, 1300, 1500, 2600, 100_000];

#[test]
fn bodies_of_all_sizes_arrive_without_loss() {
    echo(20, Link::lossy(0.0), &SMALL);
}

#[test]
fn bodies_of_all_sizes_arrive_at_10_percent_loss() {
    for seed in 100..110 {
        echo(seed, Link::lossy(0.1), &SMALL);
    }
}

#[test]
fn bodies_of_all_sizes_arrive_at_30_percent_loss() {
    for seed in 200..210 {
        echo(seed, Link::lossy(0.3), &SMALL);
    }
}

#[test]
fn eight_megabytes_arrive_on_a_perfect_link() {
    echo(21, Link::PERFECT, &[8 << 20]);
}

#[test]
fn eight_megabytes_arrive_at_1_percent_loss() {
    echo(22, Link::lossy(0.01), &[8 << 20]);
}

#[test]
fn eight_megabytes_arrive_at_10_percent_loss() {
    echo(23, Link::lossy(0.1), &[8 << 20]);
}

#[test]
fn eight_megabytes_arrive_at_30_percent_loss() {
    echo(24, Link::lossy(0.3), &[8 << 20]);
}

#[test]
fn large_bodies_share_the_window() {
    let mut sim = Sim::pair(25, Link::lossy(0.01));
    for _ in 0..8 {
        let spec = sim.spec(0, "beside", &pattern(300_000));
        sim.call(0, spec);
    }
    sim.run_until_idle();
    assert!(sim.callers[0].outcomes.values().all(|outcome| outcome.as_ref().unwrap() == &pattern(300_000)));
    assert!(sim.peak_on_the_way < 400, "{} datagrams on their way", sim.peak_on_the_way);
}

#[test]
fn what_is_too_large_is_an_error_on_either_side() {
    let mut sim = Sim::new(26, Link::lossy(0.1));
    sim.add_caller_with(CallerLimits { result_bytes: 5000, ..CallerLimits::default() });
    sim.add_callee(CalleeLimits { result_bytes: 10_000, argument_bytes: 4000, ..CalleeLimits::default() });
    let code = |sim: &mut Sim, method: &str, body: &[u8]| {
        let call = sim.simple_call(method, body);
        sim.run_until_answered(call);
        sim.outcome(call).unwrap().as_ref().map(Vec::len).map_err(ToString::to_string)
    };
    assert_eq!(code(&mut sim, "bytes", b"5000"), Ok(5000));
    assert_eq!(code(&mut sim, "bytes", b"5001").unwrap_err(), "a result of 5001 bytes: at most 5000 are taken");
    assert_eq!(code(&mut sim, "bytes", b"10001").unwrap_err(), "a result of 10001 bytes: at most 10000 are taken");
    assert_eq!(code(&mut sim, "echo", &[0; 4000]), Ok(4000));
    assert_eq!(code(&mut sim, "echo", &[0; 4001]).unwrap_err(), "arguments of 4001 bytes: at most 4000 are taken");
    let long = "m".repeat(1200);
    assert!(
        code(&mut sim, &long, b"")
            .unwrap_err()
            .starts_with("bad arguments: 0 bytes, with a method and a chain that leave")
    );
    assert_eq!(code(&mut sim, &long[..900], b"").unwrap_err(), format!("unknown method {:?}", &long[..64]));
}
