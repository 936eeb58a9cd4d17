//! Streams: complete, in order, and never faster than their reader.

use std::time::Duration;

use dimos::rpc::{CallId, CallSpec, CalleeLimits, TimeLimit};

use super::sim::{Link, Sim, chunk};

fn stream(sim: &mut Sim, body: &str, credit_chunks: usize) -> CallId {
    let spec = sim.spec(0, "count", body.as_bytes());
    sim.call(0, CallSpec { is_stream: true, limit: TimeLimit::IDLE, credit_chunks, ..spec })
}

fn assert_complete(sim: &Sim, call: CallId, count: usize, bytes: usize) {
    assert_eq!(sim.outcome(call).unwrap(), &Ok(b"end".to_vec()));
    let empty = Vec::new();
    let chunks = sim.callers[0].chunks.get(&call).unwrap_or(&empty);
    assert_eq!(chunks.len(), count);
    for (number, got) in chunks.iter().enumerate() {
        assert!(got == &chunk(number, bytes), "chunk {number}");
    }
}

#[test]
fn streams_are_complete_and_in_order_at_all_rates_of_loss() {
    for (seed, loss) in [(30, 0.0), (31, 0.01), (32, 0.1), (33, 0.3)] {
        let mut sim = Sim::pair(seed, Link::lossy(loss));
        for (count, bytes) in [(0, 0), (1, 0), (1, 10), (1000, 10), (100, 5000), (3, 1_000_000)] {
            let started = sim.now;
            let call = stream(&mut sim, &format!("{count} {bytes}"), 64);
            sim.run_until_answered(call);
            assert_complete(&sim, call, count, bytes);
            eprintln!("loss {loss}: {count} chunks of {bytes} bytes in {:?}", sim.now - started);
        }
        sim.run_for(Duration::from_secs(1));
        assert_eq!(sim.callees[0].core.held().2, 0);
    }
}

#[test]
fn a_slow_reader_holds_a_stream_back() {
    for (seed, credit, bytes) in [(40, 1, 10), (41, 8, 10), (42, 8, 3000), (43, 1, 3000), (44, 64, 0)] {
        let mut sim = Sim::pair(seed, Link::lossy(0.1));
        sim.callers[0].consumes_in = Some(Duration::from_millis(5));
        let call = stream(&mut sim, &format!("200 {bytes}"), credit);
        sim.run_until_answered(call);
        assert_complete(&sim, call, 200, bytes);
        let peak = sim.callers[0].peak_unconsumed;
        assert!((1..=credit).contains(&peak), "{peak} chunks waited, {credit} may");
    }
}

#[test]
fn a_reader_that_pauses_for_a_minute_misses_nothing() {
    let mut sim = Sim::pair(45, Link::lossy(0.1));
    sim.callers[0].consumes_in = None;
    let call = stream(&mut sim, "500 1000", 16);
    sim.run_for(Duration::from_secs(60));
    assert_eq!(sim.outcome(call), None);
    assert_eq!(sim.callers[0].chunks[&call].len(), 16);
    // The other side holds no more than it may, and is told by credit when it goes on.
    let datagrams = sim.datagrams;
    sim.run_for(Duration::from_secs(60));
    assert!(sim.datagrams - datagrams < 60 * 10, "{} datagrams for a stream at rest", sim.datagrams - datagrams);
    sim.callers[0].consumes_in = Some(Duration::ZERO);
    for _ in 0..16 {
        sim.consume(0, call);
    }
    sim.run_until_answered(call);
    assert_complete(&sim, call, 500, 1000);
}

#[test]
fn a_stream_that_has_ended_waits_for_its_reader() {
    let mut sim = Sim::pair(51, Link::lossy(0.3));
    sim.callers[0].consumes_in = None;
    let call = stream(&mut sim, "20 1000", 16);
    sim.run_for(Duration::from_secs(60));
    assert_eq!(sim.callers[0].chunks[&call].len(), 16);
    sim.callers[0].consumes_in = Some(Duration::ZERO);
    for _ in 0..16 {
        sim.consume(0, call);
    }
    sim.run_until_answered(call);
    assert_complete(&sim, call, 20, 1000);
}

#[test]
fn several_streams_do_not_mix() {
    let mut sim = Sim::pair(46, Link::lossy(0.1));
    sim.callers[0].consumes_in = Some(Duration::from_micros(300));
    let calls: Vec<CallId> = (0..10).map(|number| stream(&mut sim, &format!("100 {}", 400 * number), 16)).collect();
    sim.run_until_idle();
    for (number, &call) in calls.iter().enumerate() {
        assert_complete(&sim, call, 100, 400 * number);
    }
}

#[test]
fn a_cancelled_stream_ends_and_frees_its_memory() {
    let mut sim = Sim::pair(47, Link::lossy(0.1));
    sim.callers[0].consumes_in = None;
    let call = stream(&mut sim, "100000 1000", 16);
    sim.run_for(Duration::from_secs(1));
    sim.cancel(0, call);
    let chunks = sim.callers[0].chunks[&call].len();
    sim.run_until_answered(call);
    assert_eq!(sim.error_code(call), "cancelled");
    assert_eq!(sim.callers[0].chunks[&call].len(), chunks, "a chunk after the cancel");
    sim.run_for(Duration::from_secs(2));
    assert_eq!(sim.callees[0].core.held().2, 0);
    assert_eq!(sim.callees[0].cancelled.len(), 1);
}

#[test]
fn a_stream_whose_reader_vanishes_is_cancelled() {
    let mut sim = Sim::pair(48, Link::lossy(0.1));
    sim.callers[0].consumes_in = None;
    stream(&mut sim, "100000 1000", 16);
    sim.run_for(Duration::from_secs(1));
    sim.callers.clear();
    sim.run_for(Duration::from_secs(5));
    assert_eq!(sim.callees[0].cancelled.len(), 0);
    let datagrams = sim.datagrams;
    sim.run_for(Duration::from_secs(10));
    assert_eq!(sim.callees[0].cancelled.len(), 1);
    assert!(sim.datagrams - datagrams < 100, "{} datagrams to nobody", sim.datagrams - datagrams);
    assert_eq!(sim.callees[0].core.held().2, 0);
}

#[test]
fn a_lost_caller_ends_its_calls_at_once() {
    let mut sim = Sim::new(49, Link::PERFECT);
    sim.add_caller();
    sim.add_callee(CalleeLimits::default());
    sim.callers[0].consumes_in = None;
    stream(&mut sim, "100000 1000", 16);
    sim.run_for(Duration::from_millis(100));
    let node = sim.callers[0].node;
    sim.callees[0].core.caller_lost(sim.now, node);
    sim.poll_callee(0);
    assert_eq!(sim.callees[0].cancelled.len(), 1);
}

#[test]
fn a_stream_and_a_single_result_are_not_mistaken_for_each_other() {
    let mut sim = Sim::pair(50, Link::PERFECT);
    let unary = sim.simple_call("count", b"1 1");
    let spec = sim.spec(0, "echo", b"1");
    let streaming = sim.call(0, CallSpec { is_stream: true, ..spec });
    sim.run_until_idle();
    assert_eq!(sim.error_code(unary), "not_unary");
    assert_eq!(sim.error_code(streaming), "not_streaming");
}
