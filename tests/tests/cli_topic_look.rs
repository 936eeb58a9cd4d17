//! `dimos topic list`, `info`, `hz`, `bw` and `delay`: what they find out of a bus that is known, and of one that means harm.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use dimos::Dimos;
use lcm::{Lcm, Message};
use lcm_types::builtin_interfaces::Time as ClockTime;
use lcm_types::geometry_msgs::{PoseStamped, Twist};
use lcm_types::std_msgs::{Bool, Header, Time};
use mesh_tests::cli::{Ended, dimos, press_ctrl_c, run, run_while};
use mesh_tests::hosts::lose_percent;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::signal;
use mesh_tests::{isolated, test_module, test_name};
use serde_json::{Value, json};

const TWIST: &str = "/cmd_vel#geometry_msgs.Twist";

const POSE: &str = "/goal#geometry_msgs.PoseStamped";

#[test]
fn the_rate_is_that_at_which_a_program_published() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let ended = while_published(
        50.0,
        || bus.publish_message(TWIST, &Twist::default()).expect("it is sent"),
        || run(&["topic", "hz", "/cmd_vel", "--count", "120", "--timeout", "20s", "--json"]),
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let lines = ended.json_lines();
    assert!(lines.len() >= 3, "{ended:?}");
    let (last, others) = lines.split_last().expect("there are lines");
    assert!(others.iter().all(|line| line["is_end"] == false), "{ended:?}");
    assert_eq!((&last["channel"], &last["received"], &last["window"]), (&json!(TWIST), &json!(120), &json!(119)));
    assert_eq!((&last["is_end"], &last["dropped"]), (&json!(true), &json!(0)));
    assert_eq!(last["lost"], json!({ "topic": null, "senders": 0, "senders_or_unwanted": 0, "incomplete": 0 }));
    let number = |name: &str| last["interval_s"][name].as_f64().expect("a number");
    let rate_hz = last["rate_hz"].as_f64().expect("a number");
    assert!((40.0..60.0).contains(&rate_hz), "{last}");
    assert!(number("min") <= number("mean") && number("mean") <= number("max") && number("std_dev") >= 0.0, "{last}");
    assert!((number("mean") * rate_hz - 1.0).abs() < 1e-9, "{last}");
}

#[test]
fn of_a_module_it_is_known_what_was_lost_on_the_topic() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let arguments = ["--config", "period_ms=10"];
    let (_ticker, _) = ModuleProcess::start_as(&dimos, "ticker", test_module!("Ticker"), &arguments);
    let measured = |time: &str| {
        let ended = run(&["topic", "hz", "/ticks", "--for", time, "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.json_lines().pop().expect("a line")
    };
    let of_topic = |line: &Value| {
        let count = |name: &str| line["lost"]["topic"][name].as_u64().unwrap_or_else(|| panic!("{line}"));
        (count("published"), count("lost"))
    };
    let all = measured("5s");
    let (published, lost) = of_topic(&all);
    // The message that was under way at a beat may count as one more.
    assert!(published > 100 && lost <= 1, "{all}");
    if !lose_percent(test_name!(), 30) {
        return;
    }
    // Of the beats that say how much was published some are lost, too.
    let some = measured("9s");
    let (published, lost) = of_topic(&some);
    let share = f64::from(u32::try_from(lost).expect("few")) / f64::from(u32::try_from(published).expect("few"));
    assert!(published > 50 && (0.1..0.5).contains(&share), "{some}");
    let by_numbers = |name: &str| some["lost"][name].as_u64().expect("a number");
    assert!(by_numbers("senders") + by_numbers("senders_or_unwanted") >= lost / 2, "{some}");
    let readable = run(&["topic", "hz", "/ticks", "--for", "4s"]);
    assert!(readable.stdout.lines().last().is_some_and(|line| line.contains(" lost of ")), "{readable:?}");
}

#[test]
fn what_nobody_speaks_on_is_told_with_what_there_is() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let publish = || bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
    for (command, code, name) in [("hz", 5, "timed_out"), ("bw", 5, "timed_out"), ("delay", 5, "timed_out")] {
        let ended = run_while(&["topic", command, "/cmdvel", "--timeout", "1s", "--json"], publish);
        let error = ended.json_error();
        assert_eq!((ended.code, ended.stdout.as_str(), error["code"].as_str()), (Some(code), "", Some(name)));
        let message = error["message"].as_str().expect("a text");
        assert!(message.contains("/cmdvel within 1s") && message.contains("did you mean /cmd_vel?"), "{message}");
        let over = run_while(&["topic", command, "/cmdvel", "--for", "500ms"], publish);
        assert_eq!((over.code, over.stdout.as_str()), (Some(5), ""), "{over:?}");
    }
    for arguments in [&["topic", "info", "/cmdvel"][..], &["topic", "list", "/cmdvel*"]] {
        let ended = run_while(&[arguments, &["--for", "500ms", "--json"]].concat(), publish);
        assert_eq!((ended.code, ended.json_error()["code"].as_str()), (Some(4), Some("not_found")), "{ended:?}");
        assert!(ended.stderr.contains("there is /cmd_vel#geometry_msgs.Twist"), "{ended:?}");
    }
    let empty = run(&["topic", "list", "--for", "500ms", "--json"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), "[]\n"));
    assert!(empty.stderr.contains("no topics on udpm://"), "{empty:?}");
    for command in ["hz", "delay", "info"] {
        let glob = run(&["topic", command, "/robot*"]);
        assert_eq!((glob.code, glob.stderr.contains("no glob")), (Some(2), true), "{glob:?}");
    }
    // Fewer than were asked for.
    let few = run_while(&["topic", "hz", "/cmd_vel", "--for", "500ms", "--count", "100000", "--json"], publish);
    assert_eq!((few.code, few.json_lines().len()), (Some(5), 1), "{few:?}");
}

#[test]
fn a_topic_of_several_channels_is_not_guessed() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let goal = PoseStamped { header: Header::now("map"), ..PoseStamped::default() };
    let payload = goal.encode().expect("it is encoded");
    let publish = || {
        for channel in ["/goal", "/goal#PoseStamped", POSE] {
            bus.publish(channel, &payload).expect("it is sent");
        }
    };
    for command in ["hz", "delay"] {
        let several = run_while(&["topic", command, "/goal", "--timeout", "20s", "--json"], publish);
        let error = several.json_error();
        assert_eq!((several.code, error["data"]["candidates"].as_array().map(Vec::len)), (Some(2), Some(2)));
        assert!(error["message"].as_str().is_some_and(|said| said.contains("name one of /goal")), "{error}");
        // Both spellings are one.
        let one = run_while(&["topic", command, POSE, "--count", "4", "--timeout", "20s", "--json"], publish);
        assert_eq!(one.code, Some(0), "{one:?}");
        assert_eq!(one.json_lines().pop().expect("a line")["received"], 4);
    }
    let info = run_while(&["topic", "info", "/goal", "--for", "1s", "--json"], publish).json_lines().remove(0);
    let of = |index: usize, name: &str| info["channels"][index][name].clone();
    let pose = json!("geometry_msgs.PoseStamped");
    assert_eq!([0, 1, 2].map(|index| of(index, "agreement")), ["no_type", "agrees", "agrees"], "{info}");
    assert_eq!([1, 2].map(|index| of(index, "type")), [pose.clone(), pose], "{info}");
}

#[test]
fn bytes_are_counted_by_channel_and_together() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let (small, large) = (vec![1; 100], vec![2; 300]);
    let publish = || {
        bus.publish("/cam/left", &small).expect("it is sent");
        bus.publish("/cam/right", &large).expect("it is sent");
    };
    let ended = while_published(50.0, publish, || run(&["topic", "bw", "/cam/*", "--count", "150", "--json"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines = ended.json_lines();
    let last = lines.last().expect("a line");
    let messages = |index: usize| last["channels"][index]["messages"].as_u64().expect("a number");
    assert_eq!((&last["is_end"], &last["total"]["messages"]), (&json!(true), &json!(150)));
    assert_eq!([0, 1].map(|index| last["channels"][index]["channel"].clone()), ["/cam/right", "/cam/left"]);
    assert_eq!(last["total"]["bytes"], messages(0) * 300 + messages(1) * 100);
    assert_eq!(last["channels"][0]["size_bytes"], json!({ "min": 300, "mean": 300.0, "max": 300 }));
    assert_eq!((&last["total"]["size_bytes"]["min"], &last["total"]["size_bytes"]["max"]), (&json!(100), &json!(300)));
    let rate = last["total"]["bytes_per_s"].as_f64().expect("a number");
    assert!((10_000.0..30_000.0).contains(&rate), "{last}");
    let one = while_published(50.0, publish, || run(&["topic", "bw", "/cam/left", "--count", "10"]));
    assert!(one.stdout.contains("10 messages, 1.00 kB; sizes 100 B to 100 B"), "{one:?}");
}

#[test]
fn a_delay_is_the_age_of_the_stamp_by_the_clock_that_is_told() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let old = || {
        let mut goal = PoseStamped::default();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        let at = now - Duration::from_millis(250);
        goal.header.stamp = Time {
            sec: i32::try_from(at.as_secs()).expect("it is before 2038"),
            nsec: i32::try_from(at.subsec_nanos()).expect("small"),
        };
        bus.publish_message(POSE, &goal).expect("it is sent");
    };
    let ended = run_while(&["topic", "delay", "/goal", "--count", "20", "--timeout", "20s", "--json"], old);
    let line = ended.json_lines().pop().unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!((ended.code, &line["clock"], &line["window"]), (Some(0), &json!("system"), &json!(20)));
    let min = line["age_s"]["min"].as_f64().expect("a number");
    assert!((0.25..0.35).contains(&min), "{line}");
    // What a simulation says is half a second after the stamp.
    let simulated = || {
        bus.publish_message("/clock#builtin_interfaces.Time", &ClockTime { sec: 100, nanosec: 0 }).expect("it is sent");
        let mut goal = PoseStamped::default();
        goal.header.stamp = Time { sec: 99, nsec: 500_000_000 };
        bus.publish_message(POSE, &goal).expect("it is sent");
    };
    let ended = run_while(&["topic", "delay", "/goal", "--count", "20", "--timeout", "20s", "--json"], simulated);
    let line = ended.json_lines().pop().unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!((ended.code, &line["clock"]), (Some(0), &json!("simulated")), "{ended:?}");
    assert_eq!(line["age_s"], json!({ "mean": 0.5, "min": 0.5, "max": 0.5, "std_dev": 0.0 }));
    let words = ["topic", "delay", "/goal", "--count", "5", "--timeout", "20s", "--clock", "system", "--json"];
    let by_system = run_while(&words, simulated).json_lines().pop().expect("a line");
    assert!(by_system["age_s"]["mean"].as_f64().expect("a number") > 1e9, "{by_system}");
}

#[test]
fn messages_without_a_stamp_have_no_delay() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let publish = || {
        bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
        bus.publish("/pickled", b"\x80\x04").expect("it is sent");
    };
    let none = run_while(&["topic", "delay", "/cmd_vel", "--timeout", "20s", "--json"], publish);
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    let message = none.json_error()["message"].as_str().expect("a text").to_owned();
    assert!(message.contains("geometry_msgs.Twist have no header.stamp"), "{message}");
    let untyped = run_while(&["topic", "delay", "/pickled", "--count", "3", "--timeout", "20s"], publish);
    assert_eq!((untyped.code, untyped.stderr.contains("--type names one")), (Some(3), true), "{untyped:?}");
}

#[test]
fn a_list_has_what_is_heard_and_what_modules_wait_for() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ticker, _) = ModuleProcess::start_as(&dimos, "robot0/ticker", test_module!("Ticker"), &[]);
    let bus = bus();
    let publish = || {
        bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
        bus.publish_message("/lie#geometry_msgs.Pose", &Bool { data: true }).expect("it is sent");
    };
    let ended = run_while(&["topic", "list", "--json"], publish);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let list = ended.json_lines().remove(0);
    let channels: Vec<_> = list.as_array().expect("a list").iter().filter_map(|one| one["channel"].as_str()).collect();
    let [lie, nap, ticks] =
        ["/lie#geometry_msgs.Pose", "/robot0/nap#std_msgs.Int32", "/robot0/ticks#builtin_interfaces.Time"];
    assert_eq!(channels, [TWIST, lie, nap, ticks]);
    let of = |channel: &str| {
        list.as_array().and_then(|list| list.iter().find(|one| one["channel"] == channel)).expect("it is there").clone()
    };
    assert_eq!((&of(TWIST)["agreement"], &of(TWIST)["publishers"][0]["name"]), (&json!("agrees"), &Value::Null));
    assert!(of(TWIST)["publishers"][0]["address"].is_string() && of(TWIST)["rate_hz"].as_f64() > Some(10.0));
    assert_eq!((&of(lie)["agreement"], &of(lie)["candidates"][0]), (&json!("disagrees"), &json!("std_msgs.Bool")));
    assert_eq!((&of(nap)["messages"], &of(nap)["rate_hz"]), (&json!(0), &Value::Null));
    assert_eq!(of(nap)["subscribers"], json!([{ "name": "robot0/ticker", "port": "nap", "known_by": "module" }]));
    let publishers = of(ticks)["publishers"].clone();
    assert_eq!((publishers.as_array().map(Vec::len), &publishers[0]["name"]), (Some(1), &json!("robot0/ticker")));
    assert!(publishers[0]["published"].as_u64() > Some(5), "{publishers}");
    // The mesh itself, and one topic alone.
    let all = run(&["topic", "list", "--all", "--json"]).json_lines().remove(0);
    assert!(all.to_string().contains("/mesh/beat#dimos_mesh.Beat"), "{all}");
    let one = run(&["topic", "list", "/robot0/*", "--json"]).json_lines().remove(0);
    assert_eq!(one.as_array().map(Vec::len), Some(2), "{one}");
    let info = run(&["topic", "info", "/robot0/ticks"]);
    assert_eq!(info.code, Some(0), "{info:?}");
    for said in [ticks, "fingerprint", "publisher   robot0/ticker at ", "is not known to anybody", "10.0 Hz", "bytes"] {
        assert!(info.stdout.contains(said) || said == "10.0 Hz" && info.stdout.contains(" Hz, "), "{said}: {info:?}");
    }
    let table = run(&["topic", "list", "/robot0/nap"]);
    let words: Vec<_> = table.stdout.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(words, ["/robot0/nap", "std_msgs.Int32", "-", "-", "-", "-", "robot0/ticker"], "{table:?}");
}

#[test]
fn a_port_is_where_the_launch_put_it() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let arguments = ["--nap", "/site/nap#std_msgs.Int32"];
    let (_ticker, _) = ModuleProcess::start_as(&dimos, "robot0/ticker", test_module!("Ticker"), &arguments);
    let list = run(&["topic", "list", "*nap*", "--json"]).json_lines().remove(0);
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!((&list[0]["topic"], &list[0]["subscribers"][0]["name"]), (&json!("/site/nap"), &json!("robot0/ticker")));
}

#[test]
fn of_any_program_the_gaps_in_its_numbers_are_told() {
    isolated!(MulticastOnLo);
    if !lose_percent(test_name!(), 30) {
        return;
    }
    let bus = bus();
    let publish = || bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
    let ended = run_while(&["topic", "hz", "/cmd_vel", "--count", "100", "--timeout", "20s", "--json"], publish);
    let last = ended.json_lines().pop().unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!((ended.code, &last["lost"]["topic"]), (Some(0), &Value::Null), "{ended:?}");
    let count = |name: &str| last["lost"][name].as_u64().expect("a number");
    assert!((10..100).contains(&(count("senders") + count("senders_or_unwanted"))), "{last}");
}

#[test]
fn a_flood_of_channels_and_junk_takes_little_memory_and_no_topic_away() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let arguments = ["239.255.76.67", "7667", "100000000", "6000"];
    let mut flood = Process::start(Command::new(env!("CARGO_BIN_EXE_bus-flood")).args(arguments));
    flood.close_stdin();
    let mut list = Process::start(&mut dimos(&["topic", "list", "--for", "4s"]));
    list.close_stdin();
    let (mut number, mut most_kib) = (0_u64, 0);
    while list.is_running() {
        for _ in 0..1000 {
            bus.publish(format!("/flood/{number}"), b"x").expect("it is sent");
            number += 1;
        }
        bus.publish(b"\xff\xfe\x1b[2J", b"x").expect("it is sent");
        bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
        most_kib = most_kib.max(memory_kib(list.id()));
    }
    let code = list.wait(PATIENCE).code();
    let said = list.stderr();
    // It may have been too slow for all of it.
    assert!(code == Some(0) || code == Some(3), "{code:?}: {said}");
    let lines = list.remaining_lines();
    assert!(lines.iter().any(|line| line.starts_with("/cmd_vel ")), "{} lines, {said}", lines.len());
    assert!(lines.len() < 11_000 && !lines.iter().any(|line| line.contains('\x1b')) && !said.contains('\x1b'));
    assert!(said.contains("further channels left out"), "{said}");
    assert!((1..300 << 10).contains(&most_kib), "{most_kib} KiB with {number} channels");
    for words in [&["topic", "bw", "*"][..], &["topic", "hz", "/cmd_vel"], &["topic", "info", "/cmd_vel"]] {
        let words = [words, &["--for", "1s"]].concat();
        let ended = run_while(&words, || bus.publish_message(TWIST, &Twist::default()).expect("it is sent"));
        assert!(ended.code == Some(0) || ended.code == Some(3), "{ended:?}");
        assert!(!ended.stdout.is_empty() && !ended.stdout.contains('\x1b'), "{ended:?}");
    }
}

#[test]
fn ctrl_c_sums_up_and_exits_with_130() {
    isolated!(MulticastOnLo);
    let bus = bus();
    for command in ["hz", "bw", "delay"] {
        let mut process = Process::start(&mut dimos(&["topic", command, "/goal", "--json"]));
        let deadline = Instant::now() + PATIENCE;
        while process.line(Duration::from_millis(5)).is_none() {
            assert!(Instant::now() < deadline, "{}", process.stderr());
            bus.publish_message(POSE, &PoseStamped::default()).expect("it is sent");
        }
        press_ctrl_c(&process);
        assert_eq!(process.wait(PATIENCE).code(), Some(130), "{}", process.stderr());
        let last = process.remaining_lines().pop().expect("a line");
        let last: Value = serde_json::from_str(&last).expect("it is JSON");
        assert_eq!((&last["is_end"], process.stderr().as_str()), (&json!(true), ""), "{last}");
    }
    // Without a message it says what it waits for.
    let silent = Process::start(&mut dimos(&["topic", "hz", "/silent"]));
    eventually(|| silent.stderr(), || silent.stderr().contains("waiting for /silent").then_some(()));
    press_ctrl_c(&silent);
    let mut silent = silent;
    assert_eq!(silent.wait(PATIENCE).code(), Some(130));
}

#[test]
fn a_reader_that_has_enough_ends_them_as_a_success() {
    isolated!(MulticastOnLo);
    let bus = bus();
    for command in ["topic hz /cmd_vel", "topic bw '*'", "topic list --for 1s", "topic info /cmd_vel"] {
        let script = format!("$0 {command} | head -1; echo ${{PIPESTATUS[0]}}");
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).arg(dimos(&[]).get_program()).stdin(Stdio::null());
        let publish = || bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
        let ended = while_published(50.0, publish, || Ended::from(shell.output().expect("it ends")));
        assert_eq!(ended.stdout.lines().last(), Some("0"), "{command}: {ended:?}");
        assert_eq!(ended.stderr, "", "{command}");
    }
}

#[test]
fn what_came_too_fast_is_told_and_exits_with_3() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let mut process = Process::start(&mut dimos(&["topic", "hz", "/big", "--for", "6s", "--json"]));
    let megabyte = vec![7; 1 << 20];
    let deadline = Instant::now() + PATIENCE;
    while process.line(Duration::from_millis(20)).is_none() {
        assert!(Instant::now() < deadline, "{}", process.stderr());
        bus.publish("/big", &megabyte).expect("it is sent");
    }
    signal(process.id(), "STOP");
    for _ in 0..100 {
        bus.publish("/big", &megabyte).expect("it is sent");
    }
    signal(process.id(), "CONT");
    assert_eq!(process.wait(PATIENCE).code(), Some(3), "{}", process.stderr());
    let last: Value = serde_json::from_str(&process.remaining_lines().pop().expect("a line")).expect("it is JSON");
    assert!(last["dropped"].as_u64() > Some(0), "{last}");
}

#[test]
fn an_event_log_is_measured_by_its_own_time() {
    isolated!(MulticastOnLo);
    let path = format!("{}/cli-look.lcmlog", env!("CARGO_TARGET_TMPDIR"));
    let log = Lcm::open(&format!("file://{path}?mode=w")).expect("it is written");
    for _ in 0..100 {
        log.publish_message(TWIST, &Twist::default()).expect("it is written");
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(log);
    let url = format!("file://{path}?speed=0");
    let of = |words: &[&str]| run(&[words, &["--json", "--bus", &url]].concat());
    let hz = of(&["topic", "hz", "/cmd_vel"]);
    let line = hz.json_lines().pop().unwrap_or_else(|| panic!("{hz:?}"));
    assert_eq!((hz.code, &line["received"]), (Some(0), &json!(100)));
    let rate_hz = line["rate_hz"].as_f64().expect("a number");
    assert!((10.0..500.0).contains(&rate_hz), "{line}");
    let bw = of(&["topic", "bw", "/cmd_vel"]).json_lines().pop().expect("a line");
    let bytes_per_s = bw["total"]["bytes_per_s"].as_f64().expect("a number");
    assert!((bytes_per_s / rate_hz / 56.0 - 1.0).abs() < 0.1, "{bw}");
    let list = of(&["topic", "list"]);
    assert_eq!((list.code, &list.json_lines()[0][0]["messages"]), (Some(0), &json!(100)), "{list:?}");
    assert_eq!(of(&["topic", "hz", "/odom"]).code, Some(4));
    assert_eq!(of(&["topic", "info", "/odom"]).code, Some(4));
}

#[test]
fn python_is_measured_too() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut talker = Process::start(wheel.script("peer.py").args(["", "send"]));
    talker.expect_line("ready", |line| line == "ready");
    // Messages of 1000 bytes on `/a`, one each 20 ms.
    let mut is_told = false;
    let ended = run_while(&["topic", "hz", "/a", "--count", "100", "--timeout", "20s", "--json"], || {
        if !std::mem::replace(&mut is_told, true) {
            talker.write_line("2f61 0 1000 2000 20000");
        }
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last = ended.json_lines().pop().expect("a line");
    let rate_hz = last["rate_hz"].as_f64().expect("a number");
    assert!((10.0..=51.0).contains(&rate_hz) && last["lost"]["senders"] == 0, "{last}");
}

fn bus() -> Lcm {
    Lcm::from_env().expect("the bus is there")
}

/// Does something while messages are published at a rate, which is kept even if a pause was too long.
fn while_published<T>(rate_hz: f64, publish: impl Fn() + Send + Sync, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = Instant::now();
            while !is_over.load(Ordering::Relaxed) {
                publish();
                next += Duration::from_secs_f64(1.0 / rate_hz);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_over.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The most memory that a process had; 0 if it has ended.
fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
