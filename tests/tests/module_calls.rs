//! Methods and skills of modules: every way to answer, and what comes of errors, panics and arguments that are wrong.

use std::time::Duration;

use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, PendingCall, RemoteModule};
use lcm_types::std_msgs::Int32;
use mesh_tests::mesh_python::MeshPython;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::{isolated, test_module, test_name};
use serde_json::{Value, json};

#[test]
fn a_method_is_answered_with_what_it_returns() {
    isolated!(MulticastOnLo);
    let (_dimos, _worker, module) = worker(&[]);
    assert_eq!(module.call("add", &json!({ "a": 40, "b": 2 })), Ok(json!(42)));
    assert_eq!(module.call("add", &json!({ "a": 40 })), Ok(json!(40)));
    assert_eq!(module.call("divide", &json!({ "a": 84, "b": 2 })), Ok(json!(42)));
    let message = "1 cannot be divided by 0".to_owned();
    assert_eq!(module.call("divide", &json!({ "a": 1, "b": 0 })), Err(RpcError::Handler { message, data: None }));
    assert_eq!(module.call("multiply", &()), Err(RpcError::UnknownMethod { method: "multiply".to_owned() }));
    assert!(matches!(module.call("count", &()), Err(RpcError::NotUnary { .. })));
    let streamed: Vec<_> = module.stream("add", &json!({ "a": 1 })).expect("JSON").collect();
    assert!(matches!(&streamed[..], [Err(RpcError::NotStreaming { .. })]), "{streamed:?}");
}

#[test]
fn arguments_that_are_not_what_the_schema_says_are_refused_before_the_method_runs() {
    isolated!(MulticastOnLo);
    let (dimos, _worker, module) = worker(&[]);
    let refused = |method: &str, arguments: Value| match module.call(method, &arguments) {
        Err(RpcError::BadArguments { message, .. }) => message,
        other => panic!("{method} {arguments}: {other:?}"),
    };
    assert!(refused("add", json!({ "a": "4" })).contains('a'));
    assert!(refused("add", json!({})).contains('a'));
    assert!(refused("add", json!({ "a": 1, "c": 1 })).contains('c'));
    assert!(refused("add", json!([1, 2])).contains("object"));
    assert!(refused("add", json!(7)).contains("object"));
    assert!(refused("add", json!({ "a": 1.5 })).contains('a'));
    assert!(refused("add", json!({ "a": 1e300 })).contains('a'));
    // The limits of a skill stand in its schema only.
    assert!(refused("reach", json!({ "distance_m": 2.0 })).contains("1.5"));
    assert_eq!(dimos.call_skill("reach", &json!({ "distance_m": 1.0 })), Ok(json!(1.0)));
    let skills = dimos.skills().methods;
    assert_eq!(skills.len(), 1, "{skills:?}");
    assert_eq!(skills[0].contract.doc, "Moves the arm to a place within reach.");
    assert_eq!(skills[0].contract.arguments["properties"]["distance_m"]["description"], "How far, in m.");
}

#[test]
fn a_panic_is_answered_and_counted_on_whatever_thread_it_was() {
    isolated!(MulticastOnLo);
    let (_dimos, mut worker, module) = worker(&[]);
    let panicked = |message: &str| Err(RpcError::Panic { message: message.to_owned() });
    assert_eq!(module.call("explode", &()), panicked("it exploded"));
    assert_eq!(module.call("explode_beside", &()), panicked("it exploded beside"));
    assert_eq!(module.call("explode_beside", &()), panicked("it exploded beside"));
    assert_eq!(module.call("add", &json!({ "a": 1 })), Ok(json!(1)));
    // The caller may have its answer before it is counted.
    let counted = json!({ "explode": 1, "explode_beside": 2 });
    eventually(|| "they are counted".to_owned(), || (module.call("faults", &()).ok()? == counted).then_some(()));
    // What comes often is told now and then, and for the last time at the end.
    worker.signal("TERM");
    assert_eq!(worker.exit_code(), Some(0));
    let log = worker.log();
    let of = |handler: &'static str| log.iter().filter(move |line| line["fields"]["handler"] == handler);
    assert_eq!(of("explode").count(), 1, "{log:?}");
    let told = of("explode_beside").map(|line| &line["fields"]["count"]).collect::<Vec<_>>();
    assert_eq!(told, [&json!(1), &json!(2)], "{log:?}");
}

#[test]
fn a_panic_of_a_concurrent_method_ends_the_module_if_it_is_told_so() {
    isolated!(MulticastOnLo);
    let (_dimos, mut worker, module) = worker(&["--exit-on-panic"]);
    let message = "it exploded beside".to_owned();
    assert_eq!(module.call("explode_beside", &()), Err(RpcError::Panic { message }));
    assert_eq!(worker.exit_code(), Some(1));
}

#[test]
fn streams_end_as_their_methods_do_or_later() {
    isolated!(MulticastOnLo);
    let (dimos, _worker, module) = worker(&[]);
    let counted = |to: i32, fails: bool| -> Vec<_> {
        module.stream("count", &json!({ "to": to, "fails": fails })).expect("JSON").collect()
    };
    let numbers: Vec<_> = (0..2000).map(|number| Ok(json!(number))).collect();
    assert_eq!(counted(2000, false), numbers);
    assert_eq!(counted(0, false), []);
    let mut failing = counted(3, true);
    let message = "cannot count further".to_owned();
    assert_eq!(failing.pop(), Some(Err(RpcError::Handler { message, data: None })));
    assert_eq!(failing, numbers[..3]);
    assert!(matches!(&counted_wrong(&module)[..], [Err(RpcError::BadArguments { .. })]));

    // One that is kept, longer than the idle limit of 3 s, and ended by a message.
    let kept = module.stream("watch", &()).expect("JSON");
    let abandoned = module.stream("watch", &()).expect("JSON");
    drop(abandoned);
    std::thread::sleep(Duration::from_millis(3500));
    release(&dimos, 9);
    assert_eq!(kept.collect::<Vec<_>>(), [Ok(json!(9))]);
    assert_eq!(module.call("add", &json!({ "a": 1 })), Ok(json!(1)));
}

#[test]
fn an_answer_may_come_later_or_never_and_never_is_told() {
    isolated!(MulticastOnLo);
    let (dimos, _worker, module) = worker(&[]);
    let later = module.start("later", &()).expect("JSON");
    let too = module.start("later", &()).expect("JSON");
    // The module is free meanwhile.
    assert_eq!(module.call("add", &json!({ "a": 1 })), Ok(json!(1)));
    release(&dimos, 5);
    assert_eq!((later.wait(), too.wait()), (Ok(json!(5)), Ok(json!(5))));
    assert!(matches!(module.call("never", &()), Err(RpcError::Handler { .. })));
    // A handler that was to answer panics with them in its hands.
    let (later, streamed) = (module.start("later", &()).expect("JSON"), module.stream("watch", &()).expect("JSON"));
    assert_eq!(module.call("add", &json!({ "a": 1 })), Ok(json!(1)));
    release(&dimos, 0);
    assert!(matches!(later.wait(), Err(RpcError::Panic { .. })));
    drop(streamed);
}

#[test]
fn a_concurrent_method_runs_beside_the_module_with_what_they_share() {
    isolated!(MulticastOnLo);
    let (_dimos, _worker, module) = worker(&[]);
    assert_eq!(module.call("progress", &()), Ok(json!(0)));
    let sleeping = module.start("sleep", &json!({ "ms": 1000 })).expect("JSON");
    eventually(
        || "it makes progress".to_owned(),
        || (module.call("progress", &()).expect("it answers").as_u64()? > 3).then_some(()),
    );
    assert_eq!(sleeping.wait(), Ok(json!("slept")));
}

#[test]
fn a_method_may_be_called_in_binary_by_who_has_its_types() {
    use dimos::Wire;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize, Wire)]
    struct Point {
        x_m: f64,
        y_m: f64,
    }
    #[derive(Debug, Serialize, Deserialize, Wire)]
    struct Arguments {
        point: Point,
    }
    #[derive(Debug, Serialize, Deserialize, Wire)]
    struct Others {
        point: (f64, f64),
    }
    isolated!(MulticastOnLo);
    let (_dimos, _worker, module) = worker(&[]);
    let point = || Point { x_m: 1.5, y_m: f64::NEG_INFINITY };
    let mirrored: Point = module.call_binary("mirror", &Arguments { point: point() }).expect("it answers");
    assert_eq!(mirrored, Point { x_m: -1.5, ..point() });
    let others: Result<Point, _> = module.call_binary("mirror", &Others { point: (1.0, 2.0) });
    assert!(matches!(others, Err(RpcError::ContractMismatch { .. })), "{others:?}");
    let in_json = module.call("mirror", &json!({ "point": { "x_m": 1.0, "y_m": 2.0 } }));
    assert_eq!(in_json, Ok(json!({ "x_m": -1.0, "y_m": 2.0 })));
}

#[test]
fn a_cancelled_call_ends_and_those_that_wait_behind_it_do_not_run() {
    isolated!(MulticastOnLo);
    let (_dimos, _worker, module) = worker(&[]);
    let long = |ms: u64| -> PendingCall {
        module.limit(TimeLimit::Deadline(Duration::from_secs(60))).start("sleep", &json!({ "ms": ms })).expect("JSON")
    };
    let (running, waiting) = (long(50_000), long(50_000));
    eventually(
        || "it runs".to_owned(),
        || (module.call("progress", &()).expect("it answers").as_u64()? > 0).then_some(()),
    );
    waiting.cancel();
    assert_eq!(waiting.wait(), Err(RpcError::Cancelled));
    running.cancel();
    assert_eq!(running.wait(), Err(RpcError::Cancelled));
    assert_eq!(module.call("cancelled", &()), Ok(json!(1)));
}

#[test]
fn python_calls_a_module_with_nothing_but_lcm() {
    isolated!(MulticastOnLo);
    let scratch = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(python) = MeshPython::find(test_name!(), scratch) else { return };
    let (_dimos, _worker, _) = worker(&[]);
    assert_eq!(python.call("worker", "add", r#"{"a": 40, "b": 2}"#), Ok(json!(42)));
    assert_eq!(python.call("worker", "reach", r#"{"distance_m": 1}"#), Ok(json!(1.0)));
    let refused = python.call("worker", "reach", r#"{"distance_m": 9}"#);
    assert!(matches!(refused, Err(RpcError::BadArguments { .. })), "{refused:?}");
    let message = "1 cannot be divided by 0".to_owned();
    let failed = python.call("worker", "divide", r#"{"a": 1, "b": 0}"#);
    assert_eq!(failed, Err(RpcError::Handler { message, data: None }));
    let described = python.call("worker", "describe", "{}").expect("it tells");
    assert_eq!(described["methods"]["divide"]["order"], json!(["a", "b"]));
}

fn worker(arguments: &[&str]) -> (Dimos, ModuleProcess, RemoteModule) {
    let dimos = Dimos::join().expect("the bus is there");
    let (worker, module) = ModuleProcess::start_as(&dimos, "worker", test_module!("Worker"), arguments);
    (dimos, worker, module)
}

fn counted_wrong(module: &RemoteModule) -> Vec<Result<Value, RpcError>> {
    module.stream("count", &json!({ "to": "many" })).expect("JSON").collect()
}

fn release(dimos: &Dimos, data: i32) {
    dimos.publish("/release", &Int32 { data }).expect("the bus takes it");
}
