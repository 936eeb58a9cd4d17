//! Runs that are steered while they go on: modules loaded and unloaded, within what is allowed, and several runs beside each other.

use std::fs;

use dimos::Dimos;
use dimos::coordinator::{Launch, ModuleState};
use mesh_tests::modules::eventually;
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Run, Site, nothing_is_left, others, those_with};
use mesh_tests::{isolated, run_test_module, site};
use serde_json::json;

#[test]
fn modules_are_loaded_and_unloaded_while_the_others_run_on() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("base.toml", BASE)]);
    let before = run.pid("base");
    site.script("tool", "echo $1; exec sleep 1000");
    let tool = site.write("tool.toml", "args.word = \"hello\"\nmodules.tool = { run = [\"tool\", \"${word}\"], foreign = true, ready_after = \"10ms\" }");
    let loaded = site.dimos(&["load", &tool, "word=good day", "--json"]);
    assert_eq!((loaded.code, loaded.json_lines()), (Some(0), vec![json!({ "loaded": ["tool"] })]), "{loaded:?}");
    let loaded = site.dimos(&["load", "--there", "tool.toml", "--within", "left"]);
    assert_eq!((loaded.code, loaded.stdout.as_str()), (Some(0), "up: left/tool\n"), "{loaded:?}");
    let again = site.dimos(&["load", &tool]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("tool is there already: unload it first"), "{again:?}");
    let words = site.dimos(&["log", "--module", "tool", "--json"]).json_lines();
    assert_eq!(words.iter().map(|line| line["event"].as_str()).collect::<Vec<_>>(), [Some("good day")]);
    let unloaded = site.dimos(&["unload", "tool", "left/tool"]);
    assert_eq!(unloaded.code, Some(0), "{unloaded:?}");
    assert!(those_with("sleep 1000").is_empty());
    let unknown = site.dimos(&["unload", "tool"]);
    assert_eq!((unknown.code, unknown.stderr.contains("no module tool")), (Some(4), true), "{unknown:?}");
    let unknown = site.dimos(&["restart", "bas"]);
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
    assert!(unknown.stderr.contains("it has base"), "{unknown:?}");
    let names: Vec<_> = run.status().modules.into_iter().map(|module| module.name).collect();
    assert_eq!((names, run.pid("base")), (vec!["base".to_owned()], before));
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn over_the_bus_only_what_lies_beside_the_launch_files_is_started() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&site.write("launch/base.toml", BASE)]);
    site.script("outside", "exec sleep 1000");
    site.script("launch/inside", "exec sleep 1000");
    std::os::unix::fs::symlink(site.path("outside"), site.path("launch/link")).expect("a link can be made");
    site.write("secret.toml", "password = \"hunter2\"");
    std::os::unix::fs::symlink(site.path("secret.toml"), site.path("launch/link.toml")).expect("a link can be made");
    let foreign = |run: &str| format!("modules.x = {{ run = {run}, foreign = true, ready_after = \"10ms\" }}");
    let outside = site.path("outside").display().to_string();
    let refused = [
        Launch::text(&foreign("\"/bin/sleep\"")),
        Launch::text(&foreign("[\"sleep\", \"1000\"]")),
        Launch::text(&foreign(&format!("{outside:?}"))),
        Launch::text(&foreign("\"../outside\"")),
        Launch::text(&foreign("\"./link\"")),
        Launch::text(
            "modules.x = { run = \"./inside\", foreign = true, ready_after = \"10ms\", env.LD_PRELOAD = \"/tmp/x.so\" }",
        ),
        Launch::text("modules.x = { run = \"static-tf\", env.PATH = \"/tmp\" }"),
        Launch::text("include = [{ file = \"../secret.toml\" }]\nmodules.x.run = \"static-tf\""),
        Launch::text("include = [{ file = \"link.toml\" }]\nmodules.x.run = \"static-tf\""),
        Launch::text("include = [{ file = \"/etc/passwd\" }]\nmodules.x.run = \"static-tf\""),
        Launch::text("modules.coordinator.run = \"static-tf\""),
        Launch::file("../secret.toml"),
        Launch::file("link.toml"),
        Launch::file("/etc/passwd"),
        Launch::file(&site.path("secret.toml").display().to_string()),
    ];
    for launch in refused {
        let refused = run.coordinator().run(&launch).expect_err(&format!("{launch:?} is refused")).to_string();
        assert!(!refused.contains("hunter2") && !refused.contains("root:"), "{launch:?}: {refused}");
        assert_eq!(run.status().modules.len(), 1, "{launch:?}: {refused}");
    }
    assert!(those_with("sleep 1000").is_empty());
    let loaded = run.coordinator().run(&Launch::text(&foreign("\"./inside\"")));
    assert_eq!(loaded, Ok(vec!["x".to_owned()]));
    let variable = "modules.y = { run = \"static-tf\", env.RUST_LOG = \"debug\" }";
    assert_eq!(run.coordinator().run(&Launch::text(variable)), Ok(vec!["y".to_owned()]));
    stop(run);
}

#[test]
fn with_allow_exec_anything_is() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&site.write("launch/base.toml", BASE), "--allow-exec"]);
    site.script("outside", "exec sleep $SECONDS_TO_SLEEP");
    site.write("other.toml", "modules.y.run = \"static-tf\"");
    let text = format!(
        "modules.x = {{ run = {:?}, foreign = true, ready_after = \"10ms\", env.SECONDS_TO_SLEEP = \"1000\" }}",
        site.path("outside")
    );
    assert_eq!(run.coordinator().run(&Launch::text(&text)), Ok(vec!["x".to_owned()]));
    eventually(|| format!("it runs: {:?}", others()), || (those_with("sleep 1000").len() == 1).then_some(()));
    let file = site.path("other.toml").display().to_string();
    assert_eq!(run.coordinator().run(&Launch::file(&file)), Ok(vec!["y".to_owned()]));
    stop(run);
}

#[test]
fn a_second_coordinator_is_refused_before_it_starts_anything_and_says_who_has_the_name() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&site.write("base.toml", BASE)]);
    let coordinator = run.status().pid;
    let mark = site.path("started");
    site.script("tool", &format!("echo > {}", mark.display()));
    let tool = site.write("tool.toml", "modules.tool = { run = \"tool\", foreign = true }");
    for option in ["--json", "-d"] {
        let refused = site.dimos(&["run", option, &tool]);
        assert_eq!(refused.code, Some(13), "{refused:?}");
        for word in
            [&format!("process {coordinator}"), "coordinator", "dimos stop", "--namespace", "Nothing was started"]
        {
            assert!(refused.stderr.contains(word), "no {word:?} in {}", refused.stderr);
        }
    }
    assert!(!mark.exists());
    assert_eq!(site.register().len(), 1);
    assert_eq!(run.module("base").state, ModuleState::Running);
    stop(run);
}

#[test]
fn two_runs_share_a_bus_in_namespaces_and_are_told_apart() {
    isolated!(MulticastOnLo);
    let site = site!();
    let base = site.write("base.toml", BASE);
    let left = Run::up(site.begin(&[&base, "--namespace", "left"]), Some("left/coordinator"));
    // The only one need not be named.
    assert_eq!(site.dimos(&["status", "--json"]).json_lines()[0]["coordinator"], "left/coordinator");
    let right = Run::up(site.begin(&[&base, "--namespace", "right"]), Some("right/coordinator"));
    for command in ["status", "stop", "restart", "log"] {
        let ambiguous = site.dimos(&[command, "--json"]);
        assert_eq!(ambiguous.code, Some(2), "{command}: {ambiguous:?}");
        let error = ambiguous.json_error();
        assert_eq!(error["data"]["candidates"], json!(["left/coordinator", "right/coordinator"]));
        assert!(error["message"].as_str().is_some_and(|text| text.contains("left/coordinator, right/coordinator")));
    }
    let status = site.dimos(&["status", "--json", "--namespace", "right"]).json_lines().remove(0);
    assert_eq!(status["modules"][0]["name"], "right/base");
    let unknown = site.dimos(&["status", "--namespace", "middle"]);
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
    assert!(Dimos::join().expect("a bus").coordinator(None).is_err());
    let refused = site.dimos(&["run", &base, "--namespace", "left"]);
    assert_eq!(refused.code, Some(13), "{refused:?}");
    assert!(refused.stderr.contains("dimos stop --namespace left"), "{refused:?}");
    assert_eq!(site.register().len(), 2);
    assert_eq!(site.dimos(&["stop", "--namespace", "left"]).code, Some(0));
    let mut left = left;
    assert_eq!(left.command.as_mut().expect("it runs").wait(PATIENCE).code(), Some(0));
    assert_eq!(right.module("right/base").state, ModuleState::Running);
    stop(right);
}

#[test]
fn what_is_loaded_is_checked_against_what_runs() {
    isolated!(MulticastOnLo);
    let site = site!();
    let text = format!("external = [\"/nap\"]\n[modules.ticker]\n{}", run_test_module!("Ticker"));
    let run = site.run(&[&site.write("ticker.toml", &text), "--allow-exec"]);
    let reads = |topic: &str| {
        Launch::text(&format!("[modules.looker]\n{}remap = {{ seek = {topic:?} }}", run_test_module!("Looker")))
    };
    let refused = run.coordinator().run(&reads("/ticks")).expect_err("the type differs").to_string();
    assert!(refused.contains("builtin_interfaces.Time") && refused.contains("std_msgs.Int32"), "{refused}");
    assert!(refused.contains("loaded.toml:"), "{refused}");
    let refused = run.coordinator().run(&reads("/nothing")).expect_err("nobody writes it").to_string();
    assert!(refused.contains("nobody writes /nothing"), "{refused}");
    assert_eq!(run.status().modules.len(), 1);
    stop(run);
}

#[test]
fn many_ask_at_once_and_all_are_answered() {
    isolated!(MulticastOnLo);
    let site: Site = site!();
    let run = site.run(&[&site.write("base.toml", BASE)]);
    let text = |number: usize| Launch::text(&format!("modules.m{number}.run = \"static-tf\""));
    std::thread::scope(|scope| {
        for number in 0..4 {
            let coordinator = run.coordinator();
            scope.spawn(move || {
                assert_eq!(coordinator.run(&text(number)), Ok(vec![format!("m{number}")]));
                coordinator.restart(&format!("m{number}")).expect("it runs again");
                coordinator.status().expect("a status");
                coordinator.unload(&[&format!("m{number}")]).expect("it ends");
            });
        }
    });
    eventually(|| format!("they are gone: {:?}", others()), || (others().len() == 3).then_some(()));
    assert!(fs::exists(site.path("base.toml")).is_ok_and(|is_there| is_there));
    stop(run);
}

fn stop(mut run: Run) {
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    nothing_is_left();
}

const BASE: &str = "modules.base.run = \"static-tf\"";
