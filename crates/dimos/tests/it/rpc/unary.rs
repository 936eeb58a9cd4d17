//! Calls with a single small result, at all rates of loss.

use std::time::Duration;

use dimos::rpc::CalleeLimits;

use super::sim::{Link, Sim};

/// 10,000 calls of five callers at two callees.
fn many_calls(seed: u64, link: Link) {
    let mut sim = Sim::new(seed, link);
    for _ in 0..CALLERS {
        sim.add_caller();
    }
    for _ in 0..2 {
        sim.add_callee(CalleeLimits::default());
    }
    let mut made = 0;
    while made < CALLS {
        for caller in 0..CALLERS {
            // Some wait for each other, some are made at once.
            while sim.callers[caller].core.active() < 1 + caller && made < CALLS {
                let callee = sim.rng.usize(..2);
                let method = if sim.rng.bool() { "echo" } else { "beside" };
                let spec = sim.spec(callee, method, &made.to_le_bytes());
                sim.call(caller, spec);
                made += 1;
            }
        }
        let end = sim.now + Duration::from_secs(60);
        let active: Vec<usize> = sim.callers.iter().map(|caller| caller.core.active()).collect();
        sim.run_while(end, |sim| {
            sim.callers.iter().zip(&active).all(|(caller, &active)| caller.core.active() == active)
        });
    }
    sim.run_until_idle();
    let executed: usize = sim.callees.iter().map(|callee| callee.executed.len()).sum();
    assert_eq!(executed, CALLS);
    let mut bodies: Vec<Vec<u8>> = sim
        .callers
        .iter()
        .flat_map(|caller| caller.outcomes.values().map(|outcome| outcome.clone().unwrap()))
        .collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), CALLS, "each call has its own answer");
    let mut latencies: Vec<Duration> = sim.callers.iter().flat_map(|caller| caller.latencies.clone()).collect();
    latencies.sort();
    let at = |permille: usize| latencies[(latencies.len() - 1) * permille / 1000];
    eprintln!(
        "loss {:.2}: latency p50 {:?}, p90 {:?}, p99 {:?}, p99.9 {:?}, max {:?}; {:.2} datagrams a call",
        link.loss,
        at(500),
        at(900),
        at(990),
        at(999),
        at(1000),
        sim.datagrams as f64 / CALLS as f64
    );
    // After the last words nothing is left.
    sim.run_for(Duration::from_secs(200));
    for callee in &sim.callees {
        assert_eq!(callee.core.held().2, 0, "bytes are held for nobody");
        assert_eq!(callee.core.next_wakeup(), None);
    }
}

#[test]
fn ten_thousand_calls_without_loss_are_answered_once() {
    many_calls(1, Link::lossy(0.0));
}

#[test]
fn ten_thousand_calls_at_1_percent_loss_are_answered_once() {
    many_calls(2, Link::lossy(0.01));
}

#[test]
fn ten_thousand_calls_at_10_percent_loss_are_answered_once() {
    many_calls(3, Link::lossy(0.1));
}

#[test]
fn ten_thousand_calls_at_30_percent_loss_are_answered_once() {
    many_calls(4, Link::lossy(0.3));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut sim = Sim::pair(7, Link::lossy(0.3));
        for number in 0..100_u32 {
            sim.simple_call("echo", &number.to_le_bytes());
        }
        sim.run_until_idle();
        (sim.datagrams, sim.datagram_bytes, sim.callers[0].latencies.clone())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_call_without_loss_takes_one_round_trip_and_few_datagrams() {
    let mut sim = Sim::pair(5, Link::PERFECT);
    for number in 0..100_u32 {
        let call = sim.simple_call("beside", &number.to_le_bytes());
        sim.run_until_answered(call);
    }
    sim.run_for(Duration::from_secs(1));
    // CALL, ACCEPTED and RESULT; that a result has arrived is said by the next call.
    assert!((300..=305).contains(&sim.datagrams), "{} datagrams", sim.datagrams);
    assert!(sim.callers[0].latencies.iter().all(|&latency| latency < Duration::from_millis(1)));
}

#[test]
fn an_acknowledgement_that_may_wait_is_saved() {
    let mut sim = Sim::new(6, Link::PERFECT);
    sim.add_caller();
    sim.add_callee(CalleeLimits { accept_after: Duration::from_millis(3), ..CalleeLimits::default() });
    for number in 0..100_u32 {
        let call = sim.simple_call("beside", &number.to_le_bytes());
        sim.run_until_answered(call);
    }
    sim.run_for(Duration::from_secs(1));
    assert!((200..=205).contains(&sim.datagrams), "{} datagrams", sim.datagrams);
}

const CALLERS: usize = 5;
const CALLS: usize = 10_000;
