//! `dimos record`: beside `lcm-logger`, under signals, and where there is no room.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Read;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lcm::log::{Event, LogReader};
use lcm::{Channel, Lcm, Parts};
use mesh_tests::event_log::{described, event, messages, python_reads, read, read_so_far, write};
use mesh_tests::payload::pattern;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run, signal_when_handled};
use mesh_tests::run::Site;
use mesh_tests::terminal::Terminal;
use mesh_tests::{isolated, site, test_name};
use serde_json::Value;

#[test]
fn lcm_logger_and_we_record_the_same() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let (ours, theirs) = (site.path("ours.lcmlog"), site.path("theirs.lcmlog"));
    let recorder = Recorder::start(&site, &["ours.lcmlog"]);
    let mut logger =
        Process::start(wheel.program("lcm-logger").args(["--quiet", "--lcm-url", LARGE_BUFFER]).arg(&theirs));
    let bus = Lcm::open(BUS).unwrap();
    publish_until(&bus, "BEGIN", &[&ours, &theirs]);
    for seed in 0..300_u32 {
        let size = [0, 1, 1000, 65485, 65486, 70_000][seed as usize % 6];
        bus.publish(["/a#pkg.Type", "B", "/umläut#µ"][seed as usize % 3], &pattern(seed, size)).unwrap();
        // So that the usual receive buffer holds what comes while nobody has time to read.
        std::thread::sleep(Duration::from_millis(10));
    }
    publish_until(&bus, "END", &[&ours, &theirs]);
    let report = recorder.interrupt(0);
    assert!(logger.terminate().success(), "{}", logger.stderr());
    let between = |log: &Path| {
        let wanted = |event: &Event| !["BEGIN", "END", "LCM_SELF_TEST"].contains(&&*event.as_ref().channel_name());
        read(log).into_iter().filter(wanted).collect::<Vec<_>>()
    };
    let (of_ours, of_theirs) = (between(&ours), between(&theirs));
    assert_eq!(of_ours.len(), 300);
    assert!(messages(&of_ours) == messages(&of_theirs), "they are not the same");
    // Both have the kernel's time, of the last datagram or of the first.
    for (one, other) in of_ours.iter().zip(&of_theirs) {
        assert!(one.timestamp_us.abs_diff(other.timestamp_us) < 1_000_000, "{one:?} {other:?}");
    }
    assert_eq!(python_reads(&wheel, &ours), described(&read(&ours)));
    assert_eq!((&report["dropped"], &report["lost"], &report["end"]), (&0.into(), &0.into(), &"interrupted".into()));
    assert_eq!(report["bytes"], fs::metadata(&ours).unwrap().len());
}

#[test]
fn what_is_recorded_is_chosen_by_topic_channel_glob_and_expression() {
    let site = site!();
    let events: Vec<_> =
        (0..).zip(["/a#x.Y", "/ab#x.Y", "POSE", "IMU7", "/c/d#x.Z", "/mesh/claim#q.R"]).map(numbered).collect();
    write(&site.path("in.lcmlog"), &events);
    for (options, expected) in [
        (&[][..], &[0, 1, 2, 3, 4, 5][..]),
        (&["-c", "/a"], &[0]),
        (&["-c", "/a#x.Y", "--channel", "POSE"], &[0, 2]),
        (&["-c", "/c/*"], &[4]),
        (&["-e", "POSE|IMU[0-9]"], &[2, 3]),
        (&["--invert", "-c", "/*"], &[2, 3]),
        (&["--invert-channels", "-c", "/*", "--regexp", "POSE"], &[3]),
    ] {
        let recorded = record_log(&site, &[&["out.lcmlog", "--force"], options].concat());
        assert_eq!((recorded.0, &recorded.1["end"]), (0, &"bus".into()), "{options:?}");
        let wanted: Vec<_> = expected.iter().map(|&place| events[place].clone()).collect();
        assert_eq!(messages(&read(&site.path("out.lcmlog"))), messages(&wanted), "{options:?}");
    }
    let nothing = site.dimos(&["record", "x", "--invert"]);
    assert!(nothing.code == Some(2) && nothing.stderr.contains("-c or -e"), "{nothing:?}");
}

#[test]
fn files_are_named_split_rotated_written_on_and_not_replaced_unasked() {
    let site = site!();
    let events: Vec<_> = (0..10).map(|number| event(number, 1000 * number, "A", vec![1; 100_000])).collect();
    write(&site.path("in.lcmlog"), &events);
    let (code, report) = record_log(&site, &["run", "--split", "350KB"]);
    assert_eq!((code, &report["files"], &report["events"]), (0, &4.into(), &10.into()));
    let info = site.dimos(&["recording", "info", "run.01", "--json"]).json_lines().remove(0);
    assert_eq!((&info["missing"], &info["first_number"]), (&0.into(), &3.into()));
    let useless = site.dimos(&["record", "run", "--split", "350KB", "--force", "--bus", &log_as_bus(&site)]);
    assert_eq!(useless.code, Some(2), "{useless:?}");
    let whole: Vec<_> =
        ["run.00", "run.01", "run.02", "run.03"].iter().flat_map(|name| read(&site.path(name))).collect();
    assert_eq!(messages(&whole), messages(&events));
    assert_eq!(record_log(&site, &["run", "--increment"]).1["file"], "run.04");
    assert_eq!(record_log(&site, &["turn", "--split", "350KB", "--rotate", "2"]).0, 0);
    let kept: Vec<_> = ["turn.1", "turn.0"].iter().flat_map(|name| read(&site.path(name))).collect();
    assert_eq!((messages(&kept), site.path("turn.2").exists()), (messages(&events[6..]), false));

    assert_eq!(record_log(&site, &["one"]).0, 0);
    let refused = site.dimos(&["record", "one", "--bus", &log_as_bus(&site)]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--force replaces it"), "{refused:?}");
    assert_eq!(record_log(&site, &["one", "--append"]).0, 0);
    assert_eq!(read(&site.path("one")).len(), 20);
    assert_eq!(record_log(&site, &["one", "-f"]).0, 0);
    assert_eq!(read(&site.path("one")).len(), 10);
    let dated = record_log(&site, &["log-%Y-%m-%d.lcmlog", "--strftime"]).1["file"].as_str().unwrap().to_owned();
    assert!(dated.starts_with("log-20") && dated.len() == "log-2026-11-27.lcmlog".len(), "{dated}");
    let default = record_log(&site, &[]).1["file"].as_str().unwrap().to_owned();
    assert!(default.len() == "20261127-065023.lcmlog".len() && default.ends_with(".lcmlog"), "{default}");
}

#[test]
fn a_log_is_never_recorded_into_itself_nor_touched_before_the_bus_is_certain() {
    isolated!(NoMulticastRoute);
    let site = site!();
    let events: Vec<_> = (0..).zip(["A", "B"]).map(numbered).collect();
    for source in ["in.lcmlog", "run.0", "run.1"] {
        write(&site.path(source), &events);
    }
    fs::hard_link(site.path("in.lcmlog"), site.path("same")).unwrap();
    let refused = |source: &str, arguments: &[&str]| {
        let bus = format!("file://{}?speed=0", site.path(source).display());
        let ended = site.dimos(&[&["record", "--bus", &bus], arguments].concat());
        assert!(ended.code == Some(2) && ended.stderr.contains("is the bus"), "{arguments:?}: {ended:?}");
        assert_eq!(messages(&read(&site.path(source))), messages(&events), "{arguments:?}");
    };
    refused("in.lcmlog", &["in.lcmlog", "--force"]);
    refused("in.lcmlog", &["same", "--append"]);
    refused("in.lcmlog", &["./in.lcmlog", "--force"]);
    refused("run.0", &["run", "--rotate", "2"]);
    refused("run.1", &["run", "--rotate", "2"]);
    let no_bus = format!("{BUS}&iface=nosuch0");
    for arguments in [&["in.lcmlog", "--force"][..], &["run", "--rotate", "2"], &["new.lcmlog"]] {
        let ended = site.dimos(&[&["record", "--bus", &no_bus, "--duration", "100ms"], arguments].concat());
        assert_eq!(ended.code, Some(12), "{arguments:?}: {ended:?}");
    }
    for log in ["in.lcmlog", "run.0", "run.1"] {
        assert_eq!(messages(&read(&site.path(log))), messages(&events), "{log}");
    }
    assert!(!site.path("new.lcmlog").exists() && !site.path("run.2").exists());
}

#[test]
fn what_is_behind_the_last_event_is_cut_off_before_it_is_written_on() {
    let site = site!();
    let events: Vec<_> = (0..).zip(["A", "B", "C"]).map(numbered).collect();
    write(&site.path("in.lcmlog"), &events);
    let mut torn = fs::read(site.path("in.lcmlog")).unwrap();
    torn.truncate(torn.len() - 2);
    fs::write(site.path("torn.lcmlog"), &torn).unwrap();
    let bus = log_as_bus(&site);
    let ended = site.dimos(&["record", "torn.lcmlog", "--append", "--bus", &bus]);
    assert!(ended.code == Some(0) && ended.stderr.contains("cut off 30 bytes"), "{ended:?}");
    assert_eq!(messages(&read(&site.path("torn.lcmlog"))), messages(&[&events[..2], &events].concat()));
    fs::write(site.path("notes.txt"), "precious").unwrap();
    let refused = site.dimos(&["record", "notes.txt", "--append", "--bus", &bus]);
    assert!(refused.code == Some(1) && refused.stderr.contains("no event log"), "{refused:?}");
    assert_eq!(fs::read(site.path("notes.txt")).unwrap(), b"precious");
}

#[test]
fn only_a_second_ctrl_c_abandons_what_is_not_written() {
    isolated!(MulticastOnLo);
    let site = site!();
    let pipe = site.path("pipe");
    run(Command::new("mkfifo").arg(&pipe));
    let bus = Lcm::open(BUS).unwrap();
    let mut recorder = Recorder::start(&site, &["pipe", "--force"]);
    // Somebody opens it, and does not read: the disk hangs.
    let _reader = File::open(&pipe).unwrap();
    recorder.wait_until_it_hears(&bus);
    for seed in 0..5 {
        bus.publish("DATA", &pattern(seed, 100_000)).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    for signal in ["HUP", "HUP", "TERM", "INT"] {
        recorder.signal(signal);
        std::thread::sleep(Duration::from_millis(300));
        assert!(recorder.process.is_running(), "{signal}: {}", recorder.process.stderr());
    }
    recorder.signal("INT");
    assert_eq!(recorder.process.wait(PATIENCE).code(), Some(130));
    let said = recorder.process.stderr();
    assert!(said.contains("abandoned: ") && said.contains("messages that had come are not written"), "{said}");
}

#[test]
fn each_signal_that_ends_it_finds_everything_written() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = Lcm::open(BUS).unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        let log = format!("{signal}.lcmlog");
        // Nothing is written by time.
        let recorder = Recorder::start(&site, &[&log, "--flush-interval", "1h"]);
        recorder.wait_until_it_hears(&bus);
        let last: Vec<_> = (0..50).map(|seed| pattern(seed, 1000)).collect();
        last.iter().for_each(|payload| bus.publish("LAST", payload).unwrap());
        let report = recorder.end(signal, 0);
        let of_last = |event: &Event| (event.channel == b"LAST").then(|| event.data.clone());
        assert_eq!(read(&site.path(&log)).iter().filter_map(of_last).collect::<Vec<_>>(), last, "{signal}");
        assert_eq!(report["end"], "interrupted");
    }
}

#[test]
fn sighup_begins_the_next_file_where_files_are_numbered() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = Lcm::open(BUS).unwrap();
    let mut recorder = Recorder::start(&site, &["run", "--rotate", "3"]);
    publish_until(&bus, "FIRST", &[&site.path("run.0")]);
    recorder.signal("HUP");
    wait_for("the next file", || site.path("run.1").exists());
    publish_until(&bus, "SECOND", &[&site.path("run.0")]);
    let report = recorder.interrupt(0);
    assert_eq!(report["files"], 2);
    assert!(read(&site.path("run.1")).iter().any(|event| event.channel == b"FIRST"));
    let (last, next) = (read(&site.path("run.1")).pop().unwrap(), read(&site.path("run.0")).remove(0));
    assert_eq!(next.number, last.number + 1);
}

#[test]
fn a_recorder_that_is_killed_leaves_a_log_of_what_it_had() {
    isolated!(MulticastOnLo);
    let site = site!();
    let log = site.path("killed.lcmlog");
    let bus = Lcm::open(BUS).unwrap();
    let mut recorder = Recorder::start(&site, &["killed.lcmlog"]);
    publish_until(&bus, "BEGIN", &[&log]);
    for seed in 0..40 {
        bus.publish("DATA", &pattern(seed, if seed % 2 == 0 { 500 } else { 150_000 })).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    wait_for("what was published", || of_channel(&read_so_far(&log), "DATA") == 40);
    mesh_tests::run::signal(recorder.process.id(), "KILL");
    recorder.process.wait(PATIENCE);
    assert_eq!(of_channel(&read(&log), "DATA"), 40);
}

#[test]
fn a_full_disk_ends_it_with_a_log_that_is_good_up_to_there() {
    isolated!(MulticastOnLo);
    let site = site!();
    let disk = site.path("disk");
    fs::create_dir_all(&disk).unwrap();
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&disk));
    for (name, size, count) in [("small", 700, 10_000), ("large", 300_000, 30)] {
        let events: Vec<_> = (0..count).map(|number| event(number, number, "A", pattern(7, size))).collect();
        write(&site.path("in.lcmlog"), &events);
        let path = format!("disk/{name}.lcmlog");
        let ended = site.dimos(&["record", &path, "--bus", &log_as_bus(&site), "--json"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let (report, error) = (&ended.json_lines()[0], ended.json_error());
        assert!(error["message"].as_str().unwrap().contains("No space left on device"), "{error}");
        assert_eq!((&report["end"], &error["code"]), (&"failed".into(), &"incomplete".into()));
        let recorded = read(&site.path(&path));
        assert_eq!(report["events"], recorded.len());
        assert!(recorded.len() > 8 && messages(&recorded) == messages(&events[..recorded.len()]), "{}", recorded.len());
        // It is as full as events go.
        let bytes = fs::metadata(site.path(&path)).unwrap().len();
        assert!(bytes == report["bytes"].as_u64().unwrap() && bytes + 300_000 + 4096 > 4 << 20, "{bytes}");
        if let Some(wheel) = Wheel::find(test_name!()) {
            assert_eq!(python_reads(&wheel, &site.path(&path)), described(&recorded));
        }
        fs::remove_file(site.path(&path)).unwrap();
    }
}

#[test]
fn what_the_disk_is_too_slow_for_is_dropped_counted_and_missing_by_its_numbers() {
    isolated!(MulticastOnLo);
    let site = site!();
    let pipe = site.path("pipe");
    run(Command::new("mkfifo").arg(&pipe));
    let bus = Lcm::open(BUS).unwrap();
    let recorder = Recorder::start(&site, &["pipe", "--force", "--max-unwritten", "1MB"]);
    // Until somebody reads, the file does not open.
    let mut reader = File::open(&pipe).unwrap();
    recorder.wait_until_it_hears(&bus);
    for seed in 0..60 {
        bus.publish("DATA", &pattern(seed, 100_000)).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let so_far = Arc::clone(&log);
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            so_far.lock().unwrap().extend_from_slice(&bytes[..read]);
        }
    });
    // Until the last of them is written, there is no room.
    let mut published_after = 0_u64;
    wait_for("what is published when there is room again", || {
        published_after += 1;
        bus.publish("AFTER", &published_after.to_be_bytes()).unwrap();
        let until = Instant::now() + Duration::from_millis(500);
        let is_last = |event: &Event| event.channel == b"AFTER" && event.data == published_after.to_be_bytes();
        std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(20));
            let log = log.lock().unwrap();
            LogReader::new(&log[..]).events().map_while(Result::ok).any(|event| is_last(&event))
        })
        .take_while(|_| Instant::now() < until)
        .any(|is_there| is_there)
    });
    let report = recorder.interrupt(3);
    reading.join().unwrap();
    let log = log.lock().unwrap();
    let events: Vec<_> = LogReader::new(&log[..]).events().map(Result::unwrap).collect();
    let count = |name: &str| report[name].as_u64().unwrap();
    let dropped = count("dropped");
    // What the kernel had no room for never came to the disk.
    let never_came = count("lost") + count("incomplete");
    assert!(dropped > 0 && dropped + never_came >= 40, "{report}");
    let published = 1 + 60 + published_after;
    assert_eq!(events.len() as u64 + dropped + never_came, published, "{report}");
    let left_out: i64 = events.windows(2).map(|pair| pair[1].number - pair[0].number - 1).sum();
    assert_eq!(left_out, i64::try_from(dropped).unwrap());
    assert_eq!(events.last().unwrap().channel, b"AFTER");
}

#[test]
fn too_little_room_on_the_disk_ends_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let recorder = Recorder::start(&site, &["run.lcmlog", "--disk-quota", "900000TB"]);
    let report = recorder.wait(3);
    assert_eq!(report["end"], "quota");
}

#[test]
fn a_terminal_shows_how_it_goes_and_a_time_ends_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut terminal = Terminal::start(&site.command(&["record", "run.lcmlog", "--duration", "5s"]), 24, 80);
    let bus = Lcm::open(BUS).unwrap();
    let shows = |screen: &str| screen.contains("run.lcmlog") && screen.contains("dropped 0  lost 0");
    let deadline = Instant::now() + PATIENCE;
    while !shows(&terminal.screen()) {
        assert!(Instant::now() < deadline, "{}", terminal.screen());
        bus.publish("A", &[0; 1000]).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(terminal.wait().success());
    terminal.wait_until("the sum in place of it", |screen| {
        screen.contains("to run.lcmlog; 0 dropped, 0 lost") && !shows(screen)
    });
}

/// `dimos record` at work, with `--json`.
#[test]
fn a_message_that_stops_on_the_way_is_lost_and_one_that_was_under_way_at_first_is_not() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = Lcm::open(BUS).unwrap();
    for (missing, code, incomplete) in [(0, 0, 0), (1, 3, 1)] {
        let recorder = Recorder::start(&site, &[&format!("{missing}.lcmlog")]);
        recorder.wait_until_it_hears(&bus);
        let payload = pattern(1, 150_000);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (number, part) in Parts::new(Channel::new("CUT").unwrap(), 0, payload.len(), 60_000).unwrap().enumerate() {
            if number != missing {
                let datagram = [part.header(), &payload[part.payload.clone()]].concat();
                sender.send_to(&datagram, "239.255.76.67:7667").unwrap();
            }
        }
        // Sooner than it is given up.
        std::thread::sleep(Duration::from_millis(1300));
        let report = recorder.interrupt(code);
        assert_eq!((&report["incomplete"], &report["lost"]), (&incomplete.into(), &0.into()), "{report}");
    }
}

#[test]
fn a_terminal_that_closes_ends_no_recording_that_was_started_with_nohup() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = Lcm::open(BUS).unwrap();
    let dimos = site.command(&["record", "run.lcmlog", "--json", "--bus", BUS]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(dimos.get_program()).args(dimos.get_args());
    let mut process = Process::start(shell.current_dir(site.path(".")).env("XDG_STATE_HOME", site.path("state")));
    process.close_stdin();
    let recorder = Recorder { process, log: site.path("run.lcmlog") };
    recorder.wait_until_it_hears(&bus);
    run(Command::new("sh").arg("-c").arg(format!("kill -HUP {}", recorder.process.id())));
    publish_until(&bus, "LATER", &[&site.path("run.lcmlog")]);
    assert_eq!(recorder.interrupt(0)["end"], "interrupted");
}

struct Recorder {
    process: Process,
    log: PathBuf,
}

impl Recorder {
    fn start(site: &Site, arguments: &[&str]) -> Self {
        let mut process = Process::start(&mut site.command(&[&["record", "--json", "--bus", BUS], arguments].concat()));
        process.close_stdin();
        Self { process, log: site.path(arguments[0]) }
    }

    /// It has joined the bus when it makes the file.
    fn wait_until_it_hears(&self, bus: &Lcm) {
        wait_for("the file", || self.log.exists());
        bus.publish("HEARD", b"").unwrap();
    }

    fn signal(&mut self, signal: &str) {
        signal_when_handled(self.process.id(), signal);
    }

    fn interrupt(self, code: i32) -> Value {
        self.end("INT", code)
    }

    fn end(mut self, signal: &str, code: i32) -> Value {
        self.signal(signal);
        self.wait(code)
    }

    /// What it says in the end.
    fn wait(mut self, code: i32) -> Value {
        let status = self.process.wait(PATIENCE);
        assert_eq!(status.code(), Some(code), "{}", self.process.stderr());
        let lines = self.process.remaining_lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        serde_json::from_str(&lines[0]).unwrap()
    }
}

/// Records the log `in.lcmlog` of a site, as if it were a bus: the exit code, and the sum.
fn record_log(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let ended = site.dimos(&[&["record", "--json", "--bus", &log_as_bus(site)], arguments].concat());
    (ended.code.unwrap(), ended.json_lines().pop().unwrap_or_default())
}

fn log_as_bus(site: &Site) -> String {
    format!("file://{}?speed=0", site.path("in.lcmlog").display())
}

/// Publishes on a channel until all of these logs have it.
fn publish_until(bus: &Lcm, channel: &str, logs: &[&Path]) {
    wait_for(channel, || {
        bus.publish(channel, b"").unwrap();
        logs.iter().all(|log| of_channel(&read_so_far(log), channel) > 0)
    });
}

fn of_channel(events: &[Event], channel: &str) -> usize {
    events.iter().filter(|event| event.channel == channel.as_bytes()).count()
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn numbered((number, channel): (i64, &str)) -> Event {
    event(number, 1_700_000_000_000_000 + 1000 * number, channel, vec![1, 2, 3])
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
const LARGE_BUFFER: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";
