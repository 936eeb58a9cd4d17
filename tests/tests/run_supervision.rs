//! A run goes on: its modules are killed, stopped, replaced, and are there again.

use std::time::{Duration, Instant};

use dimos::coordinator::{Launch, ModuleState};
use dimos::{Dimos, RpcError};
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Run, nothing_is_left, signal, those_with};
use mesh_tests::{isolated, run_test_module, site, test_module};
use serde_json::json;

#[test]
fn a_module_that_is_killed_is_started_again_and_callers_are_told_at_once() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("two.toml", &two())]);
    let dimos = Dimos::join().expect("the bus is there");
    let worker = eventually(|| "it is found".to_owned(), || dimos.module("worker").ok());
    let (before, other) = (run.pid("worker"), run.pid("ticker"));
    let epoch_of = || {
        dimos
            .modules()
            .iter()
            .find(|one| one.name.as_ref().is_some_and(|name| name.as_str() == "worker"))
            .map(|one| one.epoch)
    };
    let epoch = epoch_of();
    let call = std::thread::spawn(move || {
        let began = Instant::now();
        (worker.call("sleep", &json!({ "ms": 60_000 })), began.elapsed())
    });
    eventually(
        || "the call runs".to_owned(),
        || (dimos.module("worker").ok()?.call("progress", &()) != Ok(json!(0))).then_some(()),
    );
    let killed = Instant::now();
    signal(before, "KILL");
    let after = run.until_replaced("worker", before);
    let (answer, _) = call.join().expect("it is answered");
    assert!(matches!(answer, Err(RpcError::OutcomeUnknown)), "{answer:?}");
    // Its deadline would have been 10 s.
    assert!(killed.elapsed() < Duration::from_secs(8), "{:?}", killed.elapsed());
    assert_eq!((after.restarts, after.last_exit.and_then(|exit| exit.signal)), (1, Some(9)));
    let worker = eventually(|| "it is found again".to_owned(), || dimos.module("worker").ok());
    assert!(epoch.is_some() && epoch_of() > epoch, "{epoch:?}");
    assert_eq!(worker.call("add", &json!({ "a": 1, "b": 2 })), Ok(json!(3)));
    let ticker = run.module("ticker");
    assert_eq!((ticker.pid, ticker.restarts), (Some(other), 0));
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
    let log = site.log(None);
    let says = |words: &str| log.iter().any(|line| line["event"].as_str().is_some_and(|event| event.contains(words)));
    assert!(says("worker was ended by signal 9 (SIGKILL)") && says("worker is started again at once"), "{log:?}");
}

#[test]
fn a_module_that_crashes_again_and_again_is_given_up_after_its_limit() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("breaks", "[ -e up ] && exit 5; touch up; sleep 0.3; exit 5");
    site.script("stays", "exec sleep 1000");
    let text = "[modules]\nbreaks = { run = \"breaks\", foreign = true, ready_after = \"100ms\", restart = { back_off = \"50ms\", limit = 3 } }\nstays = { run = \"stays\", foreign = true, ready_after = \"10ms\" }";
    let mut run = site.run(&[&site.write("breaks.toml", text)]);
    let failed = run.until("breaks", "is given up", |module| module.state == ModuleState::Failed);
    assert_eq!((failed.restarts, failed.last_exit.and_then(|exit| exit.code)), (3, Some(5)));
    assert_eq!(failed.reason.as_deref(), Some("ended with exit code 5 before it was up, after 3 restarts in a row"));
    assert_eq!(run.module("stays").state, ModuleState::Running);
    // It can be started by hand, and is counted from the beginning then.
    site.script("breaks", "exec sleep 1000");
    assert_eq!(site.dimos(&["restart", "breaks"]).code, Some(0), "{}", run.stderr());
    assert_eq!(run.module("breaks").state, ModuleState::Running);
    let rests: Vec<_> = site
        .log(None)
        .iter()
        .filter_map(|line| Some(line["event"].as_str()?.split_once("is started again ")?.1.to_owned()))
        .collect();
    assert_eq!(rests, ["at once, attempt 1", "in 50ms, attempt 2", "in 100ms, attempt 3"]);
    assert_eq!(run.end_by("TERM"), Some(10));
    nothing_is_left();
}

#[test]
fn a_module_ends_for_good_or_is_started_again_as_its_policy_says() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("short", "sleep 0.3; exit $1");
    let module = |name: &str, code: u8, when: &str| {
        format!(
            "{name} = {{ run = [\"short\", \"{code}\"], foreign = true, ready_after = \"50ms\", restart = {{ when = \"{when}\", back_off = \"10ms\", limit = 1000 }} }}\n"
        )
    };
    let all = [
        ("done", 0, "never"),
        ("gone", 3, "never"),
        ("well", 0, "on-failure"),
        ("sick", 3, "on-failure"),
        ("busy", 0, "always"),
    ];
    let text: String = all.iter().map(|(name, code, when)| module(name, *code, when)).collect();
    let mut run = site.run(&[&site.write("all.toml", &format!("[modules]\n{text}"))]);
    for (name, state) in [("done", ModuleState::Ended), ("gone", ModuleState::Failed), ("well", ModuleState::Ended)] {
        let module = run.until(name, "is over", |module| module.state == state);
        assert_eq!((module.restarts, module.pid), (0, None));
    }
    for name in ["sick", "busy"] {
        run.until(name, "is started again", |module| module.restarts >= 2);
    }
    assert_eq!(run.end_by("INT"), Some(130));
    nothing_is_left();
}

#[test]
fn a_module_that_is_stopped_is_lost_and_replaced() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("two.toml", &two())]);
    let before = run.pid("worker");
    signal(before, "STOP");
    let after = run.until_replaced("worker", before);
    assert_eq!((after.restarts, after.last_exit.and_then(|exit| exit.signal)), (1, Some(9)));
    assert_eq!(run.module("ticker").restarts, 0);
    // One that goes on in time is not.
    let before = run.pid("worker");
    signal(before, "STOP");
    std::thread::sleep(Duration::from_secs(1));
    signal(before, "CONT");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(run.pid("worker"), before);
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_handler_that_does_not_return_is_seen_and_its_module_is_not_killed() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("two.toml", &two())]);
    let dimos = Dimos::join().expect("the bus is there");
    let before = run.pid("worker");
    let worker = eventually(|| "it is found".to_owned(), || dimos.module("worker").ok());
    let call = std::thread::spawn(move || worker.call("sleep", &json!({ "ms": 8000 })));
    run.until("worker", "is stuck", |module| module.state == ModuleState::Stuck);
    assert_eq!(call.join().expect("it returns"), Ok(json!("slept")));
    run.until("worker", "runs", |module| module.state == ModuleState::Running);
    assert_eq!(run.pid("worker"), before);
    assert_eq!(run.end_by("TERM"), Some(0));
}

#[test]
fn a_module_that_has_lost_its_name_is_never_started_again() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = two().replace("[modules.worker]", "[modules.worker]\nrestart = \"always\"");
    let mut run = site.run(&[&site.write("two.toml", &launch)]);
    let (mut other, _) = ModuleProcess::start_as(&Dimos::join().expect("a bus"), "worker", test_module!("Worker"), &[]);
    let worker =
        run.until("worker", "has ended", |module| module.state == ModuleState::Displaced && module.pid.is_none());
    assert_eq!((worker.restarts, worker.last_exit.and_then(|exit| exit.code)), (0, Some(13)));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(run.module("worker").state, ModuleState::Displaced);
    assert!(other.0.is_running());
    // Whoever wants it back says so.
    assert_eq!(site.dimos(&["restart", "worker"]).code, Some(0));
    assert_eq!(other.exit_code(), Some(13));
    assert_eq!(run.module("worker").state, ModuleState::Running);
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_restart_takes_the_executable_as_it_is_and_joins_its_ports_anew() {
    isolated!(MulticastOnLo);
    let site = site!();
    let becomes = |module: &str| {
        let program = env!("CARGO_BIN_EXE_test-module");
        site.script("changing", &format!("TEST_MODULE={module} exec {program} \"$@\""));
    };
    becomes("Ticker");
    let text = format!(
        "external = [\"/nap\"]\n[modules.changing]\nrun = \"changing\"\n[modules.worker]\n{}\n[modules.reader]\n{}",
        run_test_module!("Worker"),
        run_test_module!("MapReader")
    )
    .replace("\"/nap\"", "\"/nap\", \"/release\", \"/map\", \"/other\"");
    let mut run = site.run(&[&site.write("changing.toml", &text)]);
    let (before, other) = (run.pid("changing"), run.pid("worker"));
    assert_eq!(run.module("changing").class.as_deref(), Some("Ticker"));
    becomes("MapServer");
    assert_eq!(site.dimos(&["restart", "changing"]).code, Some(0), "{}", run.stderr());
    let after = run.module("changing");
    assert_eq!((after.class.as_deref(), after.state, after.restarts), (Some("MapServer"), ModuleState::Running, 1));
    assert_ne!(after.pid, Some(before));
    assert_eq!(run.pid("worker"), other);
    let dimos = Dimos::join().expect("the bus is there");
    let call = |module: &str, method: &str, arguments: serde_json::Value| {
        let module = eventually(|| format!("{module} is found"), || dimos.module(module).ok());
        module.call(method, &arguments)
    };
    eventually(
        || "the map arrives".to_owned(),
        || {
            call("changing", "publish", json!({ "bytes": 3, "cell": 7 })).expect("it publishes");
            (call("reader", "read", json!(null)).expect("it answers") != json!([])).then_some(())
        },
    );
    // It is refused what does not fit, and the old one goes on.
    for (module, words) in [("Caller", "nobody writes /doubled"), ("Nobody", "ended with exit code 101")] {
        becomes(module);
        let refused = site.dimos(&["restart", "changing"]);
        assert!(matches!(refused.code, Some(10 | 11)), "{refused:?}");
        assert!(refused.stderr.contains(words), "{module}: {}", refused.stderr);
        let now = run.module("changing");
        assert_eq!((now.pid, now.state, now.class, now.restarts), (after.pid, after.state, after.class.clone(), 1));
    }
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_module_is_started_again_when_its_executable_changes() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("tool", "exec sleep 1000");
    let text =
        "modules.tool = { run = \"tool\", foreign = true, ready_after = \"10ms\" }\nmodules.tf.run = \"static-tf\"";
    let mut run = site.run(&[&site.write("tool.toml", text), "--watch"]);
    let (before, other) = (run.pid("tool"), run.pid("tf"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(run.pid("tool"), before);
    site.script("tool", "exec sleep 2000");
    let after = run.until_replaced("tool", before);
    assert_eq!(after.restarts, 1);
    eventually(|| run.stderr(), || (those_with("sleep 2000").len() == 1).then_some(()));
    assert_eq!(run.pid("tf"), other);
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_module_that_needs_another_one_starts_after_it_and_outlives_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let text = format!(
        "external = [\"/doubled\", \"/release\"]\n[modules.caller]\n{}references.adder = \"worker\"\n[modules.worker]\n{}",
        run_test_module!("Caller"),
        run_test_module!("Worker")
    );
    let mut run = site.run(&[&site.write("calls.toml", &text)]);
    let dimos = Dimos::join().expect("the bus is there");
    let caller = eventually(|| "it is found".to_owned(), || dimos.module("caller").ok());
    assert_eq!(caller.call("sum", &json!({ "a": 1, "b": 2 })), Ok(json!(3)));
    let before = run.pid("worker");
    signal(before, "KILL");
    run.until_replaced("worker", before);
    eventually(
        || "the new one is called".to_owned(),
        || (caller.call("sum", &json!({ "a": 1, "b": 2 })) == Ok(json!(3))).then_some(()),
    );
    assert_eq!(run.module("caller").restarts, 0);
    let log = site.log(None);
    let at =
        |words: &str| log.iter().position(|line| line["event"].as_str().is_some_and(|event| event.starts_with(words)));
    assert!(at("worker is up") < at("caller is up"), "{log:?}");
    // What others need is not taken away.
    let refused = site.dimos(&["unload", "worker"]);
    assert_eq!(refused.code, Some(11), "{refused:?}");
    assert!(refused.stderr.contains("caller") && refused.stderr.contains("adder"), "{refused:?}");
    assert_eq!(run.end_by("TERM"), Some(0));
}

#[test]
fn a_load_that_fails_is_undone_and_the_others_run_on() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run: Run = site.run(&[&site.write("two.toml", &two())]);
    site.script("breaks", "echo out of paper; exit 4");
    site.script("stays", "exec sleep 1000");
    let text = "[modules]\nbreaks = { run = \"breaks\", foreign = true, ready_after = \"5s\" }\nstays = { run = \"stays\", foreign = true, ready_after = \"10ms\" }";
    let refused = run.coordinator().run(&Launch::text(text)).expect_err("it breaks").to_string();
    assert!(
        refused.contains("breaks") && refused.contains("exit code 4") && refused.contains("out of paper"),
        "{refused}"
    );
    assert_eq!(
        run.status().modules.iter().map(|module| module.name.as_str()).collect::<Vec<_>>(),
        ["ticker", "worker"]
    );
    assert!(those_with("sleep 1000").is_empty());
    let mut run = run;
    assert_eq!(run.end_by("TERM"), Some(0));
    assert!(run.command.as_mut().is_some_and(|command| command.wait(PATIENCE).success()));
}

/// Two modules that have nothing to do with each other.
fn two() -> String {
    format!(
        "external = [\"/nap\", \"/release\"]\n[modules.ticker]\n{}[modules.worker]\n{}",
        run_test_module!("Ticker"),
        run_test_module!("Worker")
    )
}
