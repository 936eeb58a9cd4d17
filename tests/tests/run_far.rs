//! Runs on another host: looked at and steered from here, by the command and by programs, also where the wire loses packets.

use std::process::{Command, Stdio};
use std::time::Duration;

use dimos::coordinator::{Launch, LogQuery, ModuleState, RunStatus};
use dimos::{Dimos, Options, RpcError};
use mesh_tests::cli::Ended;
use mesh_tests::hosts::{FarHost, lose_percent};
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::Site;
use mesh_tests::{isolated, site, test_name};
use serde_json::{Value, json};

#[test]
fn the_command_steers_a_run_on_another_host() {
    isolated!(NoMulticastRoute);
    let far = Far::join(site!());
    far.start(&[]);
    by_command(&far);
}

#[test]
fn a_program_steers_a_run_on_another_host() {
    isolated!(NoMulticastRoute);
    let far = Far::join(site!());
    far.start(&[]);
    by_program();
    far.nothing_is_left();
}

#[test]
fn runs_on_another_host_are_steered_over_a_wire_that_loses_5_percent() {
    isolated!(NoMulticastRoute);
    if !lose_percent(test_name!(), 5) {
        return;
    }
    let far = Far::join(site!());
    far.host.lose_percent(5);
    far.start(&[]);
    by_command(&far);
    far.start(&[]);
    by_program();
    far.nothing_is_left();
}

#[test]
fn two_robots_on_one_bus_are_steered_apart() {
    isolated!(NoMulticastRoute);
    let far = Far::join(site!());
    let file = far.launch_file();
    far.here(&["run", "-d", &file, "--namespace", "robot0"]);
    far.start(&["--namespace", "robot1"]);
    let which = far.ended(&["status", "--json"]);
    assert_eq!(which.code, Some(2), "{which:?}");
    let candidates = &which.json_error()["data"]["candidates"];
    assert_eq!(candidates, &json!(["robot0/coordinator", "robot1/coordinator"]), "{which:?}");
    let other = far.ended(&["run", &file, "--namespace", "robot0"]);
    assert_eq!(other.code, Some(13), "{other:?}");
    assert!(other.stderr.contains("dimos stop --namespace robot0"), "{other:?}");

    let status = |robot: &str| far.here(&["status", "--namespace", robot]);
    let module = |robot: &str, index: usize| status(robot)["modules"][index].clone();
    for robot in ["robot0", "robot1"] {
        assert_eq!(module(robot, 0)["name"], format!("{robot}/base"));
    }
    let before = ["robot0", "robot1"].map(|robot| module(robot, 1)["pid"].clone());
    far.here(&["restart", "robot1/mapper", "--coordinator", "robot1/coordinator"]);
    let after = ["robot0", "robot1"].map(|robot| module(robot, 1)["pid"].clone());
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
    far.here(&["stop", "--namespace", "robot1"]);
    assert_eq!(status("robot0")["state"], "running");
    let left: Vec<_> = listed(&far);
    assert_eq!(left, ["robot0/base", "robot0/coordinator", "robot0/mapper"]);
    far.here(&["stop"]);
    far.nothing_is_left();
}

/// Steers the run with `dimos`, and ends it.
fn by_command(far: &Far) {
    assert_eq!(listed(far), ["base", "coordinator", "mapper"]);
    let status = far.here(&["status"]);
    assert_eq!((&status["launch"], &status["state"]), (&"far".into(), &"running".into()));
    assert_eq!(far.here(&["rpc", "call", "mapper.status"])["scans"], 0);
    assert_eq!(far.here(&["rpc", "call", "coordinator.ping"]), "pong");

    let mut follower = Process::start(&mut far.command(&["log", "--follow", "--module", "coordinator", "--json"]));
    follower.close_stdin();
    follower.expect_line("that all is up", |line| line.contains("2 modules are up"));
    let before = status["modules"][1]["pid"].clone();
    far.here(&["restart", "mapper"]);
    follower.expect_line("that the mapper is up again", |line| line.contains("mapper is up"));
    let mapper = far.here(&["status"])["modules"][1].clone();
    assert_eq!((&mapper["name"], &mapper["state"]), (&"mapper".into(), &"running".into()));
    assert_ne!(mapper["pid"], before);

    let file = far.site.write("more.toml", "modules.laser.run = 'static-tf'\n");
    let loaded = far.here(&["load", &file, "--within", "robot7"]);
    assert_eq!(loaded, json!({ "loaded": ["robot7/laser"] }));
    assert_eq!(listed(far), ["base", "coordinator", "mapper", "robot7/laser"]);
    far.here(&["unload", "robot7/laser"]);
    assert_eq!(listed(far), ["base", "coordinator", "mapper"]);
    let refused = far.ended(&["unload", "robot7/laser"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");

    far.here(&["stop"]);
    assert_eq!(far.ended(&["status"]).code, Some(4));
    follower.wait(PATIENCE);
    far.nothing_is_left();
}

/// The same with `Dimos`.
fn by_program() {
    let dimos = Options::default().url(BUS.parse().expect("a URL")).connect().expect("the run is found");
    let coordinator = dimos.coordinator(None).expect("there is one");
    let names = |status: &RunStatus| status.modules.iter().map(|module| module.name.clone()).collect::<Vec<_>>();
    let status = coordinator.status().expect("a status");
    assert_eq!(names(&status), ["base", "mapper"]);
    let mapped = dimos.module("mapper").expect("it is there").call("status", &json!({})).expect("a result");
    assert_eq!(mapped["scans"], 0);

    let follow = LogQuery { follow: true, module: Some("coordinator".to_owned()), ..LogQuery::last(10) };
    let mut lines = coordinator.logs(&follow).expect("the query can be sent");
    let mut said = |text: &str| {
        eventually(
            || format!("the log says {text:?}"),
            || {
                let line = lines.next_within(Duration::from_millis(100))?.expect("the log goes on");
                line.event.contains(text).then_some(())
            },
        );
    };
    said("2 modules are up");
    let before = status.modules[1].pid;
    coordinator.restart("mapper").expect("it runs again");
    said("mapper is up");
    let mapper = coordinator.status().expect("a status").modules[1].clone();
    assert_eq!(mapper.state, ModuleState::Running);
    assert_ne!(mapper.pid, before);
    assert!(mapper.last_exit.is_some());

    let more = Launch::text(
        "args.name = 'map'\nmodules.laser = { run = 'static-tf', config.transforms = [{ parent = '${name}', child = 'laser' }] }",
    );
    let loaded = coordinator.run(&more.argument("name", "base").namespace("robot7")).expect("it starts");
    assert_eq!(loaded, ["robot7/laser"]);
    let frames = dimos.module("robot7/laser").expect("it is there").call("frames", &json!({})).expect("a result");
    assert!(frames.as_str().is_some_and(|frames| frames.contains("laser")), "{frames}");
    // Nobody starts any program by way of the bus.
    let shell = Launch::text("modules.shell = { run = ['/bin/sh', '-c', 'true'], foreign = true }");
    let refused = coordinator.run(&shell);
    assert!(
        matches!(&refused, Err(RpcError::Handler { message, .. }) if message.contains("--allow-exec")),
        "{refused:?}"
    );
    coordinator.unload(&["robot7/laser"]).expect("it ends");
    assert_eq!(names(&coordinator.status().expect("a status")), ["base", "mapper"]);

    coordinator.stop().expect("it is told");
    eventually(|| format!("all are gone: {:?}", dimos.modules()), || dimos.modules().is_empty().then_some(()));
}

/// The names on the bus, as seen from here.
fn listed(far: &Far) -> Vec<String> {
    let all = far.here(&["list"]);
    let name = |module: &Value| module["name"].as_str().map(str::to_owned);
    let mut names: Vec<_> = all.as_array().expect("a list").iter().filter_map(name).collect();
    names.sort_unstable();
    names
}

/// Another host, with a launch file.
struct Far {
    host: FarHost,
    site: Site,
}

impl Far {
    fn join(site: Site) -> Self {
        Self { host: FarHost::join(), site }
    }

    fn launch_file(&self) -> String {
        let text = "external = ['/scan', '/odom']\nmodules.base.run = 'static-tf'\nmodules.mapper.run = 'mapper'\n";
        self.site.write("far.toml", text)
    }

    /// Starts the run there, and waits until it is up.
    fn start(&self, options: &[&str]) {
        let file = self.launch_file();
        let mut command = self.host.command(&self.command(&[&["run", "-d", &file], options].concat()));
        let ended = Ended::from(command.stdin(Stdio::null()).output().expect("dimos starts"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// What a command says here, which succeeds.
    fn here(&self, arguments: &[&str]) -> Value {
        let ended = self.ended(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "dimos {arguments:?}: {ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// How a command ends here.
    fn ended(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).stdin(Stdio::null()).output().expect("dimos starts"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.site.command(arguments);
        command.env("LCM_DEFAULT_URL", BUS);
        command
    }

    /// Waits until no process of a run is there any more, on either host.
    fn nothing_is_left(&self) {
        let bus = Options::default().url(BUS.parse().expect("a URL")).join().expect("the bus is there");
        let named =
            |dimos: &Dimos| dimos.settled().modules().into_iter().filter_map(|one| one.name).collect::<Vec<_>>();
        eventually(|| format!("nothing is left; there is {:?}", named(&bus)), || named(&bus).is_empty().then_some(()));
        let register = || self.site.register();
        eventually(
            || format!("no run is registered; there is {:?}", register()),
            || register().is_empty().then_some(()),
        );
    }
}

/// One hop.
const BUS: &str = "udpm://239.255.76.67:7667?ttl=1";
