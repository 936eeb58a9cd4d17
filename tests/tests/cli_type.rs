//! `dimos type`: definitions, fingerprints, and messages that pass through, good and bad. That all bytes of all types pass is tested
//! against the Python classes, in `types.rs`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mesh_tests::cli::{Ended, dimos, run};
use serde_json::json;

#[test]
fn types_are_listed_by_name_and_glob() {
    let all = run(&["type", "list", "--json"]);
    assert_eq!((all.code, all.stderr.as_str()), (Some(0), ""));
    let names = |ended: &Ended| {
        let list = ended.json_lines().remove(0);
        let names: Vec<_> = list.as_array().expect("a list").iter().map(|row| row["name"].clone()).collect();
        names
    };
    assert!(names(&all).len() > 213, "{}", names(&all).len());
    let twists = run(&["type", "list", "*.Twist*ed", "--json"]);
    assert_eq!(names(&twists), ["geometry_msgs.TwistStamped", "geometry_msgs.TwistWithCovarianceStamped"]);
    assert_eq!(twists.json_lines()[0][0]["fingerprint"], "9cd2bcbe6cb2a7c0");
    let table = run(&["type", "list", "std_msgs.Bool"]);
    assert!(table.stdout.lines().nth(1).is_some_and(|row| row.starts_with("std_msgs.Bool  1ebef06a50950e3e")));
    let own = run(&["type", "list", "depot.*", "--idl", IDL, "--json"]);
    assert_eq!(names(&own), ["depot.Pick", "depot.Readings"]);
    let package = run(&["type", "list", "std_msgs", "--json"]);
    assert_eq!(package.code, Some(4));
    assert!(package.json_error()["message"].as_str().is_some_and(|said| said.contains("did you mean 'std_msgs.*'?")));
    assert_eq!(run(&["type", "list", "--idl", "/nowhere"]).code, Some(2));
}

#[test]
fn a_definition_is_shown_as_the_file_that_makes_it_again() {
    let shown = run(&["type", "show", "nav_msgs.OccupancyGrid"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    let fingerprint = run(&["type", "fingerprint", "nav_msgs.OccupancyGrid"]).stdout;
    assert!(shown.stdout.starts_with(&format!("// Fingerprint {}, at least ", &fingerprint[..16])), "{shown:?}");
    let file = scratch("shown.lcm", &shown.stdout);
    assert_eq!(run(&["type", "fingerprint", &file]).stdout, fingerprint);
    let twist = run(&["type", "show", "geometry_msgs.Twist", "--json"]).json_lines().remove(0);
    assert_eq!(twist["same_fingerprint"], json!(["geometry_msgs.Accel"]));
    assert_eq!((&twist["kind"], &twist["size_bytes"]), (&json!("struct"), &json!({ "min": 56, "is_fixed": true })));
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind, "dimensions": [] });
    for (index, name) in ["linear", "angular"].into_iter().enumerate() {
        let mut shown = twist["fields"][index].clone();
        shown.as_object_mut().expect("a field").remove("doc");
        assert_eq!(shown, field(name, "geometry_msgs.Vector3"));
    }
    let own = run(&["type", "show", "depot.Pick", "--idl", IDL, "--json"]).json_lines().remove(0);
    assert_eq!(own["doc"], "What a gripper is to take, and where it lies.");
    assert_eq!(
        (&own["fields"][4]["dimensions"], &own["fields"][4]["doc"]),
        (&json!(["photo_length"]), &json!("As a JPEG file."))
    );
    let status = run(&["type", "show", "dimos_mesh.Claim", "--json"]).json_lines().remove(0);
    assert!(
        status["constants"].as_array().is_some_and(|constants| constants.iter().any(|one| one["name"] == "VERSION"))
    );
    let wrong = run(&["type", "show", "geometry_msgs.Twits", "--json"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.stderr.contains("did you mean geometry_msgs.Twist?"), "{wrong:?}");
}

#[test]
fn fingerprints_are_those_of_types_and_files_and_lead_back_to_types() {
    let both = run(&["type", "fingerprint", "std_msgs.Bool", "geometry_msgs.Twist"]);
    assert_eq!(both.stdout, "1ebef06a50950e3e std_msgs.Bool\n2e7c07d7cdf7e027 geometry_msgs.Twist\n");
    let own = run(&["type", "fingerprint", IDL, "--json"]).json_lines().remove(0);
    assert_eq!([0, 1].map(|index| own[index]["type"].clone()), ["depot.Pick", "depot.Readings"], "{own}");
    // Of files that are built in already.
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("lcm-types").join("idl/sensor_msgs/Image.lcm");
    let of_file = run(&["type", "fingerprint", image.to_str().expect("the path is UTF-8")]);
    assert_eq!(of_file.stdout, run(&["type", "fingerprint", "sensor_msgs.Image"]).stdout);
    let found = run(&["type", "fingerprint", "--find", "2e7c07d7cdf7e027", "--json"]).json_lines().remove(0);
    let row = |name: &str| json!({ "type": name, "fingerprint": "2e7c07d7cdf7e027" });
    assert_eq!(found, json!([row("geometry_msgs.Accel"), row("geometry_msgs.Twist")]));
    assert_eq!(run(&["type", "fingerprint", "--find", "0000000000000001"]).code, Some(4));
    assert_eq!(run(&["type", "fingerprint", "--find", "1"]).code, Some(2));
    assert_eq!(run(&["type", "fingerprint", "nothing.lcm"]).code, Some(4));
    assert_eq!(run(&["type", "fingerprint"]).code, Some(2));
    let faulty = run(&["type", "fingerprint", &scratch("faulty.lcm", "package a;\nstruct B { int32 n; }\n"), "--json"]);
    assert_eq!((faulty.code, faulty.stdout.as_str()), (Some(2), ""));
    assert!(faulty.json_error()["message"].as_str().is_some_and(|said| said.contains("faulty.lcm:2:")), "{faulty:?}");
    // Another definition of a type that there is.
    let other = run(&["type", "fingerprint", &scratch("other.lcm", "package std_msgs;\nstruct Bool { byte data; }\n")]);
    assert_eq!((other.code, other.stderr.contains("defined twice")), (Some(2), true), "{other:?}");
}

#[test]
fn junk_among_messages_is_named_by_its_line_and_disturbs_no_other() {
    let mut input = Vec::new();
    for line in [
        &b"std_msgs.Bool 1ebef06a50950e3e02"[..],
        b"",
        b"\xff\xfe\x00 not text",
        b"\x1b[2Jstd_msgs.Bool",
        b"std_msgs.Bool 1ebef06a50950e3",
        b"std_msgs.Bool {\"data\": tru",
        b"std_msgs.Bool {\"date\": true}",
        b"std_msgs.String 1ebef06a50950e3e02",
        b"std_msgs.Bool {\"data\": false}",
    ] {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    input.extend_from_slice(&b"x ".repeat(1 << 20));
    for via in ["owned", "view", "schema"] {
        let ended = check(&["--via", via], &input);
        assert_eq!(ended.code, Some(3), "{via}: {}", ended.stderr);
        assert_eq!(ended.stdout, "std_msgs.Bool 1ebef06a50950e3e01\nstd_msgs.Bool 1ebef06a50950e3e00\n", "{via}");
        let said: Vec<_> = ended.stderr.lines().collect();
        for (line, number) in said.iter().zip([3, 4, 5, 6, 7, 8, 10]) {
            assert!(line.starts_with(&format!("note: line {number}: ")), "{via}: {line}");
        }
        assert_eq!(said.last(), Some(&"error[incomplete]: 7 of 10 lines are no messages"), "{via}");
        assert!(!ended.stderr.contains('\x1b'), "{via}");
    }
    let json = check(&["--json"], &input);
    let expected = [true, false].map(|data| json!({ "type": "std_msgs.Bool", "data": { "data": data } }));
    assert_eq!(json.json_lines(), expected);
    assert_eq!(json.json_error()["data"], json!({ "lines": [3, 4, 5, 6, 7, 8, 10] }));
    assert_eq!(check(&[], b""), Ended { code: Some(0), stdout: String::new(), stderr: String::new() });
}

#[test]
fn types_that_are_not_expected_and_types_of_ones_own() {
    let bool_of = b"std_msgs.Bool 1ebef06a50950e3e01\n";
    assert_eq!(check(&["std_msgs.Bool"], bool_of).code, Some(0));
    let other = check(&["std_msgs.String", "std_msgs.Header"], bool_of);
    assert_eq!((other.code, other.stdout.as_str()), (Some(3), ""));
    assert!(other.stderr.contains("std_msgs.Bool: expected is std_msgs.String or std_msgs.Header"), "{other:?}");
    let unknown = check(&["std_msgs.Bol"], bool_of);
    assert_eq!((unknown.code, unknown.stderr.contains("did you mean std_msgs.Bool?")), (Some(2), true), "{unknown:?}");
    let own = b"depot.Readings {\"left\": [1.0], \"right\": [2.0]}\n";
    let bytes = check(&["--via", "schema", "--idl", IDL], own);
    assert_eq!(bytes.code, Some(0), "{bytes:?}");
    assert_eq!(check(&["--via", "schema", "--idl", IDL], bytes.stdout.as_bytes()).stdout, bytes.stdout);
    let not_built_in = check(&["--idl", IDL], own);
    assert_eq!((not_built_in.code, not_built_in.stderr.contains("try --via schema")), (Some(3), true));
}

#[test]
fn a_reader_that_has_enough_ends_them_as_a_success() {
    for command in
        ["yes 'std_msgs.Bool 1ebef06a50950e3e01' | $0 type check", "$0 type list", "$0 type show std_msgs.Bool"]
    {
        let mut shell = Command::new("bash");
        let index = usize::from(command.starts_with("yes"));
        shell
            .arg("-c")
            .arg(format!("{command} | head -1; echo ${{PIPESTATUS[{index}]}}"))
            .arg(dimos(&[]).get_program());
        let ended = Ended::from(shell.stdin(Stdio::null()).output().expect("it ends"));
        assert_eq!((ended.stdout.lines().last(), ended.stderr.as_str()), (Some("0"), ""), "{command}");
    }
}

/// `dimos type check` with this on stdin.
fn check(arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = dimos(&[&["type", "check"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        // It may end before it has read all of it.
        scope.spawn(move || drop(stdin.write_all(input)));
        Ended::from(child.wait_with_output().expect("it ends"))
    })
}

/// A file of this test run.
fn scratch(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("scratch can be written");
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// A user's types.
const IDL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/idl");
