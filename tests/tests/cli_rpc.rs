//! `dimos rpc call` and `dimos list`: results on stdout, errors with their codes on stderr, and the exit codes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dimos::Dimos;
use lcm::{Message, Queue};
use lcm_types::dimos_mesh::Ask;
use lcm_types::std_msgs::Int32;
use mesh_tests::cli::{Ended, dimos, press_ctrl_c, run};
use mesh_tests::mesh_python::MeshPython;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::{isolated, test_module, test_name};
use serde_json::json;

#[test]
fn a_result_is_json_on_stdout_and_nothing_else() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("robot0/worker");
    let said = |stdout: &str| Ended { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() };
    assert_eq!(call(&["robot0/worker.add", "a=40", "b=2"]), said("42\n"));
    assert_eq!(call(&["robot0/worker.add", "a=-40"]), said("-40\n"));
    assert_eq!(call(&["robot0/worker.add", "{\"a\": 40, \"b\": 2}", "--json"]), said("42\n"));
    assert_eq!(call(&["robot0/worker.foresee"]), said("\"sunshine\"\n"));
    let point = r#"point={"x_m": 1, "y_m": 2}"#;
    assert_eq!(call(&["robot0/worker.mirror", point]), said("{\n  \"x_m\": -1.0,\n  \"y_m\": 2.0\n}\n"));
    assert_eq!(call(&["--json", "robot0/worker.mirror", point]), said("{\"x_m\":-1.0,\"y_m\":2.0}\n"));
    // By its class.
    assert_eq!(call(&["Worker.add", "a=1"]), said("1\n"));
    // What every module has, whatever its contract names.
    let about: serde_json::Value = serde_json::from_str(&call(&["robot0/worker.about"]).stdout).unwrap();
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    let description: serde_json::Value = serde_json::from_str(&call(&["robot0/worker.describe"]).stdout).unwrap();
    assert!(description["methods"]["add"].is_object(), "{description}");
}

#[test]
fn names_that_are_wrong_are_4_with_a_guess_and_ambiguous_ones_2_with_all_they_may_mean() {
    isolated!(MulticastOnLo);
    let (mesh, _worker) = worker("robot0/worker");
    let module = call(&["robot0/wroker.add", "a=1", "--json"]);
    assert_eq!((module.code, module.stdout.as_str()), (Some(4), ""));
    assert_eq!(module.json_error()["code"], "not_found");
    assert!(module.stderr.contains("did you mean robot0/worker?"), "{module:?}");
    let method = call(&["robot0/worker.ad", "a=1"]);
    assert_eq!((method.code, method.stdout.as_str()), (Some(4), ""));
    assert!(method.stderr.starts_with("error[unknown_method]: "), "{method:?}");
    assert!(method.stderr.contains("did you mean add?") && method.stderr.contains("divide"), "{method:?}");
    let (_other, _) = ModuleProcess::start_as(&mesh, "robot1/worker", test_module!("Worker"), &[]);
    let class = call(&["Worker.add", "a=1", "--json"]);
    assert_eq!((class.code, class.stdout.as_str()), (Some(2), ""));
    assert_eq!(class.json_error()["data"]["candidates"], json!(["robot0/worker", "robot1/worker"]));
    for wrong in [&["worker"][..], &["robot0/worker.add", "1"], &["robot0/worker.add", "{\"a\":"], &["a#b.c"], &[]] {
        assert_eq!(call(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn the_exit_code_says_what_became_of_the_call() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let failed = |arguments: &[&str]| {
        let ended = call(&[arguments, &["--json"]].concat());
        assert_eq!(ended.stdout, "", "{ended:?}");
        (ended.code, ended.json_error()["code"].as_str().unwrap_or_default().to_owned())
    };
    let code = |code: i32, name: &str| (Some(code), name.to_owned());
    assert_eq!(failed(&["worker.divide", "a=1", "b=0"]), code(1, "handler"));
    assert_eq!(failed(&["worker.explode"]), code(1, "panic"));
    assert_eq!(failed(&["worker.add", "a=many"]), code(2, "bad_arguments"));
    assert_eq!(failed(&["worker.add", "a=1", "c=1"]), code(2, "bad_arguments"));
    assert_eq!(failed(&["worker.add"]), code(2, "bad_arguments"));
    assert_eq!(failed(&["worker.reach", "distance_m=2"]), code(2, "bad_arguments"));
    assert_eq!(failed(&["worker.sleep", "ms=20000", "--timeout", "300ms"]), code(5, "deadline"));
}

#[test]
fn a_stream_is_a_line_for_each_chunk() {
    isolated!(MulticastOnLo);
    let (mesh, _worker) = worker("worker");
    let ended = call(&["worker.count", "to=1000", "fails=false"]);
    let numbers = |to: i32| (0..to).map(|number| format!("{number}\n")).collect::<String>();
    assert_eq!(ended, Ended { code: Some(0), stdout: numbers(1000), stderr: String::new() });
    let failing = call(&["worker.count", "to=3", "fails=true", "--json"]);
    assert_eq!((failing.code, failing.stdout.clone()), (Some(1), numbers(3)));
    assert_eq!(failing.json_error()["code"], "handler");
    // One that goes on.
    let mut watching = Process::start(&mut dimos(&["rpc", "call", "worker.watch"]));
    let deadline = Instant::now() + PATIENCE;
    let bus = mesh.publisher();
    let line = loop {
        assert!(Instant::now() < deadline, "{}", watching.stderr());
        bus.publish_message("/release#std_msgs.Int32", &Int32 { data: 9 }).expect("it is sent");
        if let Some(line) = watching.line(Duration::from_millis(50)) {
            break line;
        }
    };
    assert_eq!((line.as_slice(), watching.wait(PATIENCE).code()), (&b"9"[..], Some(0)));
}

#[test]
fn ctrl_c_cancels_the_call() {
    isolated!(MulticastOnLo);
    let (mesh, _worker) = worker("worker");
    let interrupt = |mut process: Process| {
        press_ctrl_c(&process);
        assert_eq!(process.wait(PATIENCE).code(), Some(130), "{}", process.stderr());
        assert_eq!(process.stderr(), "");
    };
    // While the module is looked for.
    let asked = mesh.subscribe("/mesh/ask#dimos_mesh.Ask", Queue::keep_last(100)).expect("it is subscribed");
    let searching = Process::start(&mut dimos(&["rpc", "call", "nobody.add"]));
    eventually(
        || "it asks for nobody".to_owned(),
        || {
            let ask = asked.recv_timeout(PATIENCE).ok()??;
            (Ask::decode(ask.payload()).ok()?.name == "nobody").then_some(())
        },
    );
    interrupt(searching);
    let sleeping = Process::start(&mut dimos(&["rpc", "call", "worker.sleep", "ms=20000"]));
    eventually(
        || "it runs".to_owned(),
        || (call(&["worker.progress"]).stdout.trim().parse::<u64>().ok()? > 0).then_some(()),
    );
    interrupt(sleeping);
    assert_eq!(call(&["worker.cancelled"]).stdout, "1\n");
    let mut count = dimos(&["rpc", "call", "worker.count", "to=100000000", "fails=false"]);
    let mut counting = Process::start(&mut count);
    counting.expect_line("a number", |line| line == "100");
    interrupt(counting);
    assert_eq!(call(&["worker.add", "a=1"]).stdout, "1\n");
}

#[test]
fn a_reader_that_has_enough_ends_a_stream_as_a_success() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let script = "set -o pipefail; \"$0\" rpc call worker.count to=100000000 fails=false | head -1";
    let output = Command::new("bash").args(["-c", script]).arg(dimos(&[]).get_program()).output().expect("bash runs");
    let expected = Ended { code: Some(0), stdout: "0\n".to_owned(), stderr: String::new() };
    assert_eq!(Ended::from(output), expected);
    assert_eq!(call(&["worker.add", "a=1"]).stdout, "1\n");
}

#[test]
fn the_modules_are_listed_by_namespace() {
    isolated!(MulticastOnLo);
    let none = run(&["list", "--json"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "[]\n"));
    assert!(none.stderr.contains("no modules"), "{none:?}");
    assert_eq!(run(&["list"]).stdout, "");
    let (mesh, worker) = worker("robot0/worker");
    let (ticker, _) = ModuleProcess::start_as(&mesh, "worker", test_module!("Worker"), &[]);
    let listed = run(&["list", "--json"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let listed = listed.json_lines().remove(0);
    let of = |name: &str, process: &ModuleProcess| {
        let host = &mesh.modules()[0].identity.host;
        json!({
            "name": name, "class": "Worker", "state": "running", "host": host, "pid": process.0.id(), "run_id": null,
            "skills": ["reach"],
        })
    };
    assert_eq!(listed, json!([of("worker", &ticker), of("robot0/worker", &worker)]));
    let table = run(&["list"]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME           CLASS   STATE    HOST"), "{table}");
    assert!(lines[1].starts_with("worker         Worker  running  ") && lines.len() == 3, "{table}");
}

#[test]
fn a_program_that_does_not_describe_itself_is_called_too() {
    isolated!(MulticastOnLo);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(python) = MeshPython::find(test_name!(), scratch) else { return };
    let _served = python.serve("gripper");
    let ended = call(&["gripper.no_such_method", "a=1", "--json"]);
    assert_eq!((ended.code, ended.json_error()["code"].as_str()), (Some(4), Some("unknown_method")), "{ended:?}");
    assert!(run(&["list", "--json"]).stdout.contains("\"gripper\""));
}

fn call(arguments: &[&str]) -> Ended {
    run(&[&["rpc", "call"], arguments].concat())
}

/// A worker of this name, and a connection that watches it.
fn worker(name: &str) -> (Dimos, ModuleProcess) {
    let mesh = Dimos::join().expect("the bus is there");
    let (worker, _) = ModuleProcess::start_as(&mesh, name, test_module!("Worker"), &[]);
    (mesh, worker)
}
