//! `dimos play`: heard by `lcm-logger` and by us, told what to play and where, and controlled by keys.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lcm::Lcm;
use lcm::log::Event;
use mesh_tests::cli::{Ended, press_ctrl_c};
use mesh_tests::event_log::{event, messages, read, read_so_far, write};
use mesh_tests::modules::eventually;
use mesh_tests::payload::pattern;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::recordings;
use mesh_tests::run::Site;
use mesh_tests::terminal::{Key, Terminal};
use mesh_tests::{isolated, site, test_name};

#[test]
fn what_we_play_lcm_logger_records_and_what_lcm_logplayer_plays_we_record() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let events: Vec<_> = (0..200)
        .map(|number: u32| {
            let size = [0, 1, 1000, 65485, 65486, 70_000][number as usize % 6];
            let channel = ["/a#pkg.Type", "B", "/umläut#µ"][number as usize % 3];
            event(number.into(), 1_700_000_000_000_000 + 10_000 * i64::from(number), channel, pattern(number, size))
        })
        .collect();
    let log = site.path("original.lcmlog");
    write(&log, &events);
    let bus = Lcm::open(BUS).unwrap();
    let (ours, theirs) = (site.path("ours.lcmlog"), site.path("theirs.lcmlog"));
    let mut recorder = Process::start(&mut site.command(&["record", "ours.lcmlog", "--url", BUS]));
    let mut logger =
        Process::start(wheel.program("lcm-logger").args(["--quiet", "--lcm-url", LARGE_BUFFER]).arg(&theirs));
    let record = |mark: &str| {
        publish_until(&bus, mark, &ours);
        publish_until(&bus, mark, &theirs);
    };
    record("MARK_0");
    let played = site.dimos(&["play", "original.lcmlog", "--url", BUS, "--json"]);
    assert_eq!(played.code, Some(0), "{played:?}");
    record("MARK_1");
    let mut player = Process::start(wheel.program("lcm-logplayer").args(["--lcm-url", BUS]).arg(&log));
    assert!(player.wait(PATIENCE).success(), "{}", player.stderr());
    record("MARK_2");
    press_ctrl_c(&recorder);
    assert_eq!(recorder.wait(PATIENCE).code(), Some(0), "{}", recorder.stderr());
    assert!(logger.terminate().success(), "{}", logger.stderr());
    for recorded in [&ours, &theirs] {
        let mut plays: Vec<Vec<Event>> = Vec::new();
        let mut is_mark_before = false;
        for event in read(recorded).into_iter().filter(|event| event.channel != b"LCM_SELF_TEST") {
            let is_mark = event.channel.starts_with(b"MARK");
            if !is_mark {
                if is_mark_before {
                    plays.push(Vec::new());
                }
                plays.last_mut().unwrap().push(event);
            }
            is_mark_before = is_mark;
        }
        assert_eq!(plays.len(), 2);
        for play in plays {
            assert!(messages(&play) == messages(&events), "{} of {}", play.len(), recorded.display());
            // None came before its time, as far as the first was not late. What came late comes in no other order, and the clock goes on.
            for (played, original) in play.iter().zip(&events) {
                let due = original.timestamp_us - events[0].timestamp_us;
                let at = played.timestamp_us - play[0].timestamp_us;
                assert!(at + 200_000 > due, "due after {due} us, came after {at} us");
            }
        }
    }
    let report = &played.json_lines()[0];
    assert_eq!((&report["events"], &report["rounds"], &report["end"]), (&200.into(), &1.into(), &"log".into()));
    // Whatever else the computer does, not all of it is late.
    assert!((0.0..0.5).contains(&report["late_s"]["median"].as_f64().unwrap()), "{report}");
    assert!(report["took_s"].as_f64().unwrap() >= 1.99, "{report}");
}

#[test]
fn a_part_of_a_log_is_played_under_other_names_again_and_again() {
    let site = site!();
    let channels = ["/a#x.Y", "/ab#x.Y", "POSE", "/mesh/claim#q.R", "/rpc/x", "LCM_SELF_TEST"];
    let events: Vec<_> = (0..60)
        .map(|number| {
            let channel = channels[usize::try_from(number).unwrap() % channels.len()];
            event(number, 1_700_000_000_000_000 + 1_000_000 * number, channel, vec![u8::try_from(number).unwrap()])
        })
        .collect();
    write(&site.path("in.lcmlog"), &events);
    let numbers = |arguments: &[&str]| {
        let (ended, played) = play_into_log(&site, arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        played.iter().map(|event| i64::from(event.data[0])).collect::<Vec<_>>()
    };
    let of = |wanted: &dyn Fn(i64) -> bool| (0..60).filter(|&number| wanted(number)).collect::<Vec<_>>();
    assert_eq!(numbers(&["in.lcmlog"]), of(&|number| number % 6 < 3));
    assert_eq!(numbers(&["in.lcmlog", "--mesh"]), of(&|number| number % 6 < 5));
    assert_eq!(numbers(&["in.lcmlog", "-c", "/a"]), of(&|number| number % 6 == 0));
    assert_eq!(numbers(&["in.lcmlog", "-e", "POSE|/ab.*"]), of(&|number| [1, 2].contains(&(number % 6))));
    assert_eq!(numbers(&["in.lcmlog", "--start", "10s", "--end", "0:20"]), [12, 13, 14, 18, 19, 20]);
    assert_eq!(numbers(&["in.lcmlog", "--start", "2023-11-14T22:14:10Z"]), [50, 54, 55, 56]);
    let url = format!("file://{}?start_timestamp=1700000050000000", site.path("in.lcmlog").display());
    assert_eq!(numbers(&[&url]), [50, 54, 55, 56]);
    let (_, played) =
        play_into_log(&site, &["in.lcmlog", "--remap", "/a=/robot0/a", "--remap", "POSE=P", "--end", "2s"]);
    let names: Vec<_> = played.iter().map(|event| event.as_ref().channel_name().into_owned()).collect();
    assert_eq!(names, ["/robot0/a#x.Y", "/ab#x.Y", "P"]);

    let (ended, none) = play_into_log(&site, &["in.lcmlog", "-c", "/nothing"]);
    assert_eq!((ended.code, none.len()), (Some(4), 0), "{ended:?}");
    for wrong in [&["in.lcmlog", "--remap", "/a"][..], &["in.lcmlog", "--start", "soon"], &["in.lcmlog", "--paused"]] {
        assert_eq!(site.dimos(&[&["play"], wrong].concat()).code, Some(2), "{wrong:?}");
    }
    assert_eq!(site.dimos(&["play", "nowhere.lcmlog"]).code, Some(4));

    // It would go on for ever.
    let out = site.path("loop.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let mut player = Process::start(&mut site.command(&["play", "in.lcmlog", "--loop", "--fast", "--bus", &to]));
    let deadline = Instant::now() + PATIENCE;
    while read_so_far(&out).len() < 100 {
        assert!(Instant::now() < deadline, "{}", player.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    press_ctrl_c(&player);
    assert_eq!(player.wait(PATIENCE).code(), Some(130));
    let looped = read(&out);
    assert!(looped.iter().zip(looped.iter().skip(30)).all(|(one, again)| one.data == again.data));
}

#[test]
fn a_log_is_never_played_into_itself() {
    let site = site!();
    let events: Vec<_> = (0..5).map(|number| event(number, number, "A", vec![1])).collect();
    write(&site.path("in.lcmlog"), &events);
    fs::hard_link(site.path("in.lcmlog"), site.path("same")).unwrap();
    for target in ["in.lcmlog", "same"] {
        for mode in ["w", "a"] {
            let to = format!("file://{}?mode={mode}", site.path(target).display());
            let refused = site.dimos(&["play", "in.lcmlog", "--fast", "--bus", &to]);
            assert!(refused.code == Some(2) && refused.stderr.contains("what is played"), "{to}: {refused:?}");
            assert_eq!(read(&site.path("in.lcmlog")), events);
        }
    }
}

#[test]
fn ten_times_the_speed_takes_a_tenth_of_the_time() {
    let site = site!();
    let events: Vec<_> = (0..5).map(|number| event(number, 5_000_000 * number, "A", vec![1])).collect();
    write(&site.path("in.lcmlog"), &events);
    let to = format!("file://{}?mode=w", site.path("out.lcmlog").display());
    let ended = site.dimos(&["play", "in.lcmlog", "--speed", "10", "--bus", &to, "--json"]);
    let took_s = ended.json_lines()[0]["took_s"].as_f64().unwrap();
    assert!((2.0..10.0).contains(&took_s), "{took_s}");
    assert_eq!(messages(&read(&site.path("out.lcmlog"))), messages(&events));
}

#[test]
fn what_is_not_played_and_why_is_told() {
    let site = site!();
    let long = "x".repeat(64);
    write(&site.path("in.lcmlog"), &[event(0, 0, "/mesh/claim#q.R", vec![]), event(1, 1, &long, vec![])]);
    let (ended, _) = play_into_log(&site, &["in.lcmlog", "-c", "/mesh/*", "--remap", "/a=/b"]);
    assert!(ended.code == Some(4) && ended.stderr.contains("--mesh plays"), "{ended:?}");
    assert!(ended.stderr.contains("--remap /a=/b has renamed nothing"), "{ended:?}");
    let (ended, _) = play_into_log(&site, &["in.lcmlog"]);
    assert!(ended.code == Some(3) && ended.stderr.contains(&long), "{ended:?}");
}

#[test]
fn ctrl_c_ends_it_while_nothing_is_played() {
    let site = site!();
    let channels = ["A", "B"];
    // It goes round and round, and plays but the first event.
    let events: Vec<_> =
        (0..20_000).map(|number| event(number, number, channels[usize::from(number > 0)], vec![])).collect();
    write(&site.path("in.lcmlog"), &events);
    let out = site.path("out.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let mut player =
        Process::start(&mut site.command(&["play", "in.lcmlog", "--loop", "--fast", "-c", "A", "--bus", &to]));
    let deadline = Instant::now() + PATIENCE;
    while read_so_far(&out).is_empty() {
        assert!(Instant::now() < deadline, "{}", player.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    press_ctrl_c(&player);
    assert_eq!(player.wait(PATIENCE).code(), Some(130));
}

#[test]
fn a_stop_takes_no_time_of_the_log() {
    let site = site!();
    let events: Vec<_> = (0..1000).map(|number| event(number, 50_000 * number, "A", vec![])).collect();
    write(&site.path("in.lcmlog"), &events);
    let out = site.path("out.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let mut player = Process::start(&mut site.command(&["play", "in.lcmlog", "--bus", &to]));
    let deadline = Instant::now() + PATIENCE;
    while read_so_far(&out).len() < 3 {
        assert!(Instant::now() < deadline, "{}", player.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    let signal = |signal: &str| {
        mesh_tests::process::run(Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", player.id())));
    };
    signal("STOP");
    let before = read_so_far(&out).len();
    std::thread::sleep(Duration::from_secs(2));
    let goes_on = Instant::now();
    signal("CONT");
    let after = eventually(
        || format!("it goes on: {}", player.stderr()),
        || Some(read_so_far(&out).len()).filter(|after| *after > before),
    );
    // 40 would have been due while it was stopped.
    let due_since = usize::try_from(goes_on.elapsed().as_millis() / 50).unwrap();
    assert!(after < before + due_since + 20, "{before}, then {after}");
    press_ctrl_c(&player);
    assert_eq!(player.wait(PATIENCE).code(), Some(130));
}

#[test]
fn whoever_goes_past_the_end_while_it_is_paused_can_go_back() {
    let site = site!();
    let events: Vec<_> = (0..31).map(|number| event(number, 1_000_000 * number, "A", vec![7])).collect();
    write(&site.path("in.lcmlog"), &events);
    let to = format!("file://{}?mode=w", site.path("out.lcmlog").display());
    let program = site.command(&["play", "in.lcmlog", "--bus", &to, "--paused"]);
    let mut terminal = Terminal::start(&program, 24, 80);
    terminal.wait_for("paused 0:00.0 / 0:30.0");
    terminal.wait_for("[space . arrows + - q]");
    terminal.press(Key::Up);
    terminal.wait_for("paused 0:30.0 / 0:30.0");
    terminal.type_text(".");
    terminal.wait_for("1 event ");
    terminal.press(Key::Left);
    terminal.wait_for("paused 0:25.0 / 0:30.0");
    terminal.type_text(".");
    terminal.wait_for("2 events");
    terminal.type_text("q");
    assert!(terminal.wait().success());
}

#[test]
fn damaged_parts_are_passed_over_and_told() {
    let site = site!();
    let events: Vec<_> = (0..30).map(|number| event(number, 1000 * number, "A", vec![3; 50])).collect();
    write(&site.path("whole.lcmlog"), &events);
    let mut bytes = fs::read(site.path("whole.lcmlog")).unwrap();
    let event_bytes = bytes.len() / 30;
    bytes.splice(10 * event_bytes..10 * event_bytes, *b"garbage");
    fs::write(site.path("in.lcmlog"), bytes).unwrap();
    let (ended, played) = play_into_log(&site, &["in.lcmlog", "--json"]);
    assert_eq!((ended.code, messages(&played)), (Some(3), messages(&events)), "{ended:?}");
    let report = &ended.json_lines()[0];
    assert_eq!((&report["damaged_places"], &report["damaged_bytes"]), (&1.into(), &7.into()));
    assert!(ended.stderr.contains("passed over 7 bytes"), "{ended:?}");
    assert!(ended.json_error()["message"].as_str().unwrap().contains("recording repair"), "{ended:?}");
}

#[test]
fn a_long_wait_is_told_and_ctrl_c_ends_it() {
    let site = site!();
    write(&site.path("in.lcmlog"), &[event(0, 0, "A", vec![]), event(1, 3_600_000_000, "A", vec![])]);
    let to = format!("file://{}?mode=w", site.path("out.lcmlog").display());
    let mut player = Process::start(&mut site.command(&["play", "in.lcmlog", "--bus", &to]));
    let deadline = Instant::now() + PATIENCE;
    while !player.stderr().contains("next event in 1:00:00") && !player.stderr().contains("next event in 0:59:") {
        assert!(Instant::now() < deadline, "{}", player.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    press_ctrl_c(&player);
    assert_eq!(player.wait(PATIENCE).code(), Some(130));
    assert_eq!(read(&site.path("out.lcmlog")).len(), 1);
}

#[test]
fn each_line_on_stdin_plays_an_event() {
    let site = site!();
    let events: Vec<_> = (0..5).map(|number| event(number, 1_000_000_000 * number, "A", vec![1])).collect();
    write(&site.path("in.lcmlog"), &events);
    let out = site.path("out.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let mut player = Process::start(&mut site.command(&["play", "in.lcmlog", "--step", "-v", "--bus", &to]));
    for number in 0..3 {
        player.write_line("");
        let line = player.expect_line("the event", |_| true);
        assert_eq!(line, format!("{}.000 A 1", 1000 * number));
        assert_eq!(read_so_far(&out).len(), number + 1);
    }
    player.close_stdin();
    assert!(player.wait(PATIENCE).success(), "{}", player.stderr());
    assert_eq!(read(&out).len(), 3);
}

#[test]
fn keys_pause_step_seek_change_the_speed_and_quit_and_the_terminal_is_as_before() {
    let site = site!();
    // An event a second, for an hour.
    let events: Vec<_> = (0..3600).map(|number| event(number, 1_000_000 * number, "A", vec![7])).collect();
    write(&site.path("in.lcmlog"), &events);
    let out = site.path("out.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let program = site.command(&["play", "in.lcmlog", "--bus", &to, "--start", "100s", "--paused"]);
    let mut terminal = Terminal::start(&followed_by_stty(&site, &program), 24, 110);
    terminal.wait_for("paused 1:40.0 / 59:59.0");
    terminal.wait_for("[space . arrows + - q]");
    assert_eq!(read_so_far(&out).len(), 0);
    terminal.type_text(".");
    terminal.wait_for("1 event ");
    terminal.type_text("s");
    terminal.wait_for("2 events");
    terminal.wait_for("paused 1:41.0");
    terminal.press(Key::Up);
    terminal.wait_for("paused 2:41.0");
    terminal.press(Key::Down);
    terminal.press(Key::Right);
    terminal.wait_for("paused 1:46.0");
    terminal.press(Key::Left);
    terminal.press(Key::Left);
    // Not before where playing begins.
    terminal.wait_for("paused 1:40.0");
    terminal.type_text("++-");
    terminal.wait_for("2x");
    terminal.type_text(" ");
    terminal.wait_for("playing");
    terminal.wait_until("more events", |screen| {
        let words: Vec<_> = screen.split_whitespace().collect();
        words.windows(2).any(|pair| pair[1] == "events" && pair[0].parse().is_ok_and(|count: u64| count >= 4))
    });
    terminal.type_text("q");
    terminal.wait_for("events, ");
    terminal.wait_for(" icanon");
    assert!(terminal.wait().success());
    let screen = terminal.screen();
    let words: Vec<_> = screen.split_whitespace().collect();
    assert!(words.contains(&"icanon") && words.contains(&"echo"), "{screen}");
    let played: Vec<_> = read(&out);
    assert!(played.len() >= 4, "{played:?}");
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let site = site!();
    write(&site.path("in.lcmlog"), &[event(0, 0, "A", vec![]), event(1, 3_600_000_000, "A", vec![])]);
    let to = format!("file://{}?mode=w", site.path("out.lcmlog").display());
    let program = site.command(&["play", "in.lcmlog", "--bus", &to]);
    let mut terminal = Terminal::start(&followed_by_stty(&site, &program), 24, 110);
    terminal.wait_for("next event in");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for(" icanon");
    terminal.wait();
    let screen = terminal.screen();
    assert!(screen.split_whitespace().any(|word| word == "echo") && screen.contains("1 event"), "{screen}");
}

#[test]
fn a_real_log_is_played_whole() {
    let Some(log) = recordings::intel_lab() else {
        let _ = writeln!(std::io::stderr(), "skipped: {}: the log is not there", test_name!());
        return;
    };
    let site = site!();
    let (ended, played) = play_into_log(&site, &[&log.display().to_string()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(messages(&played) == messages(&read(&log)));
}

/// Plays as fast as possible into a log.
fn play_into_log(site: &Site, arguments: &[&str]) -> (Ended, Vec<Event>) {
    let out = site.path("out.lcmlog");
    let to = format!("file://{}?mode=w", out.display());
    let ended = site.dimos(&[&["play", "--fast", "--bus", &to], arguments].concat());
    (ended, read(&out))
}

/// Runs a program in `sh`, which tells after that how the terminal is.
fn followed_by_stty(site: &Site, program: &Command) -> Command {
    let mut shell = Command::new("sh");
    // Ctrl-C is for the program.
    shell.args(["-c", "trap : INT; \"$@\"; stty -a", "sh"]).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(site.path("."));
    shell
}

/// Publishes on a channel until a log has it.
fn publish_until(bus: &Lcm, channel: &str, log: &Path) {
    let has_it = |log: &Path| read_so_far(log).iter().any(|event| event.channel == channel.as_bytes());
    let deadline = Instant::now() + PATIENCE;
    while !has_it(log) {
        assert!(Instant::now() < deadline, "{channel} does not come into {}", log.display());
        bus.publish(channel, b"").unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
const LARGE_BUFFER: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";
