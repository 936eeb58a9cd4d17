//! Nothing of a run is left behind, whoever of it is killed and whatever its modules have started.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dimos::Dimos;
use lcm::Queue;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::eventually;
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Run, Site, nothing_is_left, others, signal, those_with};
use mesh_tests::{isolated, run_test_module, site};

#[test]
fn a_coordinator_that_is_killed_takes_everything_with_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let dimos = Dimos::join().expect("the bus is there");
    let out = dimos.listen::<Int32>("/out", Queue::keep_last(10_000)).expect("the bus is there");
    let mut run = run_with_escapes(&site);
    signal(run.status().pid, "KILL");
    let killed = Instant::now();
    let command = run.command.as_mut().expect("it runs");
    assert_eq!(command.wait(PATIENCE).code(), Some(1));
    let took = killed.elapsed();
    // As soon as the command has ended, not some time after that.
    assert_eq!(others(), []);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(command.stderr().contains("was ended by signal 9"), "{}", command.stderr());
    assert_eq!(site.register(), Vec::<serde_json::Value>::new());
    // The stop hook has had its time: nobody told the module twice.
    let numbers = std::iter::from_fn(|| out.next(Duration::from_millis(50)).expect("a number"));
    assert_eq!(numbers.last().map(|number| number.data), Some(-1));
}

#[test]
fn a_keeper_that_is_killed_ends_the_run_in_order() {
    isolated!(MulticastOnLo);
    let site = site!();
    let dimos = Dimos::join().expect("the bus is there");
    let out = dimos.listen::<Int32>("/out", Queue::keep_last(10_000)).expect("the bus is there");
    let run = run_with_escapes(&site);
    signal(run.command.as_ref().expect("it runs").id(), "KILL");
    nothing_is_left();
    assert_eq!(site.register(), Vec::<serde_json::Value>::new());
    let numbers = std::iter::from_fn(|| out.next(Duration::from_millis(50)).expect("a number"));
    assert_eq!(numbers.last().map(|number| number.data), Some(-1));
    let log = site.log(None);
    assert!(log.iter().any(|line| line["event"] == "the run is stopped"), "{log:?}");
}

#[test]
fn modules_end_even_if_both_are_killed_at_once() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&site.write("ends.toml", &ending())]);
    let (keeper, coordinator) = (run.command.as_ref().expect("it runs").id(), run.status().pid);
    mesh_tests::process::run(std::process::Command::new("kill").args([
        "-KILL",
        &keeper.to_string(),
        &coordinator.to_string(),
    ]));
    nothing_is_left();
    // What is left in the register is no run.
    assert_eq!(site.register().len(), 1);
    let stopped = site.dimos(&["stop", &run_id(&site)]);
    assert_eq!(stopped.code, Some(4), "{stopped:?}");
    assert!(stopped.stderr.contains("there is none"), "{stopped:?}");
    let status = site.dimos(&["status"]);
    assert!(status.code == Some(4) && !status.stderr.contains("Runs of this host"), "{status:?}");
}

#[test]
fn what_a_module_has_started_ends_with_the_run() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = run_with_escapes(&site);
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    assert_eq!(others(), []);
}

#[test]
fn what_a_module_has_started_ends_with_its_process() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = run_with_escapes(&site);
    let (before, daemons) = (run.pid("forks"), those_with("deaf-daemon"));
    signal(before, "KILL");
    run.until_replaced("forks", before);
    eventually(
        || format!("the old ones are gone: {:?}", others()),
        || {
            let left = those_with("deaf-daemon");
            (left.len() == daemons.len() && left.iter().all(|pid| !daemons.contains(pid))).then_some(())
        },
    );
    assert_eq!(run.end_by("TERM"), Some(0), "{}", run.stderr());
    assert_eq!(others(), []);
}

#[test]
fn a_daemon_whose_coordinator_is_killed_leaves_nothing_either() {
    isolated!(MulticastOnLo);
    let site = site!();
    escapes(&site);
    let launch = site.write("escapes.toml", &format!("{}{}", ending(), FORKS));
    assert_eq!(site.dimos(&["run", "-d", &launch]).code, Some(0));
    let run = Run::of_daemon();
    eventually(|| "its daemons run".to_owned(), || (those_with("deaf-daemon").len() == 2).then_some(()));
    signal(run.status().pid, "KILL");
    nothing_is_left();
    assert!(site.register().is_empty());
}

#[test]
fn a_coordinator_that_stands_still_for_a_while_loses_nobody() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&site.write("ends.toml", &ending())]);
    let status = run.status();
    signal(status.pid, "STOP");
    std::thread::sleep(Duration::from_secs(5));
    signal(status.pid, "CONT");
    std::thread::sleep(Duration::from_secs(2));
    let module = run.module("ends");
    assert_eq!((module.restarts, module.pid), (0, status.modules[0].pid), "{}", run.stderr());
    assert_eq!(run.end_by("TERM"), Some(0));
    assert_eq!(others(), []);
}

/// A run with a module of the SDK, and one that starts daemons which nothing but SIGKILL ends.
fn run_with_escapes(site: &Site) -> Run {
    escapes(site);
    let run = site.run(&[&site.write("escapes.toml", &format!("{}{}", ending(), FORKS))]);
    eventually(
        || format!("its daemons run: {}", run.stderr()),
        || (those_with("deaf-daemon").len() == 2).then_some(()),
    );
    run
}

fn escapes(site: &Site) {
    site.script("deaf-daemon", "trap '' TERM INT HUP; while :; do sleep 0.2; done");
    // One in the module's group, and one in a session of its own whose parent has ended.
    site.script("forks", "./deaf-daemon & (setsid ./deaf-daemon >/dev/null 2>&1 &); while :; do sleep 0.1; done");
    assert!(fs::exists(Path::new(&site.path("forks"))).is_ok_and(|is_there| is_there));
}

fn ending() -> String {
    format!("external = [\"/nap\"]\n[modules.ends]\n{}config.stop_ms = 700\n", run_test_module!("Ends"))
}

fn run_id(site: &Site) -> String {
    site.register()[0]["run_id"].as_str().expect("an id").to_owned()
}

const FORKS: &str = "[modules.forks]\nrun = \"forks\"\nforeign = true\nready_after = \"100ms\"\n";
