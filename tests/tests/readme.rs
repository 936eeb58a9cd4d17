//! The commands of README.md, as they stand there: those of `dimos` are run, beside the run that they speak of. Its programs in Rust are
//! compiled by the documentation tests of `dimos`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mesh_tests::cli::Ended;
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Site, nothing_is_left};
use mesh_tests::{isolated, site};

#[test]
fn the_commands_of_the_readme_do_what_they_are_said_to() {
    isolated!(MulticastOnLo);
    let site = site!();
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for entry in fs::read_dir(repository.join("launch")).expect("launch files").flatten() {
        let text = fs::read_to_string(entry.path()).expect("a text");
        site.write(&format!("launch/{}", entry.file_name().to_string_lossy()), &text);
    }
    site.write("run.lcmlog", "");
    let readme = fs::read_to_string(repository.join("README.md")).expect("it is there");
    let mut run = site.run(&["launch/patrol.toml", "speed=2"]);
    let lines = blocks(&readme, "sh").into_iter().flat_map(str::lines).filter(|line| !line.is_empty());
    let commands: Vec<_> = lines.filter(|line| !is_about_something_else(line)).collect();
    assert!(commands.len() > 10, "only {commands:?}");
    for command in commands {
        // What starts a run is checked only: there is one already.
        let ended = carry_out(&site, &["bash", "-o", "pipefail", "-c", &command.replace("dimos run ", "dimos check ")]);
        assert_eq!(ended.code, Some(0), "{command}\n{ended:?}");
    }
    for program in blocks(&readme, "python") {
        let ended = carry_out(&site, &["python3", "-c", program]);
        assert_eq!(ended.code, Some(0), "{program}\n{ended:?}");
    }
    assert_eq!(run.end_by("TERM"), Some(0));
    nothing_is_left();
}

/// The blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// What cannot or need not be done here; everything else is. Whoever adds a command to the README that is none of these sees it run.
fn is_about_something_else(command: &str) -> bool {
    let elsewhere = [
        // These build, test or measure the workspace itself, and other tests run what they build.
        "cargo ",
        // A module of one's own, in a crate of its own.
        "mesh=",
        "cd ../wander",
        "$mesh/",
        // Settings of the shell, and of the system.
        "alias ",
        "export ",
        "sudo ",
        // Other LCM programs; other tests run them.
        "lcm-source ",
        "lcm-sink ",
        "lcm-logger ",
        "python3 ",
    ];
    elsewhere.iter().any(|begin| command.starts_with(begin))
}

/// Runs it to its end, which has to come in time.
fn carry_out(site: &Site, command: &[&str]) -> Ended {
    let dimos = site.command(&[]).get_program().to_owned();
    let directory = Path::new(&dimos).parent().expect("it lies somewhere").display().to_string();
    let path = format!("{directory}:{}", std::env::var("PATH").unwrap_or_default());
    let mut process = Command::new("timeout");
    process.arg(PATIENCE.as_secs().to_string()).args(command).current_dir(site.path("")).stdin(Stdio::null());
    process.env("PATH", path).env("XDG_STATE_HOME", site.path("state")).env_remove("LCM_DEFAULT_URL");
    Ended::from(process.output().expect("it starts"))
}
