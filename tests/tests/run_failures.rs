//! Runs that do not come up: nothing of them is left, and the error says which module, why, and where that stands.

use std::time::{Duration, Instant};

use mesh_tests::cli::Ended;
use mesh_tests::run::{Site, nothing_is_left};
use mesh_tests::{isolated, run_test_module, site};

#[test]
fn a_module_that_exits_at_once_stops_the_others_and_is_quoted() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script(
        "breaks",
        "echo it has no paper >&2; echo '{\"level\":\"error\",\"message\":\"out of ink\"}' >&2; exit 7",
    );
    site.script("stays", "exec sleep 1000");
    let launch = site.write(
        "breaks.toml",
        "[modules]\nbreaks = { run = \"breaks\", foreign = true }\nstays = { run = \"stays\", foreign = true, ready_after = \"60s\", start_within = \"90s\" }",
    );
    let failed = fails(&site, &launch, 10);
    for word in ["breaks", "exit code 7", "it has no paper", "out of ink"] {
        assert!(failed.contains(word), "no {word:?} in {failed}");
    }
}

#[test]
fn a_module_whose_start_hook_fails_is_quoted() {
    isolated!(MulticastOnLo);
    let site = site!();
    let both = format!(
        "[modules.ends]\n{}config.fails_to_start = true\n[modules.worker]\n{}",
        run_test_module!("Ends"),
        run_test_module!("Worker")
    );
    let failed = fails(&site, &site.write("both.toml", &format!("external = [\"/nap\", \"/release\"]\n{both}")), 10);
    assert!(failed.contains("ends") && failed.contains("no paper"), "{failed}");
}

#[test]
fn a_module_that_is_not_ready_in_time_is_ended_by_force() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("mute", "trap '' TERM; echo warming up; while :; do sleep 0.1; done");
    let launch = site.write(
        "mute.toml",
        "modules.mute = { run = \"mute\", foreign = true, ready_on = \"/scan\", start_within = \"700ms\" }",
    );
    let failed = fails(&site, &launch, 10);
    assert!(failed.contains("mute was not up within 700ms") && failed.contains("warming up"), "{failed}");
}

#[test]
fn an_executable_that_is_gone_or_cannot_be_executed_is_named() {
    isolated!(MulticastOnLo);
    let site = site!();
    let missing = site.write("missing.toml", "modules.camera = { run = \"./camera\", foreign = true }");
    let failed = fails(&site, &missing, 11);
    assert!(failed.contains("missing.toml:1:") && failed.contains("camera"), "{failed}");
    site.write("camera", "no program");
    let failed = fails(&site, &missing, 11);
    assert!(failed.contains("camera"), "{failed}");
    site.script("camera", "exit 0");
    site.write("camera", "#!/no/such/interpreter\n");
    std::process::Command::new("chmod").args(["+x", "camera"]).current_dir(site.path("")).status().expect("chmod");
    let failed = fails(&site, &missing, 10);
    assert!(failed.contains("camera") && failed.contains("No such file"), "{failed}");
}

#[test]
fn a_program_that_does_not_describe_itself_is_told_what_to_say() {
    isolated!(MulticastOnLo);
    let site = site!();
    site.script("tool", "echo unknown option $1 >&2; exit 2");
    let failed = fails(&site, &site.write("tool.toml", "[modules.tool]\nrun = \"tool\""), 11);
    for word in ["tool.toml:1:", "foreign = true", "unknown option --describe"] {
        assert!(failed.contains(word), "no {word:?} in {failed}");
    }
    site.script("tool", "echo hello");
    let failed = fails(&site, &site.path("tool.toml").display().to_string(), 11);
    assert!(failed.contains("something else"), "{failed}");
}

#[test]
fn what_is_wrong_with_a_launch_file_is_shown_where_it_stands_by_check_and_by_run() {
    isolated!(MulticastOnLo);
    let site = site!();
    let cases = [
        ("[modules.m]\nrun = \"maper\"", "2:7", "did you mean `mapper`"),
        ("[modules.m]\nrun = \"mapper\"\nconfig.cel_m = 1", "3:8", "cell_m"),
        ("[modules.m]\nrun = \"mapper\"", ":", "nobody"),
        ("[modules.m\nrun = 1", "1:", ""),
        ("[modules.a]\nrun = \"robot-sim\"\nremap.scan = \"/odom\"", ":", "/odom"),
        ("[modules.coordinator]\nrun = \"static-tf\"", "1:10", "call the module something else"),
    ];
    for (text, place, words) in cases {
        let launch = site.write("wrong.toml", text);
        for command in ["check", "run"] {
            let wrong = site.dimos(&[command, "wrong.toml"]);
            assert_eq!(wrong.code, Some(11), "{launch}: {text}: {wrong:?}");
            assert!(
                wrong.stderr.contains(&format!("wrong.toml:{}", place.trim_start_matches(':'))),
                "{text}: {}",
                wrong.stderr
            );
            assert!(wrong.stderr.contains(words), "{text}: {}", wrong.stderr);
        }
    }
    nothing_is_left();
}

#[test]
fn a_check_starts_nothing_and_says_that_all_is_well() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mark = site.path("started");
    site.script("tool", &format!("echo > {}", mark.display()));
    let launch =
        site.write("tool.toml", "modules.tool = { run = \"tool\", foreign = true }\nmodules.tf.run = \"static-tf\"");
    let checked = site.dimos(&["check", &launch]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(!mark.exists());
}

/// Runs it, and tells what it says on its failure.
fn fails(site: &Site, launch: &str, code: i32) -> String {
    let began = Instant::now();
    let failed: Ended = site.dimos(&["run", launch]);
    assert_eq!(failed.code, Some(code), "{failed:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{failed:?}");
    nothing_is_left();
    assert!(site.register().is_empty());
    failed.stderr
}
