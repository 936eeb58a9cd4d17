//! The launch files that ship; of them `launch/patrol.toml` and `launch/two-robots.toml`, in which robots find their way through a
//! flat, whatever is killed meanwhile.

use std::time::{Duration, Instant};

use dimos::{Dimos, Messages, RemoteModule};
use lcm::Queue;
use lcm_types::geometry_msgs::PoseStamped;
use lcm_types::nav_msgs::{OccupancyGrid, Odometry, Path};
use lcm_types::sensor_msgs::LaserScan;
use mesh_tests::cli::dimos;
use mesh_tests::modules::eventually;
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{nothing_is_left, signal};
use mesh_tests::{isolated, site};
use serde_json::{Value, json};

#[test]
fn every_launch_file_fits_together_without_a_warning() {
    let directory = std::fs::read_dir(launch("")).expect("there are launch files");
    let files: Vec<_> = directory.map(|entry| entry.expect("a file").path()).collect();
    let files: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let file = file.to_str().expect("a path in UTF-8");
        // The one that plays a log does not look into it yet.
        let arguments: &[&str] =
            if file.ends_with("replay.toml") { &["check", file, "log=run.lcmlog"] } else { &["check", file] };
        let checked = dimos(arguments).output().expect("dimos starts");
        let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && !said.contains("warning"), "{file}: {said}");
    }
}

#[test]
fn a_patrol_visits_every_room_without_a_bump_and_comes_home() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut run = site.run(&[&launch("patrol.toml"), SPEED, "rounds=1"]);
    let dimos = Dimos::join().expect("the bus is there");
    let patrol = patrolled(&dimos, "patrol", |patrol| patrol["stage"] == "over");
    assert_eq!([&patrol["visited"], &patrol["homecomings"], &patrol["skipped"]], [5, 1, 0], "{patrol}");
    is_home(&dimos, "robot", 2.0);
    // The map has grown to the whole flat.
    let mapped = status(&dimos, "mapper");
    assert!(mapped["width_m"].as_f64() > Some(12.0) && mapped["height_m"].as_f64() > Some(8.0), "{mapped}");
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

#[test]
fn a_patrol_goes_on_when_the_mapper_and_the_navigator_are_killed_on_the_way() {
    isolated!(MulticastOnLo);
    let site = site!();
    let run = site.run(&[&launch("patrol.toml"), SPEED, "rounds=1", "seed=2"]);
    let dimos = Dimos::join().expect("the bus is there");
    // Amid the way to the second place the mapper goes, and with it the map; amid that to the fourth the navigator.
    for (visited, module) in [(1, "mapper"), (3, "navigator")] {
        patrolled(&dimos, "patrol", |patrol| {
            patrol["visited"] == visited && patrol["progress"]["distance_left_m"].as_f64() > Some(1.0)
        });
        let before = run.pid(module);
        signal(before, "KILL");
        let _ = run.until_replaced(module, before);
    }
    let patrol = patrolled(&dimos, "patrol", |patrol| patrol["stage"] == "over");
    assert_eq!([&patrol["visited"], &patrol["homecomings"], &patrol["skipped"]], [5, 1, 0], "{patrol}");
    assert_eq!(patrol["interruptions"], 1, "{patrol}");
    is_home(&dimos, "robot", 2.0);
}

#[test]
fn without_a_map_the_robot_stands_still_and_says_what_it_waits_for() {
    isolated!(MulticastOnLo);
    let site = site!();
    let _run = site.run(&[&launch("patrol.toml"), SPEED, "--set", "mapper.publish_period_s=3600"]);
    let dimos = Dimos::join().expect("the bus is there");
    let is_waiting = |navigator: &Value| {
        navigator["state"] == "waiting" && navigator["waits_for"].as_str().is_some_and(|it| it.contains("the map"))
    };
    let navigator = || status(&dimos, "navigator");
    eventually(|| format!("it waits: {}", navigator()), || is_waiting(&navigator()).then_some(()));
    // It does not wait for ever.
    let patrol = patrolled(&dimos, "patrol", |patrol| patrol["failures"].as_u64() > Some(0));
    let error = patrol["last_error"].as_str().expect("an error");
    assert!(error.contains("nothing was heard for 30") && error.contains("of the map"), "{error}");
    let robot = status(&dimos, "robot");
    assert_eq!((&robot["place"]["x_m"], &robot["collisions"]), (&json!(2.0), &json!(0)), "{robot}");
}

#[test]
fn a_goal_is_reached_displaced_cancelled_and_halted() {
    isolated!(MulticastOnLo);
    let site = site!();
    let _run = site.run(&[&launch("patrol.toml"), SPEED, "--set", "patrol.begins_paused=true"]);
    let dimos = Dimos::join().expect("the bus is there");
    let navigator = module(&dimos, "navigator");
    let paths: Messages<Path> = dimos.listen("/path", Queue::keep_last(100)).expect("the bus is there");
    // From the command line, with progress.
    let went = site.dimos(&["--json", "rpc", "call", "navigator.go_to", "x_m=1", "y_m=0"]);
    assert_eq!(went.code, Some(0), "{went:?}");
    let progress = went.json_lines();
    assert_eq!(progress.last().expect("it says something")["state"], "arrived", "{progress:?}");
    assert!(progress.iter().any(|said| said["state"] == "driving"), "{progress:?}");
    let path = paths.next(PATIENCE).expect("it is a path").expect("one is planned");
    assert!(path.header.frame_id == "map" && path.poses.len() > 5, "{path:?}");

    let far = json!({ "x_m": 8.0, "y_m": 0.0 });
    let mut first = navigator.stream("go_to", &far).expect("JSON");
    assert!(first.next().expect("progress").expect("no error")["state"].is_string());
    let second = navigator.stream("go_to", &far).expect("JSON");
    let displaced = first.find_map(Result::err).expect("it ends with an error");
    assert!(displaced.to_string().contains("displaced by another goal, (8, 0)"), "{displaced}");
    drive(&dimos);
    second.cancel();
    stand(&dimos);

    let mut third = navigator.stream("relative_move", &json!({ "forward_m": 3.0 })).expect("JSON");
    drive(&dimos);
    navigator.call("halt", &()).expect("it halts");
    let halted = third.find_map(Result::err).expect("it ends with an error");
    assert!(halted.to_string().contains("halted"), "{halted}");
    stand(&dimos);
    let (status, robot) = (status(&dimos, "navigator"), status(&dimos, "robot"));
    assert_eq!((&status["arrived"], &status["failed"]), (&json!(1), &json!(3)), "{status}");
    assert_eq!(robot["collisions"], 0, "{robot}");
}

#[test]
fn who_sends_another_goal_pauses_the_patrol() {
    isolated!(MulticastOnLo);
    let site = site!();
    let _run = site.run(&[&launch("patrol.toml"), SPEED]);
    let dimos = Dimos::join().expect("the bus is there");
    patrolled(&dimos, "patrol", |patrol| patrol["progress"]["state"] == "driving");
    let goal = "{\"pose\": {\"position\": {\"x\": 1.0}}}";
    let sent = site.dimos(&["topic", "pub", "/goal", "--type", "geometry_msgs.PoseStamped", goal]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    patrolled(&dimos, "patrol", |patrol| patrol["stage"] == "paused");
    eventually(
        || format!("it arrives: {}", status(&dimos, "navigator")),
        || (status(&dimos, "navigator")["arrived"].as_u64() > Some(0)).then_some(()),
    );
    module(&dimos, "patrol").call("resume", &()).expect("it goes on");
    patrolled(&dimos, "patrol", |patrol| patrol["visited"].as_u64() > Some(0));
}

#[test]
fn what_makes_no_sense_is_counted_and_the_robot_goes_on() {
    isolated!(MulticastOnLo);
    let site = site!();
    let _run = site.run(&[&launch("patrol.toml"), SPEED, "rounds=1"]);
    let dimos = Dimos::join().expect("the bus is there");
    patrolled(&dimos, "patrol", |patrol| patrol["visited"] == 1);
    let mut map = OccupancyGrid::default();
    map.header.frame_id = "map".to_owned();
    let mut odometry = Odometry { child_frame_id: "base_link".to_owned(), ..Odometry::default() };
    odometry.pose.pose.position.x = f64::NAN;
    let mut goal = PoseStamped::default();
    goal.pose.position.y = f64::INFINITY;
    let scan = LaserScan { angle_min: f32::NAN, ranges: vec![f32::NAN; 10], ..LaserScan::default() };
    for (width, height, resolution) in [(-1, -1, 0.05), (i32::MAX, i32::MAX, 0.05), (2, 2, 0.05), (1, 1, f32::NAN)] {
        (map.info.width, map.info.height, map.info.resolution) = (width, height, resolution);
        dimos.publish("/map", &map).expect("the bus takes it");
        dimos.publish("/odom", &odometry).expect("the bus takes it");
        dimos.publish("/scan", &scan).expect("the bus takes it");
        dimos.publish("/goal", &goal).expect("the bus takes it");
        for frame in ["map", "base_link", "laser", ""] {
            goal.header.frame_id = frame.to_owned();
            dimos.publish("/goal", &goal).expect("the bus takes it");
        }
    }
    let over = patrolled(&dimos, "patrol", |patrol| patrol["stage"] == "over");
    assert_eq!([&over["visited"], &over["failures"], &over["interruptions"]], [5, 0, 0], "{over}");
    is_home(&dimos, "robot", 2.0);
}

#[test]
fn two_robots_draw_one_map_and_find_their_ways_on_it() {
    isolated!(MulticastOnLo);
    let site = site!();
    let _run = site.run(&[&launch("two-robots.toml"), SPEED, "rounds=1"]);
    let dimos = Dimos::join().expect("the bus is there");
    let maps: Messages<OccupancyGrid> = dimos.listen("/map", Queue::keep_last(1)).expect("the bus is there");
    // Long before one of them comes to the other end of the flat, the map has both.
    let map = eventually(
        || "a map with both ends of the flat".to_owned(),
        || maps.next(PATIENCE).expect("it is a map").filter(|map| is_free(map, 0.5, 0.0) && is_free(map, 8.0, 0.0)),
    );
    assert_eq!(map.header.frame_id, "map");
    let visited = ["robot0/patrol", "robot1/patrol"].map(|name| status(&dimos, name)["visited"].as_u64());
    assert!(visited.iter().all(|visited| *visited < Some(3)), "{visited:?}");
    for (name, start_x_m) in [("robot0", 2.0), ("robot1", 10.5)] {
        let patrol = patrolled(&dimos, &format!("{name}/patrol"), |patrol| patrol["stage"] == "over");
        assert_eq!([&patrol["visited"], &patrol["homecomings"], &patrol["skipped"]], [5, 1, 0], "{patrol}");
        is_home(&dimos, &format!("{name}/robot"), start_x_m);
    }
    // The second one follows the first one's time, whenever it was started.
    let time_s = |name| status(&dimos, name)["time_s"].as_f64().expect("a time");
    let (before_s, followed_s, after_s) = (time_s("robot0/robot"), time_s("robot1/robot"), time_s("robot0/robot"));
    assert!((before_s - 1.0..after_s + 1.0).contains(&followed_s), "{before_s} {followed_s} {after_s}");
}

/// What a patrol says as soon as this holds of it. It may take its time, but has to come on.
fn patrolled(dimos: &Dimos, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let (mut came_on, mut before) = (Instant::now(), Value::Null);
    loop {
        let patrol = status(dimos, name);
        if is_so(&patrol) {
            return patrol;
        }
        if patrol != before {
            (came_on, before) = (Instant::now(), patrol);
        }
        assert!(came_on.elapsed() < PATIENCE, "{name} does not come on: {before}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The robot is where it started, and has bumped into nothing on the way.
fn is_home(dimos: &Dimos, name: &str, start_x_m: f64) {
    let robot = status(dimos, name);
    assert_eq!(robot["collisions"], 0, "{robot}");
    let [x_m, y_m] = ["x_m", "y_m"].map(|axis| robot["place"][axis].as_f64().expect("a number"));
    assert!((x_m - start_x_m).hypot(y_m - 4.0) < 0.3, "{robot}");
}

/// Waits until the robot drives.
fn drive(dimos: &Dimos) {
    let speed = || status(dimos, "robot")["forward_mps"].as_f64();
    eventually(|| format!("it drives: {}", status(dimos, "navigator")), || (speed() > Some(0.1)).then_some(()));
}

/// Waits until the robot stands still and has no goal.
fn stand(dimos: &Dimos) {
    let is_idle = || status(dimos, "navigator")["state"] == "idle" && status(dimos, "robot")["forward_mps"] == 0.0;
    eventually(|| format!("it stands still: {}", status(dimos, "robot")), || is_idle().then_some(()));
}

/// Whether a map shows a place to be free.
fn is_free(map: &OccupancyGrid, x_m: f64, y_m: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "the map is small")]
    let cell = |value_m: f64, origin_m: f64| ((value_m - origin_m) / f64::from(map.info.resolution)).floor() as i32;
    let (column, row) = (cell(x_m, map.info.origin.position.x), cell(y_m, map.info.origin.position.y));
    let is_inside = (0..map.info.width).contains(&column) && (0..map.info.height).contains(&row);
    let index = usize::try_from(row * map.info.width + column).unwrap_or(usize::MAX);
    is_inside && map.data.get(index).is_some_and(|percent| (0..30).contains(percent))
}

/// What a module says of itself. While it is started again it is waited for.
fn status(dimos: &Dimos, name: &str) -> Value {
    eventually(|| format!("{name} tells how it is"), || module(dimos, name).call("status", &()).ok())
}

fn module(dimos: &Dimos, name: &str) -> RemoteModule {
    eventually(|| format!("{name} is there"), || dimos.module(name).ok())
}

fn launch(file: &str) -> String {
    format!("{}/../launch/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// How fast simulated time goes.
const SPEED: &str = "speed=4";
