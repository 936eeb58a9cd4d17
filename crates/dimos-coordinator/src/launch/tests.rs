//! Launch files and what they come to, or what is said of them. Whether modules fit together is tested with the wiring.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dimos::json_schema::Schema;
use serde_json::json;

use super::*;
use crate::plan::{Program, Readiness, RestartWhen};

/// A directory with launch files, which ends with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dimos-launch-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let directory = Self(fs::canonicalize(path).unwrap());
        for (name, text) in files {
            let file = directory.0.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        directory
    }

    fn request(&self) -> Request {
        let stock = ["robot-sim", "mapper", "static-tf"].map(str::to_owned).to_vec();
        Request { files: vec![self.0.join("main.toml")], stock, ..Request::default() }
    }

    fn read(&self) -> Result<Launch, String> {
        self.read_as(&self.request())
    }

    fn read_as(&self, request: &Request) -> Result<Launch, String> {
        let here = format!("{}/", self.0.display());
        read(request).map_err(|diagnostics| diagnostics.to_string().replace(&here, ""))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn launch(text: &str) -> Launch {
    Directory::new(&[("main.toml", text)]).read().unwrap()
}

fn told(text: &str) -> String {
    Directory::new(&[("main.toml", text)]).read().unwrap_err()
}

#[track_caller]
fn assert_told(text: &str, expected: &str) {
    assert_text(&told(text), expected);
}

#[track_caller]
fn assert_text(told: &str, expected: &str) {
    assert_eq!(told, expected, "\n{told}\n");
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_launch_file_becomes_a_plan() {
    let directory = Directory::new(&[(
        "main.toml",
        r#"
bus = "udpm://239.255.76.67:7667?ttl=0"
simulated_time = true
external = ["/cmd_vel"]

[args]
seed = 1

[modules.robot]
run = ["robot-sim", "--fast"]
config = { seed = "${seed}", title = "run ${seed} $${seed} $5" }
remap = { scan = "/lidar" }
references = { navigator = "nav" }
env = { RUST_LOG = "debug" }
restart = { when = "always", back_off = "1s", limit = 2 }
directory = "."
nice = 5
cpus = [0, 1]
simulated_time = false
start_within = "10s"
expose = ["/map"]
outputs = { extra = "std_msgs.String" }
"#,
    )]);
    let Launch { plan, .. } = directory.read().unwrap();
    assert_eq!(plan.name, "main");
    assert_eq!(plan.bus.as_deref(), Some("udpm://239.255.76.67:7667?ttl=0"));
    assert!(plan.is_time_simulated && plan.external.contains("/cmd_vel"));
    assert_eq!(plan.directories.first(), Some(&directory.0));
    let robot = &plan.modules[&name("robot")];
    assert_eq!(robot.program, Program::Stock { name: "robot-sim".into(), arguments: vec!["--fast".into()] });
    assert_eq!(robot.config, json!({ "seed": 1, "title": "run 1 ${seed} $5" }));
    assert_eq!(robot.remap["scan"], "/lidar");
    assert_eq!(robot.references["navigator"], name("nav"));
    assert_eq!(robot.environment["RUST_LOG"], "debug");
    assert_eq!((robot.restart.when, robot.restart.limit), (RestartWhen::Always, 2));
    assert_eq!(robot.restart.back_off, Duration::from_secs(1));
    assert_eq!(robot.directory, directory.0);
    assert_eq!((robot.nice, robot.cpus.as_slice()), (Some(5), [0, 1].as_slice()));
    assert_eq!(robot.is_time_simulated, Some(false));
    assert_eq!(robot.start_within, Duration::from_secs(10));
    assert_eq!(robot.readiness, Readiness::Claim);
    assert_eq!(robot.ports["extra"].type_name, "std_msgs.String");
    assert!(robot.exposed.is_empty(), "there is no namespace to keep out of");
}

#[test]
fn a_mistyped_key_is_told_with_its_place() {
    assert_told(
        "[modules.robot]\nrun = \"robot-sim\"\nremaps = { scan = \"/lidar\" }\n",
        "\
error: there is no key `modules.robot.remaps`
 --> main.toml:3:1
  |
3 | remaps = { scan = \"/lidar\" }
  | ^^^^^^
  |
  = help: did you mean \"remap\"?",
    );
}

#[test]
fn what_is_of_the_wrong_kind_is_told_at_its_value() {
    assert_told(
        "external = '/a'\n[modules.robot]\nrun = 7\nnice = 40\ncpus = [-1]\nrestart = 'sometimes'\nforeign = 'yes'\n",
        "\
error: `external`: expected an array, each a string, found \"/a\"
 --> main.toml:1:12
  |
1 | external = '/a'
  |            ^^^^

error: `modules.robot.run`: expected a string or an array of at least 1 item, each a string, found 7
 --> main.toml:3:7
  |
3 | run = 7
  |       ^

error: `modules.robot.nice`: expected an integer from -20 to 19, found 40
 --> main.toml:4:8
  |
4 | nice = 40
  |        ^^

error: `modules.robot.cpus[0]`: expected an integer from 0 to 1023, found -1
 --> main.toml:5:9
  |
5 | cpus = [-1]
  |         ^^

error: `modules.robot.restart`: expected \"never\", \"on-failure\", \"always\" or an object, found \"sometimes\"
 --> main.toml:6:11
  |
6 | restart = 'sometimes'
  |           ^^^^^^^^^^^

error: `modules.robot.foreign`: expected a boolean, found \"yes\"
 --> main.toml:7:11
  |
7 | foreign = 'yes'
  |           ^^^^^",
    );
    assert_told(
        "[modules.robot]\nrestart = { when = 'always', limits = 3 }\n[[include]]\nargs.x = 1\n",
        "\
error: there is no key `modules.robot.restart.limits`
 --> main.toml:2:30
  |
2 | restart = { when = 'always', limits = 3 }
  |                              ^^^^^^
  |
  = help: did you mean \"limit\"?

error: `include[0].file` is missing
 --> main.toml:3:1
  |
3 | [[include]]
  | ^^^^^^^^^^^
  |
  = help: expected a string",
    );
    assert_told(
        "[modules.robot\nrun = 'x'\n",
        "\
error: this is not TOML: unclosed table, expected `]`
 --> main.toml:1:15
  |
1 | [modules.robot
  |               ^",
    );
    assert_told(
        "[modules]\nrobot.run = 'x'\nrobot.run = 'y'\n",
        "\
error: this is not TOML: duplicate key
 --> main.toml:3:7
  |
3 | robot.run = 'y'
  |       ^^^",
    );
}

#[test]
fn texts_that_mean_nothing_are_told_together() {
    assert_told(
        "\
external = ['cmd_vel', '/cmd_vel#geometry_msgs.Twist']
[modules.'ro bot']
run = 'robot-sim'
[modules.robot]
run = 'robot-sim'
start_within = '30'
remap = { scan = 'lidar' }
references = { nav = 'a//b' }
restart = { back_off = 'soon' }
env = { 'A=B' = 'c' }
directory = 'nowhere'
expose = ['/map/']
inputs = { cmd_vel = 'Twist' }
outputs = { 'a/b' = 'std_msgs.String' }
",
        "\
error: \"cmd_vel\" is no topic: it has to begin with /
 --> main.toml:1:13
  |
1 | external = ['cmd_vel', '/cmd_vel#geometry_msgs.Twist']
  |             ^^^^^^^^^

error: \"/cmd_vel#geometry_msgs.Twist\" has a type: write the topic alone, \"/cmd_vel\"
 --> main.toml:1:24
  |
1 | external = ['cmd_vel', '/cmd_vel#geometry_msgs.Twist']
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

error: \"ro bot\" is no name: ' ' is not a letter, a digit, _, -, . or /
 --> main.toml:2:10
  |
2 | [modules.'ro bot']
  |          ^^^^^^^^

error: \"30\" is no time: expected a number and a unit, such as 500ms, 1.5s or 2min
 --> main.toml:6:16
  |
6 | start_within = '30'
  |                ^^^^

error: \"lidar\" is no topic: it has to begin with /
 --> main.toml:7:18
  |
7 | remap = { scan = 'lidar' }
  |                  ^^^^^^^

error: \"a//b\" is no name: it begins or ends with /, or has two in a row
 --> main.toml:8:22
  |
8 | references = { nav = 'a//b' }
  |                      ^^^^^^

error: \"soon\" is no time: expected a number and a unit, such as 500ms, 1.5s or 2min
 --> main.toml:9:24
  |
9 | restart = { back_off = 'soon' }
  |                        ^^^^^^

error: \"A=B\" is no variable
  --> main.toml:10:9
   |
10 | env = { 'A=B' = 'c' }
   |         ^^^^^

error: there is no directory nowhere
  --> main.toml:11:13
   |
11 | directory = 'nowhere'
   |             ^^^^^^^^^

error: \"/map/\" is no topic: it ends with /, or has two in a row
  --> main.toml:12:11
   |
12 | expose = ['/map/']
   |           ^^^^^^^

error: \"Twist\" is no message type: expected one like geometry_msgs.Twist
  --> main.toml:13:22
   |
13 | inputs = { cmd_vel = 'Twist' }
   |                      ^^^^^^^

error: \"a/b\" is no name of a port
  --> main.toml:14:13
   |
14 | outputs = { 'a/b' = 'std_msgs.String' }
   |             ^^^^^",
    );
}

#[test]
fn what_cannot_run_is_told() {
    assert_told(
        "[modules]\nrobot.run = 'robot-sym'\nmapper.run = './bin/mapper'\n",
        "\
error: there is no executable \"robot-sym\" beside the file or on PATH
 --> main.toml:2:13
  |
2 | robot.run = 'robot-sym'
  |             ^^^^^^^^^^^ what `robot` runs
  |
  = help: did you mean `robot-sim`, which comes with dimos?

error: there is no file bin/mapper
 --> main.toml:3:14
  |
3 | mapper.run = './bin/mapper'
  |              ^^^^^^^^^^^^^^ what `mapper` runs
  |
  = help: with dimos come robot-sim, mapper, static-tf",
    );
    let directory = Directory::new(&[("main.toml", "[modules]\nrobot.run = 'driver.py'\n"), ("driver.py", "")]);
    assert_text(
        &directory.read().unwrap_err(),
        "\
error: \"driver.py\" is not executable
 --> main.toml:2:13
  |
2 | robot.run = 'driver.py'
  |             ^^^^^^^^^^^ what `robot` runs
  |
  = help: with dimos come robot-sim, mapper, static-tf",
    );
    assert_told(
        "[modules]\nrobt.config.seed = 1\nrobot.run = 'robot-sim'\n",
        "\
error: nobody says what `robt` runs
 --> main.toml:2:1
  |
2 | robt.config.seed = 1
  | ^^^^
  |
  = help: did you mean `robot`? Otherwise add `run`",
    );
    assert_told("", "error: there is no module to run");
}

#[test]
fn executables_are_found_beside_the_file_and_on_path() {
    let directory = Directory::new(&[
        (
            "main.toml",
            "[modules]\na.run = ['driver.py', '-v']\nb = { run = 'bin/driver', foreign = true }\nc.run = 'sh'\n",
        ),
        ("driver.py", ""),
        ("bin/driver", ""),
    ]);
    for file in ["driver.py", "bin/driver"] {
        fs::set_permissions(directory.0.join(file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let plan = directory.read().unwrap().plan;
    let program = |module: &str| plan.modules[&name(module)].program.clone();
    let executable = directory.0.join("driver.py");
    assert_eq!(program("a"), Program::Module { executable, arguments: vec!["-v".into()] });
    assert_eq!(program("b"), Program::Foreign { executable: directory.0.join("bin/driver"), arguments: vec![] });
    assert!(matches!(program("c"), Program::Module { executable, .. } if executable.is_absolute()));
    assert_eq!(plan.modules[&name("b")].readiness, Readiness::After(Duration::from_millis(500)));
}

#[test]
fn foreign_programs_are_started_as_they_are() {
    assert_told(
        "\
[modules.a]
run = 'sh'
foreign = true
config = { x = 1 }
ready_after = '1s'
ready_on = '/scan#sensor_msgs.LaserScan'
[modules.b]
run = 'robot-sim'
ready_after = '1s'
",
        "\
error: `config` is nothing for a foreign program, which is started as it is
 --> main.toml:4:1
  |
3 | foreign = true
  |           ---- `a` is foreign
4 | config = { x = 1 }
  | ^^^^^^
  |
  = help: say it in the arguments of `run`, or in `env`

error: `a` is up after a time, or when something is heard, not both
 --> main.toml:6:12
  |
5 | ready_after = '1s'
  |               ---- the other one
6 | ready_on = '/scan#sensor_msgs.LaserScan'
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

error: `ready_after` is for foreign programs: `b` is up when its claim says so
 --> main.toml:9:15
  |
9 | ready_after = '1s'
  |               ^^^^
  |
  = help: add `foreign = true` if it is not written with the SDK",
    );
    let plan = launch("[modules.a]\nrun = 'sh'\nforeign = true\nready_on = 'SCAN'\ninputs = { v = 'a_msgs.B' }\n").plan;
    assert_eq!(plan.modules[&name("a")].readiness, Readiness::Heard("SCAN".into()));
}

#[test]
fn arguments_are_checked() {
    assert_told(
        "[args]\nlog = { help = 'an event log' }\n[modules]\nrobot.run = 'robot-sim'\n",
        "\
error: the argument `log` has no value
 --> main.toml:2:1
  |
2 | log = { help = 'an event log' }
  | ^^^ declared without a default
  |
  = help: add `log=VALUE` to the command line",
    );
    assert_told(
        "[args]\nseed = 1\n[modules.robot]\nrun = 'robot-sim'\nconfig = { a = '${sede}', b = 'x${', c = 'at ${seed} and ${other}' }\n",
        "\
error: there is no argument `sede`
 --> main.toml:5:17
  |
5 | config = { a = '${sede}', b = 'x${', c = 'at ${seed} and ${other}' }
  |                 ^^^^^^^
  |
  = help: did you mean `seed`?

error: `${` without `}`
 --> main.toml:5:33
  |
5 | config = { a = '${sede}', b = 'x${', c = 'at ${seed} and ${other}' }
  |                                 ^^ begins here
  |
  = help: write `$${` for a `${` that names no argument

error: there is no argument `other`
 --> main.toml:5:58
  |
5 | config = { a = '${sede}', b = 'x${', c = 'at ${seed} and ${other}' }
  |                                                          ^^^^^^^^
  |
  = help: declare it in [args], or write `$${other}` for the text itself",
    );
    let directory = Directory::new(&[(
        "main.toml",
        "[args]\nseed = 1\nrate = 1.0\nway = [1]\nlog = 'a'\n[modules.robot]\nrun = 'robot-sim'\nconfig = { seed = '${seed}', log = '${log}', rate = '${rate}', way = '${way}' }\n",
    )]);
    let with = |arguments: &[(&str, &str)]| {
        let arguments = arguments.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        directory.read_as(&Request { arguments, ..directory.request() })
    };
    let launch = with(&[("seed", "3"), ("log", "2024"), ("rate", "2"), ("way", "[1, 2]")]).unwrap();
    let config = &launch.plan.modules[&name("robot")].config;
    assert_eq!(*config, json!({ "seed": 3, "log": "2024", "rate": 2, "way": [1, 2] }));
    let file = "args.log.path = true\nmodules.player = { run = 'robot-sim', config.file = '${log}' }\n";
    let paths = Directory::new(&[("main.toml", file)]);
    for (given, expected) in [("2024", std::env::current_dir().unwrap().join("2024")), ("/a/b", "/a/b".into())] {
        let arguments = vec![("log".to_owned(), given.to_owned())];
        let launch = paths.read_as(&Request { arguments, ..paths.request() }).unwrap();
        assert_eq!(launch.plan.modules[&name("player")].config, json!({ "file": expected }));
    }
    assert_text(
        &with(&[("sede", "3"), ("seed", "fast"), ("loud", "")]).unwrap_err(),
        "\
error: there is no argument `sede`
 --> command line:1:1
  |
1 | sede=3
  | ^^^^
  |
  = help: did you mean `seed`?

error: the argument `seed` takes an integer, not a text
 --> command line:1:6
  |
1 | seed=fast
  |      ^^^^
  |
 ::: main.toml:2:8
  |
2 | seed = 1
  |        - because of its default

error: there is no argument `loud`
 --> command line:1:1
  |
1 | loud=
  | ^^^^
  |
  = help: there is log, rate, seed, way",
    );
}

#[test]
fn includes_have_namespaces_arguments_and_changes() {
    let directory = Directory::new(&[
        (
            "main.toml",
            r#"
[[include]]
file = "robots/base.toml"
namespace = "robot0"
args = { seed = 3 }
expose = ["/map"]
modules.mapper.config.cell_m = 0.1
modules.mapper.references.planner = "planner"
[[include]]
file = "robots/base.toml"
namespace = "robot1"
[modules.planner]
run = "mapper"
[modules."robot1/mapper"]
config.depth = 2
"#,
        ),
        (
            "robots/base.toml",
            r#"
external = ["/goal"]
simulated_time = true
[args]
seed = 1
[modules.mapper]
run = "mapper"
config = { seed = "${seed}", cell_m = 0.5 }
remap = { map = "/map", scan = "/lidar" }
references = { helper = "helper" }
directory = "."
env = { A = "1" }
[modules.helper]
run = "static-tf"
"#,
        ),
    ]);
    let plan = directory.read().unwrap().plan;
    let names: Vec<_> = plan.modules.keys().map(Name::as_str).collect();
    assert_eq!(names, ["planner", "robot0/helper", "robot0/mapper", "robot1/helper", "robot1/mapper"]);
    let mapper = &plan.modules[&name("robot0/mapper")];
    assert_eq!(mapper.config, json!({ "seed": 3, "cell_m": 0.1 }));
    assert_eq!(mapper.remap["map"], "/map");
    assert_eq!(mapper.remap["scan"], "/robot0/lidar");
    assert_eq!(mapper.references["helper"], name("robot0/helper"));
    assert_eq!(mapper.references["planner"], name("planner"), "names are relative to the file that they stand in");
    assert_eq!(mapper.exposed, [("/map".to_owned(), "/map".to_owned())].into());
    assert_eq!(mapper.directory, directory.0.join("robots"));
    let mapper = &plan.modules[&name("robot1/mapper")];
    assert_eq!(mapper.config, json!({ "seed": 1, "cell_m": 0.5, "depth": 2 }));
    assert_eq!(mapper.remap["map"], "/robot1/map");
    assert!(plan.external.contains("/robot0/goal") && plan.external.contains("/robot1/goal"));
    assert!(plan.is_time_simulated);
    assert_eq!(plan.directories, [directory.0.clone(), directory.0.join("robots")].into());

    let launch = directory.read_as(&Request { namespace: Some(name("site")), ..directory.request() }).unwrap();
    let mapper = &launch.plan.modules[&name("site/robot0/mapper")];
    assert_eq!(mapper.remap["map"], "/site/map");
    assert_eq!(mapper.references["planner"], name("site/planner"));
}

#[test]
fn includes_that_cannot_be_read_are_told() {
    let directory = Directory::new(&[
        (
            "main.toml",
            "[[include]]\nfile = 'a.toml'\n[[include]]\nfile = 'none.toml'\n[[include]]\nfile = '.'\n[[include]]\nfile = 'b.toml'\nargs = { sed = 1 }\n",
        ),
        ("a.toml", "[[include]]\nfile = 'main.toml'\n"),
        ("b.toml", "[args]\nlog = {}\nseed = 1\n"),
    ]);
    assert_text(
        &directory.read().unwrap_err(),
        "\
error: cannot read none.toml: No such file or directory (os error 2)
 --> main.toml:4:8
  |
4 | file = 'none.toml'
  |        ^^^^^^^^^^^

error: cannot read .: it is not a file
 --> main.toml:6:8
  |
6 | file = '.'
  |        ^^^

error: the argument `log` has no value
 --> main.toml:8:8
  |
8 | file = 'b.toml'
  |        ^^^^^^^^ not set here
  |
 ::: b.toml:2:1
  |
2 | log = {}
  | --- declared without a default
  |
  = help: add `args = { log = ... }` to the include

error: there is no argument `sed`
 --> main.toml:9:10
  |
9 | args = { sed = 1 }
  |          ^^^
  |
  = help: did you mean `seed`?

error: main.toml includes itself
 --> a.toml:2:8
  |
2 | file = 'main.toml'
  |        ^^^^^^^^^^^",
    );
    fs::write(directory.0.join("main.toml"), b"a = '\xff'").unwrap();
    assert_text(
        &directory.read().unwrap_err(),
        "\
error: main.toml is not UTF-8: look at byte 5",
    );
    fs::write(directory.0.join("main.toml"), " ".repeat((1 << 20) + 1)).unwrap();
    assert_text(
        &directory.read().unwrap_err(),
        "\
error: main.toml has more than 1048576 bytes",
    );
}

#[test]
fn endless_includes_end() {
    let many = "[[include]]\nfile = 'b.toml'\nnamespace = 'a'\n[[include]]\nfile = 'b.toml'\nnamespace = 'b'\n";
    let files: Vec<(String, String)> = ('a'..='y')
        .map(|c| (format!("{c}.toml"), many.replace("b.toml", &format!("{}.toml", (c as u8 + 1) as char))))
        .collect();
    let mut files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("main.toml", "[[include]]\nfile = 'a.toml'\n"));
    assert_text(
        &Directory::new(&files).read().unwrap_err(),
        "\
error: launch files include each other more than 16 deep
 --> o.toml:2:8
  |
2 | file = 'p.toml'
  |        ^^^^^^^^

error: launch files include more than 100 files
 --> n.toml:2:8
  |
2 | file = 'o.toml'
  |        ^^^^^^^^",
    );
}

#[test]
fn later_files_and_the_command_line_win() {
    let directory = Directory::new(&[
        (
            "main.toml",
            "[modules]\nrobot = { run = 'robot-sim', config = { a = 1, b = { c = 1, d = 1 } }, nice = 1, cpus = [1] }\nmapper.run = 'mapper'\n",
        ),
        (
            "over.toml",
            "bus = 'memq://'\n[modules]\nrobot = { config = { b.c = 2 }, nice = 2, restart = 'never', cpus = [] }\n",
        ),
    ]);
    let files = vec![directory.0.join("main.toml"), directory.0.join("over.toml")];
    let set = ["robot.b.d=3", "robot.name=fast", "robot.text='3'"].map(str::to_owned).to_vec();
    let request = Request { files, set, disable: vec!["mapper".into()], ..directory.request() };
    let plan = directory.read_as(&request).unwrap().plan;
    assert_eq!(plan.name, "main+over");
    assert_eq!(plan.bus.as_deref(), Some("memq://"));
    let robot = &plan.modules[&name("robot")];
    assert_eq!(robot.config, json!({ "a": 1, "b": { "c": 2, "d": 3 }, "name": "fast", "text": "3" }));
    assert_eq!((robot.nice, robot.restart.when, robot.cpus.len()), (Some(2), RestartWhen::Never, 0));
    assert_eq!(plan.left_out, [name("mapper")].into());
    let only = Request { only: vec!["robot".into()], disable: Vec::new(), ..request.clone() };
    assert_eq!(directory.read_as(&only).unwrap().plan.left_out, [name("mapper")].into());
    let wrong = Request {
        only: vec!["robt".into()],
        disable: vec!["camera".into()],
        set: ["mapp.x=1", "robot.x", "robot.=1", "robot.a b=1"].map(str::to_owned).to_vec(),
        ..request
    };
    assert_text(
        &directory.read_as(&wrong).unwrap_err(),
        "\
error: there is no module `mapp`
 --> command line:1:1
  |
1 | mapp.x=1
  | ^^^^
  |
  = help: did you mean `mapper`?

error: expected module.key=value
 --> command line:1:1
  |
1 | robot.x
  | ^^^^^^^
  |
  = help: it is like mapper.grid.cell_m=0.1

error: the key cannot be read
 --> command line:1:1
  |
1 | robot.=1
  | ^^^^^^^^
  |
  = help: it is like mapper.grid.cell_m=0.1

error: the key cannot be read
 --> command line:1:1
  |
1 | robot.a b=1
  | ^^^^^^^^^^^
  |
  = help: it is like mapper.grid.cell_m=0.1

error: there is no module `robt`
 --> command line:1:8
  |
1 | --only robt
  |        ^^^^
  |
  = help: did you mean `robot`?

error: there is no module `camera`
 --> command line:1:11
  |
1 | --disable camera
  |           ^^^^^^
  |
  = help: there is mapper, robot",
    );
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../launch/schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("WRITE_SCHEMA").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "WRITE_SCHEMA=1 cargo test -p dimos-coordinator schema writes launch/schema.json anew");
}

#[test]
fn editors_are_told_that_arguments_stand_for_values_too() {
    let schema = Schema::compile(&schema()).unwrap();
    let good =
        json!({ "modules": { "a": { "run": "x", "nice": "${nice}", "cpus": "${cpus}", "foreign": "${foreign}" } } });
    assert_eq!(schema.check(&good), Ok(()));
    assert!(schema.check(&json!({ "modules": { "a": { "nice": "very" } } })).is_err());
}

#[test]
fn values_within_each_other_without_end_are_refused() {
    let key = vec!["a"; 79].join(".");
    let deep = format!("{}1{}", format!("{key} = {{ ").repeat(70), " }".repeat(70));
    for text in [deep, format!("a = {}", "[".repeat(100_000)), format!("{} = 1", vec!["a"; 100_000].join("."))] {
        assert!(read_text(&text).is_err());
    }
}

#[test]
fn what_arguments_add_is_bounded() {
    let text = format!(
        "[args]\na = '{}'\n[modules.m]\nrun = 'sh'\nconfig.x = [{}]\n",
        "x".repeat(100_000),
        "'${a}', ".repeat(100_000)
    );
    let told = read_text(&text).unwrap_err();
    assert!(told.starts_with("error: the arguments add more than 1048576 bytes"), "{}", &told[..200]);
}

fn read_text(text: &str) -> Result<Launch, String> {
    let text = Text { name: "main.toml".into(), text: text.into(), directory: "/".into() };
    read(&Request { texts: vec![text], ..Request::default() }).map_err(|diagnostics| diagnostics.to_string())
}
