//! `dimos bench`: what it measures is what there is, and its second process never outlives it.

use std::process::Command;

use mesh_tests::cli::{Ended, dimos, press_ctrl_c, run};
use mesh_tests::hosts::{FarHost, lose_percent};
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::{nothing_is_left, signal, those_with};
use mesh_tests::{isolated, site, test_name};
use serde_json::Value;

#[test]
fn round_trips_are_told_in_both_forms() {
    isolated!(MulticastOnLo);
    let ended = run(&["bench", "--for", "2s", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report(&ended);
    let trips = &report["ping_pong"];
    assert!(trips["sent"].as_u64().is_some_and(|sent| sent > 10), "{report:#}");
    assert_eq!((&trips["sent"], &trips["lost"]), (&trips["back"], &Value::from(0)));
    let of = |name: &str| trips["round_trip_s"][name].as_f64().expect("a time");
    assert!(of("min") > 0.0 && ["min", "p50", "p90", "p99", "p999", "max"].map(of).is_sorted(), "{report:#}");
    let counted: u64 =
        trips["histogram"].as_array().expect("bars").iter().filter_map(|bar| bar["count"].as_u64()).sum();
    assert_eq!(Some(counted), trips["back"].as_u64(), "{report:#}");
    // What it does to the bus is said before.
    assert!(ended.stderr.contains("200 messages a second go there and back"), "{ended:?}");
    let for_people = run(&["bench", "--for", "300ms", "--rate", "max"]);
    assert!(
        for_people.stdout.contains("round trips of 64 B") && for_people.stdout.contains("99.9 %"),
        "{for_people:?}"
    );
    assert!(for_people.stdout.contains(" ##"), "{for_people:?}");
    nothing_is_left();
}

#[test]
fn a_flood_is_counted_on_both_sides() {
    isolated!(MulticastOnLo);
    let ended =
        run(&["bench", "--for", "100ms", "--flood", "--json", "--bus", "udpm://239.255.76.67:7667?ttl=0&pace=4000000"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report(&ended);
    let floods = report["floods"].as_array().expect("floods");
    assert_eq!(floods.iter().map(|flood| flood["size"].as_u64()).collect::<Vec<_>>(), [Some(64), Some(1_000_000)]);
    for flood in floods {
        let number = |value: &Value| value.as_u64().expect("a number");
        let (sent, received, lost) = (number(&flood["sent"]), number(&flood["received"]), &flood["lost"]);
        assert!(received > 0 && flood["received_bytes_per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{flood:#}");
        let [network, kernel, queue] = ["network", "kernel", "queue"].map(|place| number(&lost[place]));
        assert_eq!(sent, received + network + kernel + queue, "{flood:#}");
        // There is no network, and the kernel drops nothing without a count.
        assert!(network == 0 && kernel <= number(&flood["kernel_datagrams"]), "{flood:#}");
    }
    nothing_is_left();
}

#[test]
fn what_the_receive_buffer_drops_is_taken_for_nothing_else() {
    isolated!(MulticastOnLo);
    let small = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=20000";
    let ended = run(&["bench", "--for", "100ms", "--flood", "--json", "--bus", small]);
    for flood in report(&ended)["floods"].as_array().expect("floods") {
        let lost = &flood["lost"];
        assert!(lost["kernel"].as_u64().is_some_and(|lost| lost > 0) && lost["network"] == 0, "{flood:#}");
    }
    // Slowly enough, nothing is lost.
    let ended = run(&["bench", "--for", "100ms", "--size", "1000", "--flood", "--json", "--bus", SLOWLY]);
    for flood in report(&ended)["floods"].as_array().expect("floods") {
        assert_eq!(flood["sent"], flood["received"], "{flood:#}");
        assert!(flood["sent_bytes_per_s"].as_f64().is_some_and(|rate| rate < 1e6), "{flood:#}");
    }
    nothing_is_left();
}

#[test]
fn what_the_network_loses_is_told_and_ends_with_3() {
    isolated!(MulticastOnLo);
    if !lose_percent(test_name!(), 20) {
        return;
    }
    let ended = run(&["bench", "--for", "5s", "--rate", "max", "--flood", "--json", "--bus", SLOWLY]);
    assert_eq!((ended.code, &ended.json_error()["code"]), (Some(3), &Value::from("incomplete")), "{ended:?}");
    let report = report(&ended);
    assert!(report["ping_pong"]["lost"].as_u64().is_some_and(|lost| lost > 0), "{report:#}");
    let small = &report["floods"][0];
    let share = small["lost"]["network"].as_f64().expect("a number") / small["sent"].as_f64().expect("a number");
    // Slowly enough for the receive buffer.
    assert!((0.15..0.25).contains(&share), "{small:#}");
    nothing_is_left();
}

#[test]
fn without_an_answer_it_ends_with_5() {
    isolated!(MulticastOnLo);
    let table = "table inet t {\nchain c { type filter hook input priority 0; udp dport 7667 drop; }\n}";
    mesh_tests::process::run(Command::new("nft").arg(table));
    let ended = run(&["bench", "--json"]);
    assert_eq!((ended.code, &ended.json_error()["code"]), (Some(5), &Value::from("timed_out")), "{ended:?}");
    assert!(report(&ended)["ping_pong"]["round_trip_s"].is_null(), "{ended:?}");
    nothing_is_left();
}

#[test]
fn neither_side_outlives_the_other() {
    isolated!(MulticastOnLo);
    let begin = || {
        let mut bench = Process::start(&mut dimos(&["bench", "--for", "60s"]));
        bench.close_stdin();
        let other = eventually(|| format!("there are two: {}", bench.stderr()), || those_with("--answer").pop());
        (bench, other)
    };
    let (bench, _) = begin();
    signal(bench.id(), "KILL");
    eventually(|| "the other side ends".to_owned(), || those_with("--answer").is_empty().then_some(()));
    drop(bench);
    let (mut bench, other) = begin();
    signal(other, "KILL");
    assert_eq!(bench.wait(PATIENCE).code(), Some(1), "{}", bench.stderr());
    assert!(bench.stderr().contains("the other side is of no use"), "{}", bench.stderr());
    let (mut bench, _) = begin();
    press_ctrl_c(&bench);
    assert_eq!(bench.wait(PATIENCE).code(), Some(130));
    drop(bench);
    nothing_is_left();
}

#[test]
fn a_flood_that_leaves_the_host_is_asked_for_twice_and_no_bus_is_no_place_for_one() {
    isolated!(MulticastOnLo);
    let refused = run(&["bench", "--flood", "--bus", ACROSS]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("say --yes"), "{refused:?}");
    let large = run(&["bench", "--size", "1000000", "--rate", "max", "--bus", ACROSS]);
    assert!(large.code == Some(2) && large.stderr.contains("say --yes"), "{large:?}");
    let nowhere = run(&["bench", "--via", "ssh robot0", "--bus", "udpm://239.255.76.67:7667?ttl=0"]);
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("ttl=1"), "{nowhere:?}");
    assert_eq!(run(&["bench", "--bus", "memq://"]).code, Some(2));
    assert_eq!(run(&["bench", "--size", "1"]).code, Some(2));
    let nobody = run(&["bench", "--via", "/no/such/program", "--bus", ACROSS]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("cannot start the other side"), "{nobody:?}");
}

#[test]
fn the_other_side_may_be_on_another_host() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let program = dimos(&[]);
    let directory = std::path::Path::new(program.get_program()).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let there = far.command(&Command::new("sh"));
    let there: Vec<_> =
        std::iter::once(there.get_program()).chain(there.get_args()).map(|word| word.to_string_lossy()).collect();
    // As ssh does it: the words are joined, and a shell there reads them.
    let site = site!();
    let ssh = site.script("ssh", &format!("shift\nexec {} -c \"$*\"", there.join(" ")));
    // There is no interface of this name there.
    let bus = format!("{ACROSS}&iface={}&recv_buf_size=1000000", far.link());
    let mut bench = dimos(&["bench", "--for", "2s", "--json", "--bus", &bus, "--via", &format!("{ssh} robot0")]);
    bench.env("PATH", format!("{}:{path}", directory.display()));
    let ended = Ended::from(bench.stdin(std::process::Stdio::null()).output().expect("dimos starts"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(report(&ended)["ping_pong"]["back"].as_u64().is_some_and(|back| back > 10), "{ended:?}");
    assert!(ended.stderr.contains("on all of this network"), "{ended:?}");
}

fn report(ended: &Ended) -> Value {
    ended.json_lines().pop().unwrap_or_else(|| panic!("no report: {ended:?}"))
}

/// So slowly that a receive buffer of the usual size holds what comes while nobody has time to read.
const SLOWLY: &str = "udpm://239.255.76.67:7667?ttl=0&pace=200000";
const ACROSS: &str = "udpm://239.255.76.67:7667?ttl=1";
