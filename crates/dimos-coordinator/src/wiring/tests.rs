//! Graphs of modules: how they are joined, or what is said of them. What modules say of themselves is made up here.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::launch::{self, Request, Text};

/// What the modules of these tests say of themselves, by what they run.
fn contract(program: &str) -> Value {
    let out = |topic: &str, type_name: &str| json!({ "direction": "out", "type": type_name, "topic": topic });
    let input = |topic: &str, type_name: &str| json!({ "direction": "in", "type": type_name, "topic": topic });
    let method = |argument: &str| json!({ "arguments": { "properties": { argument: { "type": "number" } } } });
    let planner = json!({ "interface": "Planner", "methods": { "plan": method("x") } });
    match program {
        "robot" => json!({
            "ports": {
                "scan": out("/scan", "sensor_msgs.LaserScan"),
                "odom": out("/odom", "nav_msgs.Odometry"),
                "clock": out("/clock", "builtin_interfaces.Time"),
                "cmd_vel": input("/cmd_vel", "geometry_msgs.Twist"),
            },
            "config": {
                "type": "object",
                "properties": {
                    "seed": { "type": "integer", "minimum": 0, "default": 1 },
                    "laser": { "type": "object", "properties": { "rate_hz": { "type": "number" } }, "additionalProperties": false },
                },
                "additionalProperties": false,
            },
        }),
        "mapper" => json!({
            "ports": { "scan": input("/scan", "sensor_msgs.LaserScan"), "map": out("/map", "nav_msgs.OccupancyGrid") },
        }),
        "camera" => json!({ "ports": { "image": out("/scan", "sensor_msgs.Image") } }),
        "driver" => json!({
            "ports": { "cmd_vel": out("/cmd_vel", "geometry_msgs.Twist") },
            "references": { "planner": planner },
        }),
        "curious" => {
            json!({ "references": { "planner": { "is_optional": true, "interface": "Planner", "methods": { "plan": method("x") } } } })
        }
        "planner" => json!({ "methods": { "plan": method("x") } }),
        "other-planner" => json!({ "methods": { "plan": { "is_stream": true } } }),
        _ => json!({}),
    }
}

fn wired_as(request: &Request) -> Result<(Wiring, String), String> {
    let launch = launch::read(request).map_err(|diagnostics| diagnostics.to_string())?;
    let contracts = launch.plan.modules.iter().filter_map(|(name, module)| match &module.program {
        Program::Stock { name: program, .. } => {
            Some((name.clone(), serde_json::from_value(contract(program)).unwrap()))
        }
        Program::Module { .. } | Program::Foreign { .. } => None,
    });
    match wire(&launch.plan, &contracts.collect(), &launch.sources) {
        Ok((wiring, warnings)) => Ok((wiring, warnings.to_string())),
        Err(diagnostics) => Err(diagnostics.to_string()),
    }
}

fn request(text: &str) -> Request {
    let stock = ["robot", "mapper", "camera", "driver", "curious", "planner", "other-planner"];
    let text = Text { name: "a.toml".into(), text: text.into(), directory: Path::new("/").into() };
    Request { texts: vec![text], stock: stock.map(str::to_owned).to_vec(), ..Request::default() }
}

fn wired(text: &str) -> Wiring {
    let (wiring, warnings) = wired_as(&request(text)).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(warnings, "");
    wiring
}

#[track_caller]
fn assert_told(text: &str, expected: &str) {
    let told = wired_as(&request(text)).map(|(_, warnings)| warnings).unwrap_or_else(|told| told);
    assert_eq!(told, expected, "\n{told}\n");
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn ports_of_equal_topic_and_type_are_joined() {
    let wiring = wired(
        r#"
external = ["/cmd_vel"]
[modules]
robot = { run = "robot", remap = { scan = "/lidar" } }
mapper = { run = "mapper", remap = { scan = "/lidar", tf = "/tf2" } }
"#,
    );
    assert_eq!(wiring.modules[&name("robot")].channels["scan"], "/lidar#sensor_msgs.LaserScan");
    assert_eq!(wiring.modules[&name("mapper")].channels["scan"], "/lidar#sensor_msgs.LaserScan");
    assert_eq!(wiring.modules[&name("mapper")].channels["map"], "/map#nav_msgs.OccupancyGrid");
    assert_eq!(wiring.modules[&name("mapper")].channels["tf"], "/tf2#tf2_msgs.TFMessage");
}

#[test]
fn an_input_that_nobody_feeds_is_told_with_what_it_may_mean() {
    assert_told(
        "[modules]\nrobot = { run = \"robot\" }\nmapper = { run = \"mapper\", remap = { scan = \"/scans\" } }\n",
        "\
error: nobody writes /cmd_vel#geometry_msgs.Twist
 --> a.toml:2:1
  |
2 | robot = { run = \"robot\" }
  | ^^^^^ `robot.cmd_vel` reads it
  |
  = help: if it comes from outside of this run: `external = [\"/cmd_vel\"]`

error: nobody writes /scans#sensor_msgs.LaserScan
 --> a.toml:3:45
  |
3 | mapper = { run = \"mapper\", remap = { scan = \"/scans\" } }
  |                                             ^^^^^^^^ `mapper.scan` reads it
  |
  = help: /scan is of this type: `remap = { scan = \"/scan\" }`
  = help: if it comes from outside of this run: `external = [\"/scans\"]`",
    );
}

#[test]
fn two_types_on_a_topic_are_both_shown() {
    assert_told(
        "external = [\"/cmd_vel\"]\n[modules.robot]\nrun = \"robot\"\n[modules.camera]\nrun = \"camera\"\n",
        "\
error: two types of messages on /scan
 --> a.toml:2:10
  |
2 | [modules.robot]
  |          ^^^^^ `robot.scan` writes sensor_msgs.LaserScan
3 | run = \"robot\"
4 | [modules.camera]
  |          ------ `camera.image` writes sensor_msgs.Image
  |
  = help: give `robot` another topic: `remap = { scan = \"/...\" }`",
    );
}

#[test]
fn configuration_is_checked_where_it_stands() {
    assert_told(
        "\
external = ['/cmd_vel']
[modules.robot]
run = 'robot'
[modules.robot.config]
sed = 3
seed = -1
laser.rate_hz = 'fast'
",
        "\
error: the configuration of `robot` has no key `sed`
 --> a.toml:5:1
  |
5 | sed = 3
  | ^^^
  |
  = help: did you mean \"seed\"?

error: `seed` of the configuration of `robot`: expected an integer of at least 0, found -1
 --> a.toml:6:8
  |
6 | seed = -1
  |        ^^

error: `laser.rate_hz` of the configuration of `robot`: expected a number, found \"fast\"
 --> a.toml:7:17
  |
7 | laser.rate_hz = 'fast'
  |                 ^^^^^^",
    );
    assert_told(
        "[modules]\nplanner = { run = 'planner', config = { x = 1 } }\n",
        "\
error: `planner` has no configuration
 --> a.toml:2:30
  |
2 | planner = { run = 'planner', config = { x = 1 } }
  |                              ^^^^^^",
    );
}

#[test]
fn a_remap_of_no_port_is_told() {
    assert_told(
        "external = ['/cmd_vel']\n[modules.robot]\nrun = 'robot'\nremap = { scam = '/lidar' }\nreferences = { nav = 'robot' }\n",
        "\
error: `robot` has no port `scam`
 --> a.toml:4:11
  |
4 | remap = { scam = '/lidar' }
  |           ^^^^
  |
  = help: did you mean `scan`?

error: `robot` has no reference `nav`
 --> a.toml:5:16
  |
5 | references = { nav = 'robot' }
  |                ^^^
  |
  = help: it has none",
    );
}

#[test]
fn the_innermost_namespace_with_a_fitting_module_decides() {
    let wiring = wired(
        r#"
[modules]
planner = { run = "planner" }
"site/planner" = { run = "planner" }
"site/robot0/driver" = { run = "driver" }
"else/planner" = { run = "planner" }
"else/planner2" = { run = "planner" }
driver = { run = "driver", references = { planner = "else/planner2" } }
"#,
    );
    let of = |module: &str| &wiring.modules[&name(module)];
    assert_eq!(of("site/robot0/driver").references["planner"], name("site/planner"));
    assert_eq!(of("site/robot0/driver").dependencies, [name("site/planner")].into());
    assert_eq!(of("driver").references["planner"], name("else/planner2"));
    let wiring = wired("[modules]\ncurious = { run = 'curious' }\n");
    assert!(wiring.modules[&name("curious")].references.is_empty());
    let wiring = wired("[modules]\ncurious = { run = 'curious' }\nplanner = { run = 'planner' }");
    assert_eq!(wiring.modules[&name("curious")].references["planner"], name("planner"));
    assert!(wiring.modules[&name("curious")].dependencies.is_empty());
}

#[test]
fn references_that_cannot_be_resolved_are_told() {
    assert_told(
        "[modules]\ndriver = { run = 'driver' }\nplanner-a = { run = 'planner' }\nplanner-b = { run = 'planner' }\n",
        "\
error: `driver` has several modules to choose from as `planner`, Planner
 --> a.toml:2:1
  |
2 | driver = { run = 'driver' }
  | ^^^^^^ does not say which
3 | planner-a = { run = 'planner' }
  | --------- this one fits
4 | planner-b = { run = 'planner' }
  | --------- this one fits
  |
  = help: say `references = { planner = \"NAME\" }`, with planner-a or planner-b for NAME",
    );
    assert_told(
        "[modules]\ndriver = { run = 'driver' }\nother = { run = 'other-planner' }\n",
        "\
error: no module is what `driver` needs as `planner`, Planner
 --> a.toml:2:1
  |
2 | driver = { run = 'driver' }
  | ^^^^^^ it needs plan
  |
  = help: `other` does not fit: plan has a stream",
    );
    assert_told(
        "[modules]\ndriver = { run = 'driver', references = { planner = 'other' } }\nother = { run = 'other-planner' }\nplan = { run = 'planner' }\n",
        "\
error: `other` is not what `driver` needs as `planner`, Planner
 --> a.toml:2:53
  |
2 | driver = { run = 'driver', references = { planner = 'other' } }
  |                                                     ^^^^^^^ plan has a stream
3 | other = { run = 'other-planner' }
  | ----- this module
  |
  = help: there is plan, which fits",
    );
    assert_told(
        "[modules]\ndriver = { run = 'driver', references = { planner = 'planer' } }\nplanner = { run = 'planner' }\n",
        "\
error: there is no module `planer`
 --> a.toml:2:53
  |
2 | driver = { run = 'driver', references = { planner = 'planer' } }
  |                                                     ^^^^^^^^
  |
  = help: did you mean `planner`?",
    );
    assert_told(
        "[modules]\ndriver = { run = 'driver', references = { planner = 'driver' } }\n",
        "\
error: `driver` is to call itself as its reference `planner`
 --> a.toml:2:53
  |
2 | driver = { run = 'driver', references = { planner = 'driver' } }
  |                                                     ^^^^^^^^
  |
  = help: name another module that offers what it needs",
    );
}

#[test]
fn a_channel_that_lcm_cannot_carry_is_told() {
    let long = "n".repeat(50);
    assert_told(
        &format!("[modules]\n\"{long}/camera\" = {{ run = 'camera' }}\n"),
        &format!(
            "\
error: the channel /{long}/scan#sensor_msgs.Image has 74 bytes, and LCM takes 63
 --> a.toml:2:1
  |
2 | \"{long}/camera\" = {{ run = 'camera' }}
  | {} of the port `image` of `{long}/camera`
  |
  = help: choose a shorter topic, or a shorter namespace",
            "^".repeat(long.len() + 9)
        ),
    );
}

#[test]
fn who_keeps_the_time_does_not_take_it_from_there() {
    let simulated = |text: &str, module: &str| wired(text).modules[&name(module)].is_time_simulated;
    let text = "simulated_time = true\nexternal = ['/cmd_vel']\n[modules]\nrobot = { run = 'robot' }\nmapper = { run = 'mapper' }\n";
    assert!(!simulated(text, "robot") && simulated(text, "mapper"));
    let text = format!("{text}[modules.planner]\nrun = 'planner'\nsimulated_time = false\n");
    assert!(!simulated(&text, "planner"));
    assert_told(
        "simulated_time = true\nexternal = ['/r/cmd_vel']\n[modules]\n'r/robot' = { run = 'robot' }\nplanner = { run = 'planner' }\n",
        "\
warning: time is simulated, and nobody writes /clock#builtin_interfaces.Time: it will stand still
 --> a.toml:5:1
  |
5 | planner = { run = 'planner' }
  | ^^^^^^^ `planner` takes the time from there
  |
  = help: expose /r/clock of `r/robot`, so that it is /clock",
    );
    let text = "simulated_time = true\nexternal = ['/r/cmd_vel']\n[modules]\n'r/robot' = { run = 'robot', expose = ['/clock'] }\nplanner = { run = 'planner' }\n";
    assert!(!simulated(text, "r/robot") && simulated(text, "planner"));
}

#[test]
fn what_is_left_out_may_run_elsewhere() {
    let text = "[modules]\nmapper = { run = 'mapper' }\ndriver = { run = 'driver', references = { planner = 'planner' } }\nplanner = { run = 'planner' }\nrobot = { run = 'robot' }\n";
    let request = Request { disable: vec!["robot".into(), "planner".into()], ..request(text) };
    let (wiring, warnings) = wired_as(&request).unwrap();
    assert!(warnings.starts_with("warning: nobody writes /scan#sensor_msgs.LaserScan"), "{warnings}");
    let driver = &wiring.modules[&name("driver")];
    assert_eq!(driver.references["planner"], name("planner"));
    assert!(driver.dependencies.is_empty());
}

#[test]
fn lists_of_topics_that_mean_none_are_told() {
    assert_told(
        "external = ['/cmd_vell', '/cmd_vel']\n[modules]\n'r/mapper' = { run = 'mapper', expose = ['/mapp', '/scan'] }\nrobot = { run = 'robot' }\n",
        "\
error: no port has the topic /mapp, which is to be exposed
 --> a.toml:3:42
  |
3 | 'r/mapper' = { run = 'mapper', expose = ['/mapp', '/scan'] }
  |                                          ^^^^^^^
  |
  = help: there is /r/map, which is /map within its namespace

warning: nobody reads /cmd_vell
 --> a.toml:1:13
  |
1 | external = ['/cmd_vell', '/cmd_vel']
  |             ^^^^^^^^^^^
  |
  = help: did you mean /cmd_vel?",
    );
}

#[test]
fn whom_nobody_asked_is_told() {
    let mut launch = launch::read(&request("[modules]\nmapper = { run = 'mapper' }\n")).unwrap();
    let told = wire(&launch.plan, &BTreeMap::new(), &launch.sources).unwrap_err().to_string();
    assert!(told.starts_with("error: `mapper` does not say what it offers"), "{told}");
    launch.plan.modules.clear();
    assert!(wire(&launch.plan, &BTreeMap::new(), &launch.sources).unwrap().0.modules.is_empty());
}

#[test]
fn whatever_the_text_there_is_an_answer() {
    let mut random = fastrand::Rng::with_seed(7);
    assert!(wired_as(&request(VALID)).is_ok_and(|(wiring, _)| wiring.modules.len() == 4));
    let (mut good, mut bad) = (0, 0);
    for _ in 0..800 {
        let mut text: Vec<char> = VALID.chars().collect();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(0..=text.len());
            let end = (at + random.usize(0..12)).min(text.len());
            let word = random.choice(WORDS).copied().unwrap_or_default();
            match random.u8(0..4) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, word.chars())),
                2 => drop(text.splice(at..end, word.chars())),
                _ => {
                    let part = text[at..end].to_vec();
                    let to = random.usize(0..=text.len());
                    drop(text.splice(to..to, part));
                }
            }
        }
        match wired_as(&request(&text.iter().collect::<String>())) {
            Ok(_) => good += 1,
            Err(told) => {
                assert!(told.starts_with("error: "), "{told}");
                bad += 1;
            }
        }
    }
    assert!(good > 20 && bad > 20, "{good} {bad}");
}

const VALID: &str = "\
simulated_time = true
external = ['/cmd_vel', '/goal']
[args]
seed = { default = 1, help = 'a seed' }
[modules.robot]
run = 'robot'
config = { seed = '${seed}', laser.rate_hz = 5.0 }
remap = { scan = '/lidar' }
[modules.mapper]
run = ['mapper', '-v']
remap = { scan = '/lidar' }
restart = { when = 'always', back_off = '1s' }
[modules.'a/driver']
run = 'driver'
references = { planner = 'planner' }
expose = ['/cmd_vel']
[modules.planner]
run = 'planner'
outputs = { path = 'nav_msgs.Path' }
";

const WORDS: &[&str] = &[
    "[modules]\n",
    "[modules.",
    "]\n",
    "[[include]]\n",
    "file = ",
    "'a.toml'",
    "run = ",
    "'robot'",
    "'driver'",
    "config = ",
    "{ seed = 1 }",
    "remap = ",
    "{ scan = '/lidar' }",
    "references = ",
    "{ planner = 'planner' }",
    "restart = 'always'",
    "namespace = 'a'",
    "expose = ['/map']",
    "nice = 99999999999999999999",
    "= nan",
    "\"${seed}\"",
    "$${",
    "'''",
    "\"\\u0000\"",
    "\r\n",
    "\t",
    "é漢",
    "foreign = true",
    "[args]\nseed = 1\n",
    "start_within = '1e400s'",
    "external = ",
    "inputs = { x = 'a.B' }",
    "{",
    "}",
    ",",
    ".",
    "=",
    "\n",
    "#",
];
