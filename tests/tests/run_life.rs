//! `dimos run` from its start to its end, as whoever starts it sees it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dimos::Dimos;
use dimos::coordinator::ModuleState;
use lcm::Queue;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::{Run, nothing_is_left, others, signal, those_with};
use mesh_tests::{isolated, run_test_module, site};
use serde_json::Value;

#[test]
fn the_first_command_of_the_readme_comes_up_is_seen_and_stops() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../launch/patrol.toml");
    let mut run = site.run(&[launch.to_str().expect("a path in UTF-8")]);
    let keeper = run.command.as_ref().expect("it runs").id();
    // What a processor takes is the mean over some time.
    std::thread::sleep(Duration::from_millis(300));
    let status = site.dimos(&["status", "--json"]).json_lines().remove(0);
    assert_eq!(status["launch"], "patrol");
    assert_eq!(status["bus"], "udpm://239.255.76.67:7667?ttl=0");
    assert_eq!(status["state"], "running");
    assert!(status["uptime_s"].as_f64().is_some_and(|time| time > 0.3), "{status}");
    assert!(status["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{status}");
    let modules = status["modules"].as_array().expect("modules");
    let names: Vec<_> = modules.iter().map(|module| module["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["mapper", "navigator", "patrol", "robot"]);
    let mut pids = vec![keeper, u32::try_from(status["pid"].as_u64().expect("a number")).expect("a number")];
    for module in modules {
        assert!(module["class"].as_str().is_some_and(|class| !class.is_empty()), "{module}");
        assert_eq!(
            (&module["state"], &module["restarts"], &module["last_exit"]),
            (&"running".into(), &0.into(), &Value::Null)
        );
        assert!(module["cpu_percent"].as_f64().is_some_and(|percent| (0.0..=400.0).contains(&percent)), "{module}");
        assert!(module["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{module}");
        pids.push(u32::try_from(module["pid"].as_u64().expect("a number")).expect("a number"));
    }
    let mut there: Vec<_> = others().iter().map(|found| found.pid).collect();
    there.sort_unstable();
    pids.sort_unstable();
    assert_eq!(there, pids, "{:?}", others());
    let run_id = status["run_id"].as_str().expect("an id");
    let table = site.dimos(&["ps"]).stdout;
    assert!(table.contains(run_id) && table.contains("mapper") && table.contains("running"), "{table}");
    let stopped = site.dimos(&["stop", "--json"]);
    assert_eq!((stopped.code, &stopped.json_lines()[0]["run_id"]), (Some(0), &status["run_id"]));
    assert_eq!(run.command.as_mut().expect("it runs").wait(PATIENCE).code(), Some(0));
    nothing_is_left();
    assert_eq!(site.register(), Vec::<Value>::new());
    assert_eq!(site.dimos(&["status"]).code, Some(4));
}

#[test]
fn ctrl_c_runs_the_stop_hooks_and_the_exit_code_says_so() {
    isolated!(MulticastOnLo);
    let site = site!();
    let dimos = Dimos::join().expect("the bus is there");
    let out = dimos.listen::<Int32>("/out", Queue::keep_last(10_000)).expect("the bus is there");
    let mut run = site.run(&[&site.write("one.toml", &ending("stop_ms = 500"))]);
    assert_eq!(run.end_by("INT"), Some(130), "{}", run.stderr());
    nothing_is_left();
    let numbers = std::iter::from_fn(|| out.next(Duration::from_millis(50)).expect("a number"));
    assert_eq!(numbers.last().map(|number| number.data), Some(-1));
}

#[test]
fn sigterm_ends_it_in_order_as_its_success() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("one.toml", &ending("stop_ms = 0"))]);
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    nothing_is_left();
}

#[test]
fn a_second_ctrl_c_skips_the_wait_for_a_module_that_does_not_listen() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("deaf", "trap '' TERM INT; while :; do sleep 0.1; done");
    let mut run = site
        .run(&[&site.write("deaf.toml", "modules.deaf = { run = \"deaf\", foreign = true, ready_after = \"100ms\" }")]);
    let command = run.command.as_mut().expect("it runs");
    let pressed = Instant::now();
    signal(command.id(), "INT");
    eventually(
        || format!("it is heard: {}", command.stderr()),
        || command.stderr().contains("the run is stopped").then_some(()),
    );
    // Sooner it could be the same one, come by another way.
    std::thread::sleep(Duration::from_millis(600));
    signal(command.id(), "INT");
    assert_eq!(command.wait(PATIENCE).code(), Some(130));
    let (took, said) = (pressed.elapsed(), command.stderr());
    // What it would have waited for is said when the time is over.
    assert!(!said.contains("did not end in time") || took < Duration::from_secs(2), "{took:?}: {said}");
    nothing_is_left();
}

#[test]
fn a_module_that_does_not_listen_is_ended_by_force_after_2_s() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("deaf", "trap '' TERM INT; while :; do sleep 0.1; done");
    let mut run = site
        .run(&[&site.write("deaf.toml", "modules.deaf = { run = \"deaf\", foreign = true, ready_after = \"100ms\" }")]);
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    assert!(run.stderr().contains("deaf did not end in time and is ended by force"), "{}", run.stderr());
    nothing_is_left();
}

#[test]
fn who_is_stopped_while_it_starts_ends_in_order_too() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mark = site.path("ended");
    site.script(
        "slow",
        &format!("trap 'echo in order > {}; exit 0' TERM; while :; do sleep 0.05; done", mark.display()),
    );
    let launch = site.write(
        "slow.toml",
        "modules.slow = { run = \"slow\", foreign = true, ready_after = \"60s\", start_within = \"90s\" }",
    );
    for (name, code) in [("INT", 130), ("TERM", 1)] {
        let mut command = site.begin(&[&launch]);
        eventually(
            || command.stderr(),
            || others().iter().any(|found| found.command_line.ends_with("/slow")).then_some(()),
        );
        // The shell has to come to its trap.
        std::thread::sleep(Duration::from_millis(500));
        signal(command.id(), name);
        assert_eq!(command.wait(PATIENCE).code(), Some(code), "{}", command.stderr());
        assert_eq!(fs::read_to_string(&mark).unwrap_or_default(), "in order\n", "{}", command.stderr());
        fs::remove_file(&mark).expect("it is there");
        nothing_is_left();
    }
}

#[test]
fn ctrl_c_does_not_wait_for_an_executable_that_does_not_describe_itself() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("silent", "exec sleep 1000");
    let mut command = site.begin(&[&site.write("silent.toml", "modules.silent.run = \"silent\"")]);
    eventually(|| command.stderr(), || (those_with("sleep 1000").len() == 1).then_some(()));
    let pressed = Instant::now();
    signal(command.id(), "INT");
    assert_eq!(command.wait(PATIENCE).code(), Some(130), "{}", command.stderr());
    // It would be waited for during 10 s.
    assert!(pressed.elapsed() < Duration::from_secs(5), "{:?}", pressed.elapsed());
    nothing_is_left();
}

#[test]
fn it_stops_after_the_time_that_it_was_given() {
    isolated!(MulticastOnLo);
    let site = site!();
    let ended = site.dimos(&["run", &site.write("one.toml", &ending("stop_ms = 0")), "--stop-after", "500ms"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert!(ended.stderr.contains("ends is up"), "{ended:?}");
    nothing_is_left();
}

#[test]
fn it_ends_when_all_modules_have_ended() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("short", "sleep 0.3");
    let line = "modules.short = { run = \"short\", foreign = true, ready_after = \"100ms\", restart = \"never\" }";
    let launch = site.write("short.toml", line);
    assert_eq!(site.dimos(&["run", &launch]).code, Some(0));
    site.script("short", "sleep 0.3; exit 3");
    let failed = site.dimos(&["run", &launch]);
    assert_eq!(failed.code, Some(10), "{failed:?}");
    assert!(failed.stderr.contains("ended with exit code 3"), "{failed:?}");
    nothing_is_left();
}

#[test]
fn under_json_every_line_of_the_log_is_one_of_stdout() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = site.write("one.toml", &ending("stop_ms = 0"));
    let ended = site.dimos(&["run", &launch, "--json", "--stop-after", "300ms"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json_lines(), site.log(None));
}

#[test]
fn a_daemon_returns_when_it_is_up_and_holds_nothing_of_who_started_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = site.write("one.toml", &ending("stop_ms = 0"));
    // A file that the shell has open, and that is not marked to be closed.
    let left_open = site.path("left_open");
    let shell = format!("exec 7>{}; exec \"$@\"", left_open.display());
    let program = site.command(&[]).get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", &shell, "sh"]).arg(program).args(["run", "-d", "--json", &launch]).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", site.path("state"));
    let told = mesh_tests::cli::Ended::from(command.output().expect("sh starts"));
    assert_eq!(told.code, Some(0), "{told:?}");
    let up = told.json_lines().remove(0);
    assert_eq!(up["modules"], serde_json::json!(["ends"]));
    let run = Run::of_daemon();
    assert_eq!(run.status().run_id, up["run_id"].as_str().expect("an id"));
    assert_eq!(run.module("ends").state, ModuleState::Running);
    let of_run = others();
    assert_eq!(of_run.len(), 3, "{of_run:?}");
    for found in &of_run {
        for entry in fs::read_dir(format!("/proc/{}/fd", found.pid)).expect("it runs").flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.display().to_string();
            assert_ne!(target, left_open.display().to_string(), "{found:?}");
            let number = entry.file_name().to_string_lossy().into_owned();
            let is_module = found.environment.contains("DIMOS_MODULE=");
            if !is_module && matches!(number.as_str(), "0" | "1" | "2") {
                assert_eq!(target, "/dev/null", "{number} of {found:?}");
            }
        }
        // No terminal is theirs, and none can become it by chance: the session has another leader than any terminal's.
        let stat = fs::read_to_string(format!("/proc/{}/stat", found.pid)).expect("it runs");
        let rest = stat.rsplit_once(')').expect("a name").1;
        assert_eq!(rest.split_ascii_whitespace().nth(4), Some("0"), "{found:?} has a terminal");
    }
    let stopped = site.dimos(&["stop", &run.status().run_id]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    nothing_is_left();
}

#[test]
fn a_daemon_that_does_not_come_up_tells_why_with_the_same_exit_code() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("breaks", "echo out of paper >&2; exit 3");
    let breaks = site.write("breaks.toml", "modules.breaks = { run = \"breaks\", foreign = true }");
    let failed = site.dimos(&["run", "-d", "--json", &breaks]);
    assert_eq!(failed.code, Some(10), "{failed:?}");
    let message = failed.json_error()["message"].as_str().expect("a text").to_owned();
    for word in ["breaks", "exit code 3", "out of paper"] {
        assert!(message.contains(word), "no {word:?} in {message}");
    }
    let wrong = site.dimos(&["run", "-d", &site.write("wrong.toml", "modules.a.runs = \"mapper\"")]);
    assert_eq!(wrong.code, Some(11), "{wrong:?}");
    assert!(wrong.stderr.contains("wrong.toml:1:"), "{wrong:?}");
    let one = site.write("one.toml", &ending("stop_ms = 0"));
    let no_bus = site.dimos(&["run", "-d", "--bus", "file:///nowhere/at/all.lcmlog?mode=r", &one]);
    assert_eq!(no_bus.code, Some(12), "{no_bus:?}");
    assert!(no_bus.stderr.contains("/nowhere/at/all.lcmlog"), "{no_bus:?}");
    nothing_is_left();
    assert_eq!(site.register(), Vec::<Value>::new());
}

#[test]
fn ctrl_c_while_a_daemon_starts_ends_it_again() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("slow", "exec sleep 1000");
    let launch = site.write(
        "slow.toml",
        "modules.slow = { run = \"slow\", foreign = true, ready_after = \"60s\", start_within = \"90s\" }",
    );
    let mut command = site.begin(&["-d", &launch]);
    eventually(|| command.stderr(), || (those_with("sleep 1000").len() == 1).then_some(()));
    signal(command.id(), "INT");
    assert_eq!(command.wait(PATIENCE).code(), Some(130), "{}", command.stderr());
    nothing_is_left();
}

#[test]
fn closing_the_terminal_ends_a_run_and_leaves_a_daemon() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = site.write("one.toml", &ending("stop_ms = 0"));
    for (option, is_left) in [("--json", false), ("-d", true)] {
        let program = site.command(&[]).get_program().to_string_lossy().into_owned();
        // `script` gives its child a terminal, and closes that when it ends itself.
        let line = format!("stty tostop; {program} run {option} {launch}; sleep 1000");
        let mut terminal = Command::new("script");
        terminal.args(["--quiet", "--command", &line, "/dev/null"]).env("XDG_STATE_HOME", site.path("state"));
        let mut terminal = Process::start(&mut terminal);
        let run = Run::of_daemon();
        run.until("ends", "runs", |module| module.state == ModuleState::Running);
        let is_shell_on = || others().iter().any(|found| found.command_line == "sleep 1000");
        eventually(|| "the shell goes on".to_owned(), || (is_shell_on() == is_left).then_some(()));
        signal(terminal.id(), "KILL");
        terminal.wait(PATIENCE);
        if is_left {
            eventually(|| "the shell is gone".to_owned(), || those_with("sleep 1000").is_empty().then_some(()));
            assert_eq!(run.module("ends").state, ModuleState::Running);
            assert_eq!(site.dimos(&["stop"]).code, Some(0));
        }
        nothing_is_left();
    }
}

/// A launch file with one module, which tells that its stop hook has run.
fn ending(config: &str) -> String {
    format!("external = [\"/nap\"]\n[modules.ends]\n{}config = {{ {config} }}", run_test_module!("Ends"))
}
