//! What a callee refuses, and how it says so.

use std::time::Duration;

use dimos::NodeId;
use dimos::rpc::{CallId, CallSpec, CalleeLimits, Codec, RpcError, TimeLimit};

use super::sim::{Link, Sim};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_full_queue_is_overloaded() {
    let mut sim = Sim::new(80, Link::PERFECT);
    sim.add_caller();
    sim.add_callee(CalleeLimits { waiting: 5, ..CalleeLimits::default() });
    let calls: Vec<CallId> = (0..10).map(|_| sim.simple_call("sleep", b"100")).collect();
    // Others run beside it.
    let beside = sim.simple_call("beside", b"");
    sim.run_until_idle();
    let good = calls.iter().filter(|&&call| sim.outcome(call).unwrap().is_ok()).count();
    assert_eq!(good, 6);
    for &call in &calls[6..] {
        assert_eq!(sim.outcome(call), Some(&Err(RpcError::Overloaded { waiting: 5 })));
    }
    assert!(sim.outcome(beside).unwrap().is_ok());
}

#[test]
fn an_overloaded_process_at_loss_runs_none_that_it_refused() {
    let mut sim = Sim::new(81, Link::lossy(0.3));
    sim.add_caller();
    sim.add_callee(CalleeLimits { waiting: 2, ..CalleeLimits::default() });
    let calls: Vec<CallId> = (0..200).map(|_| sim.simple_call("sleep", b"10")).collect();
    sim.run_until_idle();
    let good = calls.iter().filter(|&&call| sim.outcome(call).unwrap().is_ok()).count();
    assert_eq!(sim.callees[0].executed.len(), good);
    for call in calls {
        assert!(sim.outcome(call).unwrap().is_ok() || sim.error_code(call) == "overloaded");
    }
}

#[test]
fn one_method_at_a_time_runs_and_concurrent_ones_beside_it() {
    let mut sim = Sim::pair(82, Link::PERFECT);
    let long = sim.simple_call("sleep", b"100");
    let behind = sim.simple_call("echo", b"");
    let beside = sim.simple_call("beside", b"");
    sim.run_until_answered(beside);
    assert_eq!((sim.outcome(long), sim.outcome(behind)), (None, None));
    sim.run_until_answered(behind);
    assert!(sim.outcome(long).is_some());
}

#[test]
fn a_call_back_into_a_process_that_waits_is_refused_at_once() {
    let mut sim = Sim::pair(83, Link::PERFECT);
    let here = sim.callees[0].node;
    let other = sim.node();
    for (method, chain, expected) in [
        ("echo", vec![], "ok"),
        ("echo", vec![other], "ok"),
        ("echo", vec![here], "reentrant"),
        ("echo", vec![other, here, other], "reentrant"),
        ("beside", vec![other, here], "ok"),
    ] {
        let spec = CallSpec { chain: chain.clone(), ..sim.spec(0, method, b"") };
        let call = sim.call(0, spec);
        sim.run_until_answered(call);
        let code =
            sim.outcome(call).unwrap().as_ref().map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned());
        assert_eq!(code, expected, "{method} {chain:?}");
        if expected == "ok" {
            let with_this: Vec<NodeId> = chain.into_iter().chain([here]).collect();
            assert_eq!(sim.callees[0].begun.last().unwrap().chain, with_this);
        }
    }
}

#[test]
fn a_deadline_passes_while_a_call_waits_and_while_it_runs() {
    let mut sim = Sim::pair(84, Link::PERFECT);
    let spec = CallSpec { limit: TimeLimit::Deadline(ms(100)), ..sim.spec(0, "hang", b"") };
    let running = sim.call(0, spec.clone());
    let waiting = sim.call(0, CallSpec { method: "echo".to_owned(), ..spec });
    sim.run_until_idle();
    for call in [running, waiting] {
        assert_eq!(sim.outcome(call), Some(&Err(RpcError::Deadline { acknowledged: true })));
    }
    assert_eq!(sim.callers[0].latencies, [ms(100), ms(100)]);
    sim.run_for(ms(100));
    // The handler was told, and the other one never ran.
    assert_eq!((sim.callees[0].cancelled.len(), sim.callees[0].begun.len()), (1, 1));
}

#[test]
fn a_binary_method_wants_the_same_contract() {
    let mut sim = Sim::pair(85, Link::PERFECT);
    let mut call = |method: &str, codec: Codec, contract: &str| {
        let spec = CallSpec { codec, contract: contract.to_owned(), ..sim.spec(0, method, b"") };
        let call = sim.call(0, spec);
        sim.run_until_answered(call);
        sim.outcome(call).unwrap().clone()
    };
    assert_eq!(call("binary", Codec::Bincode, "abc"), Ok(Vec::new()));
    assert_eq!(call("binary", Codec::Json, ""), Ok(Vec::new()));
    let mismatch = |caller: &str, callee: &str| {
        Err(RpcError::ContractMismatch { caller: caller.to_owned(), callee: callee.to_owned() })
    };
    assert_eq!(call("binary", Codec::Bincode, "abd"), mismatch("abd", "abc"));
    assert_eq!(call("echo", Codec::Bincode, ""), mismatch("", ""));
}

#[test]
fn errors_of_handlers_arrive_with_what_they_say() {
    let mut sim = Sim::pair(86, Link::lossy(0.3));
    let call = sim.simple_call("fail", b"");
    let unknown = sim.simple_call("fly", b"");
    sim.run_until_idle();
    assert_eq!(sim.outcome(call), Some(&Err(RpcError::Handler { message: "no film".to_owned(), data: None })));
    assert_eq!(sim.outcome(unknown), Some(&Err(RpcError::UnknownMethod { method: "fly".to_owned() })));
}
