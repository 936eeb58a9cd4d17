//! What is told of a run that goes on: `dimos module info`, `rpc list`, `skill`, `events`, `top`, `graph`, `show-config`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::{Site, signal};
use mesh_tests::{isolated, site};
use serde_json::{Value, json};

/// A simulated robot, a mapper, a mount, and a program that says nothing of itself.
fn robot(site: &Site) -> String {
    site.script("tool", "exec sleep 1000");
    site.write(
        "robot.toml",
        r#"
        external = ["/goal"]
        simulated_time = true
        modules.robot = { run = "robot-sim", config.seed = 7 }
        modules.driver.run = "teleop-script"
        modules.mapper = { run = "mapper", remap.map = "/rooms" }
        [modules.recorder]
        run = "tool"
        foreign = true
        ready_after = "10ms"
        inputs = { rooms = "nav_msgs.OccupancyGrid", goal = "geometry_msgs.PoseStamped" }
        "#,
    )
}

fn stream<'a>(graph: &'a Value, channel: &str) -> &'a Value {
    let streams = graph["streams"].as_array().expect("streams");
    streams.iter().find(|stream| stream["channel"] == channel).unwrap_or_else(|| panic!("no {channel} in {graph}"))
}

#[test]
fn a_run_is_described_as_it_is() {
    isolated!(MulticastOnLo);
    let site = site!();
    let launch = robot(&site);
    let mut run = site.run(&[&launch]);

    let info = site.dimos(&["module", "info", "GridMapper", "--json"]).json_lines().remove(0);
    assert_eq!((&info["name"], &info["state"]), (&json!("mapper"), &json!("running")), "{info}");
    assert_eq!(info["pid"], run.pid("mapper"), "{info}");
    let ports = info["ports"].as_array().expect("ports");
    let map = ports.iter().find(|port| port["port"] == "map").expect("a port");
    assert_eq!(map["channel"], "/rooms#nav_msgs.OccupancyGrid", "{info}");
    assert_eq!(info["config_sources"]["cell_m"], "default", "{info}");
    let readable = site.dimos(&["module", "info", "mapper"]);
    assert!(
        readable.stdout.contains("mapper: GridMapper, running") && readable.stdout.contains("status()"),
        "{readable:?}"
    );
    let nobody = site.dimos(&["module", "info", "mappr", "--json"]);
    assert_eq!((nobody.code, nobody.json_error()["code"].as_str()), (Some(4), Some("not_found")), "{nobody:?}");
    assert!(nobody.stderr.contains("did you mean mapper?"), "{nobody:?}");

    let methods = |arguments: &[&str]| -> BTreeSet<String> {
        let listed = site.dimos(&[arguments, &["--json"]].concat()).json_lines().remove(0);
        let rows = listed.as_array().expect("a list").iter();
        rows.map(|row| format!("{}.{}", row["module"].as_str().unwrap(), row["method"].as_str().unwrap())).collect()
    };
    let all = methods(&["rpc", "list"]);
    assert!(["mapper.save", "robot.reset", "coordinator.status"].iter().all(|one| all.contains(*one)), "{all:?}");
    assert_eq!(methods(&["rpc", "list", "driver"]), ["driver.begin_again", "driver.status"].map(str::to_owned).into());
    let skills = methods(&["skill", "list"]);
    assert!(skills.contains("mapper.status") && !skills.contains("mapper.save"), "{skills:?}");

    let called = site.dimos(&["skill", "call", "begin_again"]);
    assert_eq!((called.code, called.stdout.trim()), (Some(0), "null"), "{called:?}");
    let ambiguous = site.dimos(&["skill", "call", "status", "--json"]);
    let candidates = json!(["driver.status", "mapper.status", "robot.status"]);
    assert_eq!(
        (ambiguous.code, &ambiguous.json_error()["data"]["candidates"]),
        (Some(2), &candidates),
        "{ambiguous:?}"
    );
    let unknown = site.dimos(&["skill", "call", "begin_agan"]);
    assert_eq!((unknown.code, unknown.stderr.contains("did you mean begin_again?")), (Some(4), true), "{unknown:?}");
    let status = site.dimos(&["skill", "call", "robot.status", "--json"]).json_lines().remove(0);
    assert_eq!(status["seed"], 7, "{status}");

    let config = site.dimos(&["show-config", "robot", "--json"]).json_lines().remove(0);
    assert_eq!((&config["config"]["seed"], &config["sources"]["seed"]), (&json!(7), &json!("launcher")), "{config}");

    let top = site.dimos(&["top", "--count", "2", "--interval", "300ms", "--sort", "name", "--json"]).json_lines();
    assert_eq!(top.len(), 2);
    let rows = top[1].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["coordinator", "driver", "mapper", "recorder", "robot"], "{top:?}");
    for row in rows.iter().filter(|row| row["name"] != "coordinator") {
        assert!(row["threads"].as_u64() >= Some(1) && row["memory_bytes"].as_u64() > Some(100_000), "{row}");
        assert!(row["cpu_percent"].is_number() && row["restarts"] == 0, "{row}");
    }

    let graph = site.dimos(&["graph", "--for", "2s", "--json"]).json_lines().remove(0);
    let scan = stream(&graph, "/scan#sensor_msgs.LaserScan");
    assert_eq!((&scan["publishers"], &scan["subscribers"]), (&json!(["robot"]), &json!(["mapper"])), "{graph}");
    let rate_hz = scan["rate_hz"].as_f64().expect("a rate");
    assert!((2.0..15.0).contains(&rate_hz) && scan["dead"].is_null(), "{graph}");
    let rooms = stream(&graph, "/rooms#nav_msgs.OccupancyGrid");
    assert_eq!((&rooms["publishers"], &rooms["subscribers"]), (&json!(["mapper"]), &json!(["recorder"])), "{graph}");
    assert_eq!(stream(&graph, "/goal#geometry_msgs.PoseStamped")["dead"], "nobody_publishes", "{graph}");
    assert_eq!(stream(&graph, "/clock#builtin_interfaces.Time")["subscribers"], json!(["driver", "mapper"]), "{graph}");
    assert_eq!(run.end_by("TERM"), Some(0));
}

#[test]
fn who_publishes_without_saying_who_he_is_is_drawn_with_his_address() {
    isolated!(MulticastOnLo);
    let site = site!();
    let bus = lcm::Lcm::from_env().expect("a bus");
    let mut graph = Process::start(&mut site.command(&["graph", "--for", "2s", "--json"]));
    graph.close_stdin();
    while graph.is_running() {
        bus.publish("/hello#std_msgs.String", b"anything").expect("it is sent");
        bus.publish(b"ODD\"<&\xff", b"").expect("it is sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    let lines = graph.remaining_lines();
    let graph: Value = serde_json::from_str(&lines[0]).expect("JSON");
    let hello = stream(&graph, "/hello#std_msgs.String");
    let publisher = hello["publishers"][0].as_str().expect("a publisher");
    assert!(publisher.parse::<std::net::SocketAddrV4>().is_ok(), "{graph}");
    assert_eq!(hello["dead"], "no_module_subscribes", "{graph}");
    assert!(graph["streams"].as_array().expect("streams").len() == 2, "{graph}");
}

#[test]
fn the_graph_and_the_configuration_of_launch_files_need_no_bus() {
    let site = site!();
    let launch = robot(&site);
    let drawn = |arguments: &[&str]| {
        let ended = site.dimos(&[&["graph", launch.as_str()], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let graph: Value = serde_json::from_str(&drawn(&["--json"])).expect("JSON");
    assert_eq!(stream(&graph, "/rooms#nav_msgs.OccupancyGrid")["subscribers"], json!(["recorder"]));
    assert_eq!(stream(&graph, "/scan#sensor_msgs.LaserScan")["rate_hz"], Value::Null);
    assert!(drawn(&["--format", "dot"]).starts_with("digraph"));
    assert!(drawn(&["--format", "mermaid"]).starts_with("flowchart LR"));
    assert!(drawn(&["--format", "svg"]).contains("<svg"));
    assert!(drawn(&[]).contains("/rooms"));
    assert_eq!(drawn(&["--output", "graph.html"]), "");
    let page = std::fs::read_to_string(site.path("graph.html")).expect("it is written");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("/rooms"), "{page}");
    for (arguments, code) in [
        (vec!["graph", "missing.toml"], 11),
        (vec!["graph", &launch, "--output", "graph.what"], 2),
        (vec!["graph", &launch, "--format", "dot", "--json"], 2),
        (vec!["graph", &launch, "--output", "graph.svg", "--json"], 2),
        (vec!["graph", &launch, "--output", "no/such/directory.svg"], 1),
        (vec!["show-config", "missing.toml"], 11),
        (vec!["show-config", &launch, "--set", "mapper.cel_m=1"], 11),
    ] {
        let ended = site.dimos(&arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty() && ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
    }
    let shown = site.dimos(&["show-config", &launch, "--set", "mapper.cell_m=0.1", "--json"]).json_lines().remove(0);
    let source = shown["robot"]["sources"]["seed"].as_str().expect("a source");
    assert!(source.contains("robot.toml:4:"), "{source}");
    assert_eq!(shown["mapper"]["config"]["cell_m"], 0.1, "{shown}");
    assert!(shown["mapper"]["sources"]["cell_m"].as_str().expect("a source").starts_with("command line:"), "{shown}");
    let own = site.dimos(&["show-config", "--bus", "udpm://239.255.76.68:7668", "--json"]).json_lines().remove(0);
    assert_eq!(own["sources"]["bus"], "argument --bus", "{own}");
}

#[test]
fn what_becomes_of_a_module_is_told_as_it_happens() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&robot_alone(&site)]);
    let arguments = [
        "events",
        "--module",
        "mounts",
        "--kind",
        "exited,joined,up,lost,failed",
        "--count",
        "4",
        "--for",
        "60s",
        "--json",
    ];
    let mut events = Process::start(&mut site.command(&arguments));
    events.close_stdin();
    // It says nothing before something happens; what is there already takes it a second to know.
    std::thread::sleep(Duration::from_secs(3));
    signal(run.pid("mounts"), "KILL");
    let until = Instant::now() + Duration::from_secs(10);
    while events.is_running() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    if events.is_running() {
        // It was not there yet.
        signal(run.pid("mounts"), "KILL");
    }
    let code = events.wait(PATIENCE).code();
    let lines: Vec<Value> =
        events.remaining_lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(code, Some(0), "{lines:?} {}", events.stderr());
    let told = |from: &str, kind: &str| lines.iter().any(|line| line["from"] == from && line["kind"] == kind);
    assert!(told("coordinator", "exited") && told("coordinator", "up") && told("bus", "joined"), "{lines:?}");
    let none = site.dimos(&["events", "--module", "nobody", "--count", "1", "--for", "200ms", "--json"]);
    assert_eq!((none.code, none.json_error()["code"].as_str()), (Some(5), Some("timed_out")), "{none:?}");
    drop(run);
}

fn robot_alone(site: &Site) -> String {
    site.write("mounts.toml", "modules.mounts.run = \"static-tf\"")
}
