//! References of modules to others: found by what they offer, waited for, found again; and calls that come back.

use dimos::presence::Event;
use dimos::rpc::RpcError;
use dimos::{Dimos, Messages, RemoteModule};
use lcm::Queue;
use lcm_types::std_msgs::{Int32, String as Text};
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_module};
use serde_json::json;

#[test]
fn a_reference_is_the_only_module_that_fits_in_the_namespace_or_else_outwards() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let _outer = worker(&dimos, "worker");
    let _elsewhere = worker(&dimos, "robot1/worker");
    let adder_of = |name: &str| {
        let (_caller, caller) = ModuleProcess::start_as(&dimos, name, test_module!("Caller"), &[]);
        caller.call("adder", &()).expect("it answers")
    };
    assert_eq!(adder_of("robot0/caller"), json!("worker"));
    assert_eq!(adder_of("robot0/arm/caller"), json!("worker"));
    let _inner = worker(&dimos, "robot0/worker");
    assert_eq!(adder_of("robot0/caller"), json!("robot0/worker"));
    assert_eq!(adder_of("robot0/arm/caller"), json!("robot0/worker"));
    assert_eq!(adder_of("caller"), json!("worker"));
}

#[test]
fn a_reference_that_could_be_several_lists_them_and_ends_the_module() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let _workers = [worker(&dimos, "left"), worker(&dimos, "right")];
    let events = dimos.events();
    let mut caller = ModuleProcess::start(test_module!("Caller"), &[]);
    assert_eq!(caller.exit_code(), Some(4));
    // Its farewell says that it failed.
    let farewell = events.iter().find_map(|event| match event {
        Event::Left { failed, .. } => Some(failed),
        _ => None,
    });
    assert_eq!(farewell, Some(true));
    let log = caller.log();
    let error = log.last().expect("a line")["fields"]["error"].as_str().unwrap_or_default();
    assert!(error.contains("left, right") && error.contains("--reference adder="), "{log:?}");
    // Told which, it takes it.
    let arguments = ["--reference", "adder=right", "--reference", "prophet=left"];
    let (_caller, caller) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &arguments);
    assert_eq!(caller.call("adder", &()), Ok(json!("right")));
    assert_eq!(caller.call("sum", &json!({ "a": 1, "b": 2 })), Ok(json!(3)));
}

#[test]
fn an_optional_reference_is_there_or_not() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (mut worker, _) = worker(&dimos, "worker");
    let (_blessed, blessed) = ModuleProcess::start_as(&dimos, "blessed", test_module!("Caller"), &[]);
    assert_eq!(blessed.call("prophecy", &()), Ok(json!("sunshine")));
    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0));
    // A partner that offers what is required, and nothing else.
    let (_patient, _) = ModuleProcess::start_as(&dimos, "patient", test_module!("Patient"), &[]);
    let (_caller, caller) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &[]);
    assert_eq!(caller.call("adder", &()), Ok(json!("patient")));
    assert_eq!(caller.call("prophecy", &()), Ok(json!(null)));
}

#[test]
fn who_is_displaced_while_it_waits_for_another_module_ends() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let mut first = ModuleProcess::start(test_module!("Caller"), &[]);
    let _ = first.logged("waiting for a module");
    let second = ModuleProcess::start(test_module!("Caller"), &[]);
    assert_eq!(first.exit_code(), Some(13));
    let _worker = worker(&dimos, "worker");
    let _module = second.running(&dimos, "caller");
}

#[test]
fn a_module_waits_for_who_it_needs_and_is_called_once_it_runs() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let caller = ModuleProcess::start(test_module!("Caller"), &[]);
    let _ = caller.logged("waiting for a module");
    let early = dimos.module("caller").expect("it has its name");
    // Whatever kind of method it is.
    let calls = [early.start("sum", &json!({ "a": 20, "b": 22 })), early.start("is_there", &())];
    let described = early.call("describe", &()).expect("it tells");
    assert_eq!(described["references"]["adder"]["is_optional"], false, "{described}");
    let _worker = worker(&dimos, "worker");
    let answers = calls.map(|call| call.expect("JSON").wait());
    assert_eq!(answers, [Ok(json!(42)), Ok(json!(true))]);
}

#[test]
fn a_module_that_is_suspended_is_found_when_it_goes_on() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (suspended, _) = worker(&dimos, "worker");
    suspended.signal("STOP");
    let mut impatient = ModuleProcess::start(test_module!("Caller"), &["--name", "impatient"]);
    let patient = ModuleProcess::start(test_module!("Caller"), &["--name", "patient"]);
    let _ = patient.logged("waiting for a module");
    let _ = impatient.logged("joined the mesh");
    // While it asks what that one offers, it can be told to end.
    impatient.signal("TERM");
    assert_eq!(impatient.exit_code(), Some(0));
    suspended.signal("CONT");
    let patient = patient.running(&dimos, "patient");
    assert_eq!(patient.call("sum", &json!({ "a": 1, "b": 1 })), Ok(json!(2)));
}

#[test]
fn a_module_whose_need_nobody_meets_says_what_was_missing() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ticker, _) = ModuleProcess::start_as(&dimos, "ticker", test_module!("Ticker"), &[]);
    let mut caller = ModuleProcess::start(test_module!("Caller"), &[]);
    assert_eq!(caller.exit_code(), Some(4));
    let log = caller.log();
    let error = log.last().expect("a line")["fields"]["error"].as_str().unwrap_or_default();
    assert!(error.contains("Adder") && error.contains("ticker: it has no method add"), "{log:?}");
}

#[test]
fn calls_find_the_process_that_has_taken_the_place_of_the_one_before() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (mut first, _) = worker(&dimos, "worker");
    let (_caller, caller) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &[]);
    let sum = || caller.call("sum", &json!({ "a": 1, "b": 1 }));
    assert_eq!(sum(), Ok(json!(2)));
    // It ends, and begins again; it is displaced; it is killed.
    first.signal("TERM");
    assert_eq!(first.exit_code(), Some(0));
    let (mut second, _) = worker(&dimos, "worker");
    assert_eq!(sum(), Ok(json!(2)));
    let (third, _) = worker(&dimos, "worker");
    assert_eq!(second.exit_code(), Some(13));
    assert_eq!(sum(), Ok(json!(2)));
    third.signal("KILL");
    let (_fourth, _) = worker(&dimos, "worker");
    eventually(|| format!("it calls the new one: {:?}", sum()), || (sum() == Ok(json!(2))).then_some(()));
}

#[test]
fn calls_by_a_reference_can_have_another_limit() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_worker, worker) = worker(&dimos, "worker");
    let (_caller, caller) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &[]);
    let sum = || caller.call("sum_within", &json!({ "a": 1, "b": 1, "ms": 500 }));
    assert_eq!(sum(), Ok(json!(2)));
    let busy = worker.start("sleep", &json!({ "ms": 5000 })).expect("JSON");
    let error = eventually(|| "it is busy".to_owned(), || sum().err());
    assert!(error.to_string().contains("deadline"), "{error:?}");
    drop(busy);
}

#[test]
fn while_nobody_has_the_place_calls_fail_and_are_not_kept() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (mut worker, _) = worker(&dimos, "worker");
    let (_caller, caller) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &[]);
    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0));
    let error = caller.call("sum", &json!({ "a": 1, "b": 1 })).expect_err("nobody adds");
    assert!(matches!(&error, RpcError::Handler { message, .. } if message.contains("no such process")), "{error:?}");
}

#[test]
fn a_call_back_into_a_module_that_waits_is_refused_at_once() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    // The one that is called has no partner itself, as long as it is the first.
    let (_partner, partner) = ModuleProcess::start_as(&dimos, "partner", test_module!("Patient"), &[]);
    let (_first, first) = ModuleProcess::start_as(&dimos, "first", test_module!("Patient"), &[]);
    let said: Messages<Text> = dimos.listen("/said", Queue::keep_last(100)).expect("the bus is there");
    let mut seen = std::collections::BTreeMap::new();
    dimos.publish("/go", &Int32 { data: 7 }).expect("the bus takes it");
    while seen.len() < 2 {
        let text = said.next(PATIENCE).expect("it is text").expect("it says something").data;
        let (from, outcome) = text.split_once(": ").expect("who and what");
        seen.insert(from.to_owned(), outcome.to_owned());
    }
    // First from a handler and from a timer, then in a call of another one.
    for from in ["handler 7", "timer"] {
        assert!(seen[from].contains("would be called back"), "{seen:?}");
    }
    // A module that does not wait is called back.
    assert_eq!(partner.call("bounce", &json!({ "to": "first" })), Ok(json!(3)));
    let error = first.call("bounce", &json!({ "to": "first" })).expect_err("it waits for itself");
    assert!(error.to_string().contains("would be called back"), "{error:?}");
}

fn worker(dimos: &Dimos, name: &str) -> (ModuleProcess, RemoteModule) {
    ModuleProcess::start_as(dimos, name, test_module!("Worker"), &[])
}
