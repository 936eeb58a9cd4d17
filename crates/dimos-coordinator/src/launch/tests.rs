use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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
    let told = told(text);
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
