//! Every command in both of its forms: for people, and as JSON. A command that is not in the table below fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use mesh_tests::cli::run;
use mesh_tests::run::{Site, nothing_is_left};
use mesh_tests::{isolated, site};

/// What is done, in this order: the words of a command, what stands behind them, and what is to be expected.
const DONE: &[(&str, &[&str], Expected)] = &[
    ("run", &["-d", "patrol.toml", "--set", "patrol.begins_paused=true"], Expected::Once),
    ("check", &["patrol.toml"], Expected::Output),
    ("status", &[], Expected::Output),
    ("log", &["-n", "3"], Expected::Output),
    ("list", &[], Expected::Output),
    ("top", &["--count", "1"], Expected::Output),
    ("events", &["--for", "300ms"], Expected::Nothing),
    ("graph", &["--for", "300ms"], Expected::Output),
    ("show-config", &["mapper"], Expected::Output),
    ("doctor", &[], Expected::Output),
    ("bench", &["--for", "300ms"], Expected::Output),
    ("module info", &["mapper"], Expected::Output),
    ("rpc list", &[], Expected::Output),
    ("rpc call", &["mapper.status"], Expected::Output),
    // Without requests they have nothing to answer.
    ("rpc serve-stdio", &[], Expected::Nothing),
    ("shell", &[], Expected::Nothing),
    ("type check", &[], Expected::Nothing),
    ("skill list", &[], Expected::Output),
    ("skill call", &["halt"], Expected::Output),
    ("topic list", &["--for", "1s"], Expected::Output),
    ("topic info", &["/odom", "--for", "1s"], Expected::Output),
    ("topic hz", &["/odom", "--count", "5"], Expected::Output),
    ("topic bw", &["/odom", "--count", "5"], Expected::Output),
    ("topic delay", &["/odom", "--count", "5"], Expected::Output),
    ("topic echo", &["/odom", "--count", "2"], Expected::Output),
    ("topic pub", &["/text#std_msgs.String", "{\"data\": \"hello\"}"], Expected::Once),
    ("spy", &["--for", "300ms"], Expected::Output),
    ("type list", &[], Expected::Output),
    ("type show", &["geometry_msgs.Twist"], Expected::Output),
    ("type fingerprint", &["geometry_msgs.Twist"], Expected::Output),
    ("record", &["run.lcmlog", "-c", "/odom", "--duration", "1s", "--force"], Expected::Output),
    ("play", &["run.lcmlog", "--fast", "--remap", "/odom=/played"], Expected::Output),
    ("recording info", &["run.lcmlog"], Expected::Output),
    ("recording cut", &["run.lcmlog", "part.lcmlog", "--end", "0.5", "--force"], Expected::Output),
    ("recording merge", &["run.lcmlog", "part.lcmlog", "both.lcmlog", "--force"], Expected::Output),
    ("recording repair", &["run.lcmlog", "whole.lcmlog", "--force"], Expected::Output),
    ("recording export", &["run.lcmlog", "run.mcap", "--force"], Expected::Output),
    ("completions", &["bash"], Expected::Output),
    ("man", &["man"], Expected::Output),
    ("help", &["exit-codes"], Expected::Output),
    ("load", &["mounts.toml"], Expected::Once),
    ("restart", &["mounts"], Expected::Once),
    ("unload", &["mounts"], Expected::Once),
    ("stop", &[], Expected::Once),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Output in both forms.
    Output,
    /// Success without a word.
    Nothing,
    /// It changes something, so it is done as JSON only.
    Once,
}

#[test]
fn every_command_speaks_to_people_and_as_json() {
    isolated!(MulticastOnLo);
    let site = site!();
    let patrol = concat!(env!("CARGO_MANIFEST_DIR"), "/../launch/patrol.toml");
    site.write("patrol.toml", &std::fs::read_to_string(Path::new(patrol)).expect("it is there"));
    site.write("mounts.toml", "modules.mounts.run = \"static-tf\"");
    let done: BTreeSet<String> = DONE.iter().map(|(command, ..)| (*command).to_owned()).collect();
    assert_eq!(leaves(&[]), done);
    for (command, arguments, expected) in DONE {
        let words: Vec<_> = command.split(' ').chain(arguments.iter().copied()).collect();
        let as_json = ended(&site, &[&words[..], &["--json"]].concat());
        assert_eq!(as_json.json_lines().is_empty(), *expected == Expected::Nothing, "{words:?}: {as_json:?}");
        if *expected != Expected::Once {
            let for_people = ended(&site, &words);
            assert_eq!(for_people.stdout.is_empty(), *expected == Expected::Nothing, "{words:?}: {for_people:?}");
        }
    }
    nothing_is_left();
}

/// The commands that have none within them.
fn leaves(words: &[&str]) -> BTreeSet<String> {
    let help = run(&[&["help"], words, &["--json"]].concat()).json_lines().remove(0);
    let within = help["commands"].as_array().expect("commands");
    if within.is_empty() {
        return [words.join(" ")].into();
    }
    within.iter().flat_map(|command| leaves(&[words, &[command.as_str().expect("a name")]].concat())).collect()
}

fn ended(site: &Site, words: &[&str]) -> mesh_tests::cli::Ended {
    let ended = site.dimos(words);
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    ended
}
