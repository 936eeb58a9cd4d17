//! Mixed use at heavy loss under many seeds.

use std::time::Duration;

use dimos::rpc::{CallId, CallSpec, CalleeLimits, TimeLimit};

use super::sim::{Link, Sim, chunk, pattern};

/// Everything at once, with calls cancelled and long ones. What it was must fit what came.
fn mixed(seed: u64, link: Link) {
    let mut sim = Sim::new(seed, link);
    for _ in 0..3 {
        sim.add_caller();
    }
    for _ in 0..2 {
        sim.add_callee(CalleeLimits::default());
    }
    let mut cancelled: Vec<(usize, CallId)> = Vec::new();
    let mut expected: Vec<(usize, CallId, Vec<u8>, usize, usize)> = Vec::new();
    for _ in 0..120 {
        let caller = sim.rng.usize(..3);
        let callee = sim.rng.usize(..2);
        let size = [0, 1, 100, 1500, 5000, 60_000][sim.rng.usize(..6)];
        let limit = if sim.rng.bool() { TimeLimit::IDLE } else { TimeLimit::Deadline(Duration::from_secs(60)) };
        let (method, body, result, count) = match sim.rng.usize(..6) {
            0 | 1 => ("echo", pattern(size), pattern(size), 0),
            2 => ("beside", pattern(size), pattern(size), 0),
            3 => ("bytes", size.to_string().into_bytes(), pattern(size), 0),
            4 => ("sleep", b"200".to_vec(), Vec::new(), 0),
            _ => ("count", format!("{} {size}", 20).into_bytes(), b"end".to_vec(), 20),
        };
        let spec = CallSpec { limit, is_stream: method == "count", ..sim.spec(callee, method, &body) };
        let call = sim.call(caller, spec);
        if sim.rng.u8(..10) == 0 {
            cancelled.push((caller, call));
        } else {
            expected.push((caller, call, result, count, size));
        }
        let pause = sim.rng.u64(..100);
        sim.run_for(Duration::from_millis(pause));
        if pause < 30 {
            for &(caller, call) in &cancelled {
                sim.cancel(caller, call);
            }
        }
    }
    sim.run_until_idle();
    for (caller, call, result, count, size) in expected {
        let process = &sim.callers[caller];
        assert!(process.outcomes[&call].as_ref().unwrap() == &result, "{call:?} of {caller}");
        let chunks = process.chunks.get(&call).map_or(&[][..], Vec::as_slice);
        assert!(chunks.iter().cloned().eq((0..count).map(|number| chunk(number, size))), "{call:?} of {caller}");
    }
    for (caller, call) in cancelled {
        let outcome = &sim.callers[caller].outcomes[&call];
        assert!(outcome.as_ref().is_ok_and(|_| true) || outcome.as_ref().unwrap_err().code() == "cancelled");
    }
    sim.run_for(Duration::from_secs(120));
    for callee in &sim.callees {
        assert_eq!((callee.core.held().1, callee.core.held().2), (0, 0));
    }
}

#[test]
fn everything_at_once_at_10_and_30_percent_loss() {
    for seed in 0..5 {
        mixed(seed, Link::lossy(0.1));
        mixed(seed, Link::lossy(0.3));
    }
}

#[test]
fn soak_with_many_seeds() {
    for seed in 1000..1100 {
        mixed(seed, Link::lossy(0.3));
    }
}
