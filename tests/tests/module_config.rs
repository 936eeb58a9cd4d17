//! Where the configuration of a module comes from, and what is said of one that is wrong.

use std::path::PathBuf;

use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::test_module;
use serde_json::{Value, json};

#[test]
fn the_command_line_goes_before_the_launch_line_the_environment_files_and_defaults() {
    let file = file("layers", "period_ms = 1\ntakes_ms = 1\nis_loud = true\n[weights]\na = 1.0\nb = 1.0\n");
    let mut process = Process::start(
        test_module!("Ticker")
            .args(["--show-config=json", "--stdin", "--config-file", &file, "--config", "names=[\"c\"]"])
            .args(["--config", "weights.b=4.5"])
            .env("DIMOS_CONFIG__TICKER__TAKES_MS", "2")
            .env("DIMOS_CONFIG__TICKER__PERIOD_MS", "2")
            // Of another module.
            .env("DIMOS_CONFIG__OTHER__PERIOD_MS", "9"),
    );
    process.write_line(r#"{"config": {"period_ms": 3, "names": ["b"]}}"#);
    process.close_stdin();
    let shown: Value = serde_json::from_str(&process.remaining_lines().join("\n")).expect("it is JSON");
    assert!(process.wait(PATIENCE).success(), "{}", process.stderr());
    let expected = json!({
        "period_ms": 3, "takes_ms": 2, "is_loud": true, "names": ["c"], "weights": { "a": 1.0, "b": 4.5 },
    });
    assert_eq!(shown["config"], expected);
    let source = |key: &str| shown["sources"][key].as_str().unwrap_or_default().to_owned();
    assert!(source("takes_ms").contains("DIMOS_CONFIG__TICKER__TAKES_MS"), "{shown}");
    assert!(source("is_loud").contains(&file), "{shown}");
    assert!(source("weights.b").contains("weights.b=4.5"), "{shown}");
}

#[test]
fn the_effective_configuration_is_shown_with_its_sources() {
    let shown = run(test_module!("Ticker").args(["--show-config", "--period_ms", "7"]));
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("period_ms").contains('7') && line("period_ms").contains("--period_ms"), "{shown}");
    assert!(line("is_loud").contains("false") && line("is_loud").contains("default"), "{shown}");
    // The environment's keys go by the module's name.
    let mut command = test_module!("Ticker");
    command.args(["--show-config", "--namespace", "robot0", "--name", "front"]);
    let shown = run(command.env("DIMOS_CONFIG__ROBOT0_FRONT__PERIOD_MS", "11"));
    assert!(shown.contains("11"), "{shown}");
}

#[test]
fn what_is_wrong_is_told_with_what_was_meant_and_exit_code_2() {
    let wrong = |arguments: &[&str], environment: &[(&str, &str)], line: Option<&str>| {
        let mut command = test_module!("Ticker");
        command.args(arguments).envs(environment.iter().copied());
        let mut process = Process::start(&mut command);
        if let Some(line) = line {
            process.write_line(line);
        }
        process.close_stdin();
        assert_eq!(process.wait(PATIENCE).code(), Some(2), "{arguments:?}: {}", process.stderr());
        process.stderr()
    };
    let told = |text: String, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    };
    told(wrong(&["--config", "perod_ms=1"], &[], None), &["perod_ms", "period_ms"]);
    told(wrong(&["--config", "period_ms=soon"], &[], None), &["period_ms", "soon"]);
    told(wrong(&["--config", "period_ms"], &[], None), &["key=value"]);
    told(wrong(&["--perod_ms", "1"], &[], None), &["--period_ms"]);
    told(wrong(&["--is_loud", "perhaps"], &[], None), &["is_loud"]);
    let file = file("wrong", "[weights]\na = \"heavy\"\n[other]\n");
    told(wrong(&["--config-file", &file], &[], None), &["weights.a", "other", "wrong.toml"]);
    told(wrong(&["--config-file", "/no/such.toml"], &[], None), &["/no/such.toml"]);
    told(wrong(&[], &[("DIMOS_CONFIG__TICKER__PEROD_MS", "1")], None), &["DIMOS_CONFIG__TICKER__PERIOD_MS"]);
    told(wrong(&["--stdin"], &[], Some(r#"{"config": {"perod_ms": 1}}"#)), &["perod_ms", "period_ms"]);
    told(wrong(&["--stdin"], &[], Some(r#"{"config": [1]}"#)), &["object"]);
}

fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    std::fs::write(&path, text).expect("scratch can be written");
    path.to_string_lossy().into_owned()
}
