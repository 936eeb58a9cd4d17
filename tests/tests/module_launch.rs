//! How modules are started: by hand, by a line on stdin, with the arguments of Python DimOS, and with both; and how they log.

use std::process::Command;
use std::time::Duration;

use dimos::Dimos;
use lcm::{Lcm, Message, Queue};
use lcm_types::geometry_msgs::PoseStamped;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::{isolated, test_module};
use serde_json::{Value, json};

#[test]
fn a_module_that_is_started_by_hand_is_on_its_topics_under_its_class_s_name() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let mut ears = ModuleProcess::start(test_module!("Ears"), &[]);
    let module = ears.running(&dimos, "ears");
    assert_echoed("/owned#geometry_msgs.PoseStamped", "/echo#geometry_msgs.PoseStamped");
    assert_eq!(module.call("counts", &json!({ "port": "owned" })), Ok(json!([1, 0, 0])));
    ears.signal("TERM");
    assert_eq!(ears.exit_code(), Some(0));
}

#[test]
fn a_namespace_goes_before_name_and_topics_and_a_remap_goes_past_it() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let arguments = ["--namespace", "robot0", "--name", "front", "--remap", "owned=/anywhere"];
    let ears = ModuleProcess::start(test_module!("Ears"), &arguments);
    let _module = ears.running(&dimos, "robot0/front");
    assert_echoed("/anywhere#geometry_msgs.PoseStamped", "/robot0/echo#geometry_msgs.PoseStamped");
}

#[test]
fn a_line_on_stdin_says_all_that_arguments_say() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let line = json!({
        "topics": { "owned": "/in#geometry_msgs.PoseStamped", "echo": "out" },
        "config": null,
        "session": { "transport": "lcm" },
        "qos": {},
        "name": "robot0/ears",
        "something new": [1, 2],
    });
    let ears = ModuleProcess::start_with_line(test_module!("Ears"), &["--stdin"], &line.to_string());
    let _module = ears.running(&dimos, "robot0/ears");
    assert_echoed("/in#geometry_msgs.PoseStamped", "out#geometry_msgs.PoseStamped");

    let line = json!({ "topics": {}, "config": { "period_ms": 250, "weights": { "a": 0.5 } }, "namespace": "robot1" });
    let ticker = ModuleProcess::start_with_line(test_module!("Ticker"), &["--stdin"], &line.to_string());
    let settings = ticker.running(&dimos, "robot1/ticker").call("settings", &()).expect("it answers");
    assert_eq!(settings, json!({ "period_ms": 250, "is_loud": false, "names": [], "weights": { "a": 0.5 } }));
}

#[test]
fn the_arguments_of_python_dimos_are_channels_and_values() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    // Channels as they are: even those without a type.
    let ears = ModuleProcess::start(test_module!("Ears"), &["--owned", "/in", "--echo", "/robot0/out#PoseStamped"]);
    let _module = ears.running(&dimos, "ears");
    assert_echoed("/in", "/robot0/out#PoseStamped");

    let arguments = ["--ticks", "/t#builtin_interfaces.Time", "--nap", "/n#std_msgs.Int32", "--period_ms", "400"];
    let more = ["--is_loud", "true", "--names", "left,right"];
    let ticker = ModuleProcess::start(test_module!("Ticker"), &[&arguments[..], &more[..]].concat());
    let settings = ticker.running(&dimos, "ticker").call("settings", &()).expect("it answers");
    assert_eq!(settings, json!({ "period_ms": 400, "is_loud": true, "names": ["left", "right"], "weights": {} }));
    let quiet = ModuleProcess::start(test_module!("Ticker"), &["--name", "quiet", "--is_loud", "false"]);
    let settings = quiet.running(&dimos, "quiet").call("settings", &()).expect("it answers");
    assert_eq!(settings["is_loud"], json!(false));
}

#[test]
fn python_dimos_may_give_both_arguments_and_a_line() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let line = json!({
        "topics": { "ticks": "/t#builtin_interfaces.Time", "nap": "/n#std_msgs.Int32" },
        "config": { "period_ms": 300, "names": ["a", "b"] },
        "session": {},
    });
    let arguments = ["--ticks", "/t#builtin_interfaces.Time", "--nap", "/n#std_msgs.Int32", "--names", "a,b"];
    let ticker = ModuleProcess::start_with_line(test_module!("Ticker"), &arguments, &line.to_string());
    let settings = ticker.running(&dimos, "ticker").call("settings", &()).expect("it answers");
    assert_eq!((&settings["period_ms"], &settings["names"]), (&json!(300), &json!(["a", "b"])));

    // A stdin that stays open and says nothing delays it, and that is all.
    let silent = ModuleProcess(Process::start(test_module!("Ticker").args(["--ticks", "/t2", "--nap", "/n2"])));
    let _module = silent.running(&dimos, &format!("ticker-{}", silent.0.id()));
    let _ = silent.logged("no whole line came on stdin");
}

#[test]
fn instances_that_were_given_channels_and_no_name_do_not_displace_each_other() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let start = |number: usize| {
        ModuleProcess::start(
            test_module!("Ears"),
            &["--owned", &format!("/in{number}"), "--echo", &format!("/out{number}")],
        )
    };
    let first = start(0);
    let _first = first.running(&dimos, "ears");
    // These two at the same time.
    let mut others = [start(1), start(2)];
    for other in &others {
        let _module = other.running(&dimos, &format!("ears-{}", other.0.id()));
    }
    for number in 0..3 {
        assert_echoed(&format!("/in{number}"), &format!("/out{number}"));
    }
    assert_eq!(dimos.of_class("Ears").len(), 3);
    for other in &mut others {
        other.signal("TERM");
        assert_eq!(other.exit_code(), Some(0));
    }
}

#[test]
fn a_module_hears_and_answers_a_launcher_that_is_wrong() {
    isolated!(MulticastOnLo);
    let refused = |arguments: &[&str], line: Option<&str>| {
        let mut process = Process::start(test_module!("Ears").args(arguments));
        if let Some(line) = line {
            process.write_line(line);
        }
        process.close_stdin();
        assert_eq!(process.wait(PATIENCE).code(), Some(2), "{arguments:?} {line:?}: {}", process.stderr());
        process.stderr()
    };
    assert!(refused(&["--stdin"], Some("not JSON")).contains("launch line"));
    assert!(refused(&["--stdin"], Some("[]")).contains("launch line"));
    assert!(refused(&["--stdin"], Some(r#"{"topics": {"owned": 7}}"#)).contains("launch line"));
    assert!(refused(&["--stdin"], Some(r#"{"topics": {"own": "/x"}}"#)).contains("it has echo"));
    assert!(refused(&["--stdin"], Some(r#"{"name": "a name"}"#)).contains("a name"));
    assert!(refused(&["--stdin"], Some(r#"{"references": {"planner": "p"}}"#)).contains("no such reference"));
    assert!(refused(&["--stdin"], Some("")).contains("stdin"));
    assert!(refused(&["--stdin"], None).contains("stdin"));
    assert!(refused(&["--ownd", "/x"], None).contains("--owned"));
    assert!(refused(&["--remap", "owned"], None).contains('='));
    assert!(refused(&["--name", "a//b"], None).contains("a//b"));
    let long = "/a".repeat(40);
    assert!(refused(&["--owned", &long], None).contains("63"));
}

#[test]
fn a_module_tells_its_contract_without_a_bus() {
    isolated!(NoMulticastRoute);
    let described = run(test_module!("Worker").arg("--describe").env("LCM_DEFAULT_URL", "udpm://nonsense"));
    let contract: Value = serde_json::from_str(&described).expect("it is JSON");
    assert_eq!(contract["class_name"], "Worker");
    assert_eq!(contract["ports"]["release"]["type"], "std_msgs.Int32");
    assert_eq!(contract["methods"]["reach"]["is_skill"], true);
    let help = run(test_module!("Ticker").arg("--help"));
    for said in ["Ticks.", "--nap", "--period_ms", "The time between ticks, in ms.", "--simulated-time", "--stdin"] {
        assert!(help.contains(said), "no {said:?} in {help}");
    }
}

#[test]
fn the_log_is_lines_of_json_at_the_level_that_the_environment_says() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let said = |name: &str, variable: &str, value: &str, arguments: &[&str]| {
        let mut command = test_module!("Ears");
        command.env_remove("RUST_LOG").env_remove("DIMOS_LOG_LEVEL").env(variable, value);
        let (mut ears, _) = ModuleProcess::start_as(&dimos, name, command, arguments);
        publish("/trouble#std_msgs.Int32", &Int32 { data: 1 });
        let _ = ears.logged("a handler failed");
        ears.signal("TERM");
        assert_eq!(ears.exit_code(), Some(0));
        ears.log()
    };
    let is_told = |log: &[Value]| log.iter().any(|line| line["fields"]["message"] == "joined the mesh");
    let default = said("a", "UNRELATED", "", &[]);
    assert!(is_told(&default));
    assert!(default.iter().all(|line| line["level"] != "DEBUG"), "{default:?}");
    assert_eq!(default.last().expect("a line")["fields"]["error"], "out of paper");
    // What Python DimOS sets: directives of other crates beside the level.
    assert!(is_told(&said("b", "RUST_LOG", "info,zenoh=warn,zenoh_shm::watchdog::periodic_task=error", &[])));
    assert!(!is_told(&said("c", "RUST_LOG", "warn,zenoh=warn", &[])));
    // Other crates alone say nothing of ours, and neither does what is not understood.
    assert!(is_told(&said("d", "RUST_LOG", "zenoh=warn", &[])));
    assert!(is_told(&said("e", "RUST_LOG", "hyper[connection{id=7}]=trace", &[])));
    assert!(is_told(&said("f", "RUST_LOG", "", &[])));
    assert!(!is_told(&said("g", "DIMOS_LOG_LEVEL", "WARNING", &[])));
    assert!(is_told(&said("h", "DIMOS_LOG_LEVEL", "nonsense", &[])));
    assert!(is_told(&said("i", "RUST_LOG", "error", &["--log", "info"])));
}

#[test]
fn lines_of_the_log_have_no_fields_that_python_dimos_cannot_take() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_worker, _) = ModuleProcess::start_as(&dimos, "worker", test_module!("Worker"), &[]);
    let mut command = test_module!("Caller");
    command.env("RUST_LOG", "debug");
    let (mut caller, module) = ModuleProcess::start_as(&dimos, "caller", command, &[]);
    assert_eq!(module.call("sum", &json!({ "a": 1, "b": 2 })), Ok(json!(3)));
    caller.signal("TERM");
    assert_eq!(caller.exit_code(), Some(0));
    for line in caller.log() {
        let fields = line["fields"].as_object().expect("an object");
        // Python's logger has arguments of these names.
        let taken = ["module", "pid", "event", "self", "level", "timestamp", "target"];
        assert!(!fields.keys().any(|key| taken.contains(&key.as_str())), "{line}");
    }
}

#[test]
fn a_launcher_that_does_not_finish_its_line_is_not_waited_for_for_ever() {
    isolated!(MulticastOnLo);
    // All that it has to say came by arguments as well. With `--stdin` it would be waited for, for 10 s.
    let dimos = Dimos::join().expect("the bus is there");
    let mut command = Command::new("sh");
    command.args(["-c", r#"{ printf '{"topics": '; sleep 60; } | "$@""#, "sh", env!("CARGO_BIN_EXE_test-module")]);
    command.args(["--owned", "/in", "--echo", "/out"]).env("TEST_MODULE", "Ears");
    let shell = Process::start(&mut command);
    eventually(|| format!("it runs: {}", shell.stderr()), || dimos.module("ears").ok());
    assert_echoed("/in", "/out");
}

#[test]
fn a_module_on_another_transport_than_python_says_so() {
    isolated!(MulticastOnLo);
    let told = |transport: &str| {
        let mut command = test_module!("Ears");
        command.env("DIMOS_TRANSPORT", transport);
        let dimos = Dimos::join().expect("the bus is there");
        let (mut ears, _) = ModuleProcess::start_as(&dimos, "ears", command, &[]);
        ears.signal("TERM");
        assert_eq!(ears.exit_code(), Some(0));
        ears.log().into_iter().find(|line| line["level"] == "WARN")
    };
    assert_eq!(told("lcm"), None);
    let warning = told("zenoh").expect("a warning");
    assert!(
        warning["fields"]["message"].as_str().is_some_and(|said| said.contains("DIMOS_TRANSPORT=lcm")),
        "{warning}"
    );
}

#[test]
fn without_a_bus_a_module_ends_with_12() {
    isolated!(MulticastOnLo);
    for url in ["udpm://300.1.2.3:7667", "nonsense", "udpm://127.0.0.1:1"] {
        let mut command = test_module!("Ears");
        command.env("LCM_DEFAULT_URL", url);
        let mut ears = ModuleProcess::start(command, &[]);
        assert_eq!(ears.exit_code(), Some(12), "{url}: {}", ears.0.stderr());
        let log = ears.log();
        assert!(log.iter().any(|line| line["level"] == "ERROR"), "{url}: {log:?}");
    }
}

/// Publishes a pose on a channel until it is heard on the other one.
fn assert_echoed(to: &str, from: &str) {
    let bus = Lcm::open("").expect("the bus is there");
    let heard = bus.subscribe(from, Queue::keep_last(10)).expect("the channel is one");
    let mut pose = PoseStamped::default();
    pose.header.frame_id = format!("from {to}");
    publish(to, &pose);
    let echo = heard.recv_timeout(PATIENCE).expect("the bus is readable").expect("an echo");
    assert_eq!(PoseStamped::decode(echo.payload()).expect("a pose"), pose);
    assert_eq!(heard.recv_timeout(Duration::from_millis(20)).expect("the bus is readable").map(drop), None);
}

fn publish(channel: &str, message: &impl Message) {
    Lcm::open("").expect("the bus is there").publisher().publish_message(channel, message).expect("the bus takes it");
}
