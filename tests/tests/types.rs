//! Message types byte for byte: ours beside the Python classes that `lcm-gen` writes, and those of `dimos_lcm`.
//!
//! Ours is the command `dimos type check`, which reads lines `pkg.Type HEX` and writes each message decoded and encoded
//! again. `tests/peers/message_types.py` does the same with classes, and makes the messages. What the codec owes without a
//! peer is tested where it stands.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use mesh_tests::cli::dimos;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::test_name;

#[test]
fn bytes_of_every_type_pass_between_lcm_gen_and_ours() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let (classes, types) = lcm_gen(&wheel, &built_in_idl(), test_name!());
    assert_eq!(types, types_by_file());
    passes(&wheel, &classes, &types);
}

#[test]
fn bytes_of_every_type_pass_between_dimos_lcm_and_ours() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    for classes in DIMOS_LCM {
        passes(&wheel, Path::new(classes), &types_of_dimos_lcm());
    }
}

#[test]
fn json_of_every_type_says_what_the_classes_hold() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let (classes, types) = lcm_gen(&wheel, &built_in_idl(), test_name!());
    let made = make(&wheel, &classes, &types);
    for way in WAYS {
        says_what_classes_hold(&wheel, &classes, &made, &["--via", way]);
    }
}

#[test]
fn json_written_in_python_becomes_the_bytes_of_the_classes() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let (classes, types) = lcm_gen(&wheel, &built_in_idl(), test_name!());
    let said = make_and("say", &wheel, &classes, &types);
    for way in WAYS {
        becomes_bytes(&said, &["--via", way]);
    }
}

#[test]
fn json_that_says_something_else_is_noticed() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let classes = Path::new(DIMOS_LCM[0]);
    let types = ["visualization_msgs.Marker", "sensor_msgs.CompressedImage"];
    let made = make(&wheel, classes, &types.map(str::to_owned).into());
    // Nothing but zeros is in the first message of each type.
    let zero = types.map(|name| made.iter().find(|line| name_and_hex(line).0 == name).expect("it was made").clone());
    let right = with_json(&zero, &[]);
    assert_eq!(compare(&wheel, classes, &right), [""; 0]);
    let in_marker = [
        (r#""id":0"#, r#""id":1"#),
        (r#""id":0"#, r#""id":0.0"#),
        (r#""id":0"#, r#""identity":0"#),
        (r#""id":0,"type":0"#, r#""type":0,"id":0"#),
        (r#""id":0,"#, ""),
        ("{", r#"{"points_length":0,"#),
        (r#""nsec":0"#, r#""nsec":null"#),
        (r#""z":0.0"#, r#""z":-0.0"#),
        (r#""z":0.0"#, r#""z":"NaN""#),
        (r#""r":0.0"#, r#""r":1e-45"#),
        (r#""text":"""#, r#""text":"\u0000""#),
        (r#""frame_locked":false"#, r#""frame_locked":0"#),
        (r#""points":[]"#, r#""points":[{"x":0.0,"y":0.0,"z":0.0}]"#),
        (r#""points":[]"#, r#""points":{}"#),
    ];
    let in_image = [(r#""data":"""#, r#""data":"AA==""#), (r#""data":"""#, r#""data":[]"#)];
    let wrong = |right: &String, (this, that): (&str, &str)| {
        assert!(right.contains(this), "{right}");
        right.replacen(this, that, 1)
    };
    let wrong_markers = in_marker.map(|change| wrong(&right[0], change));
    let wrong_images = in_image.map(|change| wrong(&right[1], change));
    let all = [&wrong_markers[..], &wrong_images[..]].concat();
    let noticed = compare(&wheel, classes, &all);
    let numbers: Vec<_> = noticed.iter().map(|line| line.split(':').next().expect("a line is not empty")).collect();
    assert_eq!(numbers, (1..=all.len()).map(|number| format!("line {number}")).collect::<Vec<_>>(), "{noticed:#?}");
}

#[test]
fn types_of_ones_own_pass_by_their_idl() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/own_types");
    let (classes, types) = lcm_gen(&wheel, &idl, test_name!());
    let made = make(&wheel, &classes, &types);
    let options = ["--via", "schema", "--idl", idl.to_str().expect("the path is UTF-8")];
    passes_ours(&made, &options);
    passes_classes(&wheel, &classes, &made);
    says_what_classes_hold(&wheel, &classes, &made, &options);
    becomes_bytes(&make_and("say", &wheel, &classes, &types), &options);
}

#[test]
fn bytes_that_no_encoder_writes_come_out_alike() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let bool_of = |rest: &str| format!("std_msgs.Bool {BOOL}{rest}");
    let given = ["02", "ff", "80", "0001", "01000000"].map(bool_of);
    let expected = ["01", "01", "01", "00", "01"].map(bool_of);
    for way in WAYS {
        let answer = feed(ours().args(["--via", way]), &given);
        assert_eq!((answer.status.code(), &*answer.stderr), (Some(0), ""), "{way}");
        assert_eq!(answer.lines, expected, "{way}");
    }
    for classes in DIMOS_LCM {
        assert_eq!(feed(python(&wheel, Path::new(classes)).arg("again"), &given).lines, expected);
    }
}

#[test]
fn a_bad_line_is_named_and_the_others_are_answered() {
    // Of one transform with empty names, or more.
    let message = |rest: &str| format!("tf2_msgs.TFMessage {TF_MESSAGE}{rest}");
    let transform = format!("{STAMP}{EMPTY}{EMPTY}{POSE}");
    let good = message(&format!("00000001{transform}"));
    let lines = [
        (good.clone(), &[][..]),
        ("no_such.Type 00".to_owned(), &["no_such.Type"]),
        (good.clone() + "0", &["hex"]),
        (good.clone() + "0g", &["hex"]),
        ("tf2_msgs.TFMessage".to_owned(), &[]),
        (good.replace("TFMessage", "Message"), &["tf2_msgs.Message"]),
        (good.replace(TF_MESSAGE, "0123456789abcdef"), &["at byte 0", "0123456789abcdef", TF_MESSAGE]),
        (good[..good.len() - 2].to_owned(), &["transforms"]),
        ("tf2_msgs.TFMessage 00".to_owned(), &["at byte 0"]),
        (message("ffffffff"), &["transforms_length: at byte 8", "-1"]),
        (
            message(&format!("00000002{transform}{STAMP}000003e878{EMPTY}{POSE}")),
            &["transforms[1].header.frame_id: at byte 106", "1000 bytes are needed, 62 are left"],
        ),
        (
            message(&format!("00000001{STAMP}0000000078{EMPTY}{POSE}")),
            &["transforms[0].header.frame_id: at byte 24", "length 0"],
        ),
        (
            message(&format!("00000001{STAMP}0000000178{EMPTY}{POSE}")),
            &["transforms[0].header.frame_id: at byte 28", "NUL"],
        ),
        (good.clone(), &[]),
    ];
    let given = lines.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>();
    for way in WAYS {
        let answer = feed(ours().args(["--via", way]), &given);
        assert_eq!(answer.status.code(), Some(3), "{way}: {}", answer.stderr);
        assert_eq!(answer.lines, [good.clone(), good.clone()], "{way}");
        let mut said = answer.stderr.lines();
        let last = said.next_back().expect("it says that there were bad ones");
        assert_eq!(last, "error[incomplete]: 12 of 14 lines are no messages", "{way}");
        for (number, (line, words)) in (1..).zip(&lines) {
            if *line != good {
                let said = said.next().unwrap_or_else(|| panic!("{way}: {line}"));
                assert!(said.contains(&format!("line {number}")), "{way}: {said}");
                assert!(words.iter().all(|word| said.contains(word)), "{way}: {said}");
            }
        }
        assert_eq!(said.next(), None, "{way}");
    }
}

/// Messages made with the classes pass through ours every way; what comes out passes through the classes.
fn passes(wheel: &Wheel, classes: &Path, types: &BTreeSet<String>) {
    let made = make(wheel, classes, types);
    for way in WAYS {
        passes_ours(&made, &["--via", way]);
    }
    passes_classes(wheel, classes, &made);
}

/// Ours takes every message and gives the same bytes.
fn passes_ours(made: &[String], options: &[&str]) {
    let signalling = made.iter().filter_map(|line| with_signalling_nan(line));
    let lines: Vec<_> = made.iter().cloned().chain(signalling).collect();
    assert!(lines.len() > made.len(), "no message has a float to be a signalling NaN");
    let answer = feed(ours().args(options), &lines);
    assert_eq!((answer.status.code(), &*answer.stderr), (Some(0), ""), "{options:?}");
    assert_unchanged(&lines, &answer.lines, &format!("dimos type check {options:?}"));
}

/// The classes take every message, which by now is one of ours, and give the same bytes.
fn passes_classes(wheel: &Wheel, classes: &Path, messages: &[String]) {
    let answer = feed(python(wheel, classes).arg("again"), messages);
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_unchanged(messages, &answer.lines, &classes.to_string_lossy());
}

/// The JSON that ours makes of the messages has the values that the classes decode.
fn says_what_classes_hold(wheel: &Wheel, classes: &Path, messages: &[String], options: &[&str]) {
    let differences = compare(wheel, classes, &with_json(messages, options));
    let first = &differences[..differences.len().min(10)];
    assert!(first.is_empty(), "{options:?}: {} differences, such as {first:#?}", differences.len());
}

/// The messages, each with the JSON that ours makes of it.
fn with_json(messages: &[String], options: &[&str]) -> Vec<String> {
    let answer = feed(ours().arg("--json").args(options), messages);
    assert_eq!((answer.status.code(), &*answer.stderr), (Some(0), ""), "{options:?}");
    assert_eq!(answer.lines.len(), messages.len(), "{options:?}");
    let joined = messages.iter().zip(&answer.lines).map(|(message, said)| {
        // As a text: what reads it would write its numbers in another way.
        let start = format!("{{\"type\":\"{}\",\"data\":", name_and_hex(message).0);
        let json = said.strip_prefix(&start).and_then(|rest| rest.strip_suffix('}'));
        format!("{message} {}", json.unwrap_or_else(|| panic!("{said}")))
    });
    joined.collect()
}

/// Where JSON says something else than the class holds, a line each.
fn compare(wheel: &Wheel, classes: &Path, messages_with_json: &[String]) -> Vec<String> {
    let answer = feed(python(wheel, classes).arg("compare"), messages_with_json);
    assert!(answer.status.success(), "{}", answer.stderr);
    answer.lines
}

/// Ours makes the bytes of each message of its JSON.
fn becomes_bytes(said: &[String], options: &[&str]) {
    // A message that is an enum is a number in JSON, which is taken for hexadecimal.
    let split = said.iter().filter_map(|line| {
        let (message, json) = line.split_at(line.find(" {")?);
        Some((message.to_owned(), format!("{}{json}", name_and_hex(message).0)))
    });
    let (messages, json): (Vec<_>, Vec<_>) = split.unzip();
    let answer = feed(ours().args(options), &json);
    assert_eq!((answer.status.code(), &*answer.stderr), (Some(0), ""), "{options:?}");
    assert_unchanged(&messages, &answer.lines, &format!("JSON {options:?}"));
}

/// Messages of the types, random ones and extreme ones, as lines.
fn make(wheel: &Wheel, classes: &Path, types: &BTreeSet<String>) -> Vec<String> {
    make_and("make", wheel, classes, types)
}

/// The same, with a command of `message_types.py` that makes messages.
fn make_and(command: &str, wheel: &Wheel, classes: &Path, types: &BTreeSet<String>) -> Vec<String> {
    let seed = std::env::var(SEED).unwrap_or_else(|_| RandomState::new().hash_one(()).to_string());
    eprintln!("{SEED}={seed} makes the messages of {} again", classes.display());
    let answer = feed(python(wheel, classes).args([command, &seed, RANDOM_MESSAGES]).args(types), &[]);
    assert!(answer.status.success(), "{}", answer.stderr);
    let made: BTreeSet<_> = answer.lines.iter().map(|line| name_and_hex(line).0.to_owned()).collect();
    assert_eq!(made, *types);
    answer.lines
}

/// The directory of the classes that `lcm-gen` writes from all the IDL below a directory, and the types that they are of.
fn lcm_gen(wheel: &Wheel, idl: &Path, test: &str) -> (PathBuf, BTreeSet<String>) {
    let classes = scratch(&format!("{test}-classes"));
    if classes.exists() {
        fs::remove_dir_all(&classes).expect("scratch can be removed");
    }
    fs::create_dir_all(&classes).expect("scratch can be written");
    for file in files_below(idl, "lcm") {
        // One by one: the package of one file would be that of the next, if that has none.
        run(wheel.program("lcm-gen").args(["-p", "--ppath"]).arg(&classes).arg(file));
    }
    let mut types = names_below(&classes, "py");
    types.retain(|name| !name.ends_with("__init__"));
    (classes, types)
}

/// The types of dimos-lcm, as our IDL has them.
fn types_of_dimos_lcm() -> BTreeSet<String> {
    let mut types = types_by_file();
    types.retain(|name| !name.starts_with(OUR_PACKAGE));
    assert_eq!(types.len(), 213);
    types
}

/// Our message types, each of which has a file of its own.
fn types_by_file() -> BTreeSet<String> {
    names_below(&built_in_idl(), "lcm")
}

/// The files as types: `a/b/C.lcm` as `a.b.C`.
fn names_below(directory: &Path, extension: &str) -> BTreeSet<String> {
    let names = files_below(directory, extension).into_iter().map(|file| {
        let file = file.with_extension("");
        let name = file.strip_prefix(directory).expect("the file was found there");
        name.to_str().expect("types have ASCII names").replace('/', ".")
    });
    names.collect()
}

fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("directories here can be read").path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn built_in_idl() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("lcm-types").join("idl")
}

/// The command under test.
fn ours() -> Command {
    dimos(&["type", "check"])
}

fn python(wheel: &Wheel, classes: &Path) -> Command {
    let mut command = wheel.script("message_types.py");
    command.arg(classes);
    command
}

#[derive(Debug)]
struct Answer {
    status: ExitStatus,
    lines: Vec<String>,
    stderr: String,
}

/// Runs a program to its end, with these lines on its stdin.
fn feed(command: &Command, lines: &[String]) -> Answer {
    // From a file: a program that hangs does not block who writes to it.
    let file = scratch(&format!("fed-{:016x}", RandomState::new().hash_one(())));
    fs::write(&file, lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>())
        .expect("scratch can be written");
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" <\"$0\""]).arg(&file).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env_remove("DIMOS_IDL_PATH");
    let mut process = Process::start(&mut shell);
    let status = process.wait(PATIENCE);
    fs::remove_file(&file).expect("scratch can be removed");
    Answer { status, lines: process.remaining_lines(), stderr: process.stderr() }
}

fn assert_unchanged(given: &[String], answered: &[String], by: &str) {
    for (number, (given, answered)) in (1..).zip(given.iter().zip(answered)) {
        if given != answered {
            let ((name, given), (_, answered)) = (name_and_hex(given), name_and_hex(answered));
            let same = given.bytes().zip(answered.bytes()).take_while(|(one, other)| one == other).count();
            let around = |hex: &str| hex[same.saturating_sub(32).min(hex.len())..(same + 64).min(hex.len())].to_owned();
            let (given, answered) = (around(given), around(answered));
            panic!(
                "{by} changes line {number}, a {name}, from byte {} on: ...{given}... is ...{answered}...",
                same / 2
            );
        }
    }
    assert_eq!(given.len(), answered.len(), "messages that come out of {by}");
}

/// The message with its marked float as a signalling NaN, which Python would make a quiet one.
fn with_signalling_nan(line: &str) -> Option<String> {
    let (name, hex) = name_and_hex(line);
    let mut found = hex.match_indices("7fc5a5a5").map(|(at, _)| at);
    let at = found.find(|at| at % 2 == 0)?;
    Some(format!("{name} {}7f85a5a5{}", &hex[..at], &hex[at + 8..]))
}

fn name_and_hex(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// A file of this test run.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// How ours can go from bytes to bytes.
const WAYS: [&str; 3] = ["owned", "view", "schema"];

/// The two copies of the classes that dimos-lcm has; those of the first contain some of the second.
const DIMOS_LCM: [&str; 2] = ["dimos_lcm", "lcm_msgs"];

/// The fingerprint of `std_msgs.Bool`.
const BOOL: &str = "1ebef06a50950e3e";

/// The fingerprint of `tf2_msgs.TFMessage`; of a transform the beginning, a name, and the numbers at the end.
const TF_MESSAGE: &str = "c2b8a1c33a8923ec";
const STAMP: &str = "000000010000000200000003";
const EMPTY: &str = "0000000100";
const POSE: &str = concat!(
    "3ff00000000000004000000000000000c000000000000000",
    "0000000000000000000000000000000080000000000000003ff0000000000000",
);

/// Types that dimos-lcm does not have.
const OUR_PACKAGE: &str = "dimos_mesh.";

/// Of each type; the extreme ones come on top.
const RANDOM_MESSAGES: &str = "20";

/// The environment variable with the seed of the messages.
const SEED: &str = "TYPES_SEED";
