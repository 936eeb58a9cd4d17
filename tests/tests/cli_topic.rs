//! `dimos topic echo` and `dimos topic pub`: what goes to stdout, byte for byte, and what the exit codes say.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lcm::{Lcm, Message, Queue};
use lcm_types::geometry_msgs::{PoseStamped, Twist};
use lcm_types::sensor_msgs::LaserScan;
use lcm_types::std_msgs::String as Text;
use mesh_tests::cli::{Ended, dimos, press_ctrl_c, run, run_while};
use mesh_tests::modules::eventually;
use mesh_tests::netns::{unread_bytes, wait_until_read};
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run as run_program};
use mesh_tests::{isolated, test_name};
use serde_json::json;

const TWIST: &str = "/cmd_vel#geometry_msgs.Twist";

#[test]
fn a_message_is_an_object_on_a_line() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let twist = twist(0.25);
    let publish = || bus.publish_message(TWIST, &twist).expect("it is sent");
    let ended = run_while(&["topic", "echo", "/cmd_vel", "--count", "2", "--timeout", "20s", "--json"], publish);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let start = r#"{"channel":"/cmd_vel#geometry_msgs.Twist","type":"geometry_msgs.Twist","recv_time_ns":"#;
    let end = r#","size_bytes":56,"data":{"linear":{"x":0.25,"y":0.0,"z":"NaN"},"angular":{"x":0.0,"y":0.0,"z":"Infinity"}}}"#;
    assert_eq!(ended.stdout.lines().count(), 2);
    for line in ended.stdout.lines() {
        assert!(line.starts_with(start) && line.ends_with(end), "{line}");
        let time_ns: u64 = line[start.len()..line.len() - end.len()].parse().expect("a number");
        assert!(time_ns > 1_700_000_000_000_000_000, "{line}");
    }
}

#[test]
fn for_people_a_message_is_a_tree_with_long_arrays_cut_short() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let scan = LaserScan { ranges: vec![1.5; 360], ..LaserScan::default() };
    let publish = || bus.publish_message("/scan#sensor_msgs.LaserScan", &scan).expect("it is sent");
    let ended = run_while(&["topic", "echo", "/scan", "--count", "1", "--timeout", "20s"], publish);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("# /scan#sensor_msgs.LaserScan, "), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n  stamp:\n    sec: 0\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("1.5, ... 360 in all]\n") && ended.stdout.ends_with("\n---\n"), "{}", ended.stdout);
}

#[test]
fn what_is_not_understood_is_base64_and_told_once() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let good = Text { data: "hello".to_owned() }.encode().expect("it is encoded");
    let publish = || {
        for (channel, payload) in [
            ("/x/pickled", &b"\x80\x04"[..]),
            ("/x/unknown#my_msgs.Thing", b"12345678"),
            ("/x/short#std_msgs.String", b"123"),
            ("/x/other#std_msgs.Bool", &good),
            ("/x/cut#std_msgs.String", &good[..good.len() - 2]),
            ("/x/good#std_msgs.String", &good),
        ] {
            bus.publish(channel, payload).expect("it is sent");
        }
    };
    let ended = run_while(&["topic", "echo", "/x/**", "--count", "12", "--timeout", "20s", "--json"], publish);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.json_lines();
    let of = |channel: &str| lines.iter().find(|line| line["channel"] == channel).expect("it is printed");
    assert_eq!((&of("/x/pickled")["type"], &of("/x/pickled")["data"]), (&json!(null), &json!("gAQ=")));
    assert_eq!(of("/x/unknown#my_msgs.Thing")["data"], "MTIzNDU2Nzg=");
    assert_eq!(of("/x/short#std_msgs.String")["type"], json!(null));
    assert_eq!(of("/x/other#std_msgs.Bool")["type"], json!(null));
    assert_eq!(of("/x/cut#std_msgs.String")["type"], json!(null));
    assert_eq!(of("/x/good#std_msgs.String")["data"], json!({ "data": "hello" }));
    let told = |text: &str| ended.stderr.matches(text).count();
    assert_eq!(told("a message on "), 4, "{}", ended.stderr);
    assert_eq!(told("it is no std_msgs.Bool: its fingerprint is that of std_msgs.String"), 1, "{}", ended.stderr);
    assert_eq!(told("a message on /x/unknown#my_msgs.Thing: the type that the channel names is not known"), 1);
    assert_eq!(told("messages not decoded"), 1, "{}", ended.stderr);
}

#[test]
fn a_topic_means_all_its_types_a_channel_one_with_its_short_spelling() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let pose = PoseStamped::default().encode().expect("it is encoded");
    let publish = || {
        for channel in
            ["/goal", "/goal#PoseStamped", "/goal#geometry_msgs.PoseStamped", "/goal2", "/goal/x#std_msgs.Bool"]
        {
            bus.publish(channel, &pose).expect("it is sent");
        }
    };
    let heard = |topic: &str, count: &str| {
        let ended = run_while(&["topic", "echo", topic, "--count", count, "--timeout", "20s", "--json"], publish);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let channels = ended.json_lines().into_iter().map(|line| (line["channel"].clone(), line["type"].is_string()));
        let mut channels: Vec<_> = channels.map(|(channel, known)| format!("{channel} {known}")).collect();
        channels.sort();
        channels.dedup();
        channels
    };
    let (bare, short) = ("\"/goal\" false", "\"/goal#PoseStamped\" true");
    let full = "\"/goal#geometry_msgs.PoseStamped\" true";
    assert_eq!(heard("/goal", "6"), [bare, short, full]);
    assert_eq!(heard("/goal#geometry_msgs.PoseStamped", "4"), [short, full]);
    assert_eq!(heard("/goal?", "2"), ["\"/goal2\" false"]);
    // Programs that name no types.
    let typed = ["topic", "echo", "/goal2", "--type", "geometry_msgs.PoseStamped", "--count", "1", "--json"];
    assert_eq!(run_while(&typed, publish).json_lines()[0]["type"], "geometry_msgs.PoseStamped");
}

#[test]
fn a_field_is_printed_alone_and_a_wrong_one_is_an_error_with_a_guess() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let twist = twist(0.5);
    let publish = || bus.publish_message(TWIST, &twist).expect("it is sent");
    let field = |topic: &str, field: &str, more: &[&str]| {
        let words = ["topic", "echo", topic, "--field", field, "--count", "1", "--timeout", "20s"];
        run_while(&[&words[..], more].concat(), publish)
    };
    assert_eq!(field("/cmd_vel", "linear.x", &[]).stdout, "0.5\n");
    assert_eq!(field("/cmd_vel", "linear", &["--json"]).stdout, "{\"x\":0.5,\"y\":0.0,\"z\":\"NaN\"}\n");
    for topic in ["/cmd_vel", TWIST] {
        let wrong = field(topic, "linaer.x", &[]);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
        assert!(
            wrong.stderr.contains("no member `linaer`") && wrong.stderr.contains("did you mean linear?"),
            "{wrong:?}"
        );
    }
    // The type is known: nothing need be heard for that.
    let wrong = run(&["topic", "echo", TWIST, "--field", "linear.w", "--json"]);
    assert_eq!((wrong.code, wrong.json_error()["code"].as_str()), (Some(2), Some("usage")));
}

#[test]
fn who_hears_nothing_gives_up_and_is_told_what_there_is() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let twist = twist(0.5);
    let publish = || bus.publish_message(TWIST, &twist).expect("it is sent");
    let ended = run_while(&["topic", "echo", "/cmdvel", "--timeout", "1s", "--json"], publish);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""));
    let error = ended.json_error();
    assert_eq!(error["code"], "timed_out");
    let message = error["message"].as_str().expect("a text");
    assert!(message.contains("/cmdvel within 1s") && message.contains("did you mean /cmd_vel?"), "{message}");
    // Without a limit it waits, and says so.
    let mut waiting = Process::start(&mut dimos(&["topic", "echo", "/cmdvel"]));
    let deadline = Instant::now() + PATIENCE;
    while !waiting.stderr().contains("waiting for /cmdvel") {
        assert!(Instant::now() < deadline, "{}", waiting.stderr());
        publish();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(waiting.stderr().contains(TWIST) && waiting.is_running(), "{}", waiting.stderr());
    // Fewer than were asked for.
    let mut few = Process::start(&mut dimos(&["topic", "echo", "/few", "--count", "1000", "--timeout", "2s"]));
    until_a_line(&mut few, || bus.publish("/few", b"x").expect("it is sent"));
    assert_eq!(few.wait(PATIENCE).code(), Some(5));
    assert!(few.stderr().contains("messages on /few, and none more within 2s"), "{}", few.stderr());
}

#[test]
fn ctrl_c_ends_it_with_130() {
    isolated!(MulticastOnLo);
    let bus = bus();
    for (arguments, publishes) in [(["topic", "echo", "/x"], true), (["topic", "echo", "/silent"], false)] {
        let mut process = Process::start(&mut dimos(&arguments));
        if publishes {
            until_a_line(&mut process, || bus.publish("/x", b"x").expect("it is sent"));
        } else {
            eventually(
                || "it says that it waits".to_owned(),
                || process.stderr().contains("waiting for /silent").then_some(()),
            );
        }
        press_ctrl_c(&process);
        let pressed = Instant::now();
        assert_eq!(process.wait(PATIENCE).code(), Some(130), "{}", process.stderr());
        assert!(pressed.elapsed() < Duration::from_secs(5));
        assert!(!process.stderr().contains("error"), "{}", process.stderr());
    }
}

#[test]
fn a_reader_that_has_enough_ends_it_as_a_success_even_if_nothing_more_comes() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let mut command = dimos(&["topic", "echo", "/x", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it is read");
        line
    });
    let deadline = Instant::now() + PATIENCE;
    while !reader.is_finished() && Instant::now() < deadline {
        bus.publish("/x", b"x").expect("it is sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(reader.join().expect("it reads").starts_with("{\"channel\":\"/x\""));
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    let help = run_program(Command::new("sh").arg("-c").arg("\"$0\" topic echo --help | head -1").arg(program()));
    assert!(help.starts_with("Prints the messages"), "{help}");
}

#[test]
fn junk_on_the_bus_disturbs_nothing() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let arguments = ["239.255.76.67", "7667", "2000", "2000"];
    let mut flood = Process::start(Command::new(env!("CARGO_BIN_EXE_bus-flood")).args(arguments));
    flood.close_stdin();
    let twist = twist(0.5);
    let ended = run_while(&["topic", "echo", "/cmd_vel", "--count", "20", "--timeout", "20s", "--json"], || {
        bus.publish_message(TWIST, &twist).expect("it is sent");
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.json_lines().iter().all(|line| line["data"]["linear"]["x"] == 0.5), "{ended:?}");
    let everything = run_while(&["topic", "echo", "*", "--count", "50", "--timeout", "5s"], || {
        bus.publish_message(TWIST, &twist).expect("it is sent");
    });
    assert_eq!(everything.code, Some(0), "{everything:?}");
    assert!(!everything.stdout.contains('\x1b') && !everything.stderr.contains('\x1b'));
}

#[test]
fn what_a_slow_reader_made_it_lose_is_told_and_exits_with_3() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let mut command = dimos(&["topic", "echo", "/big", "--timeout", "2s", "--json"]);
    let before = unread_bytes(7667).len();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually(|| "it listens".to_owned(), || (unread_bytes(7667).len() > before).then_some(()));
    // Nobody reads: more than it keeps for that.
    let payload = vec![7; 60_000];
    for _ in 0..2000 {
        bus.publish("/big", &payload).expect("it is sent");
        wait_until_read(7667);
    }
    assert!(child.try_wait().expect("it is a child").is_none());
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    assert_eq!((ended.code, ended.json_error()["code"].as_str()), (Some(3), Some("incomplete")));
    assert!(ended.json_lines().len() > 10);
}

#[test]
fn types_of_a_user_come_from_a_directory() {
    isolated!(MulticastOnLo);
    let idl = concat!(env!("CARGO_MANIFEST_DIR"), "/idl");
    let words = ["topic", "echo", "/pick", "--count", "1", "--timeout", "20s", "--json", "--idl", idl];
    let ended = run_while(&words, || {
        let json = r#"{"label": "cup", "photo": "gAQ="}"#;
        let published = run(&["topic", "pub", "/pick#depot.Pick", json, "--idl", idl]);
        assert_eq!(published.code, Some(0), "{published:?}");
    });
    let line = ended.json_lines().remove(0);
    assert_eq!((&line["type"], &line["data"]["label"]), (&json!("depot.Pick"), &json!("cup")));
    assert_eq!(line["data"]["photo"], "gAQ=");
    let unknown = run(&["topic", "pub", "/pick#depot.Pick", "{}", "--json"]);
    assert_eq!(unknown.json_error()["message"], "type depot.Pick is not known");
}

#[test]
fn an_event_log_is_echoed_to_its_end() {
    isolated!(MulticastOnLo);
    let path = format!("{}/cli-echo.lcmlog", env!("CARGO_TARGET_TMPDIR"));
    let log = Lcm::open(&format!("file://{path}?mode=w")).expect("it is written");
    for number in 0..1000 {
        log.publish_message(TWIST, &twist(f64::from(number))).expect("it is written");
    }
    drop(log);
    let url = format!("file://{path}?speed=0");
    let ended = run(&["topic", "echo", "/cmd_vel", "--field", "linear.x", "--bus", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, (0..1000).map(|number| format!("{number}\n")).collect::<String>());
    assert_eq!(run(&["--bus", &url, "topic", "echo", "/odom"]).code, Some(4));
    assert_eq!(run(&["--bus", &url, "topic", "echo", "/cmd_vel", "--count", "2000"]).code, Some(3));
}

#[test]
fn a_wrong_url_is_wrong_usage_and_a_bus_that_is_not_there_is_12() {
    isolated!(MulticastOnLo);
    let wrong = run(&["topic", "echo", "/x", "--json", "--bus", "udpm://10.0.0.1:7667"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.json_error()["message"].as_str().is_some_and(|said| said.contains("multicast")), "{wrong:?}");
    let nowhere = run(&["topic", "echo", "/x", "--json", "--url", "file:///nowhere/run.lcmlog"]);
    assert_eq!((nowhere.code, nowhere.json_error()["code"].as_str()), (Some(12), Some("no_bus")));
    let by_environment = dimos(&["list", "--json"]).env("LCM_DEFAULT_URL", "nonsense").output().expect("it runs");
    assert_eq!(by_environment.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&by_environment.stderr).contains("LCM_DEFAULT_URL"), "{by_environment:?}");
}

#[test]
fn a_published_message_is_that_of_the_type_byte_for_byte() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let heard = bus.subscribe(lcm::Pattern::any(), Queue::keep_last(100)).expect("it is subscribed");
    let next = || heard.recv_timeout(PATIENCE).expect("the bus is open").expect("a message");
    let json = r#"{"linear": {"x": 0.25, "z": "NaN"}, "angular": {"z": "Infinity"}}"#;
    let bytes = twist(0.25).encode().expect("it is encoded");
    for arguments in [&["/cmd_vel", "--type", "geometry_msgs.Twist", json][..], &[TWIST, json]] {
        let ended = run(&[&["topic", "pub", "--json"], arguments].concat());
        let report = "{\"channel\":\"/cmd_vel#geometry_msgs.Twist\",\"type\":\"geometry_msgs.Twist\",\"messages\":1,\"bytes\":56}\n";
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), report, ""));
        let message = next();
        assert_eq!(
            (message.channel(), &message.payload()[..]),
            (&lcm::Channel::new(TWIST).expect("short"), &bytes[..])
        );
    }
    let many =
        run(&["topic", "pub", "/n", "--type", "std_msgs.Int32", "{\"data\": 7}", "--rate", "50hz", "--count", "20"]);
    assert_eq!((many.code, many.stdout.as_str()), (Some(0), ""));
    let times: Vec<_> = (0..20).map(|_| next().receive_time_ns()).collect();
    // The first may have been late.
    assert!(times[19] - times[0] >= 200_000_000, "{times:?}");
    let raw = run(&["topic", "pub", "/raw", "--base64", "gAQ="]);
    assert_eq!(raw.code, Some(0), "{raw:?}");
    assert_eq!(next().payload()[..], [0x80, 4]);
    // Lines, the last of which is wrong.
    let mut lines = Process::start(&mut dimos(&["topic", "pub", "/t", "--type", "std_msgs.String", "-"]));
    for line in ["{\"data\": \"a\"}", "", "{\"data\": \"b\"}", "{\"date\": 1}"] {
        lines.write_line(line);
    }
    lines.close_stdin();
    assert_eq!(lines.wait(PATIENCE).code(), Some(2));
    assert!(lines.stderr().contains("line 4") && lines.stderr().contains("date"), "{}", lines.stderr());
    assert_eq!([next(), next()].map(|text| Text::decode(text.payload()).expect("a text").data), ["a", "b"]);
}

#[test]
fn what_cannot_be_published_is_told_before_anything_is() {
    isolated!(MulticastOnLo);
    let bus = bus();
    let heard = bus.subscribe(lcm::Pattern::any(), Queue::keep_last(100)).expect("it is subscribed");
    let refused = |arguments: &[&str], why: &str| {
        let ended = run(&[&["topic", "pub"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(why), "{arguments:?}: {ended:?}");
    };
    refused(&["/x", "{}"], "--type PKG.TYPE");
    refused(
        &[TWIST, "--type", "geometry_msgs.Pose", "{}"],
        "carries geometry_msgs.Twist, --type says geometry_msgs.Pose",
    );
    refused(&["/x", "--type", "geometry_msgs.Twits", "{}"], "did you mean geometry_msgs.Twist?");
    refused(&["/x", "--type", "geometry_msg.Twist", "{}"], "geometry_msgs.Twist");
    refused(&[TWIST, r#"{"linaer": {}}"#], "`linaer`");
    refused(&[TWIST, r#"{"linear": {"x": "fast"}}"#], "linear.x");
    refused(&[TWIST, "{"], "EOF");
    refused(&["/x", "--base64", "?"], "--base64");
    refused(&[&"x".repeat(60), "--type", "geometry_msgs.Twist", "{}"], "63");
    refused(&[TWIST, "{}", "--rate", "fast"], "10hz");
    assert!(heard.recv_timeout(Duration::from_millis(200)).expect("the bus is open").is_none());
}

#[test]
fn python_hears_what_is_published_and_is_heard() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut listener = Process::start(wheel.script("peer.py").args(["", "listen", ".*"]));
    listener.expect_line("ready", |line| line == "ready");
    assert_eq!(run(&["topic", "pub", TWIST, "{\"linear\": {\"x\": 1}}"]).code, Some(0));
    let channel: String = TWIST.bytes().map(|byte| format!("{byte:02x}")).collect();
    listener.expect_line("the message", |line| line.starts_with(&format!("{channel} 56 ")));
    let mut talker = Process::start(wheel.script("peer.py").args(["", "send"]));
    talker.expect_line("ready", |line| line == "ready");
    // Two thousand messages of 1000 bytes on `/a`, one each 20 ms.
    let mut is_told = false;
    let ended = run_while(&["topic", "echo", "/a", "--count", "3", "--timeout", "20s", "--json"], || {
        if !std::mem::replace(&mut is_told, true) {
            talker.write_line("2f61 0 1000 2000 20000");
        }
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.json_lines().iter().all(|line| line["size_bytes"] == 1000 && line["type"].is_null()), "{ended:?}");
}

fn bus() -> Lcm {
    Lcm::from_env().expect("the bus is there")
}

/// Publishes again and again, until the command prints something.
fn until_a_line(process: &mut Process, publish: impl Fn()) {
    let deadline = Instant::now() + PATIENCE;
    while process.line(Duration::from_millis(20)).is_none() {
        assert!(Instant::now() < deadline, "{}", process.stderr());
        publish();
    }
}

fn twist(x: f64) -> Twist {
    let mut twist = Twist::default();
    twist.linear.x = x;
    twist.linear.z = f64::NAN;
    twist.angular.z = f64::INFINITY;
    twist
}

fn program() -> std::ffi::OsString {
    dimos(&[]).get_program().to_owned()
}
