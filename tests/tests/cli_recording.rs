//! `dimos recording`: what is in logs, parts of them, several in one, and what is good in damaged ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fastrand::Rng;
use lcm::log::{Event, LogReader};
use mesh_tests::cli::Ended;
use mesh_tests::event_log::{described, event, messages, python_reads, read, write};
use mesh_tests::payload::pattern;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::run::Site;
use mesh_tests::{site, test_name};
use serde_json::{Value, json};

#[test]
fn info_tells_what_is_in_a_log_and_what_is_missing() {
    let site = site!();
    let twist = twist();
    let mut events: Vec<_> = (0..11)
        .map(|number| event(number, START_US + 100_000 * number, "/cmd#geometry_msgs.Twist", twist.clone()))
        .collect();
    events.push(event(14, START_US + 3_000_000, "POSE", vec![1, 2, 3]));
    events.push(event(15, START_US + 2_000_000, "POSE", vec![]));
    // Another recording behind it.
    events.push(event(0, START_US + 4_000_000, "/cmd#geometry_msgs.Twist", twist));
    let log = site.path("in.lcmlog");
    write(&log, &events);
    let info = json_of(&site, &["recording", "info", "in.lcmlog"], 0);
    let expected = json!({
        "file": "in.lcmlog", "bytes": fs::metadata(&log).unwrap().len(), "events": 14, "start_us": START_US,
        "end_us": START_US + 4_000_000, "duration_s": 4.0, "recordings": 2, "first_number": 0, "missing": 3, "backwards": 1,
        "damaged": { "places": 0, "bytes": 0, "list": [] }, "more_channels": 0,
        "channels": [
            {
                "channel": "/cmd#geometry_msgs.Twist", "type": "geometry_msgs.Twist", "fingerprint": fingerprint(&events[0]),
                "count": 12, "bytes": 12 * 56, "min_bytes": 56, "max_bytes": 56, "rate_hz": 2.75, "bytes_per_s": 154.0,
                "start_us": START_US, "end_us": START_US + 4_000_000, "largest_interval_s": 3.0,
            },
            {
                "channel": "POSE", "type": null, "fingerprint": null, "count": 2, "bytes": 3, "min_bytes": 0, "max_bytes": 3,
                "rate_hz": 1.0, "bytes_per_s": 1.5, "start_us": START_US + 2_000_000, "end_us": START_US + 3_000_000,
                "largest_interval_s": 0.0,
            },
        ],
    });
    assert_eq!(info, expected);
    let text = site.dimos(&["log-file", "info", "in.lcmlog"]);
    assert_eq!(text.code, Some(0));
    for part in
        ["14 events", "4.0 s", "2 recordings", "3 events are missing", "1 events are older", "geometry_msgs.Twist"]
    {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend_from_slice(b"\xed\xa1\xda\x01 cut off");
    fs::write(&log, &bytes).unwrap();
    let damaged = json_of(&site, &["recording", "info", "in.lcmlog"], 3);
    let place = json!({ "offset": bytes.len() - 12, "bytes": 12 });
    assert_eq!(damaged["damaged"], json!({ "places": 1, "bytes": 12, "list": [place] }));
    assert_eq!(site.dimos(&["recording", "info", "nowhere"]).code, Some(4));
    assert_eq!(site.dimos(&["recording", "info", "."]).code, Some(2));
}

#[test]
fn a_part_is_that_which_lcm_logfilter_cuts() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let events: Vec<_> = (0..300)
        .map(|number| {
            let channel = ["WANTED", "OTHER", "WANTED_TOO"][usize::try_from(number).unwrap() % 3];
            event(number, START_US + 10_000 * number, channel, pattern(9, 10 * usize::try_from(number).unwrap()))
        })
        .collect();
    write(&site.path("in.lcmlog"), &events);
    for (theirs, ours) in [
        (&["-c", "WANTED.*"][..], &["-e", "WANTED.*"][..]),
        (&["-c", "OTHER", "-i"], &["--invert", "-c", "OTHER"]),
        (&["-c", ".*", "-s", "0.505", "-e", "1.2"], &["--start", "0.505", "--end", "1.2s"]),
    ] {
        run(wheel.program("lcm-logfilter").args(theirs).arg(site.path("in.lcmlog")).arg(site.path("theirs.lcmlog")));
        let report = json_of(&site, &[&["recording", "cut", "in.lcmlog", "ours.lcmlog", "--force"], ours].concat(), 0);
        let cut = read(&site.path("ours.lcmlog"));
        assert!(!cut.is_empty() && cut == read(&site.path("theirs.lcmlog")), "{theirs:?}");
        assert_eq!(report["events"].as_u64().unwrap() + report["left_out"].as_u64().unwrap(), 300);
    }
}

#[test]
fn logs_are_merged_by_time_and_each_keeps_its_order() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let mut random = Rng::with_seed(7);
    let logs: Vec<Vec<Event>> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            let mut time_us = START_US;
            (0..100)
                .map(|number| {
                    time_us += i64::try_from(random.usize(..5)).unwrap() * 1000;
                    if number == 50 && *name == "b" {
                        // The clock was set back.
                        time_us -= 70_000;
                    }
                    event(number, time_us, name, format!("{name} {number}").into_bytes())
                })
                .collect()
        })
        .collect();
    for (name, events) in ["a", "b", "c"].iter().zip(&logs) {
        write(&site.path(name), events);
    }
    let report = json_of(&site, &["recording", "merge", "a", "b", "c", "all.lcmlog"], 0);
    assert_eq!((&report["events"], report["inputs"].as_array().unwrap().len()), (&300.into(), 3));
    let merged = read(&site.path("all.lcmlog"));
    // What a stable sort finds, with the times of each log made to go forwards.
    let mut expected: Vec<(i64, &Event)> = logs
        .iter()
        .flat_map(|events| {
            let forwards = |newest_us: &mut i64, event: &'_ Event| {
                *newest_us = event.timestamp_us.max(*newest_us);
                Some(*newest_us)
            };
            let times: Vec<_> = events.iter().scan(i64::MIN, forwards).collect();
            times.into_iter().zip(events)
        })
        .collect();
    expected.sort_by_key(|(time_us, _)| *time_us);
    let expected: Vec<_> = (0..).zip(expected).map(|(number, (_, event))| Event { number, ..event.clone() }).collect();
    assert_eq!(merged, expected);
    assert_eq!(python_reads(&wheel, &site.path("all.lcmlog")), described(&merged));
}

#[test]
fn every_event_that_is_whole_is_saved_from_random_damage() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    for seed in 1..=20 {
        let mut random = Rng::with_seed(seed);
        let events: Vec<_> = (0..60)
            .map(|number| {
                let size = [0, 10, 700, 70_000][random.usize(..4)];
                event(number, START_US + number, "/a#pkg.Type", pattern(u32::try_from(number).unwrap(), size))
            })
            .collect();
        write(&site.path("whole.lcmlog"), &events);
        let bytes = fs::read(site.path("whole.lcmlog")).unwrap();
        let mut damaged = Vec::new();
        let mut untouched = Vec::new();
        let (mut begin, mut since_damage) = (0, 0);
        let mut reader = LogReader::new(&bytes[..]);
        for event in &events {
            reader.next_event().unwrap();
            let end = usize::try_from(reader.position()).unwrap();
            let record = &bytes[begin..end];
            // An event that is whole between two that are torn may be data of the first: nothing tells.
            since_damage += 1;
            let kind = if since_damage > 2 { random.usize(..6) } else { 9 };
            if kind < 3 {
                since_damage = 0;
            }
            match kind {
                // Cut off, torn at its beginning, or with something in front of it.
                0 => damaged.extend_from_slice(&record[..random.usize(..record.len())]),
                1 => damaged.extend_from_slice(&record[1 + random.usize(..record.len() - 1)..]),
                2 => {
                    damaged
                        .extend_from_slice(&pattern(u32::try_from(random.usize(..1000)).unwrap(), random.usize(..300)));
                    damaged.extend_from_slice(record);
                    untouched.push(event.clone());
                }
                _ => {
                    damaged.extend_from_slice(record);
                    untouched.push(event.clone());
                }
            }
            begin = end;
        }
        fs::write(site.path("in.lcmlog"), &damaged).unwrap();
        let report = json_of(&site, &["recording", "repair", "in.lcmlog", "out.lcmlog", "--force"], 3);
        let repaired = read(&site.path("out.lcmlog"));
        assert_eq!(report["events"], repaired.len());
        // One that was cut off cannot be told from a whole one where what follows it is no event for long enough.
        let mut saved = repaired.iter();
        let is_saved = |wanted: &Event| saved.any(|event| event == wanted);
        assert!(untouched.iter().all(is_saved), "seed {seed}: {} of {} saved", repaired.len(), untouched.len());
        assert!(repaired.len() <= untouched.len() + 5, "seed {seed}: {} of {}", repaired.len(), untouched.len());
        let kept = fs::metadata(site.path("out.lcmlog")).unwrap().len();
        assert_eq!(kept + report["lost"]["bytes"].as_u64().unwrap(), damaged.len() as u64);
        assert_eq!(python_reads(&wheel, &site.path("out.lcmlog")), described(&repaired));
    }
    let good = json_of(&site, &["recording", "repair", "whole.lcmlog", "same.lcmlog"], 0);
    assert_eq!(good["lost"]["places"], 0);
    assert_eq!(fs::read(site.path("whole.lcmlog")).unwrap(), fs::read(site.path("same.lcmlog")).unwrap());
}

#[test]
fn outputs_replace_nothing_unasked_are_never_the_input_and_appear_whole() {
    let site = site!();
    write(&site.path("in.lcmlog"), &[event(0, 1, "A", vec![1])]);
    fs::write(site.path("there"), "precious").unwrap();
    fs::hard_link(site.path("in.lcmlog"), site.path("same")).unwrap();
    symlink("in.lcmlog", site.path("link")).unwrap();
    fs::create_dir(site.path("directory")).unwrap();
    let commands: [&[&str]; 5] = [
        &["recording", "cut", "in.lcmlog"],
        &["recording", "repair", "in.lcmlog"],
        &["recording", "merge", "in.lcmlog"],
        &["recording", "export", "in.lcmlog", "--format", "mcap"],
        &["recording", "export", "in.lcmlog", "--format", "csv"],
    ];
    for command in commands {
        let is_csv = command.contains(&"csv");
        let refused = site.dimos(&[command, &["there"]].concat());
        assert_eq!(refused.code, Some(2), "{command:?}: {refused:?}");
        for output in
            ["in.lcmlog", "same", "link", "directory"].iter().filter(|output| !is_csv || **output != "directory")
        {
            let refused = site.dimos(&[command, &[*output, "--force"]].concat());
            assert_eq!(refused.code, Some(2), "{command:?} {output}: {refused:?}");
        }
        let nowhere = site.dimos(&[command, &["nowhere/out"]].concat());
        assert!(nowhere.code == Some(1) && nowhere.stderr.contains("nowhere/out"), "{command:?}: {nowhere:?}");
        assert_eq!(fs::read(site.path("there")).unwrap(), b"precious");
        if !is_csv {
            assert_eq!(site.dimos(&[command, &["there", "--force"]].concat()).code, Some(0), "{command:?}");
            assert_ne!(fs::read(site.path("there")).unwrap(), b"precious");
            fs::write(site.path("there"), "precious").unwrap();
        }
        assert_eq!(unfinished(&site), Vec::<String>::new(), "{command:?}");
    }
    assert_eq!(read(&site.path("in.lcmlog")).len(), 1);
}

#[test]
fn tables_replace_tables_only_and_all_of_them() {
    let site = site!();
    write(&site.path("in.lcmlog"), &[event(0, 1, "A", vec![1]), event(1, 2, "B", vec![1])]);
    write(&site.path("other.lcmlog"), &[event(0, 1, "C", vec![1])]);
    let names = |directory: &str| {
        let entries = fs::read_dir(site.path(directory)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    json_of(&site, &["recording", "export", "in.lcmlog", "tables"], 0);
    assert_eq!(names("tables"), ["A.raw.csv", "B.raw.csv"]);
    json_of(&site, &["recording", "export", "other.lcmlog", "tables", "--force"], 0);
    assert_eq!(names("tables"), ["C.raw.csv"]);
    fs::write(site.path("tables/notes.txt"), "precious").unwrap();
    let refused = site.dimos(&["recording", "export", "in.lcmlog", "tables", "--force"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("notes.txt"), "{refused:?}");
    assert_eq!(names("tables"), ["C.raw.csv", "notes.txt"]);
    // Nor are they made of a log that is one of them.
    fs::remove_file(site.path("tables/notes.txt")).unwrap();
    fs::copy(site.path("in.lcmlog"), site.path("tables/log.csv")).unwrap();
    let refused = site.dimos(&["recording", "export", "tables/log.csv", "tables", "--force"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(names("tables"), ["C.raw.csv", "log.csv"]);
    assert_eq!(unfinished(&site), Vec::<String>::new());
}

#[test]
fn what_programs_of_lcm_cannot_read_past_is_left_out_and_told() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let events = [event(0, 1, "A", vec![1]), event(1, 2, "", vec![2]), event(2, 3, "B", vec![3])];
    write(&site.path("in.lcmlog"), &events);
    for command in ["cut", "repair", "merge"] {
        let out = format!("{command}.lcmlog");
        let report = json_of(&site, &["recording", command, "in.lcmlog", &out], 3);
        assert_eq!((&report["unnamed"], &report["events"]), (&1.into(), &2.into()), "{command}");
        let made = read(&site.path(&out));
        assert_eq!(messages(&made), messages(&[events[0].clone(), events[2].clone()]), "{command}");
        assert_eq!(python_reads(&wheel, &site.path(&out)), described(&made));
    }
}

#[test]
fn of_work_that_a_signal_ends_nothing_is_left() {
    let site = site!();
    // Large enough to be at it for a while.
    let events: Vec<_> = (0..60).map(|number| event(number, number, "A", vec![7; 6_000_000])).collect();
    write(&site.path("in.lcmlog"), &events);
    for signal in ["INT", "TERM", "HUP"] {
        for arguments in [&["cut", "in.lcmlog", "out"][..], &["export", "in.lcmlog", "out", "--format", "csv"]] {
            // It is there already, for the work may be done soon.
            let mut shell = std::process::Command::new("sh");
            let mut killer = Process::start(shell.args(["-c", "echo ready; read -r pid; kill -$0 \"$pid\"", signal]));
            killer.expect_line("ready", |line| line == "ready");
            let mut work = Process::start(&mut site.command(&[&["recording"], arguments].concat()));
            let deadline = Instant::now() + PATIENCE;
            while unfinished(&site).is_empty() {
                assert!(Instant::now() < deadline, "{}", work.stderr());
                std::thread::sleep(Duration::from_millis(1));
            }
            killer.write_line(&work.id().to_string());
            assert_eq!(work.wait(PATIENCE).code(), Some(130), "{signal} {arguments:?}: {}", work.stderr());
            assert_eq!(unfinished(&site), Vec::<String>::new(), "{signal} {arguments:?}");
            assert!(!site.path("out").exists(), "{signal} {arguments:?}");
        }
    }
}

#[test]
fn an_output_that_finds_no_room_leaves_nothing_behind() {
    mesh_tests::isolated!(NoMulticastRoute);
    let site = site!();
    let disk = site.path("disk");
    fs::create_dir_all(&disk).unwrap();
    run(std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk));
    let events: Vec<_> = (0..40).map(|number| event(number, number, "A", pattern(7, 100_000))).collect();
    write(&site.path("in.lcmlog"), &events);
    for arguments in [
        &["cut", "in.lcmlog", "disk/out.lcmlog"][..],
        &["export", "in.lcmlog", "disk/out.mcap"],
        &["export", "in.lcmlog", "disk/out"],
    ] {
        let ended = site.dimos(&[&["recording"], arguments].concat());
        assert!(ended.code == Some(1) && ended.stderr.contains("No space left"), "{arguments:?}: {ended:?}");
        assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "{arguments:?}");
    }
    assert_eq!(messages(&read(&site.path("in.lcmlog"))).len(), 40);
}

#[test]
fn what_is_no_file_is_refused_and_a_pipe_is_read_where_once_is_enough() {
    let site = site!();
    let events: Vec<_> = (0..3).map(|number| event(number, number, "A", vec![1])).collect();
    write(&site.path("in.lcmlog"), &events);
    let commands: [&[&str]; 6] = [
        &["recording", "info", "IN"],
        &["recording", "cut", "IN", "out"],
        &["recording", "merge", "in.lcmlog", "IN", "out"],
        &["recording", "repair", "IN", "out"],
        &["recording", "export", "IN", "out"],
        &["play", "IN", "--bus", "memq://"],
    ];
    let named = |command: &[&'static str], input: &'static str| -> Vec<&'static str> {
        command.iter().map(|word| if *word == "IN" { input } else { *word }).collect()
    };
    for command in commands {
        for (input, is) in [("/dev/zero", "a character device"), (".", "a directory")] {
            let mut refused = Process::start(&mut site.command(&named(command, input)));
            assert_eq!(refused.wait(PATIENCE).code(), Some(2), "{command:?} {input}: {}", refused.stderr());
            assert!(refused.stderr().contains(&format!("{input} is {is}")), "{command:?}: {}", refused.stderr());
        }
        assert!(!site.path("out").exists() && unfinished(&site).is_empty(), "{command:?}");
    }
    run(std::process::Command::new("mkfifo").arg(site.path("pipe")));
    for command in commands {
        let (is_played, has_start) = (command[0] == "play", command.contains(&"export"));
        // Whoever writes into the pipe waits for a reader, and there may be none.
        let input = if has_start { "file://pipe?start_timestamp=1" } else { "pipe" };
        let mut writer = std::process::Command::new("sh");
        let mut writer = Process::start(writer.args(["-c", "exec cat in.lcmlog > pipe"]).current_dir(site.path(".")));
        let mut reader = Process::start(&mut site.command(&named(command, input)));
        let code = reader.wait(PATIENCE).code();
        let said = reader.stderr();
        if is_played || has_start {
            assert!(code == Some(2) && said.contains("pipe is a pipe"), "{command:?}: {said}");
        } else {
            assert_eq!((code, writer.wait(PATIENCE).code()), (Some(0), Some(0)), "{command:?}: {said}");
        }
        if site.path("out").exists() {
            let copies = if command.contains(&"merge") { 2 } else { 1 };
            assert_eq!(read(&site.path("out")).len(), copies * events.len(), "{command:?}");
            fs::remove_file(site.path("out")).unwrap();
        }
    }
    // The same by the name of a stream.
    let mut cat = std::process::Command::new("cat");
    let mut cat = cat.arg(site.path("in.lcmlog")).stdout(Stdio::piped()).spawn().unwrap();
    let mut info = site.command(&["recording", "info", "/dev/stdin", "--json"]);
    let ended = Ended::from(info.stdin(cat.stdout.take().unwrap()).output().unwrap());
    cat.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = ended.json_lines().remove(0);
    assert_eq!((&told["file"], &told["events"]), (&json!("/dev/stdin"), &json!(3)));
}

/// Runs a command that prints one object.
fn json_of(site: &Site, arguments: &[&str], code: i32) -> Value {
    let ended = site.dimos(&[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    ended.json_lines().remove(0)
}

/// What commands have begun and not taken away.
fn unfinished(site: &Site) -> Vec<String> {
    let names = fs::read_dir(site.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("unfinished")).collect()
}

fn twist() -> Vec<u8> {
    let message_type = lcm_types::catalog().get("geometry_msgs.Twist").unwrap();
    message_type.encode(&lcm::schema::Value::Struct(Vec::new())).unwrap()
}

fn fingerprint(event: &Event) -> String {
    lcm::schema::Fingerprint(u64::from_be_bytes(event.data[..8].try_into().unwrap())).to_string()
}

const START_US: i64 = 1_700_000_000_000_000;
