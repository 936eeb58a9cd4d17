//! `dimos rpc serve-stdio`: the mesh for a program that speaks JSON-RPC, line by line.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dimos::Dimos;
use lcm::Queue;
use lcm_types::std_msgs::Int32;
use mesh_tests::cli::{dimos, press_ctrl_c};
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::peers::skip;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::{isolated, test_module, test_name};
use serde_json::{Value, json};

#[test]
fn answers_come_as_they_are_there_each_with_its_id() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("robot0/worker");
    let mut program = Program::start();
    program.request(
        json!("slow"),
        "call",
        json!({ "module": "robot0/worker", "method": "sleep", "arguments": { "ms": 700 } }),
    );
    // It answers while the other one runs.
    program.request(json!(1), "call", json!({ "module": "Worker", "method": "progress" }));
    assert!(program.answers(1)["1"]["result"].is_u64());
    program.request(
        json!(2),
        "call",
        json!({ "module": "robot0/worker", "method": "add", "arguments": { "a": 40, "b": 2 } }),
    );
    program.request(
        json!(3),
        "publish",
        json!({ "topic": "/number", "type": "std_msgs.Int32", "data": { "data": 9 } }),
    );
    let answers = program.answers(3);
    assert_eq!(answers["\"slow\""]["result"], "slept");
    assert_eq!(answers["2"]["result"], 42);
    assert_eq!(answers["3"]["result"], json!({ "channel": "/number#std_msgs.Int32", "bytes": 12 }));
    program.ends_well();
}

#[test]
fn errors_have_the_words_of_the_command_line() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let mut program = Program::start();
    let failed = |program: &mut Program, method: &str, params: Value| {
        program.request(json!(1), method, params);
        let error = program.answers(1)["1"]["error"].clone();
        (
            error["data"]["code"].clone(),
            error["data"]["exit_code"].clone(),
            error["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let call = |module: &str, method: &str, arguments: Value| json!({ "module": module, "method": method, "arguments": arguments, "timeout_s": 0.3 });
    let (code, exit_code, message) = failed(&mut program, "call", call("wroker", "add", json!({})));
    assert_eq!((code, exit_code), (json!("not_found"), json!(4)));
    assert!(message.contains("did you mean worker?"), "{message}");
    let (code, exit_code, message) = failed(&mut program, "call", call("worker", "ad", json!({})));
    assert_eq!((code, exit_code), (json!("unknown_method"), json!(4)));
    assert!(message.contains("did you mean add?"), "{message}");
    for (method, arguments, code, exit_code) in [
        ("add", json!({ "a": "many" }), "bad_arguments", 2),
        ("divide", json!({ "a": 1, "b": 0 }), "handler", 1),
        ("explode", json!({}), "panic", 1),
        ("sleep", json!({ "ms": 20000 }), "deadline", 5),
        ("count", json!({ "to": 1, "fails": false }), "not_unary", 1),
    ] {
        let (found, found_exit_code, _) = failed(&mut program, "call", call("worker", method, arguments));
        assert_eq!((found, found_exit_code), (json!(code), json!(exit_code)), "{method}");
    }
    let (code, ..) = failed(&mut program, "publish", json!({ "topic": "/a", "data": {} }));
    assert_eq!(code, "usage");
    let (code, _, message) =
        failed(&mut program, "publish", json!({ "topic": "/a#std_msgs.Int32", "data": { "dta": 1 } }));
    assert_eq!(code, "usage");
    assert!(message.contains("dta"), "{message}");
    program.ends_well();
}

#[test]
fn a_stream_is_its_id_its_chunks_and_its_end() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let mut program = Program::start();
    let count = |to: i32, fails: bool| json!({ "module": "worker", "method": "count", "arguments": { "to": to, "fails": fails } });
    program.request(json!(1), "stream", count(100, true));
    let id = program.line()["result"]["id"].clone();
    for number in 0..100 {
        let told = json!({ "jsonrpc": "2.0", "method": "chunk", "params": { "id": id, "value": number } });
        assert_eq!(program.line(), told);
    }
    let end = program.line();
    assert_eq!((&end["method"], &end["params"]["id"]), (&json!("end"), &id));
    assert_eq!(end["params"]["error"]["data"]["code"], "handler");
    // One that is cancelled.
    program.request(json!(2), "stream", count(i32::MAX, false));
    let id = program.line()["result"]["id"].clone();
    assert_eq!(program.line()["params"]["value"], 0);
    program.request(json!(3), "cancel", json!({ "id": id }));
    let answer = program.until(|line| line["id"] == 3);
    assert_eq!(answer["result"], json!({ "cancelled": true }));
    let end = program.until(|line| line["method"] == "end");
    assert_eq!((&end["params"]["id"], &end["params"]["error"]["data"]["code"]), (&id, &json!("cancelled")));
    program.request(json!(4), "cancel", json!({ "id": id }));
    assert_eq!(program.line()["result"], json!({ "cancelled": false }));
    // One that ends well.
    program.request(json!(5), "stream", count(1, false));
    let lines = [program.line(), program.line(), program.line()];
    assert_eq!(
        (&lines[1]["method"], &lines[2]["params"]),
        (&json!("chunk"), &json!({ "id": lines[0]["result"]["id"] }))
    );
    program.ends_well();
}

#[test]
fn a_call_is_cancelled_by_the_id_of_its_request() {
    isolated!(MulticastOnLo);
    let (mesh, _worker) = worker("worker");
    let worker = mesh.module("worker").expect("it is there");
    let mut program = Program::start();
    program.request(
        json!("nap"),
        "call",
        json!({ "module": "worker", "method": "sleep", "arguments": { "ms": 20000 } }),
    );
    eventually(|| "it sleeps".to_owned(), || (worker.call("progress", &()).ok()?.as_u64()? > 0).then_some(()));
    program.request(json!(1), "cancel", json!({ "request": "nap" }));
    let answers = program.answers(2);
    assert_eq!(answers["1"]["result"]["cancelled"], true);
    assert_eq!(answers["\"nap\""]["error"]["data"]["code"], "cancelled");
    assert_eq!(worker.call("cancelled", &()), Ok(json!(1)));
    program.ends_well();
}

#[test]
fn messages_come_as_topic_echo_prints_them() {
    isolated!(MulticastOnLo);
    let mesh = Dimos::join().expect("the bus is there");
    let mut program = Program::start();
    program.request(json!(1), "subscribe", json!({ "topic": "/number?" }));
    let id = program.line()["result"]["id"].clone();
    let bus = mesh.publisher();
    bus.publish_message("/number#std_msgs.Int32", &Int32 { data: 7 }).expect("it is sent");
    bus.publish_message("/numbers", &Int32 { data: 7 }).expect("it is sent");
    let message = program.line();
    assert_eq!(message["method"], "message");
    let params = message["params"].as_object().expect("params").clone();
    let keys: Vec<_> = params.keys().map(String::as_str).collect();
    let mut expected = ["id", "channel", "type", "recv_time_ns", "size_bytes", "data", "dropped"];
    expected.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!((&params["id"], &params["channel"], &params["type"]), (&id, &json!("/numbers"), &Value::Null));
    program.request(json!(2), "unsubscribe", json!({ "id": id }));
    program.until(|line| line["method"] == "end");
    program.request(json!(3), "subscribe", json!({ "topic": "/number" }));
    let id = program.until(|line| line["id"] == 3)["result"]["id"].clone();
    bus.publish_message("/number#std_msgs.Int32", &Int32 { data: 8 }).expect("it is sent");
    let message = program.line();
    assert_eq!((&message["params"]["id"], &message["params"]["data"]), (&id, &json!({ "data": 8 })));
    assert_eq!((&message["params"]["type"], &message["params"]["dropped"]), (&json!("std_msgs.Int32"), &json!(0)));
    program.ends_well();
}

#[test]
fn who_reads_slowly_loses_old_messages_and_is_told_how_many() {
    isolated!(MulticastOnLo);
    let mesh = Dimos::join().expect("the bus is there");
    let mut command = dimos(&["rpc", "serve-stdio"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dimos starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let subscribe = r#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"topic":"/text","keep_last":2}}"#;
    std::io::Write::write_all(&mut stdin, format!("{subscribe}\n").as_bytes()).expect("it takes a line");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("stdout is piped")));
    let mut line = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    assert_eq!(line()["id"], 1);
    // More than the pipe and what waits for it can hold.
    let text = lcm_types::std_msgs::String { data: "x".repeat(50_000) };
    for _ in 0..300 {
        mesh.publisher().publish_message("/text#std_msgs.String", &text).expect("it is sent");
        std::thread::sleep(Duration::from_millis(1));
    }
    // What came early was dropped for nothing yet.
    let mut dropped = std::iter::repeat_with(|| line()["params"]["dropped"].as_u64().unwrap_or_default());
    assert!(dropped.any(|dropped| dropped > 100));
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn batches_are_answered_in_their_order_and_whatever_is_wrong_has_its_code() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let mut program = Program::start();
    let add = |id: i32| json!({ "jsonrpc": "2.0", "id": id, "method": "call", "params": { "module": "worker", "method": "add", "arguments": { "a": id } } });
    let notification = json!({ "jsonrpc": "2.0", "method": "modules" });
    program.write(&json!([add(3), notification, 1, add(1), add(2)]).to_string());
    let answer = program.line();
    let seen: Vec<_> = answer
        .as_array()
        .expect("an array")
        .iter()
        .map(|one| (one["id"].clone(), one["result"].clone(), one["error"]["code"].clone()))
        .collect();
    let good = |number: i32| (json!(number), json!(number), Value::Null);
    assert_eq!(seen, [good(3), (Value::Null, Value::Null, json!(-32600)), good(1), good(2)]);
    for (line, code) in [
        ("{", -32700),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"calls"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"call","params":{}}"#, -32602),
    ] {
        program.write(line);
        assert_eq!(program.line()["error"]["code"], code, "{line}");
    }
    program.write(&"x".repeat((16 << 20) + 1));
    assert_eq!(program.line()["error"]["code"], -32600);
    // Too many at a time: the rest goes on.
    let nap = |id: i32| json!({ "jsonrpc": "2.0", "id": id, "method": "call", "params": { "module": "worker", "method": "later" } });
    program.write(&Value::Array((0..65).map(nap).collect()).to_string());
    program.request(json!("stop"), "publish", json!({ "topic": "/release#std_msgs.Int32", "data": { "data": 1 } }));
    let answers = eventually_all(&mut program);
    assert_eq!(answers.iter().filter(|answer| answer["result"] == 1).count(), 64);
    assert_eq!(answers[64]["error"]["data"]["code"], "overloaded");
    program.ends_well();
}

#[test]
fn what_there_is_can_be_listed() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("robot0/worker");
    let mut program = Program::start();
    program.request(json!(1), "modules", json!({}));
    let modules = program.line()["result"].clone();
    assert_eq!((&modules[0]["name"], &modules[0]["class"]), (&json!("robot0/worker"), &json!("Worker")));
    program.request(json!(2), "skills", json!({}));
    let skills = program.line()["result"].clone();
    assert_eq!(skills["methods"][0]["signature"], "robot0/worker.reach(distance_m: number) -> number");
    assert_eq!(skills["methods"].as_array().map(Vec::len), Some(1));
    program.request(json!(3), "rpcs", json!({}));
    assert!(program.line()["result"]["methods"].as_array().map(Vec::len) > Some(5));
    program.request(json!(4), "describe", json!({ "module": "robot0/worker" }));
    assert_eq!(program.line()["result"]["class_name"], "Worker");
    program.ends_well();
}

#[test]
fn the_end_of_stdin_waits_for_answers_and_ctrl_c_for_nothing() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let mut program = Program::start();
    program.request(json!(1), "call", json!({ "module": "worker", "method": "sleep", "arguments": { "ms": 500 } }));
    program.request(json!(2), "subscribe", json!({ "topic": "*" }));
    program.0.close_stdin();
    let answer = program.until(|line| line["id"] == 1);
    assert_eq!(answer["result"], "slept");
    assert_eq!(program.0.wait(PATIENCE).code(), Some(0));
    let mut program = Program::start();
    program.request(json!(1), "subscribe", json!({ "topic": "/a" }));
    program.line();
    press_ctrl_c(&program.0);
    assert_eq!(program.0.wait(PATIENCE).code(), Some(130));
    // Nobody reads any more.
    let mut gone =
        dimos(&["rpc", "serve-stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dimos starts");
    drop(gone.stdout.take());
    let until = Instant::now() + PATIENCE;
    while gone.try_wait().expect("it can be waited for").is_none() {
        assert!(Instant::now() < until, "it does not notice that nobody reads");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(gone.wait().expect("it has ended").code(), Some(0));
}

#[test]
fn the_program_of_the_documentation_runs() {
    isolated!(MulticastOnLo);
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip(test_name!(), "no python3", "install it");
    }
    let (mesh, _worker) = worker("worker");
    let page = include_str!("../../tools/dimos-cli/STDIO.md");
    let program = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    // Heard as well by others.
    let heard = mesh.subscribe("/number#std_msgs.Int32", Queue::keep_last(1)).expect("it is subscribed");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directory = std::path::Path::new(dimos(&[]).get_program()).parent().expect("a directory").to_owned();
    let path = std::env::join_paths(std::iter::once(directory).chain(std::env::split_paths(&path))).expect("a path");
    let output =
        Command::new("python3").args(["-c", program, "worker"]).env("PATH", path).output().expect("python3 runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[3, 42]\n/number#std_msgs.Int32 7\n", "{output:?}");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert!(heard.recv_timeout(PATIENCE).expect("the bus is there").is_some());
}

/// A program's side of the lines.
struct Program(Process);

impl Program {
    fn start() -> Self {
        Self(Process::start(&mut dimos(&["rpc", "serve-stdio"])))
    }

    fn write(&mut self, line: &str) {
        self.0.write_line(line);
    }

    #[expect(clippy::needless_pass_by_value, reason = "they are written where they are passed")]
    fn request(&mut self, id: Value, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
    }

    fn line(&mut self) -> Value {
        let line = self.0.line(PATIENCE).unwrap_or_else(|| panic!("it says nothing; on stderr {}", self.0.stderr()));
        serde_json::from_slice(&line).expect("a line of JSON")
    }

    /// The next line that is wanted; others are passed over.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.line();
            if wanted(&line) {
                return line;
            }
            assert!(Instant::now() < deadline, "it does not come");
        }
    }

    /// The next lines, which are answers, by their ids.
    fn answers(&mut self, count: usize) -> BTreeMap<String, Value> {
        (0..count).map(|_| self.line()).map(|answer| (answer["id"].to_string(), answer)).collect()
    }

    fn ends_well(mut self) {
        self.0.close_stdin();
        assert_eq!(self.0.wait(PATIENCE).code(), Some(0), "{}", self.0.stderr());
        assert_eq!(self.0.stderr(), "");
    }
}

/// The answers to the batch, released again and again, because a call may come after the first time.
fn eventually_all(program: &mut Program) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match program.line() {
            Value::Array(answers) => return answers,
            _ => {
                assert!(Instant::now() < deadline, "the batch is not answered");
                std::thread::sleep(Duration::from_millis(100));
                program.request(
                    json!("stop"),
                    "publish",
                    json!({ "topic": "/release#std_msgs.Int32", "data": { "data": 1 } }),
                );
            }
        }
    }
}

/// A worker of this name, and a connection that watches it.
fn worker(name: &str) -> (Dimos, ModuleProcess) {
    let mesh = Dimos::join().expect("the bus is there");
    let (worker, _) = ModuleProcess::start_as(&mesh, name, test_module!("Worker"), &[]);
    (mesh, worker)
}
