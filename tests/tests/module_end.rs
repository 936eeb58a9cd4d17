//! How modules end: when they are told to, when they cannot go on, when another takes their name; and what others hear of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dimos::presence::Event;
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, Messages, RemoteModule};
use lcm::Queue;
use lcm_types::std_msgs::{Int32, String as Text};
use lcm_types::tf2_msgs::TFMessage;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_module};
use serde_json::json;

#[test]
fn sigterm_runs_the_stop_hook_and_says_farewell() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    let (took, code) = end.signal("TERM");
    assert_eq!((code, took < SLACK), (Some(0), true));
    let (numbers, failed) = end.heard();
    assert_eq!((numbers.last(), failed), (Some(&-1), false));
}

#[test]
fn ctrl_c_does_too_and_the_exit_code_says_so() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&["--config", "stop_ms=200"]);
    let (_, code) = end.signal("INT");
    assert_eq!(code, Some(130));
    assert_eq!(end.heard().0.last(), Some(&-1));
}

#[test]
fn a_stop_hook_that_hangs_is_left_behind_within_2_s() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&["--config", "stop_ms=100000"]);
    let (took, code) = end.signal("TERM");
    assert_eq!((code, took < SLACK), (Some(1), true), "{took:?}");
    let (numbers, failed) = end.heard();
    assert!(!numbers.contains(&-1) && failed, "{numbers:?}");
}

#[test]
fn a_handler_that_hangs_is_left_behind_within_2_s() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    end.dimos.publish("/nap", &Int32 { data: 100_000 }).expect("the bus takes it");
    end.wait_for(100_000);
    let (took, code) = end.signal("TERM");
    assert_eq!((code, took < SLACK), (Some(1), true), "{took:?}");
    assert!(end.heard().1);
}

#[test]
fn who_is_told_twice_does_not_wait() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&["--config", "stop_ms=100000"]);
    for signal in ["TERM", "INT"] {
        end.process.signal(signal);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(end.process.exit_code(), Some(1));
}

#[test]
fn a_module_that_waits_for_another_one_ends_when_it_is_told_to() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let watched = Watched::new(&dimos);
    let mut caller = ModuleProcess::start(test_module!("Caller"), &[]);
    let _ = caller.logged("waiting for a module");
    let module = dimos.module("caller").expect("it has its name");
    let told = Instant::now();
    caller.signal("TERM");
    assert_eq!(caller.exit_code(), Some(0));
    assert!(told.elapsed() < SLACK);
    assert!(!watched.farewell(&module));
}

#[test]
fn a_module_can_end_itself_and_who_asked_for_it_is_answered() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    assert_eq!(end.module.call("stop_itself", &()), Ok(json!(null)));
    assert_eq!(end.process.exit_code(), Some(0));
    let (numbers, failed) = end.heard();
    assert_eq!((numbers.last(), failed), (Some(&-1), false));
}

#[test]
fn who_ends_itself_leaves_a_stop_hook_that_hangs_behind_too() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&["--config", "stop_ms=100000"]);
    assert_eq!(end.module.call("stop_itself", &()), Ok(json!(null)));
    assert_eq!(end.process.exit_code(), Some(1));
    let (numbers, failed) = end.heard();
    assert!(!numbers.contains(&-1) && failed, "{numbers:?}");
}

#[test]
fn a_module_that_cannot_go_on_says_why_in_its_log_and_to_all() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    assert_eq!(end.module.call("fail", &()), Ok(json!(null)));
    assert_eq!(end.process.exit_code(), Some(1));
    let log = end.process.log();
    let last = log.last().expect("a line");
    assert_eq!((&last["level"], &last["fields"]["reason"]), (&json!("ERROR"), &json!("out of paper")), "{log:?}");
    let (numbers, failed) = end.heard();
    assert_eq!((numbers.last(), failed), (Some(&-1), true));
}

#[test]
fn a_start_hook_that_fails_ends_the_module() {
    isolated!(MulticastOnLo);
    let mut ends = ModuleProcess::start(test_module!("Ends"), &["--config", "fails_to_start=true"]);
    assert_eq!(ends.exit_code(), Some(1));
    let log = ends.log();
    let reason = log.last().expect("a line")["fields"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no paper"), "{log:?}");
}

#[test]
fn who_is_displaced_publishes_nothing_more_and_ends_with_13() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    let transforms = end.dimos.listen::<TFMessage>("/tf", Queue::keep_last(100)).expect("the bus is there");
    end.dimos.publish("/nap", &Int32 { data: 3000 }).expect("the bus takes it");
    end.wait_for(3000);
    // It learns of it while its handler sleeps, which wants to publish again after that.
    let arguments = ["--remap", "out=/elsewhere", "--remap", "nap=/no_nap", "--remap", "tf=/no_tf"];
    let (_second, _) = ModuleProcess::start_as(&end.dimos, "ends", test_module!("Ends"), &arguments);
    assert_eq!(end.process.exit_code(), Some(13));
    assert!(end.process.log().iter().any(|line| {
        line["fields"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("another process has taken this one's name"))
    }));
    assert_eq!(end.rest(), [0_i32; 0]);
    assert!(transforms.next(Duration::from_millis(100)).expect("transforms").is_none());
}

#[test]
fn a_handler_that_waits_for_others_comes_back_and_the_stop_hook_runs() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let found = dimos.listen::<Text>("/found", Queue::keep_last(10)).expect("the bus is there");
    let (mut looker, _) = ModuleProcess::start_as(&dimos, "looker", test_module!("Looker"), &[]);
    dimos.publish("/seek", &Int32 { data: 30_000 }).expect("the bus takes it");
    // It certainly waits then.
    std::thread::sleep(Duration::from_millis(200));
    let told = Instant::now();
    looker.signal("TERM");
    assert_eq!(looker.exit_code(), Some(0));
    assert!(told.elapsed() < SLACK);
    let next = || found.next(PATIENCE).expect("it is text").expect("it says something").data;
    let why = next();
    assert!(why.contains("about to end") && why.contains("no frame"), "{why}");
    assert_eq!(next(), "the end");
}

#[test]
fn a_call_of_another_module_ends_with_the_module_that_waits_for_it() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_worker, worker) = ModuleProcess::start_as(&dimos, "worker", test_module!("Worker"), &[]);
    let (mut caller, calling) = ModuleProcess::start_as(&dimos, "caller", test_module!("Caller"), &[]);
    let busy = worker.start("sleep", &json!({ "ms": 5000 })).expect("JSON");
    let sum = calling.start("sum", &json!({ "a": 1, "b": 2 })).expect("JSON");
    std::thread::sleep(Duration::from_millis(200));
    let told = Instant::now();
    caller.signal("TERM");
    // Who called it learns why it has no sum.
    let error = sum.wait().expect_err("it ends");
    assert!(error.to_string().contains("about to end"), "{error:?}");
    assert_eq!(caller.exit_code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(4), "{:?}", told.elapsed());
    drop(busy);
}

#[test]
fn concurrent_methods_that_run_are_finished() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    let begin = |ms: u64| end.module.start("linger", &json!({ "ms": ms })).expect("JSON");
    let calls = [begin(400), begin(500), begin(60_000)];
    std::thread::sleep(Duration::from_millis(200));
    let told = Instant::now();
    end.process.signal("TERM");
    let [one, other, endless] = calls.map(dimos::PendingCall::wait);
    assert_eq!((one, other), (Ok(json!(400)), Ok(json!(500))));
    // That one is too much; its caller learns that nobody knows.
    assert_eq!(endless, Err(RpcError::OutcomeUnknown));
    assert_eq!(end.process.exit_code(), Some(0));
    assert!(told.elapsed() < SLACK);
    assert_eq!(end.heard().0.last(), Some(&-1));
}

#[test]
fn who_is_displaced_finishes_the_calls_that_run() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    let call = end.module.start("linger", &json!({ "ms": 4000 })).expect("JSON");
    std::thread::sleep(Duration::from_millis(200));
    let (_second, _) = ModuleProcess::start_as(&end.dimos, "ends", test_module!("Ends"), &[]);
    assert_eq!(call.wait(), Ok(json!(4000)));
    assert_eq!(end.process.exit_code(), Some(13));
}

#[test]
fn calls_that_nobody_wants_any_more_do_not_run_when_their_turn_comes() {
    isolated!(MulticastOnLo);
    let mut end = Ending::of(&[]);
    end.dimos.publish("/nap", &Int32 { data: 1500 }).expect("the bus takes it");
    end.wait_for(1500);
    let soon = TimeLimit::Deadline(Duration::from_millis(300));
    let late = end.module.limit(soon).start("stop_itself", &()).expect("JSON");
    assert_eq!(late.wait(), Err(RpcError::Deadline { acknowledged: true }));
    let cancelled = end.module.start("stop_itself", &()).expect("JSON");
    cancelled.cancel();
    end.wait_for(1500);
    assert_eq!(cancelled.wait(), Err(RpcError::Cancelled));
    // It goes on.
    assert_eq!(end.module.call("fail", &()), Ok(json!(null)));
    assert_eq!(end.process.exit_code(), Some(1));
}

#[test]
fn a_module_whose_log_is_not_read_works_and_ends_and_says_what_it_dropped() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let start = |name: &str| {
        let mut command = test_module!("Ends");
        command.args(["--name", name]).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().expect("it starts");
        let module = eventually(|| "it runs".to_owned(), || dimos.module(name).ok());
        // More than a pipe and what waits for it have room for.
        assert_eq!(module.call("chatter", &json!({ "lines": 20_000 })), Ok(json!(null)));
        assert_eq!(module.call("linger", &json!({ "ms": 0 })), Ok(json!(0)));
        child
    };
    let (mut unread, mut read) = (start("unread"), start("read"));
    let told = Instant::now();
    mesh_tests::process::run(Command::new("kill").arg(unread.id().to_string()));
    assert_eq!(unread.wait().expect("it ends").code(), Some(0));
    assert!(told.elapsed() < SLACK);

    let lines = BufReader::new(read.stderr.take().expect("it is piped")).lines();
    let dropped = lines.map_while(Result::ok).find(|line| line.contains("were dropped")).expect("it says so");
    let dropped: serde_json::Value = serde_json::from_str(&dropped).expect("it is JSON");
    let count = dropped["fields"]["lines"].as_u64().expect("a number");
    assert!((1..20_000).contains(&count), "{dropped}");
    mesh_tests::process::run(Command::new("kill").arg(read.id().to_string()));
    assert_eq!(read.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_module_whose_log_nobody_reads_goes_on() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let mut command = test_module!("Ears");
    command.env("RUST_LOG", "trace").stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    drop(child.stderr.take());
    let ears = || dimos.module("ears").ok();
    let module = eventually(|| "it runs".to_owned(), ears);
    dimos.publish("/trouble", &Int32 { data: 1 }).expect("the bus takes it");
    dimos.publish("/trouble", &Int32 { data: 2 }).expect("the bus takes it");
    dimos.publish("/trouble", &Int32 { data: 3 }).expect("the bus takes it");
    eventually(|| "it goes on".to_owned(), || (module.call("heard", &()).ok()?["trouble"] == json!([3])).then_some(()));
    mesh_tests::process::run(Command::new("kill").arg(child.id().to_string()));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A module that is to end, and what others hear of it.
struct Ending {
    dimos: Dimos,
    process: ModuleProcess,
    module: RemoteModule,
    watched: Watched,
    out: Messages<Int32>,
}

impl Ending {
    fn of(arguments: &[&str]) -> Self {
        let dimos = Dimos::join().expect("the bus is there");
        let watched = Watched::new(&dimos);
        let out = dimos.listen::<Int32>("/out", Queue::keep_last(10_000)).expect("the bus is there");
        let (process, module) = ModuleProcess::start_as(&dimos, "ends", test_module!("Ends"), arguments);
        let end = Self { dimos, process, module, watched, out };
        end.wait_for(0);
        end
    }

    /// Waits until the module publishes this.
    fn wait_for(&self, number: i32) {
        while self.out.next(PATIENCE).expect("a number").expect("it comes").data != number {}
    }

    /// Tells it to end. Returns how long that took, and the exit code.
    fn signal(&mut self, signal: &str) -> (Duration, Option<i32>) {
        let told = Instant::now();
        self.process.signal(signal);
        let code = self.process.exit_code();
        (told.elapsed(), code)
    }

    /// What it published to its end.
    fn rest(&self) -> Vec<i32> {
        let next = || self.out.next(Duration::from_millis(50)).expect("a number");
        std::iter::from_fn(next).map(|number| number.data).collect()
    }

    /// What it published to its end, and whether its farewell said that it failed.
    fn heard(&self) -> (Vec<i32>, bool) {
        (self.rest(), self.watched.farewell(&self.module))
    }
}

/// What becomes of processes.
struct Watched(Box<dyn Fn(Duration) -> Option<Event>>);

impl Watched {
    fn new(dimos: &Dimos) -> Self {
        let events = dimos.events();
        Self(Box::new(move |within| events.recv_timeout(within).ok()))
    }

    /// Waits for the farewell of a module, and tells whether it says that it failed.
    fn farewell(&self, module: &RemoteModule) -> bool {
        loop {
            match (self.0)(PATIENCE).expect("a farewell") {
                Event::Left { node, failed, .. } if node == module.node() => return failed,
                Event::Lost { node, .. } => panic!("{node} said nothing"),
                _ => {}
            }
        }
    }
}

/// Five times what a module may take to end.
const SLACK: Duration = Duration::from_secs(10);
