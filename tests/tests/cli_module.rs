//! `dimos module`: a process that is a module, with its own command line and exit code.

use mesh_tests::cli::{dimos, press_ctrl_c, run};
use mesh_tests::isolated;
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process};

#[test]
fn what_follows_the_name_is_the_modules() {
    let described = run(&["module", "mapper", "--describe"]);
    assert_eq!(described.code, Some(0), "{described:?}");
    assert!(described.stdout.contains("\"class_name\": \"GridMapper\""), "{described:?}");
    assert!(run(&["module", "mapper", "--help"]).stdout.contains("Usage: dimos module mapper"));
    assert_eq!(run(&["module", "mapper", "--json"]).code, Some(2));
    assert!(run(&["module", "--json"]).json_lines()[0].to_string().contains("\"mapper\""));
    let unknown = run(&["--json", "module", "maper"]);
    assert_eq!(unknown.code, Some(4));
    assert!(unknown.json_error()["message"].to_string().contains("did you mean mapper?"), "{unknown:?}");
}

#[test]
fn everything_that_ships_describes_itself() {
    let listed = run(&["module", "--json"]).json_lines().remove(0);
    let names: Vec<_> = listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.len() > 3, "{names:?}");
    for name in names {
        let described = run(&["module", name, "--describe"]);
        assert_eq!(described.code, Some(0), "{name}: {described:?}");
    }
}

#[test]
fn it_runs_on_the_bus_that_was_named_until_it_is_stopped() {
    isolated!(MulticastOnLo);
    let url = "udpm://239.255.76.68:7668";
    let mut module = Process::start(&mut dimos(&["--bus", url, "module", "mapper", "--name", "robot0/mapper"]));
    module.close_stdin();
    eventually(
        || format!("it is listed; it says {}", module.stderr()),
        || {
            let listed = run(&["list", "--json", "--bus", url]).json_lines().remove(0);
            (listed[0]["name"] == "robot0/mapper" && listed[0]["pid"] == module.id()).then_some(())
        },
    );
    assert_eq!(run(&["list", "--json"]).stdout, "[]\n");
    press_ctrl_c(&module);
    assert_eq!(module.wait(PATIENCE).code(), Some(130), "{}", module.stderr());
}
