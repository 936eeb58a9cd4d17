//! `dimos spy` on a terminal, driven by keys and the mouse, and without one; on buses that are known, and on one that means harm.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dimos::Dimos;
use lcm::log::LogReader;
use lcm::{Lcm, Message};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::JointState;
use lcm_types::std_msgs::Bool;
use mesh_tests::cli::{dimos, press_ctrl_c, run, run_while};
use mesh_tests::example::built_program;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::netns::wait_until_read;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, signal_when_handled};
use mesh_tests::terminal::{Key, Terminal};
use mesh_tests::{isolated, site, test_module, test_name};
use serde_json::{Value, json};

const TWIST: &str = "/robot0/cmd_vel#geometry_msgs.Twist";

#[test]
fn keys_and_the_mouse_sort_filter_group_freeze_and_quit() {
    isolated!(MulticastOnLo);
    let robot = Robot::start();
    let mut terminal = Terminal::start(&dimos(&["spy"]), 30, 160);
    terminal
        .wait_until("all channels, by name", |screen| order(screen, ["/robot0/cmd_vel", "/robot1/enabled", "POSE"]));
    terminal.wait_until("the rate", |screen| line(screen, "/robot0/cmd_vel").contains("geometry_msgs.Twist"));
    // Its beat may be as fast as it is.
    terminal.wait_until("a bar", |screen| line(screen, "/robot0/cmd_vel").contains('█'));
    // By count, the largest first: a click on the title, and another one.
    let column = 1 + terminal.screen().lines().next().and_then(|head| head.find("COUNT")).expect("a title");
    terminal.type_text(&click(column, 1));
    terminal.wait_until("the fastest first", |screen| order(screen, ["POSE", "/robot0/cmd_vel", "/robot1/enabled"]));
    terminal.type_text(&click(column, 1));
    terminal.wait_until("the slowest first", |screen| order(screen, ["/robot1/enabled", "/robot0/cmd_vel", "POSE"]));
    terminal.type_text("/robot");
    terminal
        .wait_until("two channels", |screen| screen.contains("filter (substring): robot") && !screen.contains("POSE"));
    terminal.press(Key::Enter);
    terminal.wait_for("? help");
    terminal.press(Key::Escape);
    terminal.wait_for("POSE");
    terminal.type_text("g");
    terminal.wait_for("- /robot0/ (1)");
    terminal.type_text("g");
    terminal.type_text(" ");
    terminal.wait_for("FROZEN");
    let frozen = line(&terminal.screen(), "POSE").to_owned();
    let published = robot.published();
    eventually(|| "messages come".to_owned(), || (robot.published() > published + 50).then_some(()));
    assert_eq!(line(&terminal.screen(), "POSE"), frozen);
    terminal.type_text(" ");
    terminal.wait_until("counting went on", |screen| line(screen, "POSE") != frozen);
    terminal.type_text("?");
    terminal.wait_for("freeze what is shown");
    terminal.type_text("?");
    terminal.wait_for("/robot1/enabled");
    for (rows, columns) in [(1, 1), (4, 20), (50, 200)] {
        terminal.resize(rows, columns);
        thread::sleep(Duration::from_millis(300));
    }
    terminal.wait_for("/robot1/enabled");
    // The second click on a line opens it.
    let row = 1 + terminal.screen().lines().position(|line| line.starts_with("/robot0/cmd_vel")).expect("a line");
    terminal.type_text(&click(3, row));
    terminal.type_text(&click(3, row));
    terminal.wait_until("the channel", |screen| screen.contains(TWIST) && screen.contains("sizes 56 to 56"));
    terminal.press(Key::Escape);
    terminal.wait_for("POSE");
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
    assert!(terminal.is_as_it_was(), "{}", terminal.screen());
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_program() {
    isolated!(MulticastOnLo);
    for command in programs() {
        for name in ["TERM", "INT", "HUP"] {
            let mut terminal = Terminal::start(&command, 24, 80);
            terminal.wait_for("nothing has been heard yet");
            assert!(!terminal.is_as_it_was());
            signal_when_handled(terminal.id(), name);
            assert_eq!(terminal.wait().code(), Some(130), "{name}");
            eventually(|| format!("{name}: {}", terminal.screen()), || terminal.is_as_it_was().then_some(()));
        }
        let mut terminal = Terminal::start(&command, 24, 80);
        terminal.wait_for("nothing has been heard yet");
        terminal.press(Key::Ctrl('c'));
        assert_eq!(terminal.wait().code(), Some(0));
        eventually(|| terminal.screen(), || terminal.is_as_it_was().then_some(()));
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_program() {
    isolated!(MulticastOnLo);
    for command in programs() {
        // With nothing typed, and in the middle of a key.
        for typed in ["", "\x1b["] {
            let mut terminal = Terminal::start(&command, 24, 80);
            terminal.wait_for("nothing has been heard yet");
            terminal.type_text(typed);
            terminal.close();
            assert_eq!(terminal.wait().code(), Some(130), "{typed:?}");
        }
    }
}

#[test]
fn what_is_recorded_is_what_was_published() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = bus();
    let mut terminal = Terminal::start(&site.command(&["spy"]), 24, 160);
    terminal.wait_for("nothing has been heard yet");
    let publish = |number: u32, channel: &str| bus.publish(channel, &number.to_be_bytes()).expect("it is sent");
    eventually(
        || terminal.screen(),
        || {
            publish(0, "/a/one");
            publish(0, "/b/two");
            terminal.screen().contains("/b/two").then_some(())
        },
    );
    // The channel under the cursor, which is the first.
    terminal.type_text("r");
    terminal.wait_for("recording /a/one to spy-");
    for number in 1..=500 {
        publish(number, "/a/one");
        publish(number, "/b/two");
        if number % 10 == 0 {
            wait_until_read(7667);
        }
    }
    terminal.press(Key::Down);
    terminal.wait_for("REC /a/one: 500 messages");
    terminal.type_text("r");
    terminal.wait_for("recorded /a/one to spy-");
    // All that the filter takes.
    terminal.type_text("/two\r");
    terminal.wait_until("one channel", |screen| !screen.contains("/a/one"));
    terminal.type_text("R");
    terminal.wait_for("recording all that two takes");
    publish(501, "/a/one");
    publish(502, "/b/two");
    terminal.press(Key::Up);
    terminal.wait_for(": 1 message,");
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
    eventually(
        || terminal.screen(),
        || terminal.screen().contains("recorded all that two takes to spy-").then_some(()),
    );
    let mut recordings = recordings(&site.path("."));
    recordings.sort_by_key(Vec::len);
    assert_eq!(
        recordings,
        [vec![("/b/two".to_owned(), 502)], (1..=500).map(|number| ("/a/one".to_owned(), number)).collect()]
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    isolated!(MulticastOnLo);
    let robot = Robot::start();
    let mut spy = dimos(&["spy"]);
    spy.current_dir("/proc");
    let mut terminal = Terminal::start(&spy, 24, 160);
    terminal.wait_for("POSE");
    terminal.type_text("R");
    terminal.wait_for("cannot record all channels: ");
    terminal.type_text("j");
    terminal.wait_for("? help");
    drop(robot);
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn nodes_tell_what_they_publish_and_subscribe_and_senders_have_their_names() {
    isolated!(MulticastOnLo);
    let mesh = Dimos::join().expect("the bus is there");
    let (_ticker, _) = ModuleProcess::start_as(&mesh, "robot0/ticker", test_module!("Ticker"), &[]);
    let mut terminal = Terminal::start(&dimos(&["spy"]), 30, 180);
    terminal.wait_until("its name", |screen| line(screen, "/robot0/ticks").contains("robot0/ticker"));
    // Its beats tell how much it publishes.
    terminal.type_text("/ticks\r");
    terminal.press(Key::Enter);
    terminal.wait_until("nothing lost of what it says", |screen| {
        screen.lines().any(|line| line.starts_with("0 lost of ") && !line.contains("of 0 published"))
    });
    terminal.press(Key::Escape);
    // A letter right behind Escape is that letter with Alt.
    terminal.wait_for("CHANNEL");
    terminal.type_text("n");
    terminal.wait_until("its state", |screen| {
        let line = line(screen, "robot0/ticker");
        line.contains("Ticker") && line.contains("running")
    });
    terminal.wait_for("publishes  /robot0/ticks#builtin_interfaces.Time, port ticks");
    terminal.wait_for("subscribes /robot0/nap#std_msgs.Int32, port nap");
    terminal.press(Key::Escape);
    terminal.wait_for("CHANNEL");
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
    let ended = run(&["spy", "--for", "4s", "-c", "/robot0/ticks", "-c", "/mesh/*", "--json"]);
    let report = ended.json_lines().remove(0);
    let lost = &channel(&report, "/robot0/ticks#builtin_interfaces.Time")["lost"]["channel"];
    assert!(lost["published"].as_u64().is_some_and(|count| count > 5), "{report}");
    assert!(lost["lost"].as_u64().is_some_and(|count| count <= 1), "{report}");
}

#[test]
fn without_a_terminal_it_prints_a_table_once_and_the_same_as_json() {
    isolated!(MulticastOnLo);
    let robot = Robot::start();
    let started = Instant::now();
    let table = run(&["spy"]);
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""), "{table:?}");
    assert!(table.stdout.starts_with("CHANNEL "), "{table:?}");
    for (name, type_name) in
        [("/robot0/cmd_vel", "geometry_msgs.Twist"), ("/robot1/enabled", "std_msgs.Bool"), ("POSE", "-")]
    {
        assert!(line(&table.stdout, name).contains(type_name), "{table:?}");
    }
    let ended = run(&["spy", "--for", "1s", "--json", "-c", "/robot0/*"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json_lines().remove(0);
    assert_eq!(report["channels"].as_array().map(Vec::len), Some(1), "{report}");
    let twist = channel(&report, TWIST);
    assert_eq!((&twist["type"], &twist["agreement"]), (&json!("geometry_msgs.Twist"), &json!("agrees")));
    assert_eq!(twist["size_bytes"], json!({ "min": 56, "mean": 56.0, "max": 56 }));
    assert_eq!((&twist["senders"], &twist["lost"]), (&json!(1), &json!({ "channel": null, "senders": 0 })));
    assert!(twist["rate_hz"].as_f64().is_some_and(|rate_hz| (3.0..40.0).contains(&rate_hz)), "{report}");
    assert!(twist["jitter_s"].is_number() && twist["last_age_s"].as_f64().is_some_and(|age_s| age_s < 1.0), "{report}");
    assert_eq!(report["totals"]["kernel_drops"], 0);
    // The program of its own is the same.
    let program = built_program("dimos-lcm-spy", "dimos-lcm-spy");
    let own = Command::new(program).args(["--for", "1s", "--json", "-c", "/robot0/*"]).output().expect("it starts");
    let own: Value = serde_json::from_slice(&own.stdout).unwrap_or_else(|error| panic!("{error}: {own:?}"));
    assert_eq!(channel(&own, TWIST)["agreement"], "agrees");
    drop(robot);
}

#[test]
fn a_log_of_rates_has_a_line_for_each_channel_and_interval() {
    isolated!(MulticastOnLo);
    let _robot = Robot::start();
    let ended = run(&["spy", "--csv", "--every", "200ms", "--for", "1s"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let lines: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][..5], ["time_s", "channel", "type", "messages", "rate_hz"]);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{ended:?}");
    let poses: Vec<_> = lines.iter().filter(|line| line[1] == "POSE").collect();
    assert!((2..=6).contains(&poses.len()), "{ended:?}");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let times: Vec<_> = poses.iter().map(|line| number(line[0])).collect();
    assert!(times.is_sorted() && times[0] > 1.7e9, "{ended:?}");
    let messages: f64 = poses.iter().map(|line| number(line[3])).sum();
    assert_eq!(messages, number(poses.last().expect("a line")[8]));
    // A signal ends it, and what was counted is printed.
    let mut process = Process::start(&mut dimos(&["spy", "--csv", "--every", "100ms"]));
    process.expect_line("a rate", |line| line.contains(",POSE,"));
    press_ctrl_c(&process);
    assert_eq!(process.wait(PATIENCE).code(), Some(130));
    // Nobody reads any more.
    let reader = Command::new("sh")
        .arg("-c")
        .arg(r#""$0" spy --csv --every 50ms | head -3"#)
        .arg(dimos(&[]).get_program())
        .output();
    let reader = reader.expect("sh starts");
    assert_eq!(String::from_utf8_lossy(&reader.stdout).lines().count(), 3, "{reader:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_exit_code() {
    isolated!(MulticastOnLo);
    for (arguments, code, said) in [
        (&["spy", "--json", "--csv"][..], 2, "exclude each other"),
        (&["spy", "--every", "1s"], 2, "--csv"),
        (&["spy", "-c", ""], 2, "empty topic"),
        (&["spy", "--for", "1"], 2, "unit"),
        (&["spy", "--idl", "/nowhere", "--json"], 2, "/nowhere"),
        (&["spy", "--bus", "file:///nowhere.lcmlog", "--json"], 12, "nowhere.lcmlog"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stderr.contains(said)), (Some(code), true), "{arguments:?}: {ended:?}");
    }
    let mut process = Process::start(&mut dimos(&["spy", "--for", "1h"]));
    press_ctrl_c(&process);
    assert_eq!(process.wait(PATIENCE).code(), Some(130));
    assert!(process.remaining_lines().iter().any(|line| line.contains("0 messages in")));
}

#[test]
fn gaps_in_the_numbers_of_a_sender_are_its_losses_and_messages_of_another_type_are_counted() {
    isolated!(MulticastOnLo);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let twist = Twist::default().encode().expect("it is encoded");
    let truth = Bool { data: true }.encode().expect("it is encoded");
    let mut seqno = 0_u32;
    let ended = run_while(&["spy", "--for", "2s", "--json"], || {
        // Every second one is lost.
        for (channel, payload) in [(TWIST, &twist), (TWIST, &truth), ("/odd#my_msgs.Odd", &twist)] {
            let datagram = [b"LC02", &seqno.to_be_bytes()[..], channel.as_bytes(), b"\0", payload].concat();
            socket.send_to(&datagram, "239.255.76.67:7667").expect("it is sent");
            seqno += 2;
        }
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json_lines().remove(0);
    let twist = channel(&report, TWIST);
    let count = |value: &Value| value.as_u64().expect("a number");
    assert_eq!(twist["lost"]["channel"], Value::Null);
    assert_eq!(twist["lost"]["senders"], report["totals"]["lost"], "{report}");
    let (lost, messages) = (count(&twist["lost"]["senders"]), count(&report["totals"]["messages"]));
    assert!(lost + 5 >= messages && lost <= messages, "{report}");
    assert!(count(&twist["mismatched"]).abs_diff(count(&twist["messages"]) / 2) <= 1, "{report}");
    assert_eq!(channel(&report, "/odd#my_msgs.Odd")["agreement"], "unknown_type");
}

#[test]
fn a_program_in_python_is_seen_as_it_publishes() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut talker = Process::start(wheel.script("peer.py").args(["", "send"]));
    talker.expect_line("ready", |line| line == "ready");
    // Messages of 1000 bytes on `/a`, one each 20 ms.
    let mut is_told = false;
    let ended = run_while(&["spy", "--for", "3s", "--json"], || {
        if !std::mem::replace(&mut is_told, true) {
            talker.write_line("2f61 0 1000 2000 20000");
        }
    });
    let report = ended.json_lines().remove(0);
    let heard = channel(&report, "/a");
    assert!(heard["rate_hz"].as_f64().is_some_and(|rate_hz| (10.0..=51.0).contains(&rate_hz)), "{report}");
    assert_eq!(heard["size_bytes"]["max"], 1000);
    let table = run(&["spy", "--for", "1s"]);
    assert!(line(&table.stdout, "/a").contains("1.00 kB"), "{table:?}");
}

#[test]
fn an_event_log_is_looked_at_like_a_bus() {
    isolated!(MulticastOnLo);
    let site = site!();
    let path = site.path("run.lcmlog");
    let mut log = lcm::log::LogWriter::create(&path).expect("a file");
    for number in 0..100_i64 {
        log.write(1_700_000_000_000_000 + number * 20_000, "/scan", &[0; 100]).expect("it is written");
    }
    log.flush().expect("it is written");
    let url = format!("file://{}?speed=0", path.display());
    let ended = run(&["spy", "--bus", &url, "--for", "20s", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json_lines().remove(0);
    let scan = channel(&report, "/scan");
    assert_eq!((&scan["messages"], &scan["rate_hz"], &scan["last_age_s"]), (&json!(100), &json!(50.0), &json!(0.0)));
    assert_eq!(report["listened_s"], 1.98);
    let mut terminal = Terminal::start(&dimos(&["spy", "--bus", &url]), 24, 120);
    terminal.wait_until("its end", |screen| screen.contains("/scan") && screen.contains("end of the log"));
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn a_bus_that_means_harm_costs_little_memory_and_leaves_the_screen_in_use() {
    isolated!(MulticastOnLo);
    let robot = Robot::start();
    // Wide, for a status line with large numbers.
    let mut terminal = Terminal::start(&dimos(&["spy"]), 40, 220);
    terminal.wait_for("/robot0/cmd_vel");
    let before = resident_bytes(terminal.id());
    let arguments = ["239.255.76.67", "7667", "100000", "2000"];
    let mut flood = Process::start(Command::new(env!("CARGO_BIN_EXE_bus-flood")).args(arguments));
    let mut peak = before;
    let mut watch = |terminal: &mut Terminal| {
        // It answers while it is flooded.
        terminal.type_text("?");
        terminal.wait_for("freeze what is shown");
        terminal.type_text("?");
        terminal.wait_until("the table", |screen| !screen.contains("freeze what is shown"));
        peak = peak.max(resident_bytes(terminal.id()));
    };
    while flood.is_running() {
        watch(&mut terminal);
    }
    let names = thread::spawn(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for number in 0..MANY_NAMES {
            let datagram =
                [b"LC02", &number.to_be_bytes()[..], format!("\x1b[2JNAME_{number}").as_bytes(), b"\0x"].concat();
            // The kernel may refuse some.
            let _ = socket.send_to(&datagram, "239.255.76.67:7667");
        }
    });
    while !names.is_finished() {
        watch(&mut terminal);
    }
    let large = Lcm::open("udpm://239.255.76.67:7667?ttl=0&pace=200000000").expect("the bus is there");
    let payload = vec![7; 60_000_000];
    for _ in 0..3 {
        large.publish("/large", &payload).expect("it is sent");
        watch(&mut terminal);
    }
    terminal.wait_for("of channels not shown");
    let published = robot.published();
    eventually(|| "it goes on".to_owned(), || (robot.published() > published + 20).then_some(()));
    terminal.type_text("/robot\r");
    terminal.wait_until("the good", |screen| screen.contains("/robot0/cmd_vel") && screen.contains("/robot1/enabled"));
    let grown = peak.saturating_sub(before);
    eprintln!("{grown} bytes grown, from {before}");
    assert!(grown < MEMORY_BOUND, "{grown} bytes more than before the flood");
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn large_messages_that_are_looked_at_take_a_few_times_as_much_memory() {
    isolated!(MulticastOnLo);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut seqno = 0;
    let mut publish = |channel: &str, payload: &[u8]| {
        seqno += 1;
        send_in_fragments(&socket, seqno, channel, payload);
    };
    // As many names as are decoded; and more.
    let named = |count: usize| {
        let names = JointState { name: vec![String::new(); count], ..JointState::default() };
        names.encode().expect("it is encoded")
    };
    let (shown, too_large) = (named(1_600_000), named(12_000_000));
    let mut terminal = Terminal::start(&dimos(&["spy"]), 24, 120);
    terminal.wait_for("nothing has been heard yet");
    publish("/other", b"raw");
    terminal.wait_for("/other");
    let before = resident_bytes(terminal.id());
    for (name, payload, said) in
        [("/shown", shown, "name[1600000]"), ("/large", too_large, "are too many to be shown as a tree")]
    {
        let channel = format!("{name}#sensor_msgs.JointState");
        terminal.type_text(&format!("{name}\r"));
        publish(&channel, &payload);
        terminal.wait_until("its line", |screen| line(screen, name).contains("JointState"));
        terminal.press(Key::Enter);
        terminal.wait_for("waiting for a message");
        let mut peak = before;
        for _ in 0..4 {
            publish(&channel, &payload);
            terminal.press(Key::Down);
            thread::sleep(Duration::from_millis(500));
            peak = peak.max(resident_bytes(terminal.id()));
        }
        terminal.wait_for(said);
        peak = peak.max(resident_bytes(terminal.id()));
        let grown = peak.saturating_sub(before);
        eprintln!("{name}: {grown} bytes grown, from {before}");
        assert!(grown < MEMORY_BOUND_LOOKED_AT, "{name}: {grown} bytes more than before");
        terminal.press(Key::Escape);
        terminal.wait_for("CHANNEL");
        terminal.press(Key::Escape);
        // Nothing is filtered. A letter right behind Escape is that letter with Alt.
        terminal.wait_for("/other");
    }
    terminal.type_text("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

/// Sends a large message from a socket as LCM does, but no faster than it is read: no fragment is lost in a receive buffer.
fn send_in_fragments(socket: &UdpSocket, seqno: u32, channel: &str, payload: &[u8]) {
    let name = [channel.as_bytes(), b"\0"].concat();
    let (length, count) = (u32::try_from(payload.len()), u16::try_from(payload.len().div_ceil(FRAGMENT_BYTES)));
    let (length, count) = (length.expect("it fits"), count.expect("it fits"));
    for (number, part) in (0_u16..).zip(payload.chunks(FRAGMENT_BYTES)) {
        let offset = u32::from(number) * u32::try_from(FRAGMENT_BYTES).expect("it fits");
        let header = [*b"LC03", seqno.to_be_bytes(), length.to_be_bytes(), offset.to_be_bytes()].concat();
        let place = [number.to_be_bytes(), count.to_be_bytes()].concat();
        let name = if number == 0 { &name[..] } else { &[] };
        let datagram = [&header[..], &place, name, part].concat();
        socket.send_to(&datagram, "239.255.76.67:7667").expect("it is sent");
        wait_until_read(7667);
    }
}

/// Publishes on three channels at different rates, until it is dropped.
struct Robot {
    stop: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Robot {
    fn start() -> Self {
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&published));
        let bus = bus();
        let thread = thread::spawn(move || {
            for number in 0_u64.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                bus.publish("POSE", b"raw").expect("it is sent");
                if number % 2 == 0 {
                    bus.publish_message(TWIST, &Twist::default()).expect("it is sent");
                }
                if number % 5 == 0 {
                    bus.publish_message("/robot1/enabled#std_msgs.Bool", &Bool { data: true }).expect("it is sent");
                }
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, published, thread: Some(thread) }
    }

    fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it publishes to its end");
        }
    }
}

/// The spy, as a command of `dimos` and as a program of its own.
fn programs() -> [Command; 2] {
    [dimos(&["spy"]), Command::new(built_program("dimos-lcm-spy", "dimos-lcm-spy"))]
}

fn bus() -> Lcm {
    Lcm::from_env().expect("the bus is there")
}

/// The first line of a screen that begins with a name.
fn line<'a>(screen: &'a str, name: &str) -> &'a str {
    screen.lines().find(|line| line.starts_with(name)).unwrap_or_default()
}

/// Whether lines that begin so follow one another.
fn order<const N: usize>(screen: &str, names: [&str; N]) -> bool {
    let places = names.map(|name| screen.lines().position(|line| line.starts_with(name)));
    places.iter().all(Option::is_some) && places.is_sorted()
}

/// As a terminal tells of the left button, pressed at a column and a row from 1 on, and released.
fn click(column: usize, row: usize) -> String {
    format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m")
}

fn channel<'a>(report: &'a Value, name: &str) -> &'a Value {
    let channels = report["channels"].as_array().expect("channels");
    channels.iter().find(|channel| channel["channel"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// The events of the logs in a directory, by channel and number.
fn recordings(directory: &Path) -> Vec<Vec<(String, u32)>> {
    let files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "lcmlog"));
    let events = |path| {
        let mut log = LogReader::open(path).expect("a log");
        let mut events = Vec::new();
        while let Some(event) = log.next_event().expect("it can be read") {
            let number = u32::from_be_bytes(event.data.try_into().expect("four bytes"));
            assert!(event.timestamp_us > 1_700_000_000_000_000);
            events.push((event.channel_name().into_owned(), number));
        }
        assert_eq!(log.skipped(), lcm::log::Skipped::default());
        events
    };
    logs.map(events).collect()
}

/// How much memory a process holds.
fn resident_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells the resident size");
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number of kB");
    kilobytes * 1024
}

const FRAGMENT_BYTES: usize = 60_000;

const MANY_NAMES: u32 = 1_000_000;

/// Ten thousand channels, and what the screen has of them. Messages of 60 MB that nobody looks at are not received whole.
const MEMORY_BOUND: usize = 100 << 20;

/// Of 60 MB one that is shown, one that waits to be, and one that is received; or a tree of as many names as are decoded.
const MEMORY_BOUND_LOOKED_AT: usize = 200 << 20;
