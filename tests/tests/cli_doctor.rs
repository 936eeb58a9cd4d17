//! `dimos doctor`: on hosts that are broken in some way it names the true cause, and what it says repairs that.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dimos::{Dimos, Options, Service};
use mesh_tests::cli::{Ended, dimos};
use mesh_tests::hosts::FarHost;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::netns::{ip, route_multicast};
use mesh_tests::process::{Process, run};
use mesh_tests::run::Site;
use mesh_tests::talk::Talker;
use mesh_tests::{isolated, site, test_module};
use serde_json::{Value, json};

/// What `dimos doctor` says.
#[derive(Debug)]
struct Diagnosis {
    ended: Ended,
    report: Value,
}

impl Diagnosis {
    /// Of the bus of a URL.
    fn of(url: &str) -> Self {
        Self::after(&[], url, &dimos(&["doctor", "--json"]))
    }

    /// After these commands of a shell, which may set the URL for all that follow them.
    fn after(commands: &[String], url: &str, doctor: &Command) -> Self {
        let script = [&["set -e".to_owned()], commands, &["exec \"$@\"".to_owned()]].concat().join("\n");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).arg(doctor.get_program()).args(doctor.get_args());
        for (name, value) in doctor.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell.env("LCM_DEFAULT_URL", url);
        let ended = Ended::from(shell.stdin(Stdio::null()).output().expect("a shell starts"));
        // Commands before it may have said something, too.
        let report = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let report = report.unwrap_or_else(|| panic!("no report: {ended:?}"));
        Self { ended, report }
    }

    /// A check that was made.
    fn check(&self, code: &str) -> &Value {
        let checks = self.report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["code"] == code).unwrap_or_else(|| panic!("no check {code}: {self:#?}"))
    }

    fn status(&self, code: &str) -> &str {
        self.check(code)["status"].as_str().expect("a status")
    }

    /// All checks that did not pass.
    fn unwell(&self) -> Vec<&str> {
        let checks = self.report["checks"].as_array().expect("checks").iter();
        checks.filter(|check| check["status"] != "pass").filter_map(|check| check["code"].as_str()).collect()
    }

    fn remedy(&self, code: &str) -> Vec<String> {
        let remedy = self.check(code)["remedy"].as_array().expect("commands").iter();
        remedy.map(|command| command.as_str().expect("a command").to_owned()).collect()
    }

    /// That a check has this status and says this, and the exit code.
    #[track_caller]
    fn says(&self, code: &str, status: &str, text: &str, exit_code: i32) -> &Self {
        let check = self.check(code);
        assert_eq!(check["status"], status, "{self:#?}");
        assert!(
            check["message"].as_str().is_some_and(|message| message.contains(text)),
            "{text:?} is not in {check:#}"
        );
        assert_eq!(self.ended.code, Some(exit_code), "{self:#?}");
        self
    }

    /// That what repairs the check does so: it passes then.
    #[track_caller]
    fn is_repaired(&self, code: &str, url: &str) -> Self {
        let remedy = self.remedy(code);
        assert!(!remedy.is_empty(), "{self:#?}");
        let repaired = Self::after(&remedy, url, &dimos(&["doctor", "--json"]));
        assert_eq!(repaired.status(code), "pass", "after {remedy:?}: {repaired:#?}");
        repaired
    }
}

#[test]
fn a_bus_that_works_passes_and_nothing_is_changed() {
    isolated!(MulticastOnLo);
    let before = [run(Command::new("ip").arg("address")), run(Command::new("nft").args(["list", "ruleset"]))];
    let well = Diagnosis::of(LOCAL);
    // How large receive buffers may be is a matter of the host that the test runs on.
    assert!(well.unwell().iter().all(|code| *code == "receive_buffer"), "{well:#?}");
    assert_eq!((well.ended.code, &well.report["is_usable"]), (Some(0), &json!(true)));
    let for_people = mesh_tests::cli::run(&["doctor"]);
    assert!(for_people.stdout.lines().count() > 12 && for_people.stdout.contains("PASS  round_trip"), "{for_people:?}");
    assert_eq!(before, [run(Command::new("ip").arg("address")), run(Command::new("nft").args(["list", "ruleset"]))]);
}

#[test]
fn urls_that_are_no_bus_are_told() {
    isolated!(MulticastOnLo);
    Diagnosis::of("udpm//x").says("url", "fail", "is not an LCM URL", 12).is_repaired("url", "udpm//x");
    Diagnosis::of("memq://").says("url", "warn", "no two programs meet", 0).is_repaired("url", "memq://");
    Diagnosis::of("file:///nowhere/x.lcmlog").says("url", "fail", "cannot be played: No such file", 12);
    let site = site!();
    let waiting = site.path("waiting.lcmlog");
    run(Command::new("mkfifo").arg(&waiting));
    Diagnosis::of(&format!("file://{}", waiting.display())).says("url", "fail", "is no file that can be played", 12);
    let log = site.write("a.lcmlog", "");
    Diagnosis::of(&format!("file://{log}")).says("url", "pass", "an event log of 0 bytes", 0);
    let missing = format!("file://{}?mode=w", site.path("new/b.lcmlog").display());
    Diagnosis::of(&missing).says("url", "fail", "there is no directory", 12).is_repaired("url", &missing);
    assert!(!site.path("new/b.lcmlog").exists());
}

#[test]
fn without_a_multicast_route_others_do_not_start() {
    isolated!(NoMulticastRoute);
    let repaired = Diagnosis::of(LOCAL).says("route", "warn", "no multicast route", 0).is_repaired("route", LOCAL);
    repaired.says("interface", "pass", "lo, where the multicast route leads", 0);
    ip("route add prohibit 239.255.76.67/32");
    Diagnosis::of(LOCAL).says("route", "warn", "prohibit 239.255.76.67/32 refuses", 0).is_repaired("route", LOCAL);
}

#[test]
fn a_ttl_for_other_hosts_needs_a_way_to_them() {
    isolated!(MulticastOnLo);
    // There is none.
    Diagnosis::of(ACROSS).says("route", "fail", "nothing leaves this host", 3).is_repaired("route", ACROSS);
    let far = FarHost::join_by("wire", 1);
    let repaired =
        Diagnosis::of(ACROSS).says("route", "fail", "nothing leaves this host", 3).is_repaired("route", ACROSS);
    repaired.says("interface", "pass", "wire0, where the multicast route leads", 0);
    let on_lo = format!("{ACROSS}&iface=lo");
    Diagnosis::of(&on_lo).says("ttl", "fail", "the URL names lo", 3).is_repaired("ttl", &on_lo);
    // A line that is about fewer groups goes before the others.
    ip("route add 239.255.0.0/16 dev lo");
    Diagnosis::of(ACROSS).says("route", "fail", "239.255.0.0/16", 3).is_repaired("route", ACROSS);
    // The URL and the route disagree.
    let other = FarHost::join_by("other", 2);
    let on_other = format!("{ACROSS}&iface=other0");
    let split = Diagnosis::of(&on_other);
    split.says("route", "warn", "the URL names other0, but the multicast route", 0).is_repaired("route", &on_other);
    drop((far, other));
}

#[test]
fn an_interface_that_cannot_be_used_is_told_with_why() {
    isolated!(NoMulticastRoute);
    ip("link set lo down");
    Diagnosis::of(LOCAL)
        .says("interface", "fail", "lo, for want of a multicast route, is down", 12)
        .is_repaired("interface", LOCAL);
    let far = FarHost::join();
    let url = format!("{ACROSS}&iface={}", far.link());
    ip("link set wire0 multicast off");
    Diagnosis::of(&url).says("interface", "warn", "is not set up for multicast", 0).is_repaired("interface", &url);
    ip("link set wire0 down");
    Diagnosis::of(&url)
        .says("interface", "fail", "wire0, which the URL names, is down", 12)
        .is_repaired("interface", &url);
    ip("address flush dev wire0");
    let bare = Diagnosis::of(&url);
    bare.says("interface", "fail", "from 0.0.0.0, and dropped by other hosts", 3).is_repaired("interface", &url);
    far.ip("link set far0 down");
    Diagnosis::of(&url).says("interface", "warn", "nothing at its other end", 0);
    far.ip("link set far0 up");
    let nowhere = format!("{ACROSS}&iface=eth9");
    let gone = Diagnosis::of(&nowhere);
    gone.says("interface", "fail", "there is no interface eth9; there is lo, wire0", 12)
        .is_repaired("interface", &nowhere);
    // Where the kernel has another address to send from, the bus works.
    let aside = FarHost::join_by("aside", 2);
    ip("address flush dev wire0");
    Diagnosis::of(&url)
        .says("interface", "warn", "what this host sends is from 10.1.2.1", 0)
        .is_repaired("interface", &url);
    drop(aside);
}

#[test]
fn groups_and_ports_that_cannot_be_had_are_told() {
    isolated!(MulticastOnLo);
    run(Command::new("sysctl").args(["-w", "net.ipv4.igmp_max_memberships=0"]));
    let full = Diagnosis::of(LOCAL);
    full.says("membership", "fail", "net.ipv4.igmp_max_memberships allows no more", 12)
        .is_repaired("membership", LOCAL);
    // A program that does not share the port.
    let hold = "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('', 7667))\nprint('ready', flush=True)\ntime.sleep(600)";
    let mut hog = Process::start(Command::new("python3").args(["-c", hold]));
    hog.expect_line("ready", |line| line == "ready");
    let taken = Diagnosis::of(LOCAL);
    taken.says("membership", "fail", &format!("python3 (process {}) has port 7667 for itself", hog.id()), 12);
    taken.is_repaired("membership", LOCAL);
}

#[test]
fn a_receive_buffer_that_is_too_small_is_told_and_what_made_it_so() {
    isolated!(MulticastOnLo);
    let tiny = format!("{LOCAL}&recv_buf_size=4096");
    // Its own messages, which do not come all at once, may come back all the same; those of others are lost.
    let mut talker = Talker::start(peer(), LOCAL);
    talker.begin(b"IMAGE", 0, 1_000_000, 100_000, Duration::from_millis(50));
    let found = Diagnosis::of(&tiny);
    found.says("receive_buffer", "fail", "recv_buf_size=4096 in the URL", 3);
    found.says("loss", "warn", "its receive buffer too small", 3);
    if found.status("large_messages") == "fail" {
        found.says("large_messages", "fail", "because the receive buffer was full", 3);
    }
    // So may those that are small, unless they come when the buffer is full.
    assert!(["pass", "fail"].contains(&found.status("round_trip")), "{found:#?}");
    assert!(found.remedy("receive_buffer").contains(&found.remedy("loss")[0]), "{found:#?}");
    drop(talker);
    let repaired = Diagnosis::after(&found.remedy("loss"), &tiny, &dimos(&["doctor", "--json"]));
    assert_ne!(repaired.status("receive_buffer"), "fail", "{repaired:#?}");
    assert_eq!((repaired.status("large_messages"), repaired.status("loss")), ("pass", "pass"), "{repaired:#?}");
    // That it takes long to send them is no loss.
    Diagnosis::of(&format!("{LOCAL}&pace=1000000")).says("large_messages", "pass", "4 of 4", 0);
}

#[test]
fn what_has_nothing_to_do_with_the_bus_is_no_fault_of_it() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let aside = FarHost::join_by("aside", 2);
    far.ip("address add 10.9.9.9/24 dev far0");
    ip("route add 10.9.9.0/24 dev aside0");
    run(Command::new("sysctl").args(["-w", "net.ipv4.conf.wire0.rp_filter=1", "net.ipv4.ipfrag_time=1"]));
    let mut neighbour = Talker::start(far.command(&peer()), ACROSS);
    neighbour.begin(b"STATE", 0, 100, 100_000, Duration::from_millis(5));
    // Another bus, a reader of which is stuck, and which gets only the first fragment of each datagram.
    let other = "udpm://239.255.76.68:7669?ttl=1";
    let stuck = Bus::open_to_all(Reading::Inline, &format!("{other}&recv_buf_size=10000"));
    // One on this bus, the filter of which refuses all that comes.
    let idle = Process::start(dimos(&["topic", "hz", "/nothing"]).env("LCM_DEFAULT_URL", ACROSS));
    nft(
        "table ip t {\nchain c { type filter hook prerouting priority -450; ip saddr 10.1.1.2 ip frag-off & 0x1fff != 0 drop; }\n}",
    );
    let talkers = [("10.1.1.2", 200_000), ("10.1.1.2", 1000), ("10.9.9.9", 1000)].map(|(from, size)| {
        let mut talker = Talker::start(far.command(&peer()), &format!("{other}&iface={from}"));
        talker.begin(b"OTHER", 0, size, 100_000, Duration::from_millis(2));
        talker
    });
    thread::sleep(Duration::from_millis(1500));
    let well = Diagnosis::of("udpm://239.255.76.67:7667?ttl=0&iface=lo");
    for code in ["fragments", "reverse_path", "receivers", "loss"] {
        assert_eq!(well.status(code), "pass", "{well:#?}");
    }
    well.says("fragments", "pass", "they were not of the bus", 0);
    well.says("reverse_path", "pass", "none of them of the bus", 0);
    // On the wire they may be of the bus, but nothing says so.
    let across = Diagnosis::of(ACROSS);
    across.says("fragments", "unknown", "they may have been of other programs", 0);
    across.says("reverse_path", "warn", "whether they were of the bus cannot be told", 0);
    across.says("receivers", "pass", &format!("dimos (process {})", idle.id()), 0);
    across.says("receivers", "pass", "elsewhere on this host", 0).says("loss", "pass", "none of", 0);
    drop((talkers, stuck, idle, aside, neighbour));
}

#[test]
fn the_rule_that_drops_the_bus_is_named_whatever_its_form() {
    isolated!(MulticastOnLo);
    let tables = [
        (
            "chain c { type filter hook input priority 0; ip daddr 239.255.76.67 counter drop; }",
            "ip daddr 239.255.76.67 counter",
        ),
        (
            "chain c { type filter hook output priority 0; udp dport 7667 drop; }",
            "the rule `udp dport 7667 drop` in inet t c drops",
        ),
        (
            "chain c { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 accept; }",
            "the policy of inet t c drops them, since no rule accepts them",
        ),
        (
            "chain c { type filter hook prerouting priority -350; udp dport 7000-8000 drop; }",
            "udp dport 7000-8000 drop",
        ),
        (
            "chain s { ip daddr 224.0.0.0/4 reject; }\nchain c { type filter hook input priority 0; meta l4proto udp jump s; }",
            "the rule `ip daddr 224.0.0.0/4 reject",
        ),
        (
            "set p { type inet_service; elements = { 53, 7667 }; }\nchain c { type filter hook input priority 0; iifname \"lo\" udp dport @p drop; }",
            "udp dport @p drop",
        ),
    ];
    for (chains, named) in tables {
        nft(&format!("table inet t {{\n{chains}\n}}"));
        let blocked = Diagnosis::of(LOCAL);
        blocked.says("firewall", "fail", named, 12).says("round_trip", "fail", "", 12);
        let repaired = blocked.is_repaired("firewall", LOCAL);
        assert_eq!(repaired.status("round_trip"), "pass", "{chains}: {repaired:#?}");
        nft("flush ruleset");
    }
    // One that drops some of it.
    nft("table inet t {\nchain c { type filter hook input priority 0; numgen random mod 100 < 40 drop; }\n}");
    let lossy = Diagnosis::of(LOCAL);
    lossy.says("firewall", "fail", "may drop them", 3).says("round_trip", "fail", "do not all come back", 3);
    if lossy.status("large_messages") == "fail" {
        lossy.says("large_messages", "fail", "for the same reason as small ones", 3);
    }
    lossy.is_repaired("firewall", LOCAL).says("round_trip", "pass", "20 of 20", 0);
    nft("flush ruleset");
    // What has nothing to do with the bus is not blamed.
    nft(
        "table inet t {\nchain c { type filter hook input priority 0; udp dport 5353 drop; ip daddr 239.255.76.68 drop; }\n}",
    );
    Diagnosis::of(LOCAL).says("firewall", "pass", "no rule of nftables drops", 0);
}

#[test]
fn without_the_right_to_see_rules_it_says_so_and_how_to_look() {
    isolated!(MulticastOnLo);
    let doctor = dimos(&["doctor", "--json"]);
    let mut unprivileged = Command::new("setpriv");
    unprivileged.arg("--bounding-set=-all").arg(doctor.get_program()).args(doctor.get_args());
    Diagnosis::after(&[], LOCAL, &unprivileged).says("firewall", "unknown", "this host hears itself", 0);
    nft("table inet t {\nchain c { type filter hook input priority 0; udp dport 7667 drop; }\n}");
    let blocked = Diagnosis::after(&[], LOCAL, &unprivileged);
    blocked.says("firewall", "fail", "the rules that may say why cannot be seen", 12);
    assert!(blocked.remedy("firewall").contains(&"nft list ruleset".to_owned()), "{blocked:#?}");
}

#[test]
fn a_rule_that_only_other_hosts_meet_is_found_too() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    nft(
        "table inet t {\nchain c { type filter hook input priority 0; iifname \"wire0\" ip saddr != 10.1.1.1 drop; }\n}",
    );
    let found = Diagnosis::of(ACROSS);
    found.says(
        "firewall",
        "warn",
        "of other hosts may not get in: the rule `iifname \"wire0\" ip saddr != 10.1.1.1 drop`",
        0,
    );
    found.is_repaired("firewall", ACROSS);
    nft("flush ruleset");
    nft("table inet t {\nchain c { type filter hook input priority 0; policy drop; ip saddr 10.1.1.1 accept; }\n}");
    Diagnosis::of(ACROSS).says("firewall", "warn", "may not get in", 0).is_repaired("firewall", ACROSS);
    drop(far);
}

#[test]
fn hosts_that_are_heard_but_do_not_hear_are_told() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let mut talker = Talker::start(far.command(&peer()), ACROSS);
    talker.begin(b"STATE", 0, 100, 100_000, Duration::from_millis(2));
    let one_way = Diagnosis::of(LOCAL);
    one_way.says("senders", "warn", "10.1.1.2 (1)", 0).says("senders", "warn", "those hosts do not hear this one", 0);
    let repaired = one_way.is_repaired("senders", LOCAL);
    repaired.says("senders", "pass", "1 connections of others", 0);
}

#[test]
fn what_the_reverse_path_filter_drops_is_told() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    // The other host sends from an address that this one would answer by another way.
    far.ip("address add 10.9.9.9/24 dev far0");
    let aside = FarHost::join_by("aside", 2);
    ip("route add 10.9.9.0/24 dev aside0");
    let filters = ["all", "aside0"].map(|name| format!("net.ipv4.conf.{name}.rp_filter=0"));
    run(Command::new("sysctl").arg("-w").args(filters).arg("net.ipv4.conf.wire0.rp_filter=1"));
    let mut talker = Talker::start(far.command(&peer()), &format!("{ACROSS}&iface=10.9.9.9"));
    talker.begin(b"STATE", 0, 100, 100_000, Duration::from_millis(2));
    let filtered = Diagnosis::of(ACROSS);
    filtered.says("reverse_path", "fail", "the reverse path filter (rp_filter) dropped", 3);
    assert!(
        filtered.check("senders")["message"].as_str().is_some_and(|said| said.contains("nobody else")),
        "{filtered:#?}"
    );
    let repaired = filtered.is_repaired("reverse_path", ACROSS);
    repaired.says("senders", "pass", "10.9.9.9 (1)", 0);
    drop(aside);
}

#[test]
fn what_is_lost_between_hosts_is_told() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    let mut talker = Talker::start(far.command(&peer()), ACROSS);
    talker.begin(b"STATE", 0, 100, 100_000, Duration::from_millis(2));
    Diagnosis::of(ACROSS).says("loss", "pass", "none of", 0);
    run(Command::new("sysctl").args(["-w", "net.ipv4.ipfrag_time=1"]));
    nft(
        "table ip t {\nchain c { type filter hook prerouting priority -450; ip saddr 10.1.1.2 numgen random mod 100 < 20 drop; }\n}",
    );
    let lossy = Diagnosis::of(ACROSS);
    lossy.says("loss", "fail", "10.1.1.2:", 3).says("loss", "fail", "it was on the way", 3);
    assert_eq!(lossy.remedy("loss"), ["ip -s -s link show wire0"]);
    let mut talker = Talker::start(far.command(&peer()), ACROSS);
    talker.begin(b"IMAGE", 0, 200_000, 100_000, Duration::from_millis(20));
    thread::sleep(Duration::from_millis(1500));
    let cut = Diagnosis::of(ACROSS);
    cut.says("fragments", "fail", "IP fragments of them were lost on the way", 3);
    assert!(cut.remedy("fragments")[0].contains("frag=1472"), "{cut:#?}");
}

#[test]
fn little_room_for_fragments_is_told_and_repaired() {
    isolated!(NoMulticastRoute);
    run(Command::new("sysctl").args(["-w", "net.ipv4.ipfrag_low_thresh=10000", "net.ipv4.ipfrag_high_thresh=20000"]));
    let far = FarHost::join();
    // On a wire that is no wire fragments overtake each other when their sender moves to another processor: those are not given up.
    run(Command::new("sysctl").args(["-w", "net.ipv4.ipfrag_time=1", "net.ipv4.ipfrag_max_dist=0"]));
    let little = Diagnosis::of(ACROSS);
    little.says("fragments", "warn", "net.ipv4.ipfrag_high_thresh", 0).is_repaired("fragments", ACROSS);
    run(Command::new("sysctl").args(["-w", "net.ipv4.ipfrag_low_thresh=10000", "net.ipv4.ipfrag_high_thresh=20000"]));
    let mut talker = Talker::start(far.command(&peer()), ACROSS);
    talker.begin(b"IMAGE", 0, 200_000, 100_000, Duration::from_millis(20));
    // Of a host that sends only what does not become whole nothing is known.
    let silent = Diagnosis::of(ACROSS);
    silent.says("fragments", "warn", "whether they were of the bus cannot be told", 0);
    drop(talker);
    let mut talker = Talker::start(far.command(&peer()), ACROSS);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                talker.publish(b"IMAGE", 0, 200_000);
                talker.publish(b"STATE", 0, 100);
                thread::sleep(Duration::from_millis(100));
            }
        });
        let ends = Ends(&is_over);
        let lossy = Diagnosis::of(ACROSS);
        lossy.says("fragments", "fail", "net.ipv4.ipfrag_high_thresh", 3);
        run(Command::new("sh").arg("-c").arg(&lossy.remedy("fragments")[0]));
        // Those that came before are counted when they are given up.
        thread::sleep(Duration::from_millis(2500));
        Diagnosis::of(ACROSS).says("fragments", "pass", "", 0).says("loss", "pass", "none of", 0);
        drop(ends);
    });
}

#[test]
fn programs_that_read_too_slowly_are_named() {
    isolated!(MulticastOnLo);
    // It does not read at all.
    let stuck = Bus::open_to_all(Reading::Inline, &format!("{LOCAL}&recv_buf_size=10000"));
    let mut talker = Talker::start(peer(), LOCAL);
    talker.begin(b"STATE", 0, 1000, 100_000, Duration::from_millis(1));
    let found = Diagnosis::of(LOCAL);
    found.says("receivers", "fail", "were lost in full receive buffers", 3);
    found.says("receivers", "fail", &format!("(process {})", std::process::id()), 3);
    drop(stuck);
    let repaired = Diagnosis::of(LOCAL);
    assert_eq!(repaired.status("receivers"), "pass", "{repaired:#?}");
}

#[test]
fn two_processes_with_one_name_are_told() {
    isolated!(MulticastOnLo);
    let serve = || Service::new("robot0/map".parse().expect("a name")).start(Options::default()).expect("it starts");
    let displaced = serve();
    let owner = serve();
    let found = Diagnosis::of(LOCAL);
    found.says("names", "warn", "robot0/map: process", 0);
    // What would end all processes here is not advised.
    assert_eq!((std::process::id(), found.remedy("names")), (1, vec!["dimos events --for 10s".to_owned()]));
    drop((displaced, owner));
    // A module ends when it is displaced, but lets a call that runs come to its end.
    let dimos = Dimos::join().expect("the bus is there");
    let displace = || {
        let (mut first, module) = ModuleProcess::start_as(&dimos, "robot0/camera", test_module!("Ends"), &[]);
        let call = module.start("linger", &json!({ "ms": 8500 })).expect("JSON");
        thread::sleep(Duration::from_millis(200));
        let (mut second, _) = ModuleProcess::start_as(&dimos, "robot0/camera", test_module!("Ends"), &[]);
        let found = Diagnosis::of(LOCAL);
        drop(call);
        if first.0.is_running() {
            return Some((first, second, found));
        }
        // Its call was over too soon: this computer is slow.
        second.signal("TERM");
        second.exit_code();
        None
    };
    let (mut first, second, found) =
        (0..5).find_map(|_| displace()).expect("a module that lets a call come to its end");
    found.says("names", "warn", "robot0/camera: process", 0);
    assert_eq!(found.remedy("names"), [format!("kill {}    # test-module", first.0.id())]);
    run(Command::new("sh").arg("-c").arg(&found.remedy("names")[0]));
    first.exit_code();
    Diagnosis::of(LOCAL).says("names", "pass", "each of 1 names has one process", 0);
    drop(second);
}

#[test]
fn versions_and_the_clock_of_another_host_are_told() {
    isolated!(NoMulticastRoute);
    let site = site!();
    let far = FarHost::join();
    // As a host of its own: with a name of its own, and a clock that is five seconds ahead.
    let source = site.write("clock.c", SHIFTED_CLOCK);
    let library = site.path("clock.so").display().to_string();
    run(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o", &library, &source]));
    let elsewhere = |preloaded: &str, name: &str| {
        let module = test_module!("Worker");
        let mut host = Command::new("unshare");
        host.args(["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", name, "env"]);
        host.arg(format!("LD_PRELOAD={preloaded}")).arg("TEST_MODULE=Worker").arg(module.get_program());
        host.args(["--name", &format!("{name}/worker")]);
        let mut command = far.command(&host);
        command.env("LCM_DEFAULT_URL", ACROSS);
        ModuleProcess::start(command, &[])
    };
    let right = elsewhere("", "robot1");
    let dimos = Options::default().url(ACROSS.parse().expect("a URL")).join().expect("the bus is there");
    let wait_for = |name: &str, module: &ModuleProcess| {
        eventually(
            || format!("{name} runs; it says {}", module.0.stderr()),
            || dimos.modules().iter().any(|one| one.name.as_ref().is_some_and(|is| is.as_str() == name)).then_some(()),
        );
    };
    wait_for("robot1/worker", &right);
    let found = Diagnosis::of(ACROSS);
    assert_eq!(found.status("versions"), "pass", "{found:#?}");
    assert!(!is_five_seconds_ahead(&found, "robot1"), "{found:#?}");
    let shifted = elsewhere(&library, "robot2");
    wait_for("robot2/worker", &shifted);
    let found = Diagnosis::of(ACROSS);
    found.says("clocks", "warn", "robot2 is ", 0);
    assert!(is_five_seconds_ahead(&found, "robot2") && !is_five_seconds_ahead(&found, "robot1"), "{found:#?}");
    assert!(found.remedy("clocks")[0].contains("timedatectl"), "{found:#?}");
}

#[test]
fn a_run_on_another_bus_is_told() {
    isolated!(MulticastOnLo);
    let site: Site = site!();
    let launched = site.write("mounts.toml", "modules.mounts.run = \"static-tf\"");
    let other = "udpm://239.255.76.68:7668?ttl=0";
    let started = site.dimos(&["run", "-d", &launched, "--bus", other]);
    assert_eq!(started.code, Some(0), "{started:?}");
    let doctor = site.command(&["doctor", "--json"]);
    let found = Diagnosis::after(&[], LOCAL, &doctor);
    found.says("runs", "warn", &format!("is on {other}"), 0);
    let repaired = Diagnosis::after(&found.remedy("runs"), LOCAL, &doctor);
    repaired.says("runs", "pass", "1 runs of this host, none of them on another bus", 0);
    assert_eq!(site.dimos(&["stop", "--bus", other]).code, Some(0));
    // One that says nothing of a bus is on the usual one.
    assert_eq!(site.dimos(&["run", "-d", &launched]).code, Some(0));
    Diagnosis::after(&[], LOCAL, &doctor).says("runs", "pass", "1 runs of this host", 0);
    Diagnosis::after(&[], other, &doctor).says("runs", "warn", "is on udpm://239.255.76.67:7667", 0);
    assert_eq!(site.dimos(&["stop"]).code, Some(0));
}

#[test]
fn messages_that_are_not_of_their_type_and_what_is_no_lcm_are_told() {
    isolated!(MulticastOnLo);
    let mut talker = Talker::start(peer(), LOCAL);
    talker.begin(b"/text#std_msgs.String", 0, 100, 100_000, Duration::from_millis(5));
    let found = Diagnosis::of(LOCAL);
    found.says("types", "fail", "/text#std_msgs.String from", 3);
    assert_eq!(found.remedy("types"), ["dimos topic info '/text'"]);
    drop(talker);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut doctor = Process::start(dimos(&["doctor", "--json"]).env("LCM_DEFAULT_URL", LOCAL));
    doctor.close_stdin();
    while doctor.is_running() {
        socket.send_to(b"no LCM", "239.255.76.67:7667").expect("it is sent");
        thread::sleep(Duration::from_millis(5));
    }
    let report: Value = serde_json::from_str(&doctor.remaining_lines()[0]).expect("a report");
    let foreign = report["checks"].as_array().expect("checks").iter().find(|check| check["code"] == "foreign");
    assert!(foreign.is_some_and(|check| check["status"] == "warn"), "{report:#}");
}

#[test]
fn a_hostile_bus_neither_stops_it_nor_hides_the_cause() {
    isolated!(MulticastOnLo);
    let mut flood = Command::new(env!("CARGO_BIN_EXE_bus-flood"));
    let mut flood = Process::start(flood.args(["239.255.76.67", "7667", "1000000000", "200000"]));
    let doctor = dimos(&["doctor", "--json"]);
    let start = Instant::now();
    let found = Diagnosis::after(&[], &format!("{LOCAL}&recv_buf_size=4096"), &doctor);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}: {found:#?}", start.elapsed());
    assert_eq!(found.status("receive_buffer"), "fail", "{found:#?}");
    assert_eq!(found.status("foreign"), "warn", "{found:#?}");
    assert!(flood.is_running());
}

#[test]
fn every_process_with_a_name_tells_what_it_is_built_of() {
    isolated!(MulticastOnLo);
    let served = Service::new("clock".parse().expect("a name")).start(Options::default()).expect("it starts");
    let dimos = Dimos::join().expect("the bus is there");
    let (participant, about) = dimos.abouts().pop().expect("it is there");
    assert_eq!(participant.identity.host_id, dimos.identity().host_id);
    let about = about.expect("it tells");
    assert_eq!((about.mesh_protocol, about.rpc_protocol), (1, 1));
    let own = dimos::About::this_process();
    assert_eq!(about.version, own.version);
    assert!(about.time_ns <= own.time_ns && about.time_ns > own.time_ns - 60_000_000_000);
    let called = dimos.module("clock").expect("it is there").call("about", &json!({})).expect("it tells");
    assert_eq!(called["version"], own.version, "{called}");
    drop(served);
}

#[test]
fn multicast_that_leaves_by_a_wire_passes() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    route_multicast(far.link());
    let well = Diagnosis::of(ACROSS);
    assert!(well.unwell().iter().all(|code| *code == "receive_buffer"), "{well:#?}");
    well.says("fragments", "pass", "45 fragments of 1500", 0).says("firewall", "pass", "no rule", 0);
}

/// Ends a loop, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is said of the clock of a host: how far it is off is known no better than how long an answer takes.
fn is_five_seconds_ahead(diagnosis: &Diagnosis, host: &str) -> bool {
    let said = diagnosis.check("clocks")["message"].as_str().expect("a message");
    let mut words = said.split_once(&format!("{host} is ")).expect("it is told").1.split(' ');
    let offset: f64 = words.next().and_then(|number| number.parse().ok()).expect("a number");
    (4.5..5.5).contains(&offset) && words.next() == Some("s") && words.next() == Some("ahead")
}

fn nft(commands: &str) {
    run(Command::new("nft").arg(commands));
}

fn peer() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
    program.arg("queued");
    program
}

const LOCAL: &str = "udpm://239.255.76.67:7667?ttl=0";
const ACROSS: &str = "udpm://239.255.76.67:7667?ttl=1";

/// The wall clock, five seconds ahead.
const SHIFTED_CLOCK: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += 5;
    return result;
}
";
