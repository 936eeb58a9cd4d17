//! The protocol of the mesh is open: a Python program with nothing but LCM and the classes that `lcm-gen` makes of
//! `lcm-types/idl/dimos_mesh` lists our processes, calls them and is called.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dimos::presence::{Event, State};
use dimos::rpc::RpcError;
use dimos::{Dimos, NodeId, Options, RemoteModule, Served, Service};
use lcm::{Lcm, Message, Queue};
use lcm_types::dimos_mesh::{RpcRequest, RpcResponse};
use mesh_tests::hosts::lose_percent;
use mesh_tests::mesh_python::MeshPython;
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_name};
use serde_json::{Value, json};

#[test]
fn python_lists_our_processes() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    assert_eq!(python.list(), [] as [Value; 0]);
    let served = calculator("robot0/calculator");
    let mut listed = python.list();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let said = listed.remove(0);
    assert_eq!(said["name"], "robot0/calculator");
    assert_eq!(said["class_name"], "Calculator");
    assert_eq!(said["node"], served.node().to_string());
    assert_eq!(said["pid"], std::process::id());
    assert_eq!(said["epoch"], served.epoch());
    drop(served);
    assert_eq!(python.list(), [] as [Value; 0]);
}

#[test]
fn python_calls_our_service() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let _served = calculator("robot0/calculator");
    python_calls(&python, "robot0/calculator");
    // A channel would not hold this name.
    let long = "a-long-namespace/of-a-long-name/that-no-channel-holds";
    let _long = calculator(long);
    assert_eq!(python.call(long, "echo", "1"), Ok(json!(1)));
}

#[test]
fn errors_of_our_service_reach_python() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let _served = calculator("calculator");
    let fails = |method, arguments| python.call("calculator", method, arguments).expect_err(method);
    assert_eq!(fails("subtract", "{}"), RpcError::UnknownMethod { method: "subtract".to_owned() });
    assert_eq!(fails("fail", "{}"), RpcError::Handler { message: "out of paper".to_owned(), data: Some(json!(7)) });
    assert_eq!(fails("count", "{}"), RpcError::NotUnary { method: "count".to_owned() });
    assert_eq!(fails("echo", "not JSON").code(), "bad_arguments");
    // An error of several parts.
    let RpcError::Handler { message, .. } = fails("fail_at_length", "{}") else { panic!() };
    assert_eq!(message, "x".repeat(5000));
}

#[test]
fn our_client_calls_and_watches_a_python_service() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let dimos = Dimos::join().expect("the bus is there");
    let events = dimos.events();
    let mut server = python.serve("robot0/calculator");
    let calculator = dimos.module("robot0/calculator").expect("it is there");
    we_call(&calculator);

    let modules = dimos.settled().modules();
    assert_eq!(modules.len(), 1, "{modules:?}");
    let module = &modules[0];
    assert_eq!(module.name.as_ref(), Some(calculator.name()));
    assert_eq!((module.state, module.identity.pid.unsigned_abs()), (State::Running, server.id()));
    assert_eq!(dimos.module("PythonServer").expect("the class is unique").node(), calculator.node());

    assert!(server.terminate().success());
    let deadline = Instant::now() + PATIENCE;
    let left = loop {
        match events.recv_deadline(deadline).expect("its end is noticed") {
            Event::Left { node, name, failed } => break (node, name, failed),
            event @ (Event::Lost { .. } | Event::Displaced { .. }) => panic!("{event:?}"),
            _ => {}
        }
    };
    assert_eq!(left, (calculator.node(), Some(calculator.name().clone()), false));
    assert_eq!(dimos.modules(), []);
}

#[test]
fn errors_of_a_python_service_reach_us() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let dimos = Dimos::join().expect("the bus is there");
    let _server = python.serve("calculator");
    let calculator = dimos.module("calculator").expect("it is there");
    let fails = |method: &str, arguments: Value| calculator.call(method, &arguments).expect_err(method);
    assert_eq!(fails("subtract", json!({})), RpcError::UnknownMethod { method: "subtract".to_owned() });
    assert_eq!(fails("add", json!({ "a": 1 })).code(), "bad_arguments");
    let streamed: Vec<_> = calculator.stream("echo", &json!({})).expect("it starts").collect();
    assert_eq!(streamed, [Err(RpcError::NotStreaming { method: "echo".to_owned() })]);
    assert_eq!(calculator.call("echo", &json!("there")), Ok(json!("there")));
}

#[test]
fn a_python_service_that_is_killed_is_lost_and_its_calls_end() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let dimos = Dimos::join().expect("the bus is there");
    let events = dimos.events();
    let server = python.serve("calculator");
    let calculator = dimos.module("calculator").expect("it is there");
    assert_eq!(calculator.call("echo", &json!(1)), Ok(json!(1)));
    drop(server);
    let error = calculator.call("echo", &json!(2)).expect_err("nobody answers");
    assert!(matches!(error, RpcError::NoSuchProcess { .. } | RpcError::OutcomeUnknown), "{error:?}");
    let deadline = Instant::now() + PATIENCE;
    while !matches!(
        events.recv_deadline(deadline).expect("its end is noticed"),
        Event::Lost { node, .. } if node == calculator.node()
    ) {}
}

#[test]
fn a_name_passes_between_python_and_us() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let first = calculator("calculator");
    let mut second = python.serve("calculator");
    let by = first.displaced().recv_timeout(PATIENCE).expect("Python has taken the name");
    let dimos = Dimos::join().expect("the bus is there");
    assert_eq!(dimos.module("calculator").expect("it is there").node(), by);
    let third = calculator("calculator");
    assert!(third.epoch() > first.epoch() + 1);
    let told = second.expect_line("displaced", |line| line.starts_with("displaced by "));
    assert_eq!(told, format!("displaced by {}", third.node()));
    assert_eq!(second.wait(PATIENCE).code(), Some(13));
    assert_eq!(python.call("calculator", "echo", "1"), Ok(json!(1)));
}

#[test]
fn a_repeated_call_runs_once_in_python() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let mut server = python.serve("calculator");
    let dimos = Dimos::join().expect("the bus is there");
    let target = dimos.module("calculator").expect("it is there").node();
    // By hand, as a caller does that hears no answer.
    let bus = Lcm::open("").expect("the bus is there");
    let me = NodeId::random();
    let answers = bus.subscribe(me.response_channel(), Queue::keep_last(100)).expect("the channel is one");
    let request = RpcRequest {
        version: 1,
        kind: RpcRequest::CALL.cast_unsigned(),
        codec: RpcRequest::JSON.cast_unsigned(),
        caller: me.to_wire(),
        target: target.to_wire(),
        call: 1,
        done_before: 1,
        time_left_us: 10_000_000,
        method: "echo".to_owned(),
        total_bytes: 1,
        part: b"7".to_vec(),
        credit: 1,
        ..RpcRequest::default()
    };
    let done = RpcRequest { kind: RpcRequest::DONE.cast_unsigned(), ..request.clone() };
    let channel = "/rpc/calculator/req#dimos_mesh.RpcRequest";
    for request in [&request, &request, &request, &done, &request] {
        bus.publisher().publish_message(channel, request).expect("the bus takes it");
        std::thread::sleep(Duration::from_millis(100));
    }
    let heard = std::iter::from_fn(|| answers.recv_timeout(Duration::from_millis(100)).expect("the bus is readable"));
    let results = heard.filter(|sample| {
        let response = RpcResponse::decode(sample.payload()).expect("it is a response");
        response.kind == RpcResponse::RESULT.cast_unsigned() && response.part == b"7"
    });
    assert!(results.count() >= 3, "each question but those after the end is answered");
    assert!(server.terminate().success());
    let ran = server.remaining_lines();
    assert_eq!(ran, ["runs echo"]);
}

#[test]
fn calls_between_python_and_us_survive_loss() {
    isolated!(MulticastOnLo);
    let Some(python) = find(test_name!()) else { return };
    let executed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executed);
    let _served = Service::new("ours".parse().expect("a name"))
        .unary("echo", |arguments, _| Ok(arguments))
        .unary("add", add)
        .unary("count", move |_, _| Ok(json!(counted.fetch_add(1, Ordering::Relaxed) + 1)))
        .start(Options::default())
        .expect("the name is free");
    let mut server = python.serve("theirs");
    if !lose_percent(test_name!(), 10) {
        return;
    }
    for number in 1..=10 {
        assert_eq!(python.call("ours", "count", "null"), Ok(json!(number)));
    }
    python_calls(&python, "ours");
    let dimos = Dimos::join().expect("the bus is there");
    let theirs = dimos.module("theirs").expect("it is there");
    for number in 0..200 {
        assert_eq!(theirs.call("add", &json!({ "a": number, "b": 1 })), Ok(json!(number + 1)));
    }
    we_call(&theirs);
    assert!(server.terminate().success());
    let ran = server.remaining_lines();
    assert_eq!(ran.iter().filter(|line| *line == "runs add").count(), 200 + 1);
    assert_eq!(ran.iter().filter(|line| *line == "runs echo").count(), SIZES.len() + 1);
}

fn find(test: &str) -> Option<MeshPython> {
    MeshPython::find(test, Path::new(env!("CARGO_TARGET_TMPDIR")))
}

fn calculator(name: &str) -> Served {
    Service::new(name.parse().expect("a name"))
        .class_name("Calculator")
        .unary("add", add)
        .unary("echo", |arguments, _| Ok(arguments))
        .unary("fail", |_, _| Err(RpcError::Handler { message: "out of paper".to_owned(), data: Some(json!(7)) }))
        .unary("fail_at_length", |_, _| Err(RpcError::Handler { message: "x".repeat(5000), data: None }))
        .stream("count", |_, _: &dimos::Chunks| Ok(()))
        .start(Options::default())
        .expect("the bus is there")
}

fn add(arguments: Value, _: &dimos::Call) -> Result<Value, RpcError> {
    let term =
        |name| arguments[name].as_i64().ok_or(RpcError::BadArguments { message: "no number".to_owned(), data: None });
    Ok(json!(term("a")? + term("b")?))
}

fn python_calls(python: &MeshPython, name: &str) {
    assert_eq!(python.call(name, "add", r#"{"a": 1, "b": 41}"#), Ok(json!(42)));
    assert_eq!(python.call(name, "echo", "null"), Ok(Value::Null));
    // As much as an argument of a program may be.
    for bytes in [1000, 1400, 5000, 100_000] {
        let text = Value::from("ä".repeat(bytes / 2));
        assert_eq!(python.call(name, "echo", &text.to_string()).as_ref(), Ok(&text));
    }
}

fn we_call(module: &RemoteModule) {
    assert_eq!(module.call("add", &json!({ "a": 1, "b": 41 })), Ok(json!(42)));
    assert_eq!(module.call("echo", &Value::Null), Ok(Value::Null));
    for bytes in SIZES {
        let text = Value::from("ä".repeat(bytes / 2));
        assert_eq!(module.call("echo", &text).as_ref(), Ok(&text));
    }
}

/// Bodies of one part and of many.
const SIZES: [usize; 4] = [1000, 1400, 5000, 300_000];
