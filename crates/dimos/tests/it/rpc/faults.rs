//! Processes that vanish, restart, are suspended or displaced, and calls that are cancelled.

use std::time::Duration;

use dimos::rpc::{CallSpec, CalleeLimits, RpcError, TimeLimit};

use super::sim::{Link, Sim};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn nobody_there_is_known_after_two_seconds() {
    let mut sim = Sim::pair(60, Link::PERFECT);
    sim.callees[0].is_dead = true;
    let call = sim.simple_call("echo", b"");
    sim.run_until_answered(call);
    assert_eq!(sim.callers[0].latencies, [ms(2000)]);
    assert_eq!(sim.outcome(call), Some(&Err(RpcError::NoSuchProcess { waited: ms(2000) })));
    assert!((20..30).contains(&sim.datagrams), "{} datagrams", sim.datagrams);
    // A shorter deadline comes first, and says that the call may not have arrived.
    let spec = CallSpec { limit: TimeLimit::Deadline(ms(500)), ..sim.spec(0, "echo", b"") };
    let call = sim.call(0, spec);
    sim.run_until_answered(call);
    assert_eq!(sim.outcome(call), Some(&Err(RpcError::Deadline { acknowledged: false })));
    assert_eq!(sim.callers[0].latencies[1], ms(500));
}

#[test]
fn a_lost_target_ends_its_calls_at_once() {
    let mut sim = Sim::pair(61, Link::lossy(0.1));
    sim.add_callee(CalleeLimits::default());
    let call = sim.simple_call("sleep", b"5000");
    let other = sim.spec(1, "sleep", b"100");
    let other = sim.call(0, other);
    sim.run_for(ms(50));
    let lost = sim.callees[0].node;
    // One that has not been sent by then can be made again without harm.
    let unsent = sim.spec(0, "echo", b"");
    let now = sim.now;
    let process = &mut sim.callers[0];
    let unsent = process.core.call(now, unsent);
    process.started.insert(unsent, now);
    process.core.target_lost(now, lost);
    sim.poll_caller(0);
    assert_eq!(sim.outcome(call), Some(&Err(RpcError::OutcomeUnknown)));
    assert_eq!(sim.outcome(unsent), Some(&Err(RpcError::NotSent)));
    assert_eq!(sim.outcome(other), None);
    sim.run_until_answered(other);
    assert!(sim.outcome(other).unwrap().is_ok());
    sim.run_for(ms(10_000));
    assert_eq!(sim.callees[0].begun.len(), 1, "a call that was not sent ran");
}

#[test]
fn a_successor_of_the_same_name_does_not_execute_the_call() {
    for dies_after in [0, 1, 500] {
        let mut sim = Sim::pair(62, Link::lossy(0.1));
        let call = sim.simple_call("sleep", b"1000");
        sim.run_for(ms(dies_after));
        sim.callees[0].is_dead = true;
        sim.add_callee(CalleeLimits::default());
        assert_eq!(sim.callees[0].name, sim.callees[1].name);
        sim.run_until_answered(call);
        assert_eq!(sim.callees[1].executed.len(), 0);
        assert!(["no_such_process", "deadline"].contains(&sim.error_code(call).as_str()), "{}", sim.error_code(call));
        // Those that are meant for it, it does execute.
        let spec = sim.spec(1, "echo", b"");
        let call = sim.call(0, spec);
        sim.run_until_answered(call);
        assert!(sim.outcome(call).unwrap().is_ok());
    }
}

#[test]
fn a_callee_that_vanishes_after_executing_leaves_the_outcome_unknown() {
    let mut sim = Sim::pair(63, Link::PERFECT);
    let call = sim.simple_call("sleep", b"100");
    sim.run_for(ms(50));
    assert_eq!(sim.callees[0].begun.len(), 1);
    sim.callees[0].is_dead = true;
    sim.run_for(ms(950));
    let lost = sim.callees[0].node;
    let now = sim.now;
    sim.callers[0].core.target_lost(now, lost);
    sim.poll_caller(0);
    assert_eq!(sim.error_code(call), "outcome_unknown");
}

#[test]
fn a_suspended_process_runs_nothing_stale() {
    for limit in [TimeLimit::Deadline(ms(1000)), TimeLimit::Idle(ms(1000))] {
        for is_accepted in [false, true] {
            let mut sim = Sim::pair(64, Link::lossy(0.1));
            // One that runs, so that the others wait.
            let first = if is_accepted { Some(sim.simple_call("sleep", b"500")) } else { None };
            sim.run_until_begun(usize::from(is_accepted));
            sim.callees[0].is_suspended = !is_accepted;
            let spec = CallSpec { limit, ..sim.spec(0, "echo", b"") };
            let late = sim.call(0, spec);
            sim.run_for(ms(300));
            sim.callees[0].is_suspended = true;
            sim.run_for(ms(60_000));
            assert!(sim.outcome(late).unwrap().is_err());
            let begun = sim.callees[0].begun.len();
            assert_eq!(begun, usize::from(first.is_some()));
            sim.resume(0);
            sim.run_for(ms(2000));
            assert_eq!(sim.callees[0].begun.len(), begun, "a stale command ran");
            // It is as good as new.
            let fresh = sim.simple_call("echo", b"fresh");
            sim.run_until_answered(fresh);
            assert_eq!(sim.outcome(fresh), Some(&Ok(b"fresh".to_vec())));
        }
    }
}

#[test]
fn a_call_that_was_handed_out_late_is_not_begun() {
    // The skin took the request, and was suspended before it took the output.
    let mut sim = Sim::pair(65, Link::PERFECT);
    let request = sim.spec(0, "echo", b"");
    let now = sim.now;
    let process = &mut sim.callers[0];
    process.core.call(now, CallSpec { limit: TimeLimit::Deadline(ms(100)), ..request });
    let Some(dimos::rpc::CallerOutput::Send { request, .. }) = process.core.poll_output() else { panic!() };
    let bytes = lcm::Message::encode(&request).unwrap();
    let view = <lcm_types::dimos_mesh::RpcRequest as lcm::Message>::view(&bytes).unwrap();
    let callee = &mut sim.callees[0].core;
    callee.heard(now, now, &view);
    sim.now += ms(101);
    sim.poll_callee(0);
    assert_eq!(sim.callees[0].begun.len(), 0);
}

#[test]
fn a_long_call_outlives_every_deadline_while_its_process_is_heard() {
    for (seed, loss) in [(66, 0.0), (67, 0.1), (68, 0.3)] {
        let mut sim = Sim::pair(seed, Link::lossy(loss));
        let spec = CallSpec { limit: TimeLimit::IDLE, ..sim.spec(0, "sleep", b"300000") };
        let call = sim.call(0, spec);
        sim.run_until_begun(1);
        // And one behind it, which waits for as long.
        let spec = CallSpec { limit: TimeLimit::IDLE, ..sim.spec(0, "echo", b"next") };
        let next = sim.call(0, spec);
        sim.run_until_answered(call);
        assert!(sim.outcome(call).unwrap().is_ok(), "{:?}", sim.outcome(call));
        assert!(sim.now - sim.start > ms(300_000));
        sim.run_until_answered(next);
        assert_eq!(sim.outcome(next), Some(&Ok(b"next".to_vec())));
        eprintln!("{} datagrams in 300 s at {loss}", sim.datagrams);
    }
}

#[test]
fn a_long_call_whose_process_is_silent_ends_with_the_idle_limit() {
    let mut sim = Sim::pair(69, Link::PERFECT);
    let spec = CallSpec { limit: TimeLimit::IDLE, ..sim.spec(0, "hang", b"") };
    let call = sim.call(0, spec);
    sim.run_for(ms(10_500));
    assert_eq!(sim.outcome(call), None);
    sim.callees[0].is_dead = true;
    sim.run_until_answered(call);
    assert_eq!(sim.outcome(call), Some(&Err(RpcError::Idle { limit: ms(3000) })));
    assert!((ms(12_900)..ms(13_600)).contains(&(sim.now - sim.start)));
}

#[test]
fn a_result_outlives_a_partition() {
    let mut sim = Sim::pair(70, Link::PERFECT);
    let call = sim.simple_call("sleep", b"100");
    sim.run_for(ms(50));
    // The answer comes when nobody hears it, for longer than it is sent again.
    sim.link.loss = 1.0;
    sim.run_for(ms(9000));
    sim.link.loss = 0.0;
    sim.run_until_answered(call);
    assert_eq!(sim.outcome(call), Some(&Ok(Vec::new())));
}

#[test]
fn a_cancel_reaches_the_handler_and_is_the_answer() {
    for (seed, loss) in [(71, 0.0), (72, 0.1), (73, 0.3)] {
        let mut sim = Sim::pair(seed, Link::lossy(loss));
        let running = sim.simple_call("hang", b"");
        sim.run_until_begun(1);
        let waiting = sim.simple_call("echo", b"");
        sim.run_for(ms(300));
        sim.cancel(0, running);
        sim.cancel(0, running);
        sim.cancel(0, waiting);
        sim.run_until_idle();
        assert_eq!(sim.error_code(running), "cancelled");
        assert_eq!(sim.error_code(waiting), "cancelled");
        sim.run_for(ms(1000));
        assert_eq!(sim.callees[0].cancelled.len(), 1);
        assert_eq!(sim.callees[0].begun.len(), 1, "a cancelled call ran");
        // The process is free again.
        let next = sim.simple_call("echo", b"next");
        sim.run_until_answered(next);
        assert!(sim.outcome(next).unwrap().is_ok());
    }
}

#[test]
fn a_cancel_before_the_call_and_one_after_it_do_no_harm() {
    let mut sim = Sim::pair(74, Link::PERFECT);
    // Before anything was sent.
    let spec = sim.spec(0, "echo", b"");
    let now = sim.now;
    let process = &mut sim.callers[0];
    let unsent = process.core.call(now, spec);
    process.started.insert(unsent, now);
    process.core.cancel(now, unsent);
    sim.poll_caller(0);
    assert_eq!(sim.error_code(unsent), "cancelled");
    assert_eq!(sim.datagrams, 0);
    // The call is lost, its cancel is not.
    sim.link.loss = 1.0;
    let lost = sim.simple_call("echo", b"");
    sim.link.loss = 0.0;
    sim.cancel(0, lost);
    sim.run_until_answered(lost);
    assert_eq!(sim.error_code(lost), "cancelled");
    // The result was faster.
    let done = sim.simple_call("echo", b"done");
    sim.run_until_answered(done);
    sim.cancel(0, done);
    sim.run_for(ms(3000));
    assert_eq!(sim.outcome(done), Some(&Ok(b"done".to_vec())));
    assert_eq!(sim.callees[0].begun.len(), 1);
}

#[test]
fn a_handler_that_ignores_a_cancel_does_not_hold_the_caller() {
    let mut sim = Sim::pair(75, Link::PERFECT);
    let call = sim.simple_call("sleep", b"5000");
    sim.run_for(ms(100));
    sim.cancel(0, call);
    sim.run_until_answered(call);
    assert_eq!(sim.error_code(call), "cancelled");
    assert_eq!(sim.now - sim.start, ms(1100));
    sim.run_for(ms(6000));
    assert_eq!(sim.callees[0].core.held().2, 0);
}

#[test]
fn a_displaced_process_finishes_what_runs_and_refuses_the_rest() {
    let mut sim = Sim::pair(76, Link::lossy(0.1));
    let running = sim.simple_call("sleep", b"500");
    sim.run_until_begun(1);
    let waiting = sim.simple_call("echo", b"");
    sim.run_for(ms(200));
    let now = sim.now;
    sim.callees[0].core.displaced(now);
    sim.poll_callee(0);
    let new = sim.simple_call("echo", b"");
    sim.run_until_idle();
    assert_eq!(sim.outcome(running), Some(&Ok(Vec::new())));
    assert_eq!(sim.error_code(waiting), "displaced");
    assert_eq!(sim.error_code(new), "displaced");
    assert_eq!(sim.callees[0].begun.len(), 1);
}
