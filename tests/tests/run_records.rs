//! What a run leaves on disk: its record while it is alive, and its log, whatever its modules write.

use std::fs;

use mesh_tests::modules::eventually;
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Run, nothing_is_left, signal};
use mesh_tests::{isolated, site};
use serde_json::{Value, json};

#[test]
fn a_run_is_registered_as_python_dimos_registers_its_own() {
    isolated!(MulticastOnLo);
    let site = site!();
    let text = "external = [\"/cmd_vel\"]\nargs.seed = 5\nmodules.base = { run = \"robot-sim\", config = { seed = \"${seed}\" } }";
    let launch = site.write("base.toml", text);
    let mut run = site.run(&[&launch, "seed=4", "--set", "base.seed=3"]);
    let record = site.register().remove(0);
    let status = run.status();
    assert_eq!(record["run_id"], status.run_id.as_str());
    let parts: Vec<_> = status.run_id.splitn(4, '-').collect();
    let is_right =
        |part: &str, length: usize, radix: u32| part.len() == length && part.chars().all(|c| c.is_digit(radix));
    assert!(is_right(parts[0], 8, 10) && is_right(parts[1], 6, 10) && is_right(parts[2], 4, 16), "{}", status.run_id);
    assert_eq!(parts[3], "base");
    assert_eq!(record["pid"], run.command.as_ref().expect("it runs").id());
    assert_eq!(record["blueprint"], "base");
    assert_eq!(record["cli_args"], json!([launch, "seed=4"]));
    assert_eq!(record["config_overrides"], json!({ "base.seed": "3" }));
    let line = record["original_argv"].as_array().expect("a list");
    assert_eq!(
        line[1..],
        [json!("run"), json!(launch), json!("seed=4"), json!("--set"), json!("base.seed=3")],
        "{line:?}"
    );
    assert!(
        record["started_at"].as_str().is_some_and(|time| time.len() > 19 && time.as_bytes()[10] == b'T'),
        "{record}"
    );
    let log_dir = record["log_dir"].as_str().expect("a directory");
    assert_eq!(log_dir, site.path("state/dimos/logs").join(&status.run_id).display().to_string());
    assert_eq!(run.end_by("TERM"), Some(0));
    assert!(site.register().is_empty());
    // The log stays, and is found by its run.
    let words = site.dimos(&["log", "--run", "last", "--json"]).json_lines();
    assert_eq!(words, site.log(None));
    assert_eq!(
        site.dimos(&["log", "--run", &status.run_id, "-n", "2", "--json"]).json_lines(),
        words[words.len() - 2..]
    );
}

#[test]
fn runs_of_python_dimos_are_listed_and_stopped_and_stale_records_are_neither() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut python = mesh_tests::process::Process::start(std::process::Command::new("sleep").arg("1000"));
    let record = |run_id: &str, pid: u32| {
        let record = json!({
            "run_id": run_id, "pid": pid, "blueprint": "unitree-go2", "started_at": "2026-03-14T15:09:26.535897+00:00",
            "log_dir": "/tmp/logs", "cli_args": ["unitree-go2"], "config_overrides": { "robot_ip": null },
            "original_argv": ["dimos", "run", "unitree-go2"], "grpc_port": 9877,
        });
        site.write(&format!("state/dimos/runs/{run_id}.json"), &record.to_string());
    };
    record("20260314-150926-5f3a-unitree-go2", python.id());
    record("20260314-150926-0000-gone", 4_000_000);
    site.write("state/dimos/runs/torn.json", "{\"run_id\": \"to");
    let status = site.dimos(&["status"]);
    assert_eq!(status.code, Some(4), "{status:?}");
    assert!(status.stderr.contains("20260314-150926-5f3a-unitree-go2 on a bus that it does not tell"), "{status:?}");
    assert!(!status.stderr.contains("gone") && !status.stderr.contains("torn"), "{status:?}");
    let unknown = site.dimos(&["stop", "20260314-150926-0000-gone"]);
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
    assert!(unknown.stderr.contains("20260314-150926-5f3a-unitree-go2"), "{unknown:?}");
    let stopped = site.dimos(&["stop", "20260314-150926-5f3a-unitree-go2"]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(!python.is_running());
}

#[test]
fn a_module_that_floods_its_log_is_cut_and_what_is_left_out_is_counted() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script(
        "floods",
        "i=0; while [ $i -lt 1000 ]; do seq -f \"$i.%g\" 1 100; i=$((i+1)); done >&2; sleep 2; echo over; exec sleep 1000",
    );
    let text =
        "[modules]\nfloods = { run = \"floods\", foreign = true, ready_after = \"1ms\" }\nbase.run = \"static-tf\"";
    let mut run = site.run(&[&site.write("floods.toml", text)]);
    eventually(|| "it has said it all".to_owned(), || (!said_by(&run, "floods", "over").is_empty()).then_some(()));
    assert_eq!(run.module("base").restarts, 0);
    let lost = usize::try_from(run.status().log_lines_lost).expect("a count");
    assert_eq!(run.end_by("TERM"), Some(0));
    let log = site.log(None);
    let events = log.iter().filter(|line| line["logger"] == "floods" && line["stream"] != "stdout");
    let events: Vec<_> = events.map(|line| line["event"].as_str().expect("a text")).collect();
    let left_out =
        events.iter().filter_map(|event| event.strip_suffix(" lines were left out: it said too much at once"));
    let left_out: usize = left_out.map(|count| count.parse::<usize>().expect("a count")).sum();
    let numbers = events.iter().filter_map(|event| event.split_once('.'));
    let numbers: Vec<(u32, u32)> =
        numbers.map(|(i, j)| (i.parse().expect("a number"), j.parse().expect("a number"))).collect();
    assert!(numbers.len() >= 20_000 && numbers.is_sorted(), "{}", numbers.len());
    assert_eq!((numbers.len() + left_out, lost), (100_000, left_out));
    nothing_is_left();
}

#[test]
fn whatever_a_module_writes_the_log_has_whole_lines() {
    isolated!(MulticastOnLo);
    let site = site!();
    let program = "head -c 300000 /dev/urandom; echo; head -c 1000000 /dev/zero | tr '\\0' x; echo; printf '{\"level\":\"warn\",\"message\":\"a\\\\u0000b\",\"seq\":7}\\n'; printf '\\033[2J\\r\\n'; printf 'no end' >&2; sleep 0.5; exit 0";
    site.script("junk", program);
    let text = "[modules]\njunk = { run = \"junk\", foreign = true, ready_after = \"1ms\" }\nbase.run = \"static-tf\"";
    let mut run = site.run(&[&site.write("junk.toml", text)]);
    eventually(|| "it has ended".to_owned(), || run.module("junk").pid.is_none().then_some(()));
    assert!(run.status().log_lines_lost >= 1);
    // It is shown without what a terminal would take as a command.
    eventually(|| run.stderr(), || run.stderr().contains("no end").then_some(()));
    assert!(!run.stderr().contains('\x1b'));
    let shown = site.dimos(&["log", "--module", "junk", "-n", "100000"]);
    assert!(shown.code == Some(0) && !shown.stdout.contains('\x1b'));
    assert_eq!(run.end_by("TERM"), Some(0));
    let log = site.log(None);
    let of_it: Vec<_> = log.iter().filter(|line| line["logger"] == "junk").collect();
    let long = of_it
        .iter()
        .find(|line| line["event"].as_str().is_some_and(|event| event.starts_with("xxx")))
        .expect("a long line");
    assert_eq!(long["bytes_left_out"], 1_000_000 - (64 << 10));
    assert!(
        of_it.iter().any(|line| line["event"] == "a\0b" && line["level"] == "warning" && line["seq_"] == 7),
        "{of_it:?}"
    );
    assert!(of_it.iter().any(|line| line["event"] == "no end" && line["stream"] == "stderr"));
}

#[test]
fn whoever_follows_the_log_sees_what_is_said_and_what_becomes_of_modules() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("says", "while read -r line < words; do echo \"$line\"; done");
    std::process::Command::new("mkfifo").arg(site.path("words")).status().expect("mkfifo");
    let text = "[modules]\nsays = { run = \"says\", foreign = true, ready_after = \"1ms\" }\nbase.run = \"static-tf\"";
    let mut run = site.run(&[&site.write("says.toml", text)]);
    let mut follower = mesh_tests::process::Process::start(&mut site.command(&["log", "-f", "-n", "1", "--json"]));
    let _ = follower.expect_line("the last line so far", |_| true);
    fs::write(site.path("words"), "{\"level\":\"error\",\"message\":\"ouch\"}\n").expect("it is read");
    let line: Value =
        serde_json::from_str(&follower.expect_line("what it says", |line| line.contains("ouch"))).expect("JSON");
    assert_eq!((&line["logger"], &line["level"]), (&json!("says"), &json!("error")));
    let before = run.pid("base");
    signal(before, "KILL");
    let line: Value =
        serde_json::from_str(&follower.expect_line("what becomes of it", |line| line.contains("SIGKILL")))
            .expect("JSON");
    assert_eq!(
        (&line["logger"], &line["kind"], &line["module"]),
        (&json!("coordinator"), &json!("exited"), &json!("base"))
    );
    run.until_replaced("base", before);
    let grave = site.dimos(&["log", "--level", "error", "--json"]).json_lines();
    assert!(grave.iter().all(|line| line["level"] == "error") && grave.len() == 2, "{grave:?}");
    assert_eq!(run.end_by("TERM"), Some(0));
    // The one that follows ends with what it follows.
    follower.close_stdin();
    follower.wait(PATIENCE);
    nothing_is_left();
}

/// What a module has said that has this in it.
fn said_by(run: &Run, module: &str, text: &str) -> Vec<String> {
    let mut query = dimos::coordinator::LogQuery::last(10);
    query.module = Some(module.to_owned());
    let Ok(lines) = run.coordinator().logs(&query) else { return Vec::new() };
    lines.flatten().map(|line| line.event).filter(|event| event.contains(text)).collect()
}
